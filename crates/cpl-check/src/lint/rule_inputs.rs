//! What a rule reads: its table's expressions and its own, and those of the tables they are made of.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::program::{
    ArithOp, CompareOp, Constant, Expr, ExprKind, Length, Program, SeriesOf, Stage, Table, TableId, TableSource,
    WindowKind,
};
use cpl_syntax::{
    Span,
    tree::{Period, Unit},
};

/// The inputs of a rule: its expressions, those of its table, and all tables upstream.
pub struct RuleInputs<'p> {
    /// The tables, its own included.
    pub tables: BTreeSet<TableId>,
    /// The expressions that it reads: its own, the conditions of its rows, and what makes the columns that those look at.
    pub exprs: Vec<&'p Expr>,
}

/// The columns that a rule reads of each table, and the expressions met on the way.
struct Read<'p> {
    program: &'p Program,
    columns: BTreeMap<TableId, BTreeSet<&'p str>>,
    exprs: Vec<&'p Expr>,
}

impl<'p> Read<'p> {
    fn of(program: &'p Program, table: TableId, own: &[&'p Expr]) -> Self {
        let mut read = Self { program, columns: BTreeMap::new(), exprs: Vec::new() };
        let mut columns = BTreeSet::new();
        for expr in own {
            read.expr(expr, &mut columns);
        }
        read.add(table, columns);
        // A table comes after those it is made of.
        while let Some((id, columns)) = read.columns.pop_last() {
            read.table(id, columns);
        }
        read
    }

    fn add(&mut self, table: TableId, columns: impl IntoIterator<Item = &'p str>) {
        self.columns.entry(table).or_default().extend(columns);
    }

    fn expr(&mut self, expr: &'p Expr, columns: &mut BTreeSet<&'p str>) {
        self.exprs.push(expr);
        columns.extend(expr.columns());
        for total in expr.totals() {
            let all = self.program.table(total).columns.iter().map(|column| column.name.as_str());
            self.add(total, all);
        }
    }

    fn table(&mut self, id: TableId, mut columns: BTreeSet<&'p str>) {
        let TableSource::Transform { from, stages } = &self.program.table(id).source else { return };
        for stage in stages.iter().rev() {
            self.stage(stage, &mut columns);
        }
        self.add(*from, columns);
    }

    /// What a stage reads so that those columns are there after it.
    fn stage(&mut self, stage: &'p Stage, columns: &mut BTreeSet<&'p str>) {
        match stage {
            Stage::Where(filter) => self.expr(filter, columns),
            Stage::Derive(made) => {
                for (name, value) in made.iter().rev() {
                    if columns.remove(name.as_str()) {
                        self.expr(value, columns);
                    }
                }
            }
            Stage::Keep(made) => {
                let wanted = std::mem::take(columns);
                self.items(made, &wanted, columns);
            }
            Stage::Group { keys, items, .. } => {
                let wanted = std::mem::take(columns);
                columns.extend(keys.iter().map(|key| key.name.as_str()));
                self.items(items, &wanted, columns);
            }
            Stage::Join(join) => {
                let brought = join.columns.iter().filter(|(_, name)| columns.remove(name.as_str()));
                let right = brought.map(|(right, _)| right.as_str()).chain(join.on.iter().map(|(_, on)| on.as_str()));
                let right: Vec<&str> = right.chain(join.latest.iter().map(|latest| latest.right.as_str())).collect();
                self.add(join.table, right);
                columns.extend(join.on.iter().map(|(on, _)| on.as_str()));
                columns.extend(join.latest.iter().map(|latest| latest.left.as_str()));
            }
            Stage::Sort(order) => columns.extend(order.iter().map(|(name, _)| name.as_str())),
            Stage::Take(_, per) => columns.extend(per.iter().map(String::as_str)),
            Stage::Union(union) => union.tables.iter().for_each(|table| self.add(*table, columns.clone())),
            Stage::Unpivot(unpivot) => {
                columns.remove(unpivot.name.as_str());
                columns.remove(unpivot.value.0.as_str());
                columns.extend(unpivot.columns.iter().map(|(column, _)| column.as_str()));
            }
            Stage::FillGaps(periods) => {
                columns.extend(periods.series.iter().map(String::as_str).chain([periods.time.as_str()]));
            }
        }
    }

    fn items(&mut self, made: &'p [(String, Expr)], wanted: &BTreeSet<&'p str>, columns: &mut BTreeSet<&'p str>) {
        for (_, value) in made.iter().filter(|(name, _)| wanted.contains(name.as_str())) {
            self.expr(value, columns);
        }
    }
}

impl<'p> RuleInputs<'p> {
    pub fn of(program: &'p Program, table: TableId, own: &[&'p Expr]) -> Self {
        let (mut tables, mut waiting) = (BTreeSet::new(), vec![table]);
        waiting.extend(own.iter().flat_map(|expr| expr.totals()));
        while let Some(next) = waiting.pop() {
            if tables.insert(next) {
                waiting.extend(program.table(next).inputs());
            }
        }
        Self { tables, exprs: Read::of(program, table, own).exprs }
    }

    /// A span of days that never moves on, since it begins with a day of the calendar.
    pub fn fixed_span(&self) -> Option<Span> {
        let mut found = None;
        for expr in &self.exprs {
            expr.walk(&mut |part| {
                let is_fixed = match &part.kind {
                    ExprKind::InRange(day, from, _) => day.ty.is_time() && is_fixed_day(from),
                    ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, day, from)
                    | ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, from, day) => {
                        day.ty.is_time() && is_fixed_day(from)
                    }
                    _ => false,
                };
                if is_fixed && found.is_none() {
                    found = Some(part.span);
                }
            });
        }
        found
    }

    /// The longest window.
    pub fn longest(&self) -> Option<LongestWindow> {
        let mut found: Option<LongestWindow> = None;
        for expr in &self.exprs {
            expr.walk(&mut |part| {
                let days = match &part.kind {
                    ExprKind::InWindow(_, window) => match window.kind {
                        WindowKind::Last(length, unit) => days(length, unit),
                        WindowKind::Period(_, period) => Some(period_days(period)),
                    },
                    ExprKind::Series(series) => match &series.of {
                        SeriesOf::Over(_, Length { length, unit }, _) => days(*length, *unit),
                        SeriesOf::Lag(..) | SeriesOf::Share(_) | SeriesOf::Pattern(_) => None,
                    },
                    // `day >= today - 28 days`
                    ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, _, from) => since(from),
                    ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, from, _) => since(from),
                    // `day in today - 28 days to yesterday`
                    ExprKind::InRange(_, from, _) => since(from),
                    _ => None,
                };
                let settles = match &part.kind {
                    ExprKind::InWindow(_, window) => (window.settles + DAY - 1) / DAY,
                    _ => 0,
                };
                if let Some(days) = days.filter(|days| found.is_none_or(|most| *days > most.days)) {
                    found = Some(LongestWindow { days, settles, at: part.span });
                }
            });
        }
        found
    }
}

/// Microseconds.
const DAY: i64 = 86_400_000_000;

/// A window that a rule looks at.
#[derive(Clone, Copy)]
pub struct LongestWindow {
    /// How many days it has.
    pub days: i64,
    /// How many days it ends before now, since those still move.
    pub settles: i64,
    /// Where it is written.
    pub at: Span,
}

/// A day of the calendar: a span that begins with it never moves on.
pub fn is_fixed_day(from: &Expr) -> bool {
    matches!(from.kind, ExprKind::Constant(Constant::Date(_) | Constant::Datetime(_)))
}

/// How many days before today a day is that is counted from it.
pub fn since(from: &Expr) -> Option<i64> {
    match &from.kind {
        ExprKind::Constant(Constant::Today(days)) => Some(-i64::from(*days)),
        ExprKind::Arith(ArithOp::Subtract, today, back) => match back.kind {
            ExprKind::Constant(Constant::Duration(micros)) => Some(since(today)? + micros / DAY),
            ExprKind::Constant(Constant::Months(months)) => Some(since(today)? + i64::from(months) * 30),
            _ => None,
        },
        _ => None,
    }
}

/// What a table computes.
pub fn computed(table: &Table) -> Vec<&Expr> {
    match &table.source {
        TableSource::Transform { stages, .. } => stages.iter().flat_map(Stage::exprs).collect(),
        TableSource::Fetch(_) => Vec::new(),
    }
}

/// About how many days a length of time has.
pub fn days(length: u32, unit: Unit) -> Option<i64> {
    let length = i64::from(length);
    Some(match unit {
        Unit::Day => length,
        Unit::Week => length * 7,
        Unit::Month => length * 30,
        Unit::Hour => length / 24,
        Unit::Minute | Unit::Second => return None,
    })
}

/// About how many days a period of the calendar has.
pub fn period_days(period: Period) -> i64 {
    match period {
        Period::Week => 7,
        Period::Month => 30,
        Period::Quarter => 91,
        Period::Year => 365,
    }
}
