//! Series: what other rows of a series, or of other series at one time, say of a row. By date and never by row.

use cpl_plan::{
    clock::Start,
    program::{AggFunc, Aggregate, ArithOp, Expr, ExprKind, Length, Newest, Series, SeriesOf, Unit},
    types::Type,
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{ROWS, aggregate::Parts, sort};
use crate::{
    collect::collected_one,
    expr::{Translate, day, instant},
    trouble::{self, Trouble},
    types::data_type,
};

/// A name that no column has: the time that is looked for.
const AT: &str = "·at";

/// The frame with a column for each look at other rows, and the expressions with those columns in their places.
pub fn prepared(frame: LazyFrame, exprs: &[&Expr], translate: &Translate<'_>) -> Result<Prepared, Trouble> {
    if !exprs.iter().any(|expr| expr.looks_at_others()) {
        let exprs = exprs.iter().map(|expr| (*expr).clone()).collect();
        return Ok(Prepared { frame, exprs, looks: 0 });
    }
    // Each look joins the frame with itself: it is made once, or the plan would double with each.
    let frame = made(frame, pl::Engine::Streaming)?;
    let mut looks = Looks { frame, found: Vec::new(), translate };
    looks.windows(exprs)?;
    let exprs = exprs.iter().map(|expr| looks.taken_out((*expr).clone())).collect::<Result<_, _>>()?;
    Ok(Prepared { frame: looks.frame, exprs, looks: looks.found.len() })
}

/// A frame in which each look at other rows is a column.
pub struct Prepared {
    pub frame: LazyFrame,
    /// The expressions, of its columns alone.
    pub exprs: Vec<Expr>,
    /// How many of them there are.
    pub looks: usize,
}

/// The frame without the columns of so many looks.
pub fn without(frame: LazyFrame, looks: usize) -> LazyFrame {
    if looks == 0 { frame } else { frame.drop(pl::by_name((0..looks).map(name), false, false)) }
}

/// The name of the column that says that a series has a row of its newest period.
pub const THERE: &str = "·there";

/// One row for each series: that of its newest complete period, or one of unknown values.
pub fn newest(
    frame: &LazyFrame,
    key: &[String],
    newest: &Newest,
    translate: &Translate<'_>,
) -> Result<LazyFrame, jiff::Error> {
    let start = match translate.clock.newest(newest.grain, &newest.on)? {
        Start::Day(date) => day(date),
        Start::Moment(moment) => instant(moment),
    };
    // The table that is one series has a name too, which no column has.
    let one = pl::lit(1).alias(AT);
    let keys: Vec<pl::Expr> = key.iter().map(|name| pl::col(name.as_str())).collect();
    let there = frame.clone().filter(pl::col(newest.time.as_str()).eq(start));
    let there = there.with_columns([pl::lit(true).alias(THERE)]);
    if keys.is_empty() {
        let series = frame.clone().select([pl::len().alias(ROWS)]).select([one.clone()]);
        return Ok(beside(series, there.with_columns([one]), &[pl::col(AT)]).drop(pl::by_name([AT], true, false)));
    }
    let series = frame.clone().group_by(&keys).agg([pl::len().alias(ROWS)]).select(&keys);
    Ok(beside(series, there, &keys))
}

struct Looks<'a> {
    frame: LazyFrame,
    /// The looks that are columns already.
    found: Vec<Series>,
    translate: &'a Translate<'a>,
}

impl Looks<'_> {
    fn taken_out(&mut self, expr: Expr) -> Result<Expr, Trouble> {
        if !expr.looks_at_others() {
            return Ok(expr);
        }
        let ExprKind::Series(series) = &expr.kind else {
            let mut failed = None;
            let expr = expr.map_parts(&mut |part| {
                let kept = part.clone();
                self.taken_out(part).unwrap_or_else(|error| {
                    failed = Some(error);
                    kept
                })
            });
            return failed.map_or(Ok(expr), Err);
        };
        let at = match self.found.iter().position(|before| before == &**series) {
            Some(at) => at,
            None => self.add(series)?,
        };
        Ok(Expr { kind: ExprKind::Column(name(at)), ..expr })
    }

    /// Adds the column of a look; its number.
    fn add(&mut self, series: &Series) -> Result<usize, Trouble> {
        // What is looked at may be a look itself.
        let inner = match &series.of {
            SeriesOf::Lag(value, _) | SeriesOf::Share(value) => Some(self.taken_out(value.clone())?),
            SeriesOf::Over(..) => None,
        };
        let at = self.found.len();
        self.found.push(series.clone());
        let keys: Vec<pl::Expr> = series.key.iter().map(column).collect();
        let frame = self.frame.clone();
        let looked = match (&series.of, inner, &series.time) {
            (SeriesOf::Lag(_, back), Some(value), Some(time)) => self.lagged(frame, &value, *back, &keys, time, at),
            (SeriesOf::Share(_), Some(value), time) => self.shared(frame, &value, time.as_ref(), at),
            _ => Ok(frame),
        };
        self.frame = made(looked.map_err(trouble::calendar)?, pl::Engine::InMemory)?;
        Ok(at)
    }

    fn lagged(
        &self,
        frame: LazyFrame,
        value: &Expr,
        back: Length,
        keys: &[pl::Expr],
        time: &Expr,
        at: usize,
    ) -> Result<LazyFrame, jiff::Error> {
        let there = [keys, &[column(time).alias(AT), self.translate.expr(value)?.alias(name(at))]].concat();
        let dated = frame.clone().select(there).filter(pl::col(AT).is_not_null());
        let right = one_each(dated, &[keys, &[pl::col(AT)]].concat(), at);
        let length = format!("-{}", duration(back));
        let by_clock = matches!(back.unit, Unit::Day | Unit::Week | Unit::Month);
        let before = if time.ty == Type::Datetime && by_clock {
            self.translate.moved_by_clock(column(time), &length)
        } else {
            column(time).dt().offset_by(pl::lit(length))
        };
        Ok(beside(frame.with_columns([before.alias(AT)]), right, &[keys, &[pl::col(AT)]].concat()).drop(pl::by_name(
            [AT],
            true,
            false,
        )))
    }

    /// Adds the columns of all windows; those of one length are made together.
    fn windows(&mut self, exprs: &[&Expr]) -> Result<(), Trouble> {
        let mut open: Vec<Series> = Vec::new();
        for expr in exprs {
            expr.walk(&mut |part| {
                if let ExprKind::Series(series) = &part.kind
                    && matches!(series.of, SeriesOf::Over(..))
                    && !open.contains(series)
                {
                    open.push((**series).clone());
                }
            });
        }
        while let Some(first) = open.first().cloned() {
            let (together, rest) = open.into_iter().partition(|other| is_one_window(&first, other));
            open = rest;
            self.rolled(together)?;
        }
        Ok(())
    }

    /// Aggregates of one window: a row's value stands beside it, unless other rows have its time.
    fn rolled(&mut self, windows: Vec<Series>) -> Result<(), Trouble> {
        let Some(Series { of: SeriesOf::Over(_, length, before), key, time: Some(time) }) = windows.first() else {
            return Ok(());
        };
        let keys: Vec<pl::Expr> = key.iter().map(column).collect();
        let window = pl::RollingGroupOptions {
            index_column: AT.into(),
            period: pl::Duration::parse(&duration(*length)),
            offset: pl::Duration::parse(&format!("-{}", duration(*length))),
            closed_window: if *before { pl::ClosedWindow::Left } else { pl::ClosedWindow::Right },
        };
        let parts = windows.iter().enumerate().map(|(at, series)| self.window(at, series, time));
        let parts = parts.collect::<Result<Vec<Window>, _>>().map_err(trouble::calendar)?;
        let frame = one(self.frame.clone())?;
        // Days and months are those of the zone.
        let index = if time.ty == Type::Datetime { self.translate.local(column(time)) } else { column(time) };
        let rows = frame.clone().lazy().with_row_index(ROW, None).filter(column(time).is_not_null());
        let rows = rows
            .with_columns([index.alias(AT)])
            .with_columns(parts.iter().flat_map(|part| part.before.clone()).collect::<Vec<_>>());
        let names = [&keys[..], &[pl::col(AT)]].concat();
        let order: Vec<(String, bool)> = names.iter().filter_map(named).map(|name| (name, false)).collect();
        let sorted = numbered(one(sort(rows, &order))?, &keys)?;
        let aggs: Vec<pl::Expr> = parts.iter().flat_map(|part| part.aggs.clone()).collect();
        let values: Vec<pl::Expr> = parts.into_iter().map(|part| part.value).collect();
        let rolled = sorted.clone().lazy().rolling(pl::col(AT), [pl::col(SERIES)], window).agg(aggs);
        let rolled = one(sort(rolled.with_columns(values), &[(SERIES.to_owned(), false)]))?;
        same_rows(&sorted, &rolled)?;
        // One value for each time; unknown where several rows have it, for then the key is broken.
        let twin = again(&[pl::col(SERIES), pl::col(AT)]);
        let twin = twin.clone().or(twin.shift_and_fill(pl::lit(-1), pl::lit(false)));
        let mut right = one(sorted.lazy().select([pl::col(ROW), twin.alias(TWIN)]))?;
        let start = self.found.len();
        for (at, series) in windows.into_iter().enumerate() {
            let mut value = rolled.column(&Parts::name(at)).map_err(trouble::engine)?.clone();
            value.rename(name(start + at).into());
            right.with_column(value).map_err(trouble::engine)?;
            self.found.push(series);
        }
        let value = |at: usize| unless_twin(name(at)).alias(name(at));
        let looks: Vec<pl::Expr> = (start..self.found.len()).map(value).collect();
        let right =
            right.lazy().select([vec![pl::col(ROW)], looks].concat()).sort([ROW], pl::SortMultipleOptions::default());
        self.frame = beside_by_row(frame, one(right)?)?;
        Ok(())
    }

    /// What a window computes in each row, of its rows, and of that.
    fn window(&self, at: usize, series: &Series, time: &Expr) -> Result<Window, jiff::Error> {
        let SeriesOf::Over(Expr { kind: ExprKind::Aggregate(of), .. }, ..) = &series.of else {
            unreachable!("what looks over a window is an aggregate")
        };
        let parts = Parts::of(at, of, self.translate)?;
        let by_time = of.by.as_ref().is_some_and(|by| by.kind == time.kind);
        let (aggs, value) = match of.func {
            // The rows of a window stand by time, each at its own.
            AggFunc::First | AggFunc::Last if by_time => {
                let known = pl::col(Parts::row(at)).drop_nulls();
                let end = if of.func == AggFunc::First { known.first() } else { known.last() };
                (vec![end.alias(Parts::name(at))], pl::col(Parts::name(at)))
            }
            _ => (parts.aggs, parts.value),
        };
        Ok(Window { before: parts.before, aggs, value })
    }

    fn shared(&self, frame: LazyFrame, value: &Expr, time: Option<&Expr>, at: usize) -> Result<LazyFrame, jiff::Error> {
        let sum = Aggregate { func: AggFunc::Sum, of: Some(value.clone()), filter: None, by: None, share: None };
        let parts = Parts::of(0, &sum, self.translate)?;
        let total = name(at);
        // Without a time all rows stand beside each other.
        let beside_by = time.map_or_else(|| pl::lit(1), column).alias(AT);
        // A row without a time stands beside none.
        let rows = frame.clone().with_columns([beside_by.clone()]).filter(pl::col(AT).is_not_null());
        let rows = rows.with_columns(parts.before.clone());
        let sums = rows.group_by([pl::col(AT)]).agg(parts.aggs).with_columns([parts.value]);
        let sums = sums.select([pl::col(AT), pl::col(Parts::name(0)).alias(total.as_str())]);
        let joined = beside(frame.with_columns([beside_by]), sums, &[pl::col(AT)]);
        let all = Expr::column(&total, value.ty, true, value.span);
        let kind = ExprKind::Arith(ArithOp::Divide, Box::new(value.clone()), Box::new(all));
        let share = Expr { kind, ty: Type::Ratio, unknown: true, span: value.span, defined: None };
        let share = self.translate.expr(&share)?.cast(data_type(Type::Ratio)).alias(total.as_str());
        Ok(joined.with_columns([share]).drop(pl::by_name([AT], true, false)))
    }
}

/// One aggregate over a window.
struct Window {
    before: Vec<pl::Expr>,
    aggs: Vec<pl::Expr>,
    value: pl::Expr,
}

/// Names that no column has: a row's number, that of its series, and whether another row has its time.
const ROW: &str = "·row";
const SERIES: &str = "·series";
const TWIN: &str = "·twin";

fn unless_twin(look: String) -> pl::Expr {
    pl::when(pl::col(TWIN)).then(pl::lit(pl::Null {})).otherwise(pl::col(look))
}

/// Whether both look over the same time.
fn is_one_window(a: &Series, b: &Series) -> bool {
    let over = |series: &Series| match &series.of {
        SeriesOf::Over(_, length, before) => Some((*length, *before)),
        SeriesOf::Lag(..) | SeriesOf::Share(_) => None,
    };
    let kinds = |exprs: &[Expr]| exprs.iter().map(|expr| expr.kind.clone()).collect::<Vec<_>>();
    over(a) == over(b)
        && kinds(&a.key) == kinds(&b.key)
        && a.time.as_ref().map(|t| &t.kind) == b.time.as_ref().map(|t| &t.kind)
}

/// Whether a row has the same values as the one before it.
fn again(columns: &[pl::Expr]) -> pl::Expr {
    let same = columns.iter().map(|column| column.clone().eq_missing(column.clone().shift(pl::lit(1))));
    let same = same.reduce(pl::Expr::and).unwrap_or_else(|| pl::lit(true));
    // The first row comes behind none.
    same.and(pl::int_range(pl::lit(0), pl::len(), 1, pl::DataType::Int64).gt(pl::lit(0)))
}

/// Sorted rows with the number of their series.
fn numbered(mut rows: pl::DataFrame, keys: &[pl::Expr]) -> Result<pl::DataFrame, Trouble> {
    let again = one(rows.clone().lazy().select([again(keys).alias(SERIES)]))?;
    let again = again.column(SERIES).and_then(|again| again.bool().cloned()).map_err(trouble::engine)?;
    let mut series = 0i64;
    let number = again.iter().map(|again| {
        series += i64::from(again != Some(true));
        series
    });
    let numbers: pl::Int64Chunked = pl::NewChunkedArray::from_iter_values(SERIES.into(), number);
    rows.with_column(pl::IntoColumn::into_column(numbers)).map_err(trouble::engine)?;
    Ok(rows)
}

/// The engine hands out a window for each row, in the order of a series: what stands beside them rests on it.
fn same_rows(sorted: &pl::DataFrame, rolled: &pl::DataFrame) -> Result<(), Trouble> {
    for name in [SERIES, AT] {
        let (a, b) = (sorted.column(name).map_err(trouble::engine)?, rolled.column(name).map_err(trouble::engine)?);
        if !a.as_materialized_series().equals_missing(b.as_materialized_series()) {
            return Err(trouble::engine(
                pl::polars_err!(ComputeError: "windows came in another order than their rows"),
            ));
        }
    }
    Ok(())
}

/// The frame with columns that bear the numbers of its rows, in their order; of rows without one they are unknown.
fn beside_by_row(frame: pl::DataFrame, right: pl::DataFrame) -> Result<LazyFrame, Trouble> {
    if right.height() == frame.height() {
        let right = right.drop(ROW).map_err(trouble::engine)?;
        return Ok(frame.hstack(right.columns()).map_err(trouble::engine)?.lazy());
    }
    let left = frame.lazy().with_row_index(ROW, None);
    Ok(beside(left, right.lazy(), &[pl::col(ROW)]).drop(pl::by_name([ROW], true, false)))
}

fn named(expr: &pl::Expr) -> Option<String> {
    if let pl::Expr::Column(name) = expr { Some(name.to_string()) } else { None }
}

fn one(frame: LazyFrame) -> Result<pl::DataFrame, Trouble> {
    collected_one(frame, pl::Engine::InMemory)
}

/// The frame, collected.
pub fn made(frame: LazyFrame, engine: pl::Engine) -> Result<LazyFrame, Trouble> {
    Ok(collected_one(frame, engine)?.lazy())
}

fn name(at: usize) -> String {
    format!("·look{at}")
}

fn column(expr: &Expr) -> pl::Expr {
    match &expr.kind {
        ExprKind::Column(name) => pl::col(name.as_str()),
        _ => unreachable!("keys and times are columns"),
    }
}

/// One value for each key; unknown where several rows have it, for then the key is broken.
fn one_each(rows: LazyFrame, keys: &[pl::Expr], at: usize) -> LazyFrame {
    let value = pl::col(name(at));
    let one = pl::when(pl::len().eq(pl::lit(1))).then(value.first()).otherwise(pl::lit(pl::Null {}));
    rows.group_by(keys).agg([one.alias(name(at))])
}

/// Each row with what stands at its keys; unknown names are names too.
fn beside(left: LazyFrame, right: LazyFrame, keys: &[pl::Expr]) -> LazyFrame {
    let args = pl::JoinArgs {
        how: pl::JoinType::Left,
        coalesce: pl::JoinCoalesce::CoalesceColumns,
        maintain_order: pl::MaintainOrderJoin::Left,
        nulls_equal: true,
        ..Default::default()
    };
    left.join(right, keys, keys, args)
}

/// A length of time as the engine writes it.
fn duration(length: Length) -> String {
    let unit = match length.unit {
        Unit::Second => "s",
        Unit::Minute => "m",
        Unit::Hour => "h",
        Unit::Day => "d",
        Unit::Week => "w",
        Unit::Month => "mo",
    };
    format!("{}{unit}", length.length)
}
