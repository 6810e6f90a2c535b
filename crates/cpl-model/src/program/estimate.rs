//! Where the columns are that tell how sure a value is: its aggregate is followed back through the stages that pass it on.

use cpl_syntax::Span;
use rust_decimal::Decimal;

use super::{
    AggFunc, ArithOp, EstimateForm, Expr, ExprKind, Operand, Pattern, Place, Program, SeriesOf, Stage, TableId,
    TableSource,
};
use crate::types::Type;

/// An aggregate that tells how sure it is, and the way from it to the condition.
#[derive(Clone, Debug)]
pub struct EstimateSource<'p> {
    /// The stage that computes it.
    pub place: Place,
    /// The item of that stage.
    pub item: usize,
    /// What it is.
    pub aggregate: EstimateAggregate<'p>,
    /// How many times it is taken.
    pub factor: Decimal,
    /// The tables on the way, the last one first, and the stage of each behind which the columns are there.
    pub way: Vec<PassedBy>,
}

/// A table on the way of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedBy {
    /// The table.
    pub table: TableId,
    /// Its first stage that has the value.
    pub from: usize,
    /// The stage is the join that brings it.
    pub is_joined: bool,
}

/// An aggregate that tells how sure it is.
#[derive(Clone, Copy, Debug)]
pub struct EstimateAggregate<'p> {
    /// Its form.
    pub form: EstimateForm,
    /// What counts; of a mean, the mean.
    pub count: &'p Expr,
    /// What it is counted in: an amount, or another count.
    pub of: Option<&'p Expr>,
}

impl EstimateSource<'_> {
    /// Whether both are the same aggregate, come the same way: a multiple of a value is made of what it is made of.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.place, self.item, &self.way) == (other.place, other.item, &other.way)
    }
}

/// Why nothing tells how sure a value is.
#[derive(Clone, Debug)]
pub struct NoEstimate {
    /// Why.
    pub why: NoEstimateReason,
    /// Where.
    pub at: Span,
}

/// The reasons.
#[derive(Clone, Debug)]
pub enum NoEstimateReason {
    /// It comes as it is from a file or a server.
    Read,
    /// It is computed of a value, row by row.
    Computed,
    /// It is another kind of aggregate.
    Aggregate,
    /// It names a group, or is made of the rows of several tables.
    Lost,
    /// It is no column.
    NoColumn,
    /// It is multiplied by what is not written out, or not above 0.
    Factor,
}

impl Program {
    /// What tells how sure a value is, that is looked at behind `before`.
    ///
    /// # Errors
    /// Where nothing does.
    pub fn estimate<'p>(&'p self, value: &'p Expr, before: Place) -> Result<EstimateSource<'p>, NoEstimate> {
        let (factor, column) = scaled(value)?;
        let ExprKind::Column(name) = &column.kind else { return Err(no(NoEstimateReason::NoColumn, column)) };
        let mut found = self.column(name, column, before)?;
        found.factor *= factor;
        Ok(found)
    }

    /// Whether a value is known exactly: it is written out, or made row by row of what comes from files and servers.
    #[must_use]
    pub fn is_exact(&self, value: &Expr, before: Place) -> bool {
        let is_made_of_rows = |kind: &ExprKind| {
            matches!(kind, ExprKind::Aggregate(_) | ExprKind::Total(_) | ExprKind::Series(_) | ExprKind::Applied(_))
        };
        !value.any(is_made_of_rows) && value.columns().iter().all(|name| self.is_read(name, before))
    }

    /// Whether a column comes from a file or a server, whatever names it had on the way.
    fn is_read(&self, name: &str, before: Place) -> bool {
        let TableSource::Transform { from, stages } = &self.table(before.table).source else { return true };
        for (at, stage) in stages.iter().enumerate().take(before.stage + 1).rev() {
            let is_over = at < before.stage;
            let items = if is_over { usize::MAX } else { before.item };
            let place = |item| Place { table: before.table, stage: at, item };
            match stage {
                Stage::Derive(list) => {
                    if let Some(item) = list.iter().take(items).rposition(|(made, _)| made == name) {
                        return self.is_exact(&list[item].1, place(item));
                    }
                }
                Stage::Keep(list) if is_over => {
                    let kept = list.iter().find(|(kept, _)| kept == name);
                    return kept.is_some_and(|(_, value)| self.is_exact(value, place(0)));
                }
                Stage::Group { keys, .. } if is_over && !keys.iter().any(|key| key.name == name) => return false,
                Stage::Join(join) if is_over => {
                    if let Some((right, _)) = join.columns.iter().find(|(_, here)| here == name) {
                        return self.is_read(right, self.end(join.table));
                    }
                }
                Stage::Union(_) | Stage::Unpivot(_) if is_over => return false,
                _ => {}
            }
        }
        self.is_read(name, self.end(*from))
    }

    fn column<'p>(&'p self, name: &str, value: &Expr, before: Place) -> Result<EstimateSource<'p>, NoEstimate> {
        let here = PassedBy { table: before.table, from: 0, is_joined: false };
        let TableSource::Transform { from, stages } = &self.table(before.table).source else {
            return Err(no(NoEstimateReason::Read, value));
        };
        let mut name = name.to_owned();
        for (at, stage) in stages.iter().enumerate().take(before.stage + 1).rev() {
            let is_over = at < before.stage;
            let items = if is_over { usize::MAX } else { before.item };
            match stage {
                Stage::Derive(list) => {
                    for (made, value) in list.iter().take(items).rev() {
                        if *made != name {
                            continue;
                        }
                        let ExprKind::Column(earlier) = &value.kind else {
                            return Err(no(NoEstimateReason::Computed, value));
                        };
                        name.clone_from(earlier);
                    }
                }
                Stage::Keep(list) if is_over => match list.iter().find(|(kept, _)| *kept == name) {
                    Some((_, Expr { kind: ExprKind::Column(earlier), .. })) => name.clone_from(earlier),
                    Some((_, value)) => return Err(no(NoEstimateReason::Computed, value)),
                    None => return Err(no(NoEstimateReason::Lost, value)),
                },
                Stage::Group { items: list, .. } if is_over => {
                    let Some(item) = list.iter().position(|(made, _)| *made == name) else {
                        return Err(no(NoEstimateReason::Lost, value));
                    };
                    let place = Place { table: before.table, stage: at, item: 0 };
                    return aggregated(&list[item].1, place, item, PassedBy { from: at + 1, ..here });
                }
                Stage::Join(join) if is_over => {
                    if let Some((right, _)) = join.columns.iter().find(|(_, here)| *here == name) {
                        let mut found = self.column(right, value, self.end(join.table))?;
                        found.way.push(PassedBy { from: at, is_joined: true, ..here });
                        return Ok(found);
                    }
                }
                Stage::Union(_) | Stage::Unpivot(_) if is_over => return Err(no(NoEstimateReason::Lost, value)),
                _ => {}
            }
        }
        let mut found = self.column(&name, value, self.end(*from))?;
        found.way.push(here);
        Ok(found)
    }
}

fn no(why: NoEstimateReason, at: &Expr) -> NoEstimate {
    NoEstimate { why, at: at.span }
}

/// A value without the constants that multiply it, and their product.
fn scaled(value: &Expr) -> Result<(Decimal, &Expr), NoEstimate> {
    let (by, rest) = match &value.kind {
        ExprKind::Arith(ArithOp::Multiply, rest, by) if by.columns().is_empty() && !by.has_aggregate() => {
            (by.amount(), rest)
        }
        ExprKind::Arith(ArithOp::Multiply, by, rest) if by.columns().is_empty() && !by.has_aggregate() => {
            (by.amount(), rest)
        }
        ExprKind::Arith(ArithOp::Divide, rest, by) if by.columns().is_empty() && !by.has_aggregate() => {
            (by.amount().and_then(|by| Decimal::ONE.checked_div(by)), rest)
        }
        _ => return Ok((Decimal::ONE, value)),
    };
    let by =
        by.filter(|by| by.is_sign_positive() && !by.is_zero()).ok_or_else(|| no(NoEstimateReason::Factor, value))?;
    let (factor, rest) = scaled(rest)?;
    let factor = factor.checked_mul(by).ok_or_else(|| no(NoEstimateReason::Factor, value))?;
    Ok((factor, rest))
}

fn aggregated(value: &Expr, place: Place, item: usize, way: PassedBy) -> Result<EstimateSource<'_>, NoEstimate> {
    let (factor, value) = scaled(value)?;
    let aggregate = form(value).ok_or_else(|| no(NoEstimateReason::Aggregate, value))?;
    Ok(EstimateSource { place, item, aggregate, factor, way: vec![way] })
}

fn form(value: &Expr) -> Option<EstimateAggregate<'_>> {
    match &value.kind {
        ExprKind::Arith(ArithOp::Divide, above, below) if is_count(below) => match above.ty {
            Type::Money(_) if is_sum(above) => {
                Some(EstimateAggregate { form: EstimateForm::PerCount, count: below, of: Some(above) })
            }
            _ if is_count(above) => {
                Some(EstimateAggregate { form: EstimateForm::Share, count: above, of: Some(below) })
            }
            _ => None,
        },
        ExprKind::Aggregate(aggregate) if aggregate.func == AggFunc::Mean => {
            Some(EstimateAggregate { form: EstimateForm::Mean, count: value, of: None })
        }
        _ if is_count(value) => Some(EstimateAggregate { form: EstimateForm::Count, count: value, of: None }),
        _ => None,
    }
}

fn is_sum(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Aggregate(aggregate) if aggregate.func == AggFunc::Sum)
}

/// Whether it counts things: `sum(count)`, `count()`.
fn is_count(value: &Expr) -> bool {
    let counts = matches!(&value.kind, ExprKind::Aggregate(aggregate) if aggregate.func == AggFunc::Count);
    counts || (value.ty == Type::Count && is_sum(value))
}

impl Program {
    /// The expressions that may ask how sure a value is, or whether it breaks a pattern, and where they see it.
    #[must_use]
    pub fn sureness_exprs(&self) -> Vec<(&Expr, Place)> {
        let mut found = Vec::new();
        for (table, of) in self.tables.iter().enumerate().map(|(at, of)| (TableId(at), of)) {
            let TableSource::Transform { stages, .. } = &of.source else { continue };
            for (stage, made) in stages.iter().enumerate() {
                let place = |item| Place { table, stage, item };
                match made {
                    Stage::Where(filter) => found.push((filter, place(0))),
                    Stage::Derive(list) => {
                        found.extend(list.iter().enumerate().map(|(at, (_, value))| (value, place(at))));
                    }
                    Stage::Keep(list) => found.extend(list.iter().map(|(_, value)| (value, place(0)))),
                    _ => {}
                }
            }
        }
        for rule in &self.decisions {
            let first = rule.at_most.iter().filter_map(|at_most| at_most.first.as_ref()).map(|(_, first)| first);
            found.extend(rule.when.iter().chain(first).map(|expr| (expr, self.end(rule.rows.table))));
        }
        for rule in &self.alerts {
            found.extend(rule.when.iter().map(|expr| (expr, self.end(rule.rows.table))));
        }
        found
    }

    /// Changes the values of which they ask; with where those are looked at.
    pub fn map_operands(&mut self, change: &mut impl FnMut(&mut Operand, Place)) {
        let ends: Vec<Place> = (0..self.tables.len()).map(|at| self.end(TableId(at))).collect();
        for (table, of) in self.tables.iter_mut().enumerate().map(|(at, of)| (TableId(at), of)) {
            let TableSource::Transform { stages, .. } = &mut of.source else { continue };
            for (stage, made) in stages.iter_mut().enumerate() {
                let place = |item| Place { table, stage, item };
                match made {
                    Stage::Where(filter) => filter.map_operands(place(0), change),
                    Stage::Derive(list) => {
                        for (at, (_, value)) in list.iter_mut().enumerate() {
                            value.map_operands(place(at), change);
                        }
                    }
                    Stage::Keep(list) => {
                        for (_, value) in list {
                            value.map_operands(place(0), change);
                        }
                    }
                    _ => {}
                }
            }
        }
        for rule in &mut self.decisions {
            let first = rule.at_most.iter_mut().filter_map(|at_most| at_most.first.as_mut()).map(|(_, first)| first);
            let place = ends[rule.rows.table.0];
            rule.when.iter_mut().chain(first).for_each(|expr| expr.map_operands(place, change));
        }
        for rule in &mut self.alerts {
            rule.when.iter_mut().for_each(|expr| expr.map_operands(ends[rule.rows.table.0], change));
        }
    }
}

impl Expr {
    /// The values of which it asks how sure they are, or whether they break a pattern.
    pub fn walk_operands<'e>(&'e self, visit: &mut impl FnMut(&'e Operand)) {
        self.walk(&mut |part| match &part.kind {
            ExprKind::Surely(surely) => surely.operands().into_iter().for_each(&mut *visit),
            ExprKind::Series(series) => {
                if let SeriesOf::Pattern(pattern) = &series.of {
                    visit(&pattern.of);
                }
            }
            _ => {}
        });
    }

    fn map_operands(&mut self, place: Place, change: &mut impl FnMut(&mut Operand, Place)) {
        match &mut self.kind {
            ExprKind::Surely(surely) => {
                change(&mut surely.left, place);
                return change(&mut surely.right, place);
            }
            ExprKind::Series(series) => {
                if let SeriesOf::Pattern(pattern) = &mut series.of {
                    change(&mut pattern.of, place);
                }
                return;
            }
            _ => {}
        }
        let taken = std::mem::replace(self, Self::column("", self.ty, false, self.span));
        *self = taken.map_parts(&mut |mut part| {
            part.map_operands(place, change);
            part
        });
    }
}

impl Pattern {
    /// What the value is counted in, such as the customers of a cost: counts scatter by chance.
    #[must_use]
    pub fn count(&self) -> Option<&Expr> {
        let Some(estimate) = &self.of.estimate else {
            return (self.of.value.ty == Type::Count).then_some(&self.of.value);
        };
        match estimate.form {
            EstimateForm::PerCount => estimate.parts.get(1),
            EstimateForm::Share | EstimateForm::Count => estimate.parts.first(),
            EstimateForm::Mean => None,
        }
    }

    /// Whether both look at the same values, whatever they ask of them.
    #[must_use]
    pub fn looks_as(&self, other: &Self) -> bool {
        let same = |a: &Option<Expr>, b: &Option<Expr>| match (a, b) {
            (Some(a), Some(b)) => a.same_as(b),
            (None, None) => true,
            _ => false,
        };
        self.of.value.same_as(&other.of.value)
            && self.over == other.over
            && self.grain == other.grain
            && self.judged == other.judged
            && same(&self.except, &other.except)
    }
}
