//! `transform`: what each stage makes of a table's columns, key and order.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Clause, GroupItem, Kept, Path, SortBy, StageKind},
};

use super::{
    Checker,
    scope::{Scope, ScopeColumn},
};
use crate::program::{Column, Expr, Source, Stage, Table, TableId};

/// A table on its way through the stages.
pub struct Shape {
    pub columns: Vec<ScopeColumn>,
    pub key: Option<Vec<String>>,
    pub one_row: bool,
    pub time: Option<String>,
    /// The rows stand in an order that means something.
    pub ordered: bool,
}

impl Shape {
    fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| ScopeColumn {
            name: column.name.clone(),
            ty: Some(column.ty),
            unknown: column.unknown,
            span: column.span,
        });
        Self {
            columns: columns.collect(),
            key: table.key.clone(),
            one_row: table.one_row,
            time: table.time.clone(),
            ordered: matches!(table.source, Source::Transform { .. }) && table.key.is_some(),
        }
    }

    pub fn column(&self, name: &str) -> Option<&ScopeColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn row(&self) -> Scope<'_> {
        Scope::row(&self.columns, self.time.as_deref())
    }

    /// A column is new, or another one now: a key that held it is gone.
    fn put(&mut self, column: ScopeColumn) {
        self.forget(&column.name);
        match self.columns.iter_mut().find(|before| before.name == column.name) {
            Some(before) => *before = column,
            None => self.columns.push(column),
        }
    }

    /// A column is gone or another one: what was known of it no longer holds.
    fn forget(&mut self, name: &str) {
        if self.key.as_ref().is_some_and(|key| key.iter().any(|part| part == name)) {
            self.key = None;
        }
        if self.time.as_deref() == Some(name) {
            self.time = None;
        }
    }
}

/// The tables a transform is made of.
pub fn input_names(transform: &tree::Transform) -> Vec<&Name> {
    let mut names = vec![&transform.from];
    for stage in &transform.stages {
        match &stage.kind {
            StageKind::Join(join) => names.push(&join.table),
            StageKind::Union(tables, _) => names.extend(tables),
            _ => {}
        }
    }
    names
}

impl Checker<'_> {
    pub(super) fn transform(&mut self, transform: &tree::Transform) -> Option<TableId> {
        let from = self.table_id(&transform.from)?;
        let mut shape = Shape::of(&self.tables[from.0]);
        let mut stages = Some(Vec::new());
        for stage in &transform.stages {
            match (self.stage(stage, &mut shape), &mut stages) {
                (Some(stage), Some(stages)) => stages.push(stage),
                _ => stages = None,
            }
        }
        let columns = shape.columns.into_iter().map(|column| {
            let ty = column.ty?;
            Some(Column { name: column.name, ty, unknown: column.unknown, span: column.span })
        });
        let columns = columns.collect::<Option<_>>();
        self.tables.push(Table {
            name: transform.name.value.clone(),
            span: transform.name.span,
            source: Source::Transform { from, stages: stages? },
            columns: columns?,
            key: shape.key,
            one_row: shape.one_row,
            time: shape.time,
            checks: Vec::new(),
        });
        Some(TableId(self.tables.len() - 1))
    }

    fn stage(&mut self, stage: &tree::Stage, shape: &mut Shape) -> Option<Stage> {
        let span = stage.span;
        match &stage.kind {
            StageKind::Where(filter) => {
                let filter = self.condition(filter, &shape.row())?;
                shape.one_row = false;
                Some(Stage::Where(filter))
            }
            StageKind::Derive(columns) => self.derive(columns, shape),
            StageKind::Join(join) => self.join(join, span, shape),
            StageKind::Group(keys, items) => self.group(keys, items, span, shape),
            StageKind::Keep(kept) => self.keep(kept, shape),
            StageKind::Drop(paths) => self.drop(paths, shape),
            StageKind::Sort(by) => self.sort(by, shape),
            StageKind::Take(rows, None) => {
                if !shape.ordered {
                    self.report(
                        Diagnostic::new(Code::E0405, "take which rows? The table has no order")
                            .at(span, "the first rows of no order are any rows")
                            .help("put `sort COLUMN` or `sort COLUMN desc` before it"),
                    );
                    return None;
                }
                shape.one_row = false;
                Some(Stage::Take(*rows))
            }
            StageKind::Take(_, Some(_)) => self.not_yet("`take … per`", span),
            StageKind::Union(..) => self.not_yet("`union`", span),
            StageKind::Unpivot(..) => self.not_yet("`unpivot`", span),
            StageKind::FillGaps(_) => self.not_yet("`fill gaps`", span),
            StageKind::Check(Clause::Key(_)) => self.not_yet("`key` in a transform", span),
            StageKind::Check(_) => self.not_yet("checks in a transform", span),
        }
    }

    fn derive(&mut self, columns: &[(Name, tree::Expr)], shape: &mut Shape) -> Option<Stage> {
        let mut derived = Some(Vec::new());
        for (name, value) in columns {
            self.column_name(name);
            let value = self.expr(value, &shape.row());
            shape.put(scope_column(name, value.as_ref()));
            match (value, &mut derived) {
                (Some(value), Some(derived)) => derived.push((name.value.clone(), value)),
                _ => derived = None,
            }
        }
        derived.map(Stage::Derive)
    }

    fn group(&mut self, keys: &[tree::Expr], items: &[GroupItem], span: Span, shape: &mut Shape) -> Option<Stage> {
        let keys = self.group_keys(keys, shape)?;
        let names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
        let mut columns: Vec<ScopeColumn> = keys.iter().filter_map(|key| shape.column(&key.name).cloned()).collect();
        let mut computed = Some(Vec::new());
        for item in items {
            if let Some(before) = columns.iter().find(|column| column.name == item.name.value) {
                let at = before.span;
                self.report(
                    Diagnostic::new(Code::E0202, format!("there is a column named `{}` already", item.name.as_str()))
                        .at(item.name.span, "the second one")
                        .at(at, "the first one"),
                );
                computed = None;
                continue;
            }
            let value = self.group_item(item, &names, shape);
            columns.push(scope_column(&item.name, value.as_ref()));
            match (value, &mut computed) {
                (Some(value), Some(computed)) => computed.push((item.name.value.clone(), value)),
                _ => computed = None,
            }
        }
        let time = keys.iter().find(|key| key.ty.is_time()).map(|key| key.name.clone());
        let one_row = names.is_empty();
        *shape = Shape { columns, key: Some(names), one_row, time, ordered: true };
        Some(Stage::Group { keys, items: computed?, span })
    }

    fn group_keys(&mut self, keys: &[tree::Expr], shape: &Shape) -> Option<Vec<Column>> {
        let mut found: Vec<Column> = Vec::new();
        for key in keys {
            let tree::ExprKind::Path(Path { table: None, name }) = &key.kind else {
                return self.not_yet("`group by` a function", key.span);
            };
            let Some(column) = shape.column(name.as_str()) else {
                let known: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
                return self.unknown_name("column", name, known);
            };
            if found.iter().any(|before| before.name == column.name) {
                let message = format!("`{}` groups already", name.as_str());
                return self.refuse(Code::E0202, message, name.span, "the second one");
            }
            found.push(Column { name: column.name.clone(), ty: column.ty?, unknown: column.unknown, span: name.span });
        }
        if found.iter().filter(|column| column.ty.is_time()).count() > 1 {
            let span = keys[0].span.to(keys[keys.len() - 1].span);
            return self.refuse(Code::E0401, "a key holds at most one date", span, "groups by more than one");
        }
        Some(found)
    }

    fn group_item(&mut self, item: &GroupItem, keys: &[String], shape: &Shape) -> Option<Expr> {
        let scope = Scope::group(&shape.columns, shape.time.as_deref(), keys);
        let Some(value) = &item.value else {
            if self.metrics.contains_key(item.name.as_str()) {
                return self.metric(&item.name, None, &scope);
            }
            let metrics: Vec<&str> = self.file.metrics.iter().map(|metric| metric.name.as_str()).collect();
            return self.unknown_name("metric", &item.name, metrics);
        };
        self.column_name(&item.name);
        self.expr(value, &scope)
    }

    fn keep(&mut self, kept: &[Kept], shape: &mut Shape) -> Option<Stage> {
        let mut columns = Vec::new();
        let mut values = Some(Vec::new());
        let names: Vec<&Name> = kept.iter().map(|each| &each.path.name).collect();
        self.unique(names, "a column");
        for each in kept {
            let name = &each.path.name;
            let path = tree::Expr { kind: tree::ExprKind::Path(each.path.clone()), span: name.span };
            if each.value.is_some() {
                self.column_name(name);
            }
            let value = self.expr(each.value.as_ref().unwrap_or(&path), &shape.row());
            columns.push(scope_column(name, value.as_ref()));
            match (value, &mut values) {
                (Some(value), Some(values)) => values.push((name.value.clone(), value)),
                _ => values = None,
            }
        }
        let same = |name: &str| kept.iter().any(|each| each.value.is_none() && each.path.name.value == name);
        shape.key = shape.key.take().filter(|key| key.iter().all(|part| same(part)));
        shape.time = shape.time.take().filter(|time| same(time));
        shape.columns = columns;
        values.map(Stage::Keep)
    }

    fn drop(&mut self, paths: &[Path], shape: &mut Shape) -> Option<Stage> {
        for path in paths {
            let name = &path.name;
            let known: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
            if !known.contains(&name.as_str()) {
                return self.unknown_name("column", name, known);
            }
            shape.forget(name.as_str());
            shape.columns.retain(|column| column.name != name.value);
        }
        let left = shape.columns.iter().map(|column| {
            Some((column.name.clone(), Expr::column(&column.name, column.ty?, column.unknown, column.span)))
        });
        Some(Stage::Keep(left.collect::<Option<_>>()?))
    }

    fn sort(&mut self, by: &[SortBy], shape: &mut Shape) -> Option<Stage> {
        let mut order = Vec::new();
        for each in by {
            let name = &each.path.name;
            let known: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
            if !known.contains(&name.as_str()) {
                return self.unknown_name("column", name, known);
            }
            order.push((name.value.clone(), each.descending));
        }
        shape.ordered = true;
        Some(Stage::Sort(order))
    }
}

fn scope_column(name: &Name, value: Option<&Expr>) -> ScopeColumn {
    ScopeColumn {
        name: name.value.clone(),
        ty: value.map(|value| value.ty),
        unknown: value.is_some_and(|value| value.unknown),
        span: name.span,
    }
}
