//! Why-provenance: the values a rule looks at, each traced back to what may make it unknown, such as a division by
//! zero or a value that was never known.

use cpl_model::{
    program::{AggFunc, Expr, ExprKind, InternalColumn, Origin, Place, Program, Series, SeriesOf, TableId},
    value::Value,
};

use super::layout::{RowLayout, ValueRef};

/// A value of a row, and what may make it unknown.
#[derive(Clone, Debug)]
pub struct Explained {
    /// As the pipeline writes it.
    written: String,
    at: ValueRef,
    cause: Cause,
}

#[derive(Clone, Debug)]
enum Cause {
    /// It is known no further back.
    Unnamed,
    /// An aggregate over nothing that is known.
    Aggregate(&'static str),
    /// A table lacks it.
    Missing(String),
    /// A column that is computed.
    Computed(Box<Explained>),
    /// One of its parts.
    Parts(Vec<Explained>),
    /// One of its parts; the last of them divides.
    Division(Vec<Explained>),
}

impl Explained {
    /// Of an expression over the columns of a rule's table.
    #[must_use]
    pub fn of(expr: &Expr, table: TableId, program: &Program, layout: &mut RowLayout) -> Self {
        Explainer { program, layout }.part(expr, Scope { before: Some(program.end(table)), kept: None, depth: 0 })
    }

    /// The value as the pipeline writes it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The value in a row.
    #[must_use]
    pub fn value<'r>(&self, row: &'r [Value]) -> &'r Value {
        &row[self.at.0]
    }

    /// The value is unknown: `cac is unknown: sum(customers) is 0`.
    #[must_use]
    pub fn why_unknown(&self, row: &[Value]) -> String {
        let cause = match &self.cause {
            Cause::Unnamed => None,
            Cause::Aggregate(text) => return format!("{} {text}", self.written),
            Cause::Missing(text) => Some(text.clone()),
            Cause::Computed(value) => Some(value.why_inside(row)),
            Cause::Parts(parts) => first_unknown(parts, row),
            Cause::Division(parts) => match parts.last() {
                Some(by) if is_zero(by.value(row)) => Some(format!("{} is 0", by.written)),
                _ => first_unknown(parts, row),
            },
        };
        match cause {
            Some(cause) => format!("{} is unknown: {cause}", self.written),
            None => format!("{} is unknown", self.written),
        }
    }

    /// The same after the name of what it is a part of: a computation is not named again.
    fn why_inside(&self, row: &[Value]) -> String {
        let why = self.why_unknown(row);
        let computes = matches!(self.cause, Cause::Parts(_) | Cause::Division(_));
        let named = format!("{} is unknown: ", self.written);
        why.strip_prefix(&named).filter(|_| computes).map_or(why.clone(), str::to_owned)
    }
}

fn first_unknown(parts: &[Explained], row: &[Value]) -> Option<String> {
    Some(parts.iter().find(|part| part.value(row).is_unknown())?.why_inside(row))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Integer(value) => *value == 0,
        Value::Number(value) | Value::Ratio(value) => *value == 0.0,
        Value::Money(amount, _) => amount.is_zero(),
        Value::Duration(micros) => *micros == 0,
        _ => false,
    }
}

struct Explainer<'a> {
    program: &'a Program,
    layout: &'a mut RowLayout,
}

/// The context of an expression.
#[derive(Clone, Copy)]
struct Scope<'e> {
    /// Its columns are looked up before this place; none after a group, which hides them.
    before: Option<Place>,
    /// The computed column it belongs to, whose parts the plan keeps; none in the rule itself.
    kept: Option<&'e Expr>,
    /// How many columns lie between it and the rule.
    depth: usize,
}

/// How far a cause is followed: each column may be made of several.
const MAX_DEPTH: usize = 5;

impl Explainer<'_> {
    fn part(&mut self, expr: &Expr, scope: Scope<'_>) -> Explained {
        let provenance_index = |of: &Expr| of.provenance_parts().into_iter().position(|part| std::ptr::eq(part, expr));
        let at = match scope.kept.and_then(|of| Some(InternalColumn::Provenance(of.provenance?, provenance_index(of)?)))
        {
            Some(column) => self.layout.column(&column.to_string(), expr.ty),
            None => self.layout.add(expr),
        };
        let written = match &expr.kind {
            ExprKind::Column(name) => name.clone(),
            ExprKind::Series(series) => self.series_text(series, expr),
            _ => self.program.written(expr.span),
        };
        Explained { written, at, cause: self.cause(expr, at, scope) }
    }

    /// `spend 7 days before`; anything else as it is written.
    fn series_text(&self, series: &Series, expr: &Expr) -> String {
        match &series.of {
            SeriesOf::Lag(value, back) => format!("{} {back} before", self.program.written(value.span)),
            SeriesOf::Over(..) | SeriesOf::Share(_) | SeriesOf::Pattern(_) => self.program.written(expr.span),
        }
    }

    fn cause(&mut self, expr: &Expr, at: ValueRef, scope: Scope<'_>) -> Cause {
        match &expr.kind {
            ExprKind::Column(name) => match scope.before {
                Some(before) if scope.depth < MAX_DEPTH => self.column(name, at, before, scope.depth),
                _ => Cause::Unnamed,
            },
            ExprKind::Aggregate(aggregate) => Cause::Aggregate(match aggregate.func {
                AggFunc::First | AggFunc::Last => "has no known value, or several at one time",
                AggFunc::Std => "has fewer than two known values",
                _ => "has no known value",
            }),
            ExprKind::Series(series) if matches!(series.of, SeriesOf::Pattern(_)) => {
                Cause::Aggregate("can't be told: too few values lie before it")
            }
            _ => {
                let parts = expr.possibly_null_parts().into_iter().map(|part| self.part(part, scope)).collect();
                if expr.divisor().is_some() { Cause::Division(parts) } else { Cause::Parts(parts) }
            }
        }
    }

    fn column(&mut self, name: &str, at: ValueRef, before: Place, depth: usize) -> Cause {
        let program = self.program;
        let (value, before) = match program.origin(name, before) {
            Origin::Computed(place, item) => (item.value, Some(place)),
            Origin::Grouped(_, item) => (item.value, None),
            Origin::Passed(table) => return self.column(name, at, program.end(table), depth),
            Origin::Key => return Cause::Unnamed,
            Origin::Joined(table) => {
                return Cause::Missing(format!("{} has no value for it", program.table(table).name));
            }
            Origin::Fetched => return Cause::Missing(format!("it is missing in {}", program.table(before.table).name)),
        };
        let cause = self.cause(value, at, Scope { before, kept: Some(value), depth: depth + 1 });
        Cause::Computed(Box::new(Explained { written: program.definition(value), at, cause }))
    }
}
