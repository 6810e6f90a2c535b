//! Checks on tables: what is broken holds what depends on it, and is told.

use cpl_plan::{
    program::{self, AggFunc, CheckKind, Constant, Expr, ExprKind, Periods, Program, Table},
    report::Check,
    types::Type,
    value::Value,
};
use jiff::{Span, tz::TimeZone};
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    World,
    expr::Translate,
    frames::{Grouping, Split},
    rows::rows,
    trouble::Trouble,
};

/// What a check asks of a table's rows.
pub fn asked<'a>(
    check: &'a program::Check,
    table: &Table,
    frame: LazyFrame,
    translate: &Translate<'_>,
) -> Result<Split<'a>, jiff::Error> {
    let item = match &check.kind {
        CheckKind::Key(columns) => return Ok(Split::duplicates(frame, columns)),
        CheckKind::NoGaps(periods) => return Ok(Split::gaps(frame, periods)),
        CheckKind::Fresh(column, _) => {
            let ty = table.column(column).map_or(Type::Date, |column| column.ty);
            let of = Expr::column(column, ty, true, check.span);
            Expr::aggregate(AggFunc::Max, Some(of), None, ty, check.span)
        }
        CheckKind::Expect(expected) if aggregates(expected) => expected.clone(),
        CheckKind::Expect(expected) => {
            Expr::aggregate(AggFunc::Count, None, Some(is_broken(expected)), Type::Count, check.span)
        }
    };
    let asked = Grouping::of(Vec::new(), &[("found".to_owned(), item)], translate)?;
    Ok(Split::asked(frame, asked))
}

fn aggregates(expr: &Expr) -> bool {
    expr.any(|kind| matches!(kind, ExprKind::Aggregate(_)))
}

/// A row of which it is not known to be true.
fn is_broken(expected: &Expr) -> Expr {
    let with = |kind| Expr { kind, unknown: false, defined: None, ..expected.clone() };
    let no = with(ExprKind::Constant(Constant::Bool(false)));
    let known = with(ExprKind::OrElse(Box::new(expected.clone()), Box::new(no)));
    with(ExprKind::Not(Box::new(known)))
}

/// What the answer says of the table.
pub fn told(
    check: &program::Check,
    table: &Table,
    frame: &pl::DataFrame,
    program: &Program,
    world: &World<'_>,
) -> Result<Check, Trouble> {
    let name = table.shown_name();
    let one = |ty: Type| Ok::<_, Trouble>(rows(frame, &[ty], &program.timezone)?.into_iter().flatten().next());
    let (written, broken, text) = match &check.kind {
        CheckKind::Key(columns) => {
            let (broken, text) = match duplicate(table, columns, frame, &program.timezone)? {
                None => (false, "each once".to_owned()),
                Some((key, rows)) => {
                    let key: Vec<String> = key.iter().map(ToString::to_string).collect();
                    (true, format!("{rows} rows of {name} are {}", key.join(", ")))
                }
            };
            (format!("key {}", columns.join(", ")), broken, text)
        }
        CheckKind::Fresh(column, micros) => {
            let ty = table.column(column).map_or(Type::Date, |column| column.ty);
            let newest = one(ty)?.unwrap_or(Value::Unknown);
            let text = match &newest {
                Value::Unknown => format!("{name} has no row with a known {column}"),
                newest => format!("the newest {column} of {name} is {newest}"),
            };
            let written = format!("fresh {column} within {}", Value::Duration(*micros));
            (written, !is_fresh(&newest, *micros, world), text)
        }
        CheckKind::Expect(expected) => {
            let (broken, text) = match one(if aggregates(expected) { Type::Bool } else { Type::Count })? {
                Some(Value::Bool(true)) => (false, "it is so".to_owned()),
                Some(Value::Bool(false)) => (true, format!("it is not so of {name}")),
                Some(Value::Integer(0)) => (false, "it is so in each row".to_owned()),
                Some(Value::Integer(1)) => (true, format!("it is not so in 1 row of {name}")),
                Some(Value::Integer(rows)) => (true, format!("it is not so in {rows} rows of {name}")),
                _ => (true, format!("it is unknown of {name}")),
            };
            (format!("expect {}", program.written(check.span)), broken, text)
        }
        CheckKind::NoGaps(periods) => {
            let gap = gap(table, periods, frame, &program.timezone)?;
            let (broken, text) =
                gap.map_or((false, format!("each {} is there", periods.grain.word())), |gap| (true, gap));
            (program.written(check.span), broken, text)
        }
    };
    let of_age = matches!(check.kind, CheckKind::Fresh(..));
    Ok(Check { table: name.to_owned(), check: written, broken, text, of_age })
}

/// Whether the newest value is no older than `micros` before `now`.
fn is_fresh(newest: &Value, micros: i64, world: &World<'_>) -> bool {
    let Ok(oldest) = world.clock.now.checked_sub(Span::new().microseconds(micros)) else { return false };
    match newest {
        // A date counts as its whole day: it ends where the next begins.
        Value::Date(date) => date.tomorrow().is_ok_and(|end| end.at(0, 0, 0, 0) >= oldest.datetime()),
        Value::Datetime(moment, _) => *moment >= oldest.timestamp(),
        _ => false,
    }
}

/// The key that a frame of duplicates tells of, and how many rows have it.
pub fn duplicate(
    table: &Table,
    on: &[String],
    frame: &pl::DataFrame,
    zone: &TimeZone,
) -> Result<Option<(Vec<Value>, i64)>, Trouble> {
    let types = on.iter().filter_map(|name| table.column(name)).map(|column| column.ty);
    let types: Vec<Type> = types.chain([Type::Count]).collect();
    let Some(mut row) = rows(frame, &types, zone)?.pop() else { return Ok(None) };
    let count = match row.pop() {
        Some(Value::Integer(count)) => count,
        _ => 0,
    };
    Ok(Some((row, count)))
}

/// The first gap of a series, in words.
fn gap(table: &Table, periods: &Periods, frame: &pl::DataFrame, zone: &TimeZone) -> Result<Option<String>, Trouble> {
    let ty = |name: &String| table.column(name).map_or(Type::Date, |column| column.ty);
    let time = ty(&periods.time);
    let types: Vec<Type> = periods.series.iter().map(ty).chain([time, time, Type::Count]).collect();
    let Some(row) = rows(frame, &types, zone)?.pop() else { return Ok(None) };
    let (series, [behind, before, gaps]) = row.split_at(periods.series.len()) else {
        unreachable!("a gap is told with its two ends and how many there are")
    };
    let of: Vec<String> = series.iter().map(ToString::to_string).collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", of.join(", ")) };
    let more = match gaps {
        Value::Integer(2..) => format!("; {gaps} such gaps"),
        _ => String::new(),
    };
    Ok(Some(format!("{} has no {} between {before} and {behind}{of}{more}", table.shown_name(), periods.grain.word())))
}
