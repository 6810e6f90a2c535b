//! `join`: the right side is unique on the keys, and no column stands on both sides.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, JoinKey},
};

use super::{Checker, scope::ScopeColumn, transform::Shape};
use crate::program::{Join, Stage, Table};

impl Checker<'_> {
    pub(super) fn join(&mut self, join: &tree::Join, span: Span, shape: &mut Shape) -> Option<Stage> {
        if join.many {
            return self.not_yet("`join many`", span);
        }
        if let Some(alias) = &join.alias {
            return self.not_yet("`join … as`", alias.span);
        }
        if let Some(latest) = &join.latest {
            return self.not_yet("`latest … before … within`", latest.right.name.span);
        }
        let id = self.table_id(&join.table)?;
        let right = self.tables[id.0].clone();
        let on = self.join_keys(&join.on, &right, shape)?;
        let check_unique = self.uniqueness(join, &on, &right, span)?;
        let mut columns = Vec::new();
        for column in right.columns.iter().filter(|column| !on.contains(&column.name)) {
            if let Some(left) = shape.column(&column.name) {
                let label = (left.span, format!("`{}` of the left side", column.name));
                self.report(
                    Diagnostic::new(Code::E0403, format!("both sides have a column `{}`", column.name))
                        .at(join.table.span, format!("`{}` has it too", right.name))
                        .at(label.0, label.1)
                        .help(format!("join on it, or `drop {}` on one side before", column.name)),
                );
                return None;
            }
            columns.push(column.name.clone());
        }
        for column in right.columns.iter().filter(|column| columns.contains(&column.name)) {
            shape.columns.push(ScopeColumn {
                name: column.name.clone(),
                ty: Some(column.ty),
                unknown: column.unknown || join.left,
                span: column.span,
            });
        }
        Some(Stage::Join(Join { table: id, left: join.left, on, columns, check_unique, span }))
    }

    fn join_keys(&mut self, keys: &[JoinKey], right: &Table, shape: &Shape) -> Option<Vec<String>> {
        let mut on = Vec::new();
        for key in keys {
            let name = &key.left.name;
            if let Some(other) = &key.right {
                return self.not_yet("joins on columns of two names", name.span.to(other.name.span));
            }
            let known: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
            let Some(left) = shape.column(name.as_str()) else {
                return self.unknown_name("column", name, known);
            };
            let Some(column) = right.column(name.as_str()) else {
                self.report(
                    Diagnostic::new(Code::E0201, format!("`{}` has no column named `{}`", right.name, name.as_str()))
                        .at(name.span, "only the left side has it"),
                );
                return None;
            };
            let left_type = left.ty?;
            if left_type != column.ty && left_type.common(column.ty).is_none() {
                self.report(
                    Diagnostic::new(
                        Code::E0301,
                        format!("`{}` is {} on the left and {} on the right", name.as_str(), left_type, column.ty),
                    )
                    .at(name.span, "these never match")
                    .at(left.span, format!("this is {left_type}"))
                    .at(column.span, format!("this is {}", column.ty)),
                );
                return None;
            }
            on.push(name.value.clone());
        }
        Some(on)
    }

    /// Whether uniqueness is still to be seen in the data; an error where the key says it can't be.
    fn uniqueness(&mut self, join: &tree::Join, on: &[String], right: &Table, span: Span) -> Option<bool> {
        if right.one_row {
            return Some(false);
        }
        if on.is_empty() {
            self.report(
                Diagnostic::new(Code::E0402, format!("`{}` has many rows: joined on what?", right.name))
                    .at(join.table.span, "not a table of one row")
                    .help("add `on COLUMN`, or make it one row with `group { … }`"),
            );
            return None;
        }
        match &right.key {
            None => Some(true),
            Some(key) if key.iter().all(|part| on.contains(part)) => Some(false),
            Some(key) => {
                let missing: Vec<&str> = key.iter().filter(|part| !on.contains(part)).map(String::as_str).collect();
                let missing = missing.join(", ");
                self.report(
                    Diagnostic::new(
                        Code::E0402,
                        format!("this join fans out: `{}` has many rows for each {}", right.name, on.join(", ")),
                    )
                    .at(span, format!("one row of the left would become several, one for each {missing}"))
                    .at(right.span, format!("its key is {}", key.join(", ")))
                    .help(format!(
                        "join on {missing} too, or group `{}` by {} before",
                        right.name,
                        on.join(", ")
                    )),
                );
                None
            }
        }
    }
}
