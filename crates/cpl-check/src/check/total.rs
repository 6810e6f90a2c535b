//! `total(T.column)`: the sum over another table, the same for every row.

use cpl_syntax::{Name, Span};

use super::{Checker, state::reporter::Checked};
use cpl_model::{
    program::{AggFunc, Expr, ExprKind, InternalColumn, Order, Stage, Table, TableId, TableRole, TableSource},
    types::Type,
};

impl Checker<'_> {
    /// It becomes a table of one row, which others look at.
    pub(super) fn total(&mut self, table: &Name, column: &Name, span: Span) -> Checked<Expr> {
        let from = self.table_id(table)?;
        let of = self.summed_column(column, from)?;
        self.one_currency(&of, &[])?;
        let ty = self.aggregate_type(AggFunc::Sum, Some(&of), span)?;
        let table = self.total_table(from, of, ty, span);
        Ok(Expr::new(ExprKind::Total(table), ty, true, span))
    }

    fn summed_column(&mut self, name: &Name, table: TableId) -> Checked<Expr> {
        let table = self.tables[table].clone();
        let column = self.column_of(name, &table)?;
        Ok(Expr::column(&column.name, column.ty, column.unknown, name.span))
    }

    /// The table that holds the total; each is made once.
    fn total_table(&mut self, from: TableId, of: Expr, ty: Type, span: Span) -> TableId {
        let role = TableRole::Total { of: from, column: of.columns().concat() };
        if let Some(there) = self.tables.iter().position(|table| table.role == role) {
            return TableId(there);
        }
        let sum = Expr::aggregate(AggFunc::Sum, Some(of), None, ty, span);
        let columns = vec![cpl_model::program::Column {
            name: InternalColumn::Total.to_string(),
            ty,
            unknown: true,
            span,
            grain: None,
        }];
        let stages = vec![Stage::Group {
            keys: Vec::new(),
            items: vec![(InternalColumn::Total.to_string(), sum)],
            days: None,
            span,
        }];
        let name = self.tables[from].name.clone();
        self.tables.push(Table {
            name,
            role,
            span,
            source: TableSource::Transform { from, stages },
            columns,
            key: None,
            singleton: true,
            time: None,
            settles: None,
            order: Order::None,
            checks: Vec::new(),
        })
    }
}
