//! Values as Parquet stores them → values of the declared types.

use cpl_model::{
    program::{ColumnLocator, Encoding, FetchColumn, Format},
    types::Type,
};
use cpl_source::Salt;
use polars::prelude::{self as pl, ChunkAgg, DataType, Int128Chunked, IntoColumn, NewChunkedArray};

use super::{frame, nested::Inside};
use crate::engine::{LocalTime, MONEY_SCALE, PRECISION, data_type, money};

/// The type in which a column is handed on.
pub fn engine_type(encoding: &Encoding) -> DataType {
    match encoding {
        Encoding::Text => DataType::String,
        Encoding::Bool => DataType::Boolean,
        Encoding::Count | Encoding::Integer => DataType::Int64,
        Encoding::Float | Encoding::Percent => DataType::Float64,
        Encoding::Money(..) => money(),
        Encoding::Date(_) | Encoding::DayOf(..) => DataType::Date,
        Encoding::Datetime(..) | Encoding::UnixSeconds | Encoding::UnixMilliseconds => data_type(Type::Datetime),
        Encoding::Weekday => DataType::Int32,
    }
}

/// Whether a declared type can be read from a stored one at all.
pub fn can_hold(found: &DataType, encoding: &Encoding) -> bool {
    let number = found.is_integer() || found.is_float() || found.is_decimal();
    match encoding {
        _ if matches!(found, DataType::String | DataType::Null) || is_category(found) => true,
        Encoding::Text => is_whole(found),
        Encoding::Weekday => false,
        Encoding::Bool => *found == DataType::Boolean,
        Encoding::Count | Encoding::Integer => number,
        Encoding::Float | Encoding::Percent | Encoding::Money(..) => number,
        // Numbers such as 20261120, by their pattern.
        Encoding::Date(Format::Pattern(_)) if is_whole(found) => true,
        Encoding::Date(_) | Encoding::DayOf(..) => {
            matches!(found, DataType::Date | DataType::Datetime(_, None)) || is_utc(found)
        }
        Encoding::Datetime(..) => matches!(found, DataType::Datetime(..)),
        Encoding::UnixSeconds | Encoding::UnixMilliseconds => found.is_integer(),
    }
}

/// Whole numbers, also those of databases that keep them as decimals.
pub fn is_whole(found: &DataType) -> bool {
    found.is_integer() || matches!(found, DataType::Decimal(_, 0))
}

/// Moments of UTC.
pub fn is_utc(found: &DataType) -> bool {
    matches!(found, DataType::Datetime(_, Some(zone)) if *zone == pl::TimeZone::UTC)
}

/// Texts that are stored as numbers of their categories.
fn is_category(found: &DataType) -> bool {
    matches!(found, DataType::Categorical(..) | DataType::Enum(..))
}

/// How a column of a file becomes one of the declared type.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The declared column; one that is found in a field of records is read as a column of its own.
    column: FetchColumn,
    /// How its path leads into a nested column.
    inside: Option<Inside>,
    /// What its values are hashed with, where they are personal.
    salt: Option<Salt>,
}

impl Cast {
    /// Of a column into which a path leads so, where it is nested.
    pub fn new(column: &FetchColumn, inside: Option<Inside>, salt: Option<&Salt>) -> Self {
        let mut column = column.clone();
        let salt = salt.filter(|_| column.is_personal).cloned();
        if matches!(inside, Some(Inside::Field(_))) {
            column.locator = ColumnLocator::Named;
        }
        Self { column, inside, salt }
    }

    /// Whether the column holds others.
    pub fn is_nested(&self) -> bool {
        self.inside.is_some()
    }

    /// The typed column; else the place of the first value that does not fit.
    pub fn convert(&self, values: &pl::Column) -> Result<pl::Column, usize> {
        let values = self.read(values)?;
        let typed = if matches!(self.column.locator, ColumnLocator::Embedded(_)) {
            // A path that finds nothing in a cell makes a missing value of it.
            of_texts(&values, &self.column)
        } else {
            convert(&values, &self.column)
        };
        match &self.salt {
            Some(salt) => hashed(&typed?, salt),
            None => typed,
        }
    }

    /// What is read of the values of the column.
    fn read(&self, values: &pl::Column) -> Result<pl::Column, usize> {
        self.inside.as_ref().map_or_else(|| Ok(values.clone()), |inside| inside.values(values))
    }

    /// A value as a message shows it.
    pub fn shown(&self, values: &pl::Column, at: usize) -> Option<String> {
        let one = values.slice(i64::try_from(at).ok()?, 1);
        // What can't be read is shown as it is stored.
        let shown = shown(&self.read(&one).unwrap_or(one), 0)?;
        Some(self.salt.as_ref().map_or_else(|| shown.clone(), |salt| salt.hash(&shown)))
    }

    /// Of how many amounts digits beyond the sixth are rounded away.
    pub fn rounded(&self, values: &pl::Column) -> u64 {
        if !matches!(self.column.encoding, Encoding::Money(..)) {
            return 0;
        }
        let texts = self.read(values).ok().and_then(|values| values.cast(&DataType::String).ok());
        let Some(texts) = texts.as_ref().and_then(|texts| texts.str().ok()) else { return 0 };
        // Missing values are reported elsewhere.
        let field = cpl_batch::Field { optional: true, ..cpl_source::field(&self.column) };
        cpl_batch::Column::of_texts(texts.iter(), &field).map_or(0, |read| read.rounded)
    }
}

/// What stands for personal texts.
fn hashed(texts: &pl::Column, salt: &Salt) -> Result<pl::Column, usize> {
    let found = texts.str().map_err(|_| 0usize)?;
    let each = found.iter().map(|text| text.map(|text| salt.hash(text)));
    Ok(pl::StringChunked::from_iter_options(texts.name().clone(), each).into_column())
}

/// A value as a message shows it; days and moments beyond the calendar as the numbers they are.
pub fn shown(values: &pl::Column, at: usize) -> Option<String> {
    let raw = values.to_physical_repr();
    let (value, number) = (values.get(at).ok()?, raw.get(at).ok()?);
    if value.is_null() || value.get_str() == Some("") {
        return None;
    }
    let beyond = values.dtype().is_temporal()
        && number
            .extract::<f64>()
            .is_none_or(|number| number.abs() > 2.5e17 || (values.dtype() == &DataType::Date && number.abs() > 3e6));
    Some(if beyond { number.str_value().into_owned() } else { value.str_value().into_owned() })
}

/// The typed column; else the place of the first value that does not fit.
fn convert(values: &pl::Column, column: &FetchColumn) -> Result<pl::Column, usize> {
    if is_category(values.dtype()) {
        return convert(&values.cast(&DataType::String).map_err(|_| 0usize)?, column);
    }
    let typed = if *values.dtype() == DataType::Null {
        pl::Column::full_null(values.name().clone(), values.len(), &engine_type(&column.encoding))
    } else if is_whole(values.dtype()) && is_read_as_text(&column.encoding) {
        let texts = values.cast(&DataType::String).map_err(|_| 0usize)?;
        return checked(of_texts(&texts, column)?, &texts, column);
    } else if *values.dtype() == DataType::String {
        let known = without_empty(values).map_err(|_| 0usize)?;
        return checked(of_texts(&known, column)?, &known, column);
    } else {
        of_values(values, column).ok_or_else(|| first_new_null(values, None))?
    };
    checked(typed, values, column)
}

/// Whole numbers that are read by their digits: ids, and days such as 20261120.
fn is_read_as_text(encoding: &Encoding) -> bool {
    matches!(encoding, Encoding::Text | Encoding::Date(Format::Pattern(_)))
}

/// An empty text is a missing value, as it is in every other file.
fn without_empty(texts: &pl::Column) -> pl::PolarsResult<pl::Column> {
    let found = texts.str()?;
    if found.downcast_iter().all(|part| part.views().iter().all(|view| view.length > 0)) {
        return Ok(texts.clone());
    }
    let each = found.iter().map(|text| text.filter(|text| !text.is_empty()));
    Ok(pl::StringChunked::from_iter_options(texts.name().clone(), each).into_column())
}

/// The typed column; else the place of the first value that it could not hold.
fn checked(typed: pl::Column, values: &pl::Column, column: &FetchColumn) -> Result<pl::Column, usize> {
    // What could not be held became null; what is missing was null before.
    if typed.null_count() > values.null_count() {
        return Err(first_new_null(values, Some(&typed)));
    }
    if !column.optional && typed.null_count() > 0 {
        return Err(typed.is_null().iter().position(|missing| missing == Some(true)).unwrap_or(0));
    }
    Ok(typed)
}

fn first_new_null(before: &pl::Column, after: Option<&pl::Column>) -> usize {
    let Some(after) = after else { return 0 };
    let (before, after) = (before.is_null(), after.is_null());
    before
        .iter()
        .zip(after.iter())
        .position(|(before, after)| before == Some(false) && after == Some(true))
        .unwrap_or(0)
}

fn of_texts(values: &pl::Column, column: &FetchColumn) -> Result<pl::Column, usize> {
    let texts = values.str().map_err(|_| 0usize)?;
    let as_it_is = column.missing.is_empty() && !column.is_currency && column.locator == ColumnLocator::Named;
    if column.encoding == Encoding::Text && as_it_is {
        return Ok(values.clone());
    }
    let read = cpl_batch::Column::of_texts(texts.iter(), &cpl_source::field(column))?;
    frame::engine_column(read, values.name()).map_err(|_| 0)
}

/// A column of numbers, dates or truths in the declared type; what does not fit becomes null.
fn of_values(values: &pl::Column, column: &FetchColumn) -> Option<pl::Column> {
    let cast = |ty: &DataType| values.cast(ty).ok();
    match &column.encoding {
        Encoding::Bool => Some(values.clone()),
        Encoding::Date(_) | Encoding::DayOf(..) => dates(values),
        Encoding::Count | Encoding::Integer => whole(values, column.encoding == Encoding::Count),
        Encoding::Float => floats(&cast(&DataType::Float64)?, None),
        Encoding::Percent => floats(&cast(&DataType::Float64)?, Some(100.0)),
        Encoding::Money(scale, digits) => amounts(values, cpl_source::shift(*scale, *digits)),
        Encoding::Datetime(_, zone) => moments(values, zone),
        Encoding::UnixSeconds => scaled_moments(values, 1_000_000),
        Encoding::UnixMilliseconds => scaled_moments(values, 1_000),
        Encoding::Text | Encoding::Weekday => None,
    }
}

/// Whole numbers of any width; a float must be whole.
fn whole(values: &pl::Column, positive: bool) -> Option<pl::Column> {
    const MAX: i64 = 1_000_000_000_000_000;
    let fits = |value: i64| (-MAX..=MAX).contains(&value) && !(positive && value < 0);
    let name = values.name().clone();
    let decimal = values.dtype().is_decimal();
    let found: pl::Int64Chunked = if values.dtype().is_float() || decimal {
        let floats = values.cast(&DataType::Float64).ok()?;
        let floats = floats.f64().ok()?.iter();
        pl::Int64Chunked::from_iter_options(name, floats.map(|value| value.and_then(whole_float).filter(|v| fits(*v))))
    } else {
        let wide = values.cast(&DataType::Int64).ok()?;
        let wide = wide.i64().ok()?.clone();
        // Fillers of missing values may be anything: what does not fit is looked at again.
        if wide.downcast_iter().all(|part| part.values_iter().fold(true, |all, value| all & fits(*value))) {
            return Some(wide.into_column());
        }
        pl::Int64Chunked::from_iter_options(name, wide.iter().map(|value| value.filter(|v| fits(*v))))
    };
    Some(found.into_column())
}

#[expect(clippy::cast_possible_truncation, reason = "the value was found to be whole and small")]
fn whole_float(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 1e15).then_some(value as i64)
}

/// Floats, ÷ `by` where it is given; what is no number or beyond 10^15 does not fit.
fn floats(values: &pl::Column, by: Option<f64>) -> Option<pl::Column> {
    let floats = values.f64().ok()?;
    let as_it_is = |value: &f64| value.abs() <= 1e15 && value.to_bits() != (-0f64).to_bits();
    if by.is_none() && floats.downcast_iter().all(|part| part.values_iter().all(as_it_is)) {
        return Some(values.clone());
    }
    let fits = |value: f64| (value.abs() <= 1e15).then_some(by.map_or(value, |by| value / by) + 0.0);
    Some(
        pl::Float64Chunked::from_iter_options(values.name().clone(), floats.iter().map(|v| v.and_then(fits)))
            .into_column(),
    )
}

/// Amounts into millionths; a 1 stands for 10 to the minus `shift`.
fn amounts(values: &pl::Column, shift: u32) -> Option<pl::Column> {
    if let DataType::Decimal(digits, behind @ ..=MONEY_SCALE) = values.dtype()
        && shift == 0
    {
        // Exact as it stands, unless an amount is too large: that is reported below.
        let exact = values.cast(&money()).ok()?;
        if digits - behind <= WHOLE_DIGITS {
            return Some(exact);
        }
        let amounts = exact.as_materialized_series().decimal().ok()?.physical().clone();
        if amounts.downcast_iter().all(|part| part.values_iter().fold(true, |all, amount| all & is_small(*amount))) {
            return Some(exact);
        }
        let fits = |bound: Option<i128>| bound.is_none_or(|amount| within(amount).is_some());
        if fits(amounts.min()) && fits(amounts.max()) {
            return Some(exact);
        }
    }
    let name = values.name().clone();
    let millionths: Int128Chunked = if values.dtype().is_integer() {
        let factor = 10i128.pow(6 - shift);
        let wide = values.cast(&DataType::Int128).ok()?;
        let wide = wide.i128().ok()?.clone();
        Int128Chunked::from_iter_options(
            name,
            wide.iter().map(|value| value.and_then(|v| within(v.checked_mul(factor)?))),
        )
    } else {
        let texts = values.cast(&DataType::String).ok()?;
        let texts = texts.str().ok()?.clone();
        let read = |text: &str| cpl_batch::money(text.as_bytes(), shift).and_then(|(amount, _)| within(amount));
        Int128Chunked::from_iter_options(name, texts.iter().map(|text| text.and_then(read)))
    };
    Some(millionths.into_decimal(PRECISION, MONEY_SCALE).ok()?.into_column())
}

/// Whether amounts stored so can have digits beyond the sixth.
pub fn may_round(found: &DataType, encoding: &Encoding) -> bool {
    match (encoding, found) {
        (Encoding::Money(scale, digits), DataType::Decimal(_, behind)) => {
            *behind + cpl_source::shift(*scale, *digits) as usize > MONEY_SCALE
        }
        (Encoding::Money(..), found) => !found.is_integer(),
        _ => false,
    }
}

/// Whether millionths are far within what an amount may have, below 2^69: a look at their upper half, which takes half the
/// time of a comparison.
fn is_small(millionths: i128) -> bool {
    (-32..32).contains(&((millionths >> 64) as i64))
}

/// As many digits ahead of the point an amount may have.
const WHOLE_DIGITS: usize = 15;

fn within(millionths: i128) -> Option<i128> {
    (millionths.abs() <= 1_000_000_000_000_000_000_000).then_some(millionths)
}

fn scaled_moments(values: &pl::Column, factor: i64) -> Option<pl::Column> {
    let wide = values.cast(&DataType::Int64).ok()?;
    let micros = wide
        .i64()
        .ok()?
        .iter()
        .map(|value| value.and_then(|v| v.checked_mul(factor)).filter(|moment| within_years(*moment)));
    pl::Int64Chunked::from_iter_options(values.name().clone(), micros)
        .into_column()
        .cast(&data_type(Type::Datetime))
        .ok()
}

/// Moments in microseconds of UTC; clock times without a zone are in `zone`.
fn moments(values: &pl::Column, zone: &jiff::tz::TimeZone) -> Option<pl::Column> {
    let DataType::Datetime(unit, zoned) = values.dtype() else { return None };
    let (times, divided) = match unit {
        pl::TimeUnit::Nanoseconds => (1, 1_000),
        pl::TimeUnit::Microseconds => (1, 1),
        pl::TimeUnit::Milliseconds => (1_000, 1),
    };
    let raw = values.to_physical_repr();
    let mut local = LocalTime::new(zone);
    let micros = raw.i64().ok()?.iter().map(|value| {
        let micros = value?.checked_mul(times)?.div_euclid(divided);
        let moment = if zoned.is_some() { Some(micros) } else { local.moment_of(micros) };
        moment.filter(|moment| within_years(*moment))
    });
    let micros = pl::Int64Chunked::from_iter_options(values.name().clone(), micros);
    micros.into_column().cast(&data_type(Type::Datetime)).ok()
}

/// Days of the years 1000 to 9999, as CSV has them; moments of no zone, and of UTC, are days where they are midnight.
fn dates(values: &pl::Column) -> Option<pl::Column> {
    const DAYS: std::ops::RangeInclusive<i32> = -354_285..=2_932_896;
    if let DataType::Datetime(unit, zone) = values.dtype()
        && (zone.is_none() || is_utc(values.dtype()))
    {
        let day = 86_400
            * match unit {
                pl::TimeUnit::Nanoseconds => 1_000_000_000,
                pl::TimeUnit::Microseconds => 1_000_000,
                pl::TimeUnit::Milliseconds => 1_000i64,
            };
        let raw = values.to_physical_repr();
        let midnight = |moment: i64| i32::try_from(moment / day).ok().filter(|_| moment % day == 0);
        let days = raw.i64().ok()?.iter().map(|moment| moment.and_then(midnight));
        let days = pl::Int32Chunked::from_iter_options(values.name().clone(), days).into_column();
        return dates(&days.cast(&DataType::Date).ok()?);
    }
    let raw = values.to_physical_repr();
    let days = raw.i32().ok()?;
    if days.min().is_none_or(|day| DAYS.contains(&day)) && days.max().is_none_or(|day| DAYS.contains(&day)) {
        return Some(values.clone());
    }
    let days = days.iter().map(|day| day.filter(|day| DAYS.contains(day)));
    pl::Int32Chunked::from_iter_options(values.name().clone(), days).into_column().cast(&DataType::Date).ok()
}

/// Moments of the years 1000 to 9999.
fn within_years(micros: i64) -> bool {
    const DAY: i64 = 86_400_000_000;
    (-354_285 * DAY..2_932_897 * DAY).contains(&micros)
}

#[cfg(test)]
mod tests {
    use cpl_check::{Setup, tree_to_program};
    use cpl_model::{clock::AsOf, program::TableSource};
    use polars::prelude::{Categories, NamedFrom, Series, TimeUnit};

    use super::{super::nested::is_nested, *};

    fn column(ty: &str) -> FetchColumn {
        let text =
            format!("pipeline p {{ retire 2027-01-01 }}\nfetch a from parquet(\"a\") {{ columns {{ c: {ty} }} }}");
        let setup = Setup::at(AsOf::Date(jiff::civil::date(2026, 11, 20)));
        let checked = tree_to_program(&text, &cpl_syntax::parse(&text).0, setup);
        let Some(program) = checked.program else { panic!("{:?}", checked.diagnostics) };
        match &program.tables[0].source {
            TableSource::Fetch(fetch) => fetch.columns[0].clone(),
            TableSource::Transform { .. } => panic!("no fetch"),
        }
    }

    /// What a column of that type makes of values; the place of the one that does not fit.
    fn read(values: &Series, stored: &DataType, ty: &str) -> Result<Vec<String>, usize> {
        let values = values.cast(stored).unwrap_or_else(|error| panic!("{error}")).into_column();
        let inside = is_nested(values.dtype()).then_some(Inside::Json(None));
        assert!(inside.is_some() || can_hold(values.dtype(), &column(ty).encoding), "{stored} as {ty}");
        let read = Cast::new(&column(ty), inside, None).convert(&values)?;
        Ok((0..read.len()).map(|row| read.get(row).map_or_else(|e| e.to_string(), |v| v.to_string())).collect())
    }

    #[test]
    fn what_other_tools_write_is_read_as_it_is_meant() {
        let texts = Series::new("c".into(), [Some("a"), None, Some("b"), Some("")]);
        let categories = DataType::from_categories(Categories::global());
        assert_eq!(
            read(&texts, &categories, "text?"),
            Ok(["\"a\"", "null", "\"b\"", "null"].map(str::to_owned).to_vec())
        );
        assert_eq!(read(&texts, &categories, "text"), Err(1));

        let days = Series::new("c".into(), [86_400_000_000i64, -86_400_000_000]);
        let of_no_zone = DataType::Datetime(TimeUnit::Microseconds, None);
        assert_eq!(read(&days, &of_no_zone, "date"), Ok(["1970-01-02", "1969-12-31"].map(str::to_owned).to_vec()));
        assert_eq!(read(&Series::new("c".into(), [0i64, 1]), &of_no_zone, "date"), Err(1));

        let of_utc = DataType::Datetime(TimeUnit::Nanoseconds, Some(polars::prelude::TimeZone::UTC));
        let nanos = Series::new("c".into(), [86_400_000_000_000i64, -86_400_000_000_000]);
        assert_eq!(read(&nanos, &of_utc, "date"), Ok(["1970-01-02", "1969-12-31"].map(str::to_owned).to_vec()));
        assert_eq!(read(&Series::new("c".into(), [0i64, 3_600_000_000_000]), &of_utc, "date"), Err(1));

        let ids = Series::new("c".into(), [9_223_372_036_854_775_807i64, 12]);
        let exact = ["\"9223372036854775807\"", "\"12\""].map(str::to_owned).to_vec();
        assert_eq!(read(&ids, &DataType::Int64, "text"), Ok(exact));
        let unsigned = Series::new("c".into(), [u64::MAX, 12]);
        assert_eq!(
            read(&unsigned, &DataType::UInt64, "text").map(|read| read[0].clone()),
            Ok(format!("\"{}\"", u64::MAX))
        );
        let days = Series::new("c".into(), [20_261_120i64, 20_261_131]);
        let pattern = "date \"%Y%m%d\"";
        assert_eq!(read(&days.slice(0, 1), &DataType::Int64, pattern), Ok(vec!["2026-11-20".to_owned()]));
        assert_eq!(read(&days, &DataType::Int32, pattern), Err(1));
        assert!(!can_hold(&DataType::Int64, &column("date").encoding));

        let lists = [Some(Series::new("".into(), [7i64, 8])), None, Some(Series::new("".into(), [9i64]))];
        let lists = Series::new("c".into(), lists);
        let first = ["7", "null", "9"].map(str::to_owned).to_vec();
        let list = lists.dtype().clone();
        assert_eq!(read(&lists, &list, "count? from \"c\" at \"$[0]\""), Ok(first));
        assert_eq!(read(&lists, &list, "count? from \"c\" at \"$[*]\""), Err(0));
        assert_eq!(read(&lists, &list, "count from \"c\" at \"$[0]\""), Err(1));

        let whole = Series::new("c".into(), [5i64, 7]);
        assert_eq!(read(&whole, &DataType::Decimal(18, 0), "count"), Ok(["5", "7"].map(str::to_owned).to_vec()));
        let halves = Series::new("c".into(), [5.0, 7.5]);
        assert_eq!(read(&halves, &DataType::Decimal(18, 1), "count"), Err(1));
        let nothing = Series::full_null("c".into(), 2, &DataType::Null);
        assert_eq!(read(&nothing, &DataType::Null, "count?"), Ok(["null", "null"].map(str::to_owned).to_vec()));
        assert_eq!(read(&whole.slice(0, 1), &DataType::Float64, "number"), Ok(vec!["5.0".to_owned()]));
    }
}
