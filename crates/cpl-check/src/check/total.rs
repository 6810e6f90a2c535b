//! `total(T.column)`: the sum over another table, the same for every row.

use cpl_syntax::{Name, Span, tree};

use super::Checker;
use cpl_model::{
    program::{AggFunc, Expr, ExprKind, Order, Source, Stage, Table, TableId, TableRole},
    types::Type,
};

impl Checker<'_> {
    /// It becomes a table of one row, which others look at.
    pub(super) fn total(&mut self, path: &tree::Path, span: Span) -> Option<Expr> {
        let from = self.table_id(path.table.as_ref()?)?;
        let of = self.column_of(&path.name, from)?;
        self.one_currency(&of, &[])?;
        let ty = self.aggregate_type(AggFunc::Sum, Some(&of), span)?;
        let table = self.total_table(from, of, ty, span);
        Some(Expr { kind: ExprKind::Total(table), ty, unknown: true, span, defined: None })
    }

    fn column_of(&mut self, name: &Name, table: TableId) -> Option<Expr> {
        let table = self.tables[table.0].clone();
        match table.column(name.as_str()) {
            Some(column) => Some(Expr::column(&column.name, column.ty, column.unknown, name.span)),
            None => self.no_column(name, &table),
        }
    }

    /// The table that holds the total; each is made once.
    fn total_table(&mut self, from: TableId, of: Expr, ty: Type, span: Span) -> TableId {
        let role = TableRole::Total { of: from, column: of.columns().concat() };
        if let Some(there) = self.tables.iter().position(|table| table.role == role) {
            return TableId(there);
        }
        let sum = Expr::aggregate(AggFunc::Sum, Some(of), None, ty, span);
        let columns =
            vec![cpl_model::program::Column { name: Table::TOTAL.to_owned(), ty, unknown: true, span, grain: None }];
        let stages = vec![Stage::Group { keys: Vec::new(), items: vec![(Table::TOTAL.to_owned(), sum)], span }];
        self.tables.push(Table {
            name: self.tables[from.0].name.clone(),
            role,
            span,
            source: Source::Transform { from, stages },
            columns,
            key: None,
            singleton: true,
            time: None,
            order: Order::None,
            checks: Vec::new(),
        });
        TableId(self.tables.len() - 1)
    }
}
