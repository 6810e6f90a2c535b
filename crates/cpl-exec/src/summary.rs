//! What a fetch tells of itself: its rows, those dated after now, the newest of its times.

use cpl_plan::{
    program::{AggFunc, Column, CompareOp, Constant, Expr, ExprKind, Source, Table},
    types::Type,
    value::Value,
};
use jiff::tz::TimeZone;
use polars::prelude as pl;

use crate::{
    expr::Translate,
    frames::{Grouping, ROWS},
    rows::rows,
    trouble::Trouble,
};

/// What a fetch told.
pub struct Summary {
    pub rows: u64,
    /// Rows dated after now: they are not read.
    pub future: u64,
    /// The newest of its times that are past.
    pub newest: Value,
}

impl Summary {
    /// What is asked of all rows of a fetch.
    pub fn asked(table: &Table, translate: &Translate<'_>) -> Result<Grouping, jiff::Error> {
        let future = is_future(table);
        let past = future.clone().map(|future| condition(ExprKind::Not(Box::new(future)), table));
        let aggregate = |func, of, filter, ty| Expr::aggregate(func, of, filter, ty, table.span);
        let mut items = vec![(ROWS.to_owned(), aggregate(AggFunc::Count, None, None, Type::Count))];
        if future.is_some() {
            items.push(("·future".to_owned(), aggregate(AggFunc::Count, None, future, Type::Count)));
        }
        if let Some(column) = time(table) {
            let of = Expr::column(&column.name, column.ty, column.unknown, column.span);
            items.push((column.name.clone(), aggregate(AggFunc::Max, Some(of), past.clone(), column.ty)));
        }
        Grouping::of(Vec::new(), &items, translate)
    }

    /// The answer, out of one row.
    pub fn told(table: &Table, frame: &pl::DataFrame, zone: &TimeZone) -> Result<Self, Trouble> {
        let dated = is_future(table).is_some();
        let counts = if dated { vec![Type::Count; 2] } else { vec![Type::Count] };
        let types = counts.into_iter().chain(time(table).map(|time| time.ty));
        let mut values = rows(frame, &types.collect::<Vec<_>>(), zone)?.pop().unwrap_or_default().into_iter();
        let mut count = || match values.next() {
            Some(Value::Integer(count)) => u64::try_from(count).unwrap_or(0),
            _ => 0,
        };
        let all = count();
        let future = if dated { count() } else { 0 };
        let newest = values.next().unwrap_or(Value::Unknown);
        Ok(Self { rows: all.saturating_sub(future), future, newest })
    }
}

/// Whether a row is dated after `now` (a date: after `today`); none where nothing dates it, or all rows are wanted.
pub fn is_future(table: &Table) -> Option<Expr> {
    let Source::Fetch(fetch) = &table.source else { return None };
    let time = time(table).filter(|_| !fetch.future)?;
    let now = if time.ty == Type::Date { Constant::Today(0) } else { Constant::Now };
    let now = Expr { kind: ExprKind::Constant(now), ty: time.ty, unknown: false, span: time.span, defined: None };
    let time = Expr::column(&time.name, time.ty, time.unknown, time.span);
    Some(condition(ExprKind::Compare(CompareOp::Greater, Box::new(time), Box::new(now)), table))
}

fn condition(kind: ExprKind, table: &Table) -> Expr {
    Expr { kind, ty: Type::Bool, unknown: true, span: table.span, defined: None }
}

/// What dates a row.
fn time(table: &Table) -> Option<&Column> {
    table.column(table.time.as_deref()?)
}
