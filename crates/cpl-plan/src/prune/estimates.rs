//! Estimate columns: they tell how sure the value of a condition is.
//!
//! The stage that aggregates the value computes them too, and each stage and join on the way to the condition passes them on.

use std::collections::BTreeMap;

use cpl_model::{
    program::{
        AggFunc, ArithOp, ByDay, CompareOp, Constant, EstimateAggregate, EstimateForm, EstimateId, EstimateParts,
        EstimateSource, Expr, ExprKind, Function, InternalColumn, Logic, Operand, PassedBy, Place, Program, Stage,
        TableId, TableSource,
    },
    types::Type,
};
use cpl_syntax::Span;

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
        let Stage::Group { day, .. } = stages.get(place.stage)? else { return None };
        let values = columns(&aggregate, day.as_ref());
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
fn columns(aggregate: &EstimateAggregate<'_>, day: Option<&Expr>) -> Vec<Expr> {
    let EstimateAggregate { form, count, of } = *aggregate;
    let mut columns = match (form, of) {
        (EstimateForm::PerCount, Some(of)) => vec![of.clone(), count.clone()],
        (EstimateForm::Share, Some(of)) => vec![count.clone(), of.clone()],
        (EstimateForm::Mean, _) => return of_mean(count),
        _ => vec![count.clone()],
    };
    columns.extend(day.into_iter().flat_map(|day| of_days(day, count, of)));
    columns
}

/// A mean, the standard deviation of its values, and how many they are.
fn of_mean(mean: &Expr) -> Vec<Expr> {
    let ExprKind::Aggregate(aggregate) = &mean.kind else { return vec![mean.clone()] };
    let other = |func, ty| Expr::aggregate(func, aggregate.of.clone(), aggregate.filter.clone(), ty, mean.span);
    vec![mean.clone(), other(AggFunc::Std, mean.ty), other(AggFunc::Count, Type::Count)]
}

/// How far days scatter: the sum of each day's count, squared, divided by what it was counted in; the sums of both; how many days. Days
/// of which the count is unknown, or that have nothing to be counted in, are left out.
fn of_days(day: &Expr, count: &Expr, of: Option<&Expr>) -> Vec<Expr> {
    let span = count.span;
    let (in_day, each) = ("count", "of");
    let mut of_days = vec![(in_day.to_owned(), count.clone())];
    of_days.extend(of.map(|of| (each.to_owned(), of.clone())));
    let column = |name: &str, ty| Expr::column(name, ty, true, span);
    let number = |value| Expr::new(ExprKind::Function(Function::Number, vec![value]), Type::Number, true, span);
    let arith = |op, a, b| Expr::new(ExprKind::Arith(op, Box::new(a), Box::new(b)), Type::Number, true, span);
    let (counted, whole) = (column(in_day, count.ty), of.map(|of| column(each, of.ty)));
    let boolean = |kind| Expr::new(kind, Type::Bool, true, span);
    let is_known = boolean(ExprKind::Known(Box::new(counted.clone())));
    let has_some = match whole.clone() {
        Some(whole) => {
            let zero = Expr::constant(Constant::Integer(0), Type::Count, span);
            let is_some = boolean(ExprKind::Compare(CompareOp::Greater, Box::new(number(whole)), Box::new(zero)));
            boolean(ExprKind::Logic(Logic::And, Box::new(is_known), Box::new(is_some)))
        }
        None => is_known,
    };
    let square = arith(ArithOp::Multiply, number(counted.clone()), number(counted.clone()));
    let square = match whole.clone() {
        Some(whole) => arith(ArithOp::Divide, square, number(whole)),
        None => square,
    };
    let aggregate = |func, value: Option<Expr>, ty| Expr::aggregate(func, value, Some(has_some.clone()), ty, span);
    let days = || aggregate(AggFunc::Count, None, Type::Count);
    let whole = whole.map_or_else(days, |whole| aggregate(AggFunc::Sum, Some(whole.clone()), whole.ty));
    let values = [
        aggregate(AggFunc::Sum, Some(square), Type::Number),
        aggregate(AggFunc::Sum, Some(counted), count.ty),
        whole,
        days(),
    ];
    let by_day = |value: Expr| {
        let (ty, of_days) = (value.ty, of_days.clone());
        Expr::new(ExprKind::ByDay(Box::new(ByDay { day: day.clone(), of_days, value })), ty, true, span)
    };
    values.map(by_day).into()
}
