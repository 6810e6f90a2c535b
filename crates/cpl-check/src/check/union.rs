//! `union` and `unpivot`: more rows, of other tables or of several columns.

use cpl_syntax::{Code, Diagnostic, Name, Span, tree::Path};

use super::{Checker, scope::ScopeColumn, state::reporter::Checked, transform::Relation};
use cpl_model::{
    program::{Column, Order, Stage, TableId, Union, Unpivot},
    types::Type,
};

impl Checker<'_> {
    /// By the names of columns; one that a table does not have is unknown there.
    pub(super) fn union(
        &mut self,
        tables: &[Name],
        into: Option<&Name>,
        from: TableId,
        relation: &mut Relation,
    ) -> Checked<Stage> {
        let ids = tables.iter().map(|table| self.table_id(table)).collect::<Vec<_>>();
        let ids = ids.into_iter().collect::<Checked<Vec<TableId>>>()?;
        for (name, id) in tables.iter().zip(&ids) {
            let other = self.tables[*id].clone();
            for column in relation.columns.iter_mut().filter(|column| other.column(&column.name).is_none()) {
                column.unknown = true;
            }
            for column in &other.columns {
                self.united(column, name, relation)?;
            }
            relation.settles = relation.settles.max(other.settles);
            let same_time = relation.time.is_some() && relation.time == other.time;
            relation.time = relation.time.take().filter(|_| same_time);
        }
        let into = match into {
            None => None,
            Some(into) => {
                self.column_name(into);
                self.new_column(into, &relation.columns)?;
                relation.columns.push(ScopeColumn::new(into, Type::Text, false));
                let names = std::iter::once(from).chain(ids.iter().copied());
                Some((into.value.clone(), names.map(|id| self.tables[id].name.clone()).collect()))
            }
        };
        (relation.key, relation.order, relation.singleton) = (None, Order::None, false);
        let own = relation.columns.iter().filter(|column| into.as_ref().is_none_or(|(into, _)| column.name != *into));
        let columns = own.map(ScopeColumn::typed);
        Ok(Stage::Union(Union { tables: ids, columns: columns.collect::<Checked<_>>()?, into }))
    }

    /// Adds the column of another table. A column of the same name must have a common type.
    fn united(&mut self, column: &Column, table: &Name, relation: &mut Relation) -> Checked<()> {
        let Some(before) = relation.columns.iter_mut().find(|before| before.name == column.name) else {
            let (name, span) = (column.name.clone(), column.span);
            relation.columns.push(ScopeColumn { name, ty: Ok(column.ty), unknown: true, span, grain: column.grain });
            return Ok(());
        };
        before.unknown |= column.unknown;
        if before.grain != column.grain {
            before.grain = None;
        }
        let ty = before.ty?;
        if let Some(common) = ty.common(column.ty) {
            before.ty = Ok(common);
            return Ok(());
        }
        let at = before.span;
        self.fail(
            Diagnostic::new(
                Code::E0301,
                format!("`{}` is {ty} in one table and {} in another", column.name, column.ty),
            )
            .at(table.span, "united here")
            .at(at, format!("this is {ty}"))
            .at(column.span, format!("this is {}", column.ty))
            .help("make them alike before, or `drop` one"),
        )
    }

    /// A row for each of several columns, which must be of one type.
    pub(super) fn unpivot(
        &mut self,
        columns: &[(Path, Option<Name>)],
        name: &Name,
        value: &Name,
        span: Span,
        relation: &mut Relation,
    ) -> Checked<Stage> {
        let mut found: Vec<(String, String)> = Vec::new();
        let (mut ty, mut unknown) = (None, false);
        for (path, label) in columns {
            let written = path.column();
            let column = self.find_column(&written, &relation.columns)?;
            let (of, before) = (column.ty?, ty.unwrap_or(column.ty?));
            let Some(common) = of.common(before) else {
                let message = format!("`{}` is {of}, and the columns before are {before}", written.as_str());
                return self.refuse(Code::E0301, message, written.span, "values of one column are of one type");
            };
            (ty, unknown) = (Some(common), unknown || column.unknown);
            let label = label.as_ref().map_or_else(|| written.value.clone(), |label| label.value.clone());
            if found.iter().any(|(before, other_label)| *before == written.value || *other_label == label) {
                return self.refuse(
                    Code::E0202,
                    format!("{label:?} stands here twice"),
                    written.span,
                    "the second one",
                );
            }
            found.push((written.value.clone(), label));
        }
        let Some(ty) = ty else {
            return self.refuse(Code::E0107, "unpivot of which columns?", span, "names none");
        };
        for (column, _) in &found {
            relation.forget(column);
            relation.columns.retain(|before| before.name != *column);
        }
        for new in [name, value] {
            self.column_name(new);
            self.new_column(new, &relation.columns)?;
        }
        relation.columns.push(ScopeColumn::new(name, Type::Text, false));
        relation.columns.push(ScopeColumn::new(value, ty, unknown));
        // A row was named by its key: now each of its values is, by the key and the name.
        if let Some(key) = &mut relation.key {
            key.push(name.value.clone());
        }
        (relation.singleton, relation.order) = (false, Order::None);
        Ok(Stage::Unpivot(Unpivot { columns: found, name: name.value.clone(), value: (value.value.clone(), ty) }))
    }
}
