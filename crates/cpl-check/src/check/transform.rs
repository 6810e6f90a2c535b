//! `transform`: what each stage makes of a table's columns, key and order.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, GroupItem, Kept, Path, SortBy, StageKind},
};

use super::{
    Checker,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
};
use cpl_model::{
    program::{
        Column, Constant, Days, Expr, ExprKind, Function, Grain, Logic, Order, Stage, Table, TableId, TableRole,
        TableSource,
    },
    types::Type,
};

/// A table between two stages.
pub struct Relation {
    pub columns: Vec<ScopeColumn>,
    pub key: Option<Vec<String>>,
    pub singleton: bool,
    pub time: Option<String>,
    /// How long its figures still move, in microseconds.
    pub settles: Option<i64>,
    /// The order of the rows.
    pub order: Order,
}

impl Relation {
    fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(ScopeColumn::of);
        Self {
            columns: columns.collect(),
            key: table.key.clone(),
            singleton: table.singleton,
            time: table.time.clone(),
            settles: table.settles,
            order: table.order,
        }
    }

    pub fn column(&self, name: &str) -> Option<&ScopeColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn row(&self) -> Scope<'_> {
        Scope::row(&self.columns, self.time.as_deref()).with_key(self.key.as_deref()).settling(self.settles)
    }

    /// A column is new, or another one now: a key that held it is gone.
    fn put(&mut self, column: ScopeColumn) {
        self.forget(&column.name);
        match self.columns.iter_mut().find(|before| before.name == column.name) {
            Some(before) => *before = column,
            None => self.columns.push(column),
        }
    }

    /// What is compared, or tested to be known, is known in the rows that a filter keeps.
    fn know(&mut self, filter: &Expr) {
        match &filter.kind {
            ExprKind::Logic(Logic::And, left, right) => {
                self.know(left);
                self.know(right);
            }
            ExprKind::Known(value) => self.know_column(value),
            ExprKind::Compare(_, left, right) => {
                self.know_column(left);
                self.know_column(right);
            }
            _ => {}
        }
    }

    fn know_column(&mut self, value: &Expr) {
        let ExprKind::Column(name) = &value.kind else { return };
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == *name) {
            column.unknown = false;
        }
    }

    /// Whether columns may name rows: a key holds at most one date.
    fn can_be_key(&self, names: &[String]) -> bool {
        let is_time = |name: &&String| self.column(name).is_some_and(|column| column.ty.is_ok_and(Type::is_time));
        names.iter().filter(is_time).count() <= 1
    }

    /// A column is gone or another one: what was known of it no longer holds.
    pub fn forget(&mut self, name: &str) {
        if self.key.as_ref().is_some_and(|key| key.iter().any(|part| part == name)) {
            self.key = None;
        }
        if self.time.as_deref() == Some(name) {
            self.time = None;
        }
    }
}

impl Checker<'_> {
    pub(super) fn transform(&mut self, transform: &tree::Transform) -> Checked<TableId> {
        let outer = self.position.unknown_columns.take();
        let made = self.staged(transform);
        self.position.unknown_columns = outer;
        made
    }

    fn staged(&mut self, transform: &tree::Transform) -> Checked<TableId> {
        let mut from = self.table_id(&transform.from)?;
        let mut relation = Relation::of(&self.tables[from]);
        let mut stages = Ok(Vec::new());
        for stage in &transform.stages {
            if let StageKind::Check(clause) = &stage.kind {
                let mut table =
                    build_table(transform, from, std::mem::replace(&mut stages, Ok(Vec::new()))?, &relation)?;
                self.check(clause, &mut table)?;
                relation.key.clone_from(&table.key);
                // What is checked is the table as it is here: later stages are made of it.
                table.role = TableRole::Intermediate;
                from = self.add_table(table)?;
                continue;
            }
            let made = self.stage(stage, from, &mut relation).and_then(|made| {
                self.currencies_kept(stage, &relation)?;
                Ok(made)
            });
            if made.is_err() && matches!(stage.kind, StageKind::Join(_) | StageKind::Union(..)) {
                self.position.unknown_columns = Some(stage.span);
            }
            match (made, &mut stages) {
                (Ok(made), Ok(stages)) => stages.extend(made),
                (Ok(_), Err(_)) => {}
                (Err(reported), _) => stages = Err(reported),
            }
        }
        let table = build_table(transform, from, stages?, &relation)?;
        self.add_table(table)
    }

    /// An amount with a currency column must keep that column.
    fn currencies_kept(&mut self, stage: &tree::Stage, relation: &Relation) -> Checked<()> {
        let replaced = |name: &str| match &stage.kind {
            StageKind::Derive(columns) => columns.iter().any(|(new, _)| new.as_str() == name),
            StageKind::Keep(kept) => kept.iter().any(|each| each.value.is_some() && each.path.column().value == name),
            _ => false,
        };
        for column in &relation.columns {
            let Some(of) = column.ty.ok().and_then(Type::currency_column) else { continue };
            if relation.column(of).is_none() || replaced(of) {
                return self.fail(
                    Diagnostic::new(Code::E0302, format!("`{}` is money of `{of}`, which is gone here", column.name))
                        .at(stage.span, format!("`{of}` is not kept as it was"))
                        .at(column.span, format!("this is money of {of}"))
                        .help(format!(
                            "keep `{of}` in the table too, or bring the amount to one currency: `convert(…, rate)`"
                        )),
                );
            }
        }
        Ok(())
    }

    /// The frame's stages that a written one becomes.
    fn stage(&mut self, stage: &tree::Stage, from: TableId, relation: &mut Relation) -> Checked<Vec<Stage>> {
        match &stage.kind {
            StageKind::Group(keys, items) => self.group(keys, items, stage.span, relation),
            _ => self.one_stage(stage, from, relation).map(|stage| vec![stage]),
        }
    }

    fn one_stage(&mut self, stage: &tree::Stage, from: TableId, relation: &mut Relation) -> Checked<Stage> {
        let span = stage.span;
        match &stage.kind {
            StageKind::Where(filter) => {
                relation.singleton = false;
                // Without it the table has the same columns: what follows is checked too.
                let all = Expr::constant(Constant::Bool(true), Type::Bool, span);
                let filter = self.condition(filter, &relation.row());
                if let Ok(filter) = &filter {
                    relation.know(filter);
                }
                Ok(Stage::Where(if self.size.exceeded() { filter? } else { filter.unwrap_or(all) }))
            }
            StageKind::Derive(columns) => self.derive(columns, relation),
            StageKind::Join(join) => self.join(join, span, relation),
            StageKind::Keep(kept) => self.keep(kept, relation),
            StageKind::Drop(paths) => self.drop(paths, relation),
            StageKind::Sort(by) => self.sort(by, relation),
            StageKind::Take(rows, per) => self.take(*rows, per, span, relation),
            StageKind::Union(tables, into) => self.union(tables, into.as_ref(), from, relation),
            StageKind::Unpivot(columns, name, value) => {
                let made = self.unpivot(columns, name, value, span, relation);
                // What is wrong with it is reported once: what follows finds its columns.
                for new in [name, value] {
                    if let Err(reported) = made
                        && relation.column(new.as_str()).is_none()
                    {
                        let (name, span, ty) = (new.value.clone(), new.span, Err(reported));
                        relation.columns.push(ScopeColumn { name, ty, unknown: true, span, grain: None });
                    }
                }
                made
            }
            StageKind::FillGaps(series) => self.fill_gaps(series, span, relation),
            StageKind::Group(..) | StageKind::Check(_) => unreachable!("these are looked at before"),
        }
    }

    fn take(&mut self, rows: u32, per: &[Name], span: Span, relation: &mut Relation) -> Checked<Stage> {
        if relation.order == Order::None {
            return self.fail(
                Diagnostic::new(Code::E0405, "take which rows? The table has no order")
                    .at(span, "the first rows of no order are any rows")
                    .help("put `sort COLUMN` or `sort COLUMN desc` before it"),
            );
        }
        for name in per {
            self.find_column(name, &relation.columns)?;
        }
        self.unique(per.iter().collect(), "a column");
        let per: Vec<String> = per.iter().map(|name| name.value.clone()).collect();
        // One row of each is named by what it is one of.
        if rows == 1 && !per.is_empty() && relation.key.is_none() && relation.can_be_key(&per) {
            relation.key = Some(per.clone());
        }
        relation.singleton = false;
        Ok(Stage::Take(rows, per))
    }

    fn derive(&mut self, columns: &[(Name, tree::Expr)], relation: &mut Relation) -> Checked<Stage> {
        let mut derived = Vec::new();
        for (name, value) in columns {
            self.column_name(name);
            let value = self.expr(value, &relation.row());
            let column = scope_column(name, &value, relation);
            relation.put(column);
            derived.push(value.map(|value| (name.value.clone(), value)));
        }
        Ok(Stage::Derive(derived.into_iter().collect::<Checked<_>>()?))
    }

    fn group(
        &mut self,
        keys: &[tree::Expr],
        items: &[GroupItem],
        span: Span,
        relation: &mut Relation,
    ) -> Checked<Vec<Stage>> {
        let computed_keys = self.computed_keys(keys, relation)?;
        let keys = self.group_keys(keys, relation)?;
        let names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
        let mut columns: Vec<ScopeColumn> = keys.iter().filter_map(|key| relation.column(&key.name).cloned()).collect();
        let mut computed = Vec::new();
        for item in items {
            if let Err(reported) = self.new_column(&item.name, &columns) {
                computed.push(Err(reported));
                continue;
            }
            let value = self.group_item(item, &names, relation);
            columns.push(scope_column(&item.name, &value, relation));
            computed.push(value.map(|value| (item.name.value.clone(), value)));
        }
        let time = keys.iter().find(|key| key.ty.is_time()).map(|key| key.name.clone());
        let singleton = names.is_empty();
        let settles = relation.settles;
        let days = days_of_groups(relation, &names, span);
        *relation = Relation { columns, key: Some(names), singleton, time, settles, order: Order::Key };
        let mut items = computed.into_iter().collect::<Checked<Vec<_>>>()?;
        items.shrink_to_fit();
        let group = Stage::Group { keys, items, days, span };
        if computed_keys.is_empty() { Ok(vec![group]) } else { Ok(vec![Stage::Derive(computed_keys), group]) }
    }

    /// `group by week_start(day)`: a column of the function's name, derived before.
    fn computed_keys(&mut self, keys: &[tree::Expr], relation: &mut Relation) -> Checked<Vec<(String, Expr)>> {
        let mut derived = Vec::new();
        for key in keys {
            let tree::ExprKind::Call(call) = &key.kind else { continue };
            let name = Name::new(call.callee.name.value.clone(), key.span);
            if let Some(before) = relation.column(name.as_str()) {
                let at = before.span;
                return self.fail(
                    Diagnostic::new(Code::E0202, format!("there is a column named `{}` already", name.as_str()))
                        .at(key.span, "what is grouped by bears the function's name")
                        .at(at, "this one")
                        .help("`derive` it under another name before"),
                );
            }
            let value = self.expr(key, &relation.row())?;
            let column = scope_column(&name, &Ok(value.clone()), relation);
            relation.put(column);
            derived.push((name.value, value));
        }
        Ok(derived)
    }

    fn group_keys(&mut self, keys: &[tree::Expr], relation: &Relation) -> Checked<Vec<Column>> {
        let mut found: Vec<Column> = Vec::new();
        for key in keys {
            let name = match &key.kind {
                tree::ExprKind::Path(path) => path.column(),
                tree::ExprKind::Call(call) => Name::new(call.callee.name.value.clone(), key.span),
                _ => {
                    let help = "wanted: a column, or a function of one";
                    return self.refuse(Code::E0308, "that can't name a group", key.span, help);
                }
            };
            let column = self.find_column(&name, &relation.columns)?;
            if found.iter().any(|before| before.name == column.name) {
                let message = format!("it is grouped by `{}` twice", name.as_str());
                return self.refuse(Code::E0202, message, name.span, "the second one");
            }
            found.push(Column { span: name.span, ..column.typed()? });
        }
        if found.iter().filter(|column| column.ty.is_time()).count() > 1 {
            let span = keys[0].span.to(keys[keys.len() - 1].span);
            return self.refuse(Code::E0401, "a key holds at most one date", span, "groups by more than one");
        }
        Ok(found)
    }

    fn group_item(&mut self, item: &GroupItem, keys: &[String], relation: &Relation) -> Checked<Expr> {
        let scope = Scope::group(&relation.columns, relation.time.as_deref(), keys).settling(relation.settles);
        let Some(value) = &item.value else { return self.metric(&item.name, None, &scope) };
        self.column_name(&item.name);
        self.expr(value, &scope)
    }

    fn keep(&mut self, kept: &[Kept], relation: &mut Relation) -> Checked<Stage> {
        let mut columns = Vec::new();
        let mut values = Vec::new();
        let names: Vec<Name> = kept.iter().map(|each| each.path.column()).collect();
        self.unique(names.iter().collect(), "a column");
        for (each, name) in kept.iter().zip(&names) {
            let path = tree::Expr { kind: tree::ExprKind::Path(each.path.clone()), span: name.span };
            if each.value.is_some() {
                self.column_name(name);
            }
            let value = self.expr(each.value.as_ref().unwrap_or(&path), &relation.row());
            columns.push(scope_column(name, &value, relation));
            values.push(value.map(|value| (name.value.clone(), value)));
        }
        let same = |name: &str| kept.iter().any(|each| each.value.is_none() && each.path.column().value == name);
        relation.key = relation.key.take().filter(|key| key.iter().all(|part| same(part)));
        relation.time = relation.time.take().filter(|time| same(time));
        relation.columns = columns;
        Ok(Stage::Keep(values.into_iter().collect::<Checked<_>>()?))
    }

    fn drop(&mut self, paths: &[Path], relation: &mut Relation) -> Checked<Stage> {
        for path in paths {
            let name = &path.column();
            self.find_column(name, &relation.columns)?;
            relation.forget(name.as_str());
            relation.columns.retain(|column| column.name != name.value);
        }
        let left = relation.columns.iter().map(|column| {
            Ok((column.name.clone(), Expr::column(&column.name, column.ty?, column.unknown, column.span)))
        });
        Ok(Stage::Keep(left.collect::<Checked<_>>()?))
    }

    fn sort(&mut self, by: &[SortBy], relation: &mut Relation) -> Checked<Stage> {
        let mut order = Vec::new();
        relation.order = Order::Sorted;
        for each in by {
            let name = &each.path.column();
            if let Ok(column) = self.find_column(name, &relation.columns)?.typed() {
                let before: Vec<String> = order.iter().map(|(name, _): &(String, bool)| name.clone()).collect();
                self.one_currency(&Expr::column(&column.name, column.ty, false, name.span), &before)?;
            }
            order.push((name.value.clone(), each.descending));
        }
        // Of equal rows the first by key: which comes first does not hang on the order of files.
        for name in relation.key.iter().flatten() {
            if !order.iter().any(|(before, _)| before == name) {
                order.push((name.clone(), false));
            }
        }
        Ok(Stage::Sort(order))
    }
}

/// The table after some stages.
fn build_table(
    transform: &tree::Transform,
    from: TableId,
    mut stages: Vec<Stage>,
    relation: &Relation,
) -> Checked<Table> {
    let columns: Checked<Box<[Column]>> = relation.columns.iter().map(ScopeColumn::typed).collect();
    stages.shrink_to_fit();
    Ok(Table {
        name: transform.name.value.clone(),
        role: TableRole::Declared,
        span: transform.name.span,
        source: TableSource::Transform { from, stages },
        columns: columns?.into_vec(),
        key: relation.key.clone(),
        singleton: relation.singleton,
        time: relation.time.clone(),
        settles: relation.settles,
        order: relation.order,
        checks: Vec::new(),
    })
}

fn scope_column(name: &Name, value: &Checked<Expr>, relation: &Relation) -> ScopeColumn {
    ScopeColumn {
        name: name.value.clone(),
        ty: value.as_ref().map(|value| value.ty).map_err(|reported| *reported),
        unknown: value.as_ref().is_ok_and(|value| value.unknown),
        span: name.span,
        grain: value.as_ref().ok().and_then(|value| grain(value, relation)),
    }
}

/// The days of groups, unless those are of one time each.
fn days_of_groups(relation: &Relation, keys: &[String], span: Span) -> Option<Days> {
    let time = relation.time.as_ref().filter(|time| !keys.contains(time))?;
    let column = relation.column(time)?;
    let value = Expr::column(time, column.ty.ok()?, column.unknown, span);
    if value.ty == Type::Datetime {
        let of_row = Expr::new(ExprKind::Function(Function::DateOf, vec![value]), Type::Date, true, span);
        return Some(Days { of_row, one_row_each: false });
    }
    let is_known = |key: &String| key == time || keys.contains(key);
    let one_row_each = !value.unknown && relation.key.as_ref().is_some_and(|key| key.iter().all(is_known));
    Some(Days { of_row: value, one_row_each })
}

/// The period that each value begins.
fn grain(value: &Expr, relation: &Relation) -> Option<Grain> {
    match &value.kind {
        ExprKind::Column(name) => relation.column(name)?.grain,
        ExprKind::Function(Function::DateOf, _) => Some(Grain::Day),
        ExprKind::Function(Function::WeekStart, _) => Some(Grain::Week),
        ExprKind::Function(Function::MonthStart, _) => Some(Grain::Month),
        ExprKind::Function(Function::HourStart, _) => Some(Grain::Hour),
        _ => None,
    }
}
