//! Which values are averages or rates.

use std::collections::BTreeSet;

use cpl_model::{
    program::{AggFunc, ArithOp, Expr, ExprKind, Function, Program, Stage, TableId, TableSource},
    types::Type,
};
use cpl_syntax::Span;

use super::rule_inputs::RuleInputs;

/// The columns of each table that are averages or rates: divisions by a count or a sum, columns computed from those,
/// and columns stored as ratios.
pub struct Rates {
    computed: BTreeSet<(TableId, String)>,
    stored: BTreeSet<(TableId, String)>,
}

impl Rates {
    pub fn of(program: &Program, inputs: &RuleInputs<'_>) -> Self {
        let mut rates = Self { computed: BTreeSet::new(), stored: BTreeSet::new() };
        // A table comes after those it is made of.
        for id in &inputs.tables {
            match &program.table(*id).source {
                TableSource::Fetch(_) => {
                    let ratios = program.table(*id).columns.iter().filter(|column| column.ty == Type::Ratio);
                    rates.stored.extend(ratios.map(|column| (*id, column.name.clone())));
                }
                TableSource::Transform { from, stages } => {
                    rates.pass(*from, *id, |name| Some(name.to_owned()));
                    for stage in stages {
                        rates.stage(*id, stage);
                    }
                }
            }
        }
        rates
    }

    /// What comes from another table, under the names it has here.
    fn pass(&mut self, from: TableId, to: TableId, named: impl Fn(&str) -> Option<String>) {
        for side in [&mut self.computed, &mut self.stored] {
            let passed: Vec<_> =
                side.iter().filter(|(id, _)| *id == from).filter_map(|(_, name)| named(name)).collect();
            side.extend(passed.into_iter().map(|name| (to, name)));
        }
    }

    fn stage(&mut self, id: TableId, stage: &Stage) {
        if let Stage::Join(join) = stage {
            self.pass(join.table, id, |name| {
                join.columns.iter().find(|(from, _)| from == name).map(|(_, here)| here.clone())
            });
        }
        let made: Vec<(String, bool, bool)> = stage
            .named()
            .iter()
            .map(|(name, value)| (name.clone(), self.part(id, value).is_some(), self.is_stored(id, value)))
            .collect();
        if matches!(stage, Stage::Group { .. } | Stage::Keep(_)) {
            self.computed.retain(|(of, _)| *of != id);
            self.stored.retain(|(of, _)| *of != id);
        }
        for (name, computed, stored) in made {
            let key = (id, name);
            for (side, is) in [(&mut self.computed, computed), (&mut self.stored, stored)] {
                if is {
                    side.insert(key.clone())
                } else {
                    side.remove(&key)
                };
            }
        }
    }

    /// The rate that a condition compares.
    pub fn in_condition(&self, id: TableId, condition: &Expr) -> Option<Span> {
        let mut found = None;
        condition.walk(&mut |part| {
            let sides: &[&Expr] = match &part.kind {
                ExprKind::Compare(_, a, b) | ExprKind::Exceeds(_, a, b, _) | ExprKind::Within(_, a, b, _) => &[a, b],
                ExprKind::InRange(a, ..) => &[a],
                // True of few things, and of what is unlike.
                ExprKind::Not(inner) => match &inner.kind {
                    ExprKind::Surely(surely) => &[&surely.left.value],
                    _ => &[],
                },
                _ => &[],
            };
            for side in sides {
                let stored = self.is_stored(id, side).then_some(side.span);
                found = found.or_else(|| self.part(id, side)).or(stored);
            }
        });
        found
    }

    fn is_stored(&self, id: TableId, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Column(name) => self.stored.contains(&(id, name.clone())),
            ExprKind::Aggregate(aggregate) => aggregate.of.as_ref().is_some_and(|of| self.is_stored(id, of)),
            _ => false,
        }
    }

    /// The part of a value that makes a rate of it; a total of rates is none.
    fn part(&self, id: TableId, expr: &Expr) -> Option<Span> {
        let is = match &expr.kind {
            ExprKind::Column(name) => self.computed.contains(&(id, name.clone())),
            ExprKind::Arith(ArithOp::Divide, _, by) => is_counted_or_summed(by),
            ExprKind::Aggregate(aggregate) if aggregate.func == AggFunc::Mean => true,
            ExprKind::Aggregate(aggregate) if expr.ty != Type::Ratio || aggregate.func == AggFunc::Sum => return None,
            _ => false,
        };
        if is { Some(expr.span) } else { expr.parts().into_iter().find_map(|part| self.part(id, part)) }
    }
}

/// Whether it is a count or a sum: `clicks`, `sum(spend)`; a number of days is not.
fn is_counted_or_summed(by: &Expr) -> bool {
    match &by.kind {
        ExprKind::Column(_) => by.ty.is_amount(),
        ExprKind::Aggregate(aggregate) => {
            matches!(aggregate.func, AggFunc::Sum | AggFunc::Count | AggFunc::CountDistinct)
        }
        ExprKind::Function(Function::DaysBetween | Function::HoursBetween, _) => false,
        _ => by.parts().into_iter().any(is_counted_or_summed),
    }
}
