//! Estimate columns: what tells how sure a value is, of which a condition asks that.
//!
//! The stage that aggregates the value computes them too, and each stage and join on the way to the condition passes them on.

use std::collections::BTreeMap;

use cpl_model::{
    program::{
        AggFunc, ArithOp, ByDay, CompareOp, Constant, EstimateAggregate, EstimateForm, EstimateId, EstimateParts,
        EstimateSource, Expr, ExprKind, Function, InternalColumn, PassedBy, Place, Program, Stage, Surely, TableSource,
    },
    types::Type,
};
use cpl_syntax::Span;

/// Adds estimate columns to the stages, and names them in the conditions that ask for them.
pub fn add(program: &mut Program) {
    let mut found = Estimates::default();
    for (expr, place) in program.asks_for_sureness() {
        expr.walk(&mut |part| {
            if let ExprKind::Surely(surely) = &part.kind {
                let sides = surely.operands().map(|side| found.side(program, &side.value, place));
                found.sides.insert((part.span.start, part.span.end, place), sides);
            }
        });
    }
    if !found.sides.is_empty() {
        found.columns(program);
        found.conditions(program);
    }
}

/// What is to be added.
#[derive(Default)]
struct Estimates {
    /// The aggregates: where they are computed, and their numbers.
    ids: BTreeMap<(Place, usize), EstimateId>,
    /// The columns of each stage that aggregates.
    items: BTreeMap<Place, Vec<(String, Expr)>>,
    /// The columns that a table must pass on.
    passed: Vec<(PassedBy, Vec<Expr>)>,
    /// Of each condition, by where it is written and looked at, what tells how sure its sides are.
    sides: BTreeMap<(usize, usize, Place), [Option<EstimateParts>; 2]>,
}

impl Estimates {
    fn side(&mut self, program: &Program, value: &Expr, place: Place) -> Option<EstimateParts> {
        let EstimateSource { place, item, aggregate, factor, way } = program.estimate(value, place).ok()?;
        let next = EstimateId(self.ids.len());
        let id = *self.ids.entry((place, item)).or_insert(next);
        let TableSource::Transform { stages, .. } = &program.table(place.table).source else { return None };
        let Stage::Group { day, .. } = stages.get(place.stage)? else { return None };
        let values = columns(&aggregate, day.as_ref());
        let name = |at| InternalColumn::Estimate(id, at).to_string();
        let items: Vec<(String, Expr)> = values.into_iter().enumerate().map(|(at, value)| (name(at), value)).collect();
        let parts: Vec<Expr> = items.iter().map(|(name, of)| Expr::column(name, of.ty, true, of.span)).collect();
        if id == next {
            self.items.entry(place).or_default().extend(items);
        }
        self.passed.extend(way.into_iter().map(|table| (table, parts.clone())));
        let (counted, of) = (counted(program, aggregate.count), aggregate.of.map(|of| counted(program, of)));
        Some(EstimateParts { form: aggregate.form, factor, parts, counted, of })
    }

    fn columns(&mut self, program: &mut Program) {
        for (place, items) in std::mem::take(&mut self.items) {
            let TableSource::Transform { stages, .. } = &mut program.tables[place.table.0].source else { continue };
            if let Some(Stage::Group { items: list, .. }) = stages.get_mut(place.stage) {
                list.extend(items);
            }
        }
        for (PassedBy { table, from, is_joined }, columns) in std::mem::take(&mut self.passed) {
            let TableSource::Transform { stages, .. } = &mut program.tables[table.0].source else { continue };
            for (at, stage) in stages.iter_mut().enumerate().skip(from) {
                match stage {
                    Stage::Join(join) if is_joined && at == from => {
                        let names = columns.iter().flat_map(Expr::columns).map(str::to_owned);
                        let new: Vec<String> =
                            names.filter(|name| !join.columns.iter().any(|(_, here)| here == name)).collect();
                        join.columns.extend(new.into_iter().map(|name| (name.clone(), name)));
                    }
                    Stage::Keep(list) => {
                        for column in &columns {
                            let ExprKind::Column(name) = &column.kind else { continue };
                            if !list.iter().any(|(before, _)| before == name) {
                                list.push((name.clone(), column.clone()));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn conditions(&self, program: &mut Program) {
        program.map_sureness(&mut |surely: &mut Surely, span: Span, place: Place| {
            let Some([left, right]) = self.sides.get(&(span.start, span.end, place)) else { return };
            surely.left.estimate.clone_from(left);
            surely.right.estimate.clone_from(right);
        });
    }
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
/// that have nothing to be counted in are left out.
fn of_days(day: &Expr, count: &Expr, of: Option<&Expr>) -> Vec<Expr> {
    let span = count.span;
    let (in_day, each) = ("count", "of");
    let mut of_days = vec![(in_day.to_owned(), count.clone())];
    of_days.extend(of.map(|of| (each.to_owned(), of.clone())));
    let column = |name: &str, ty| Expr::column(name, ty, true, span);
    let number = |value| Expr::new(ExprKind::Function(Function::Number, vec![value]), Type::Number, true, span);
    let arith = |op, a, b| Expr::new(ExprKind::Arith(op, Box::new(a), Box::new(b)), Type::Number, true, span);
    let (counted, whole) = (column(in_day, count.ty), of.map(|of| column(each, of.ty)));
    let has_some = whole.clone().map(|whole| {
        let zero = Expr::constant(Constant::Integer(0), Type::Count, span);
        Expr::new(
            ExprKind::Compare(CompareOp::Greater, Box::new(number(whole)), Box::new(zero)),
            Type::Bool,
            true,
            span,
        )
    });
    let square = arith(ArithOp::Multiply, number(counted.clone()), number(counted.clone()));
    let square = match whole.clone() {
        Some(whole) => arith(ArithOp::Divide, square, number(whole)),
        None => square,
    };
    let aggregate = |func, value: Option<Expr>, ty| Expr::aggregate(func, value, has_some.clone(), ty, span);
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
