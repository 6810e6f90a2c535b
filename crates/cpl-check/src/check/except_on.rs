//! `except on TABLE`: periods that a rule neither judges nor learns from.

use cpl_model::{
    program::{Column, Except, Grain, Rows, Table},
    types::Type,
};
use cpl_syntax::{Code, Diagnostic, Name};

use super::{Checker, state::reporter::Checked};

impl Checker<'_> {
    /// The periods that the table names: its key is their time, and may hold names of the rule's rows.
    pub(super) fn except_on(&mut self, except: Option<&Name>, rows: &Rows) -> Checked<Option<Except>> {
        let Some(name) = except else { return Ok(None) };
        let id = self.table_id(name)?;
        let of = self.tables[rows.table].clone();
        let Some(newest) = &rows.newest else {
            return self.fail(
                Diagnostic::new(Code::E0502, format!("`{}` has no days to leave out", of.name))
                    .at(name.span, "its rows have no date")
                    .help("take the rows of such days out with `where`, ahead of the group"),
            );
        };
        let table = self.tables[id].clone();
        let Some((names, time)) = table.series() else {
            return self.fail(
                Diagnostic::new(Code::E0502, format!("`{}` names no days", table.name))
                    .at(name.span, "its key holds no date")
                    .help("give its fetch a `key` that is the date of each day to leave out"),
            );
        };
        let Some(rule_time) = of.column(&newest.time) else { return Ok(None) };
        let by_day = rule_time.ty == Type::Datetime && time.ty == Type::Date && time.grain == Some(Grain::Day);
        if !by_day && (rule_time.ty != time.ty || rule_time.grain != time.grain) {
            let word = |column: &Column| column.grain.map_or("moment", Grain::word);
            let message = format!("`{}` is by {}, `{}` by {}", table.name, word(time), of.name, word(rule_time));
            let label = format!("wanted: a table by {}", word(rule_time));
            return self.refuse(Code::E0502, message, name.span, label);
        }
        let mut on = Vec::new();
        for column in names {
            if !rows.key.contains(&column.name) || of.column(&column.name).is_none_or(|other| other.ty != column.ty) {
                return self.other_names(name, column, &table, rows);
            }
            on.push(column.name.clone());
        }
        Ok(Some(Except { table: id, time: time.name.clone(), by_day, on, span: name.span }))
    }

    fn other_names<T>(&mut self, name: &Name, column: &Column, table: &Table, rows: &Rows) -> Checked<T> {
        let rule = if rows.key.is_empty() { "none".to_owned() } else { rows.key.join(", ") };
        let message = format!("the rule's rows are not named by `{}`", column.name);
        self.fail(
            Diagnostic::new(Code::E0502, message)
                .at(name.span, format!("the key of `{}` holds it", table.name))
                .help(format!("the rule names its rows by: {rule}; beside the date such a table may hold those")),
        )
    }
}
