//! Values a rule looks at, each with why it may be unknown: traced from the rule back to what divides by zero or was never known.

use cpl_plan::{
    program::{AggFunc, Expr, ExprKind, Origin, Place, Program, Series, SeriesOf, TableId},
    value::Value,
};

use crate::slots::{Slot, Slots};

/// A value of a row, and what may make it unknown.
pub struct Traced {
    /// As the pipeline writes it.
    written: String,
    slot: Slot,
    cause: Cause,
}

enum Cause {
    /// It is known no further back.
    Unnamed,
    /// An aggregate over nothing that is known.
    Aggregate(&'static str),
    /// A table that does not hold it.
    Missing(String),
    /// A column that is computed.
    Computed(Box<Traced>),
    /// One of its parts.
    Parts(Vec<Traced>),
    /// One of its parts; the last of them divides.
    Division(Vec<Traced>),
}

impl Traced {
    /// Of an expression over the columns of a rule's table.
    pub fn of(expr: &Expr, table: TableId, program: &Program, slots: &mut Slots) -> Self {
        Tracer { program, slots }.part(expr, Seen { before: Some(program.end(table)), kept: None, depth: 0 })
    }

    /// The value as the pipeline writes it.
    pub fn written(&self) -> &str {
        &self.written
    }

    pub fn value<'r>(&self, row: &'r [Value]) -> &'r Value {
        &row[self.slot.0]
    }

    /// The value is unknown: `cac is unknown: sum(customers) is 0`.
    pub fn why_unknown(&self, row: &[Value]) -> String {
        let cause = match &self.cause {
            Cause::Unnamed => None,
            Cause::Aggregate(text) => return format!("{} {text}", self.written),
            Cause::Missing(text) => Some(text.clone()),
            Cause::Computed(value) => Some(value.why_behind(row)),
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

    /// The same behind the name of what it is a part of: only what is no computation is named again.
    fn why_behind(&self, row: &[Value]) -> String {
        let told = self.why_unknown(row);
        let computes = matches!(self.cause, Cause::Parts(_) | Cause::Division(_));
        let named = format!("{} is unknown: ", self.written);
        told.strip_prefix(&named).filter(|_| computes).map_or(told.clone(), str::to_owned)
    }
}

fn first_unknown(parts: &[Traced], row: &[Value]) -> Option<String> {
    Some(parts.iter().find(|part| part.value(row).is_unknown())?.why_behind(row))
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

struct Tracer<'a> {
    program: &'a Program,
    slots: &'a mut Slots,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Seen<'e> {
    /// Its columns are seen as they are here; none behind which a group hides them.
    before: Option<Place>,
    /// The computed column it belongs to, of which the plan keeps the witnesses; none in the rule itself.
    kept: Option<&'e Expr>,
    /// How many columns lie between it and the rule.
    depth: usize,
}

/// How far a cause is followed: each column may be made of several.
const MAX_DEPTH: usize = 5;

impl Tracer<'_> {
    fn part(&mut self, expr: &Expr, seen: Seen<'_>) -> Traced {
        let witness = |of: &Expr| of.witnesses().into_iter().position(|part| std::ptr::eq(part, expr));
        let slot = match seen.kept.and_then(|of| Some((of, witness(of)?))) {
            Some((of, at)) => self.slots.column(&of.witness_name(at), expr.ty),
            None => self.slots.add(expr),
        };
        let written = match &expr.kind {
            ExprKind::Column(name) => name.clone(),
            ExprKind::Series(series) => self.looked_at(series, expr),
            _ => self.program.written(expr.span),
        };
        Traced { written, slot, cause: self.cause(expr, slot, seen) }
    }

    /// `spend 7 days before`; another look as it is written.
    fn looked_at(&self, series: &Series, expr: &Expr) -> String {
        match &series.of {
            SeriesOf::Lag(value, back) => format!("{} {back} before", self.program.written(value.span)),
            SeriesOf::Over(..) | SeriesOf::Share(_) => self.program.written(expr.span),
        }
    }

    fn cause(&mut self, expr: &Expr, slot: Slot, seen: Seen<'_>) -> Cause {
        match &expr.kind {
            ExprKind::Column(name) => match seen.before {
                Some(before) if seen.depth < MAX_DEPTH => self.column(name, slot, before, seen.depth),
                _ => Cause::Unnamed,
            },
            ExprKind::Aggregate(aggregate) => Cause::Aggregate(match aggregate.func {
                AggFunc::First | AggFunc::Last => "has no known value, or several at one time",
                _ => "has no known value",
            }),
            _ => {
                let parts = expr.suspects().into_iter().map(|part| self.part(part, seen)).collect();
                if expr.divisor().is_some() { Cause::Division(parts) } else { Cause::Parts(parts) }
            }
        }
    }

    fn column(&mut self, name: &str, slot: Slot, before: Place, depth: usize) -> Cause {
        let program = self.program;
        let (value, before) = match program.origin(name, before) {
            Origin::Computed(place, value) => (value, Some(place)),
            Origin::Grouped(_, value) => (value, None),
            Origin::Passed(table) => return self.column(name, slot, program.end(table), depth),
            Origin::Key => return Cause::Unnamed,
            Origin::Joined(table) => {
                return Cause::Missing(format!("{} has no value for it", program.table(table).name));
            }
            Origin::Fetched => return Cause::Missing(format!("it is missing in {}", program.table(before.table).name)),
        };
        let cause = self.cause(value, slot, Seen { before, kept: Some(value), depth: depth + 1 });
        Cause::Computed(Box::new(Traced { written: program.definition(value), slot, cause }))
    }
}
