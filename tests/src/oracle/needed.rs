//! What a run needs: the tables and columns that rules look at, and the joins that bring them. The report counts no
//! row of a stage that nothing needs.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::program::{
    Action, CheckKind, Decision, Expr, InternalColumn, Join, Program, Rows, Stage, TableId, TableSource, Union,
};

/// The columns of each table that something looks at, and the joins that are made.
#[derive(Default)]
pub struct Needed {
    columns: BTreeMap<TableId, BTreeSet<String>>,
    /// By their table, and their place among its joins.
    joins: BTreeSet<(TableId, usize)>,
}

impl Needed {
    /// What the rules of a program need.
    pub fn of(program: &Program) -> Self {
        let mut needed = Self::default();
        for rule in &program.decisions {
            needed.decision(rule);
        }
        for rule in &program.alerts {
            needed.rows(&rule.rows);
            needed.exprs(rule.rows.table, &rule.exprs());
        }
        // A check is evaluated wherever it stands.
        for (at, table) in program.tables.iter().enumerate() {
            if !table.checks.is_empty() {
                needed.add(TableId(at), []);
            }
        }
        // A table follows those it is made of.
        for id in (0..program.tables.len()).rev().map(TableId) {
            if needed.has(id) {
                needed.table(id, program);
            }
        }
        needed
    }

    /// Whether a table is read at all.
    pub fn has(&self, id: TableId) -> bool {
        self.columns.contains_key(&id)
    }

    /// Whether that join of a table is made.
    pub fn has_join(&self, id: TableId, nth: usize) -> bool {
        self.joins.contains(&(id, nth))
    }

    fn add<'n>(&mut self, id: TableId, names: impl IntoIterator<Item = &'n str>) {
        self.columns.entry(id).or_default().extend(names.into_iter().map(str::to_owned));
    }

    fn exprs(&mut self, id: TableId, exprs: &[&Expr]) {
        self.add(id, exprs.iter().flat_map(|expr| expr.columns()));
        for total in exprs.iter().flat_map(|expr| expr.totals()) {
            self.add(total, [InternalColumn::Total.to_string().as_str()]);
        }
    }

    fn rows(&mut self, rows: &Rows) {
        self.add(rows.table, rows.key.iter().map(String::as_str));
        self.add(rows.table, rows.newest.iter().map(|newest| newest.time.as_str()));
    }

    fn decision(&mut self, rule: &Decision) {
        let id = rule.rows.table;
        self.rows(&rule.rows);
        self.exprs(id, &rule.exprs());
        self.add(id, rule.actions.iter().flat_map(Action::columns));
        self.add(id, rule.keep.iter().map(|keep| keep.column.as_str()));
        self.add(id, rule.totals.iter().map(|total| total.column.as_str()));
    }

    fn table(&mut self, id: TableId, program: &Program) {
        let table = program.table(id);
        for check in &table.checks {
            match &check.kind {
                CheckKind::Key(columns) => self.add(id, columns.iter().map(String::as_str)),
                CheckKind::Fresh(column, _) => self.add(id, [column.as_str()]),
                CheckKind::Expect(expected) => {
                    self.exprs(id, &[expected]);
                    let names_rows = !expected.has_aggregate();
                    self.add(id, table.key.iter().flatten().map(String::as_str).filter(|_| names_rows));
                }
                CheckKind::NoGaps(periods) => self.add(id, periods.names().iter().map(String::as_str)),
            }
        }
        let TableSource::Transform { from, stages } = &table.source else { return };
        let mut names = self.columns.get(&id).cloned().unwrap_or_default();
        let mut nth = table.joined().len();
        for stage in stages.iter().rev() {
            if let Stage::Join(join) = stage {
                nth -= 1;
                if self.join(join, &mut names) {
                    self.joins.insert((id, nth));
                }
            } else {
                self.stage(stage, &mut names, program);
            }
        }
        self.add(*from, names.iter().map(String::as_str));
    }

    /// Whether it is made: a left join that brings nothing, and can't fan out, is not.
    fn join(&mut self, join: &Join, names: &mut BTreeSet<String>) -> bool {
        let brought = join.columns.iter().filter(|(_, name)| names.remove(name)).map(|(right, _)| right.as_str());
        let brought: Vec<&str> = brought.collect();
        if join.left && brought.is_empty() && !join.check_unique && !join.many {
            return false;
        }
        names.extend(join.on.iter().map(|(left, _)| left.clone()));
        self.add(join.table, brought);
        self.add(join.table, join.on.iter().map(|(_, right)| right.as_str()));
        if let Some(latest) = &join.latest {
            names.insert(latest.left.clone());
            self.add(join.table, latest.order.iter().chain([&latest.right]).map(String::as_str));
        }
        true
    }

    /// What a stage needs so that those names are there after it.
    fn stage(&mut self, stage: &Stage, names: &mut BTreeSet<String>, program: &Program) {
        match stage {
            Stage::Where(filter) => self.read(filter, names),
            Stage::Derive(columns) => {
                for (name, value) in columns.iter().rev() {
                    if names.remove(name) {
                        self.read(value, names);
                    }
                }
            }
            Stage::Keep(columns) => {
                let mut kept: Vec<&(String, Expr)> = columns.iter().filter(|(name, _)| names.contains(name)).collect();
                if kept.is_empty() {
                    kept.extend(columns.first());
                }
                names.clear();
                for (_, value) in kept {
                    self.read(value, names);
                }
            }
            Stage::Group { keys, items, .. } => {
                let items: Vec<&(String, Expr)> = items.iter().filter(|(name, _)| names.contains(name)).collect();
                *names = keys.iter().map(|key| key.name.clone()).collect();
                for (_, value) in items {
                    self.read(value, names);
                }
            }
            Stage::Sort(order) => names.extend(order.iter().map(|(name, _)| name.clone())),
            Stage::Take(_, per) => names.extend(per.clone()),
            Stage::Union(union) => self.union(union, names, program),
            Stage::Unpivot(unpivot) => {
                names.remove(&unpivot.name);
                names.remove(&unpivot.value.0);
                names.extend(unpivot.columns.iter().map(|(column, _)| column.clone()));
            }
            Stage::FillGaps(periods) => names.extend(periods.names().into_iter().chain(periods.order.iter().cloned())),
            Stage::Join(_) => unreachable!("a join is looked at where it stands"),
        }
    }

    fn read(&mut self, expr: &Expr, names: &mut BTreeSet<String>) {
        names.extend(expr.columns().into_iter().map(str::to_owned));
        for total in expr.totals() {
            self.add(total, [InternalColumn::Total.to_string().as_str()]);
        }
    }

    fn union(&mut self, union: &Union, names: &mut BTreeSet<String>, program: &Program) {
        if let Some((into, _)) = &union.into {
            names.remove(into);
        }
        let columns = || union.columns.iter().map(|column| &column.name);
        if !columns().any(|name| names.contains(name)) {
            names.extend(columns().next().cloned());
        }
        for id in &union.tables {
            let there = columns().filter(|name| names.contains(*name) && program.table(*id).column(name).is_some());
            self.add(*id, there.map(String::as_str));
        }
    }
}
