//! Estimate columns: they tell how sure the value of a condition is.
//!
//! The stage that aggregates the value computes them too, and each stage and join on the way to the condition passes them on.

use std::collections::BTreeMap;

use cpl_model::{
    program::{
        AggFunc, ArithOp, ByDay, CompareOp, Constant, Days, EstimateAggregate, EstimateForm, EstimateId, EstimateParts,
        EstimateSource, Expr, ExprKind, Function, InternalColumn, Logic, Operand, PassedBy, Place, Program, Stage,
        TableId, TableSource,
    },
    types::Type,
};
use cpl_syntax::Span;
use rust_decimal::Decimal;

/// Adds estimate columns to the stages, and names them in the conditions that ask for them.
pub fn add(program: &mut Program) {
    let mut found = Estimates::default();
    for (expr, place) in program.sureness_exprs() {
        expr.walk_operands(&mut |operand| {
            let Span { start, end, .. } = operand.value.span;
            let parts = found.parts(program, &operand.value, place);
            found.found.extend(parts.map(|parts| ((start, end, place), parts)));
        });
    }
    if !found.found.is_empty() {
        found.columns(program);
        found.operands(program);
    }
}

/// What is to be added.
#[derive(Default)]
struct Estimates {
    /// The columns of an aggregate, by where it is computed, and those under other names behind a join.
    ids: BTreeMap<Made, EstimateId>,
    /// The columns of each stage that aggregates.
    items: BTreeMap<Place, Vec<(String, Expr)>>,
    /// The columns that a table must pass on.
    passed: Vec<Passed>,
    /// Of each value, by where it is written and looked at, what tells how sure it is.
    found: BTreeMap<(usize, usize, Place), EstimateParts>,
}

/// What makes columns under new names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Made {
    /// An item of a group.
    Aggregated(Place, usize),
    /// A join, of columns that the right side has: a table may be joined twice.
    Joined(TableId, usize, EstimateId),
}

/// Columns that a table passes on.
struct Passed {
    by: PassedBy,
    /// What they are called on the right side of a join, else here.
    before: Vec<String>,
    /// What they are called here.
    here: Vec<(String, Expr)>,
}

impl Estimates {
    fn id(&mut self, made: Made) -> EstimateId {
        let next = EstimateId(self.ids.len());
        *self.ids.entry(made).or_insert(next)
    }

    fn parts(&mut self, program: &Program, value: &Expr, place: Place) -> Option<EstimateParts> {
        let EstimateSource { place, item, aggregate, factor, way } = program.estimate(value, place).ok()?;
        let TableSource::Transform { stages, .. } = &program.table(place.table).source else { return None };
        let Stage::Group { days, .. } = stages.get(place.stage)? else { return None };
        let values = columns(&aggregate, days.as_ref());
        let is_new = !self.ids.contains_key(&Made::Aggregated(place, item));
        let mut id = self.id(Made::Aggregated(place, item));
        let mut here = named(id, &values);
        if is_new {
            let items = here.iter().zip(&values).map(|((name, _), value)| (name.clone(), value.clone()));
            self.items.entry(place).or_default().extend(items);
        }
        for by in way {
            let before = here.iter().map(|(name, _)| name.clone()).collect();
            if by.is_joined {
                id = self.id(Made::Joined(by.table, by.from, id));
                here = named(id, &values);
            }
            self.passed.push(Passed { by, before, here: here.clone() });
        }
        let (counted, of) = (counted(program, aggregate.count), aggregate.of.map(|of| counted(program, of)));
        let parts = here.into_iter().map(|(_, column)| column).collect();
        Some(EstimateParts { form: aggregate.form, factor, parts, counted, of })
    }

    fn columns(&mut self, program: &mut Program) {
        for (place, items) in std::mem::take(&mut self.items) {
            let TableSource::Transform { stages, .. } = &mut program.tables[place.table.0].source else { continue };
            if let Some(Stage::Group { items: list, .. }) = stages.get_mut(place.stage) {
                list.extend(items);
            }
        }
        for passed in std::mem::take(&mut self.passed) {
            let TableSource::Transform { stages, .. } = &mut program.tables[passed.by.table.0].source else { continue };
            for (at, stage) in stages.iter_mut().enumerate().skip(passed.by.from) {
                passed.through(stage, passed.by.is_joined && at == passed.by.from);
            }
        }
    }

    fn operands(&self, program: &mut Program) {
        program.map_operands(&mut |operand: &mut Operand, place: Place| {
            let Span { start, end, .. } = operand.value.span;
            operand.estimate = self.found.get(&(start, end, place)).cloned();
        });
    }
}

impl Passed {
    /// Lets a stage pass the columns on; `brings` where it is the join that brings them.
    fn through(&self, stage: &mut Stage, brings: bool) {
        match stage {
            Stage::Join(join) if brings => {
                for (before, (here, _)) in self.before.iter().zip(&self.here) {
                    if !join.columns.iter().any(|(_, name)| name == here) {
                        join.columns.push((before.clone(), here.clone()));
                    }
                }
            }
            Stage::Keep(list) => {
                for (name, column) in &self.here {
                    if !list.iter().any(|(before, _)| before == name) {
                        list.push((name.clone(), column.clone()));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The columns of an estimate, by their names.
fn named(id: EstimateId, values: &[Expr]) -> Vec<(String, Expr)> {
    let one = |(at, value): (usize, &Expr)| {
        let name = InternalColumn::Estimate(id, at).to_string();
        let column = Expr::column(&name, value.ty, true, value.span);
        (name, column)
    };
    values.iter().enumerate().map(one).collect()
}

/// What is counted, as people know it.
fn counted(program: &Program, count: &Expr) -> String {
    match &count.kind {
        ExprKind::Aggregate(aggregate) => aggregate.of.as_ref().map_or_else(
            || "rows".to_owned(),
            |of| if aggregate.func == AggFunc::Mean { "rows".to_owned() } else { program.written(of.span) },
        ),
        _ => program.written(count.span),
    }
}

/// The columns of an aggregate, in the order of [`EstimateParts::parts`].
fn columns(aggregate: &EstimateAggregate<'_>, days: Option<&Days>) -> Vec<Expr> {
    let EstimateAggregate { form, count, of } = *aggregate;
    let mut columns = match (form, of) {
        (EstimateForm::PerCount, Some(of)) => vec![of.clone(), count.clone()],
        (EstimateForm::Share, Some(of)) => vec![count.clone(), of.clone()],
        (EstimateForm::Mean, _) => return of_mean(count),
        _ => vec![count.clone()],
    };
    columns.extend(days.into_iter().flat_map(|days| scatter(days, count, of)));
    columns
}

/// A mean, the standard deviation of its values, and how many they are.
fn of_mean(mean: &Expr) -> Vec<Expr> {
    let ExprKind::Aggregate(aggregate) = &mean.kind else { return vec![mean.clone()] };
    let other = |func, ty| Expr::aggregate(func, aggregate.of.clone(), aggregate.filter.clone(), ty, mean.span);
    vec![mean.clone(), other(AggFunc::Std, mean.ty), other(AggFunc::Count, Type::Count)]
}

/// How far days scatter, of the days of a group: each is aggregated first, unless it is one row anyway.
fn scatter(days: &Days, count: &Expr, of: Option<&Expr>) -> Vec<Expr> {
    if days.one_row_each
        && let Some(of_rows) = scatter_of_rows(count, of)
    {
        return of_rows.into();
    }
    let (counted, whole) = ("count", "of");
    let mut of_days = vec![(counted.to_owned(), count.clone())];
    of_days.extend(of.map(|of| (whole.to_owned(), of.clone())));
    let column = |name: &str, of: &Expr| Expr::column(name, of.ty, true, count.span);
    let whole = of.map(|of| PartOfDay { value: column(whole, of), filter: None });
    let by_day = |value: Expr| {
        let (ty, of_days) = (value.ty, of_days.clone());
        let by_day = ByDay { day: days.of_row.clone(), of_days, value };
        Expr::new(ExprKind::ByDay(Box::new(by_day)), ty, true, count.span)
    };
    scatter_of(&column(counted, count), whole).map(by_day).into()
}

/// The same where each day is one row; none where it is not a sum or a count that tells how sure the value is.
fn scatter_of_rows(count: &Expr, of: Option<&Expr>) -> Option<[Expr; 4]> {
    let span = count.span;
    let PartOfDay { value: counted, filter } = PartOfDay::of(count)?;
    let nothing = Expr::constant(Constant::Integer(0), count.ty, span);
    let counted = match filter {
        Some(filter) => {
            Expr::new(ExprKind::Function(Function::If, vec![filter, counted, nothing]), count.ty, true, span)
        }
        None => counted,
    };
    let whole = of.map(|of| PartOfDay::of(of).ok_or(())).transpose().ok()?;
    Some(scatter_of(&counted, whole))
}

/// What a row adds to a sum or a count: this value, where the filter is true, and else nothing.
struct PartOfDay {
    value: Expr,
    filter: Option<Expr>,
}

impl PartOfDay {
    fn of(value: &Expr) -> Option<Self> {
        let ExprKind::Aggregate(aggregate) = &value.kind else { return None };
        let one = || Expr::constant(Constant::Integer(1), value.ty, value.span);
        let is = |kind| boolean(kind, value.span);
        let no = Expr::constant(Constant::Bool(false), Type::Bool, value.span);
        let filter = aggregate.filter.clone().map(|filter| is(ExprKind::OrElse(Box::new(filter), Box::new(no))));
        match (aggregate.func, &aggregate.of) {
            (AggFunc::Sum, Some(of)) => Some(Self { value: of.clone(), filter }),
            (AggFunc::Count, None) => Some(Self { value: one(), filter }),
            (AggFunc::Count, Some(of)) => {
                let known = is(ExprKind::Known(Box::new(of.clone())));
                Some(Self { value: one(), filter: Some(filter.into_iter().fold(known, and)) })
            }
            _ => None,
        }
    }
}

/// The sum of each day's count, squared, divided by what it was counted in; the sums of both; how many days. Days of which the count is
/// unknown, or that have nothing to be counted in, are left out.
fn scatter_of(counted: &Expr, whole: Option<PartOfDay>) -> [Expr; 4] {
    let span = counted.span;
    let number = |value| Expr::new(ExprKind::Function(Function::Number, vec![value]), Type::Number, true, span);
    let arith = |op, a, b| Expr::new(ExprKind::Arith(op, Box::new(a), Box::new(b)), Type::Number, true, span);
    let is_known = boolean(ExprKind::Known(Box::new(counted.clone())), span);
    let square = arith(ArithOp::Multiply, number(counted.clone()), number(counted.clone()));
    let aggregate =
        |func, value: Option<Expr>, filter: &Expr, ty| Expr::aggregate(func, value, Some(filter.clone()), ty, span);
    let days = |filter: &Expr| aggregate(AggFunc::Count, None, filter, Type::Count);
    let (square, in_all, has_some) = match whole {
        Some(PartOfDay { value, filter }) => {
            let zero = if value.ty.is_whole() { Constant::Integer(0) } else { Constant::Decimal(Decimal::ZERO) };
            let zero = Expr::constant(zero, value.ty, span);
            let is_some = ExprKind::Compare(CompareOp::Greater, Box::new(value.clone()), Box::new(zero));
            let has_some = filter.into_iter().fold(and(is_known, boolean(is_some, span)), and);
            let square = arith(ArithOp::Divide, square, number(value.clone()));
            let ty = value.ty;
            (square, aggregate(AggFunc::Sum, Some(value), &has_some, ty), has_some)
        }
        None => (square, days(&is_known), is_known),
    };
    [
        aggregate(AggFunc::Sum, Some(square), &has_some, Type::Number),
        aggregate(AggFunc::Sum, Some(counted.clone()), &has_some, counted.ty),
        in_all,
        days(&has_some),
    ]
}

fn boolean(kind: ExprKind, span: Span) -> Expr {
    Expr::new(kind, Type::Bool, true, span)
}

fn and(left: Expr, right: Expr) -> Expr {
    let span = left.span;
    boolean(ExprKind::Logic(Logic::And, Box::new(left), Box::new(right)), span)
}
