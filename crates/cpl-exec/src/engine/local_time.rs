//! Moments and clock times of a zone, by jiff's transitions: one time zone database serves the whole program.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, TimeZone},
};
use polars::prelude::{self as pl, IntoColumn, IntoSeries, NewChunkedArray};

use super::{
    datatype::moment,
    elementwise::elementwise,
    failure::{Failure, raise},
};

/// A zone's offsets from 1900 to 2100, by its transitions; rows mostly follow in time, so the last one is tried first.
pub struct LocalTime<'z> {
    zone: &'z TimeZone,
    transitions: Arc<Transitions>,
    last: usize,
}

/// Where each offset of a zone begins, in seconds, and the offset in seconds east of UTC.
pub struct Transitions(Vec<(i64, i64)>);

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// The seconds at which the years 1900 and 2100 begin.
const FIRST: i64 = -2_208_988_800;
const LAST: i64 = 4_102_444_800;

impl Transitions {
    fn of(zone: &TimeZone) -> Self {
        let Ok(first) = Timestamp::from_second(FIRST) else { return Self(Vec::new()) };
        let offset = |at: Timestamp| i64::from(zone.to_offset(at).seconds());
        let following = zone.following(first).map(|found| found.timestamp());
        let following = following.take_while(|at| at.as_second() < LAST).map(|at| (at.as_second(), offset(at)));
        Self(std::iter::once((FIRST, offset(first))).chain(following).collect())
    }
}

impl<'z> LocalTime<'z> {
    /// Of a zone.
    #[must_use]
    pub fn new(zone: &'z TimeZone) -> Self {
        Self::with(zone, transitions(zone))
    }

    fn with(zone: &'z TimeZone, transitions: Arc<Transitions>) -> Self {
        Self { zone, transitions, last: 0 }
    }

    /// The clock time of a moment, both in microseconds; none outside the calendar.
    pub fn of_moment(&mut self, micros: i64) -> Option<i64> {
        micros.checked_add(self.offset(micros.div_euclid(SECOND))? * SECOND)
    }

    /// The moment of a clock time: the first of two where the clock is put back; none where it is put forward, or
    /// outside the calendar.
    pub fn moment_of(&mut self, clock: i64) -> Option<i64> {
        let civil = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(clock).ok()?);
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        if let AmbiguousOffset::Gap { .. } = ambiguous.offset() {
            return None;
        }
        // Where a rule changes and the offset does not, jiff 1.0.1 takes the hour for one that the clock shows twice
        // (America/Godthab, 29 October 2023): a moment counts if it shows that clock.
        let both = [ambiguous.earlier(), ambiguous.later()].into_iter().flatten();
        both.map(Timestamp::as_microsecond).find(|moment| self.of_moment(*moment) == Some(clock))
    }

    /// The moment at which the clock's hour of a moment ends, or the clock is changed within that hour.
    pub fn next_hour(&mut self, micros: i64) -> Option<i64> {
        let end = micros - self.of_moment(micros)?.rem_euclid(HOUR) + HOUR;
        let changes = self.transitions.0.get(self.last + 1).map_or(i64::MAX, |(from, _)| from * SECOND);
        Some(if changes > micros { end.min(changes) } else { end })
    }

    /// The moment at which the clock's hour of a moment began, or the clock was changed within that hour.
    pub fn hour_start(&mut self, micros: i64) -> Option<i64> {
        let start = micros - self.of_moment(micros)?.rem_euclid(HOUR);
        // Lord Howe's clocks move by half an hour: an hour may begin with the change.
        let changed = self.transitions.0.get(self.last).map_or(i64::MIN, |(from, _)| from * SECOND);
        Some(if changed <= micros { start.max(changed) } else { start })
    }

    /// Seconds east of UTC.
    fn offset(&mut self, second: i64) -> Option<i64> {
        let all = &self.transitions.0;
        if !(FIRST..LAST).contains(&second) || all.is_empty() {
            return Some(i64::from(self.zone.to_offset(Timestamp::from_second(second).ok()?).seconds()));
        }
        let (from, until) = (all[self.last].0, all.get(self.last + 1).map_or(LAST, |next| next.0));
        if !(from..until).contains(&second) {
            self.last = all.partition_point(|(from, _)| *from <= second).saturating_sub(1);
        }
        Some(all[self.last].1)
    }
}

/// Moments as clock times of a zone.
pub fn to_local(moments: pl::Expr, zone: &TimeZone) -> pl::Expr {
    mapped(moments, zone, |local, moment| local.of_moment(moment).map(Some).ok_or_else(outside))
}

/// Clock times of a zone as moments: the first of two; unknown where the clock skips them.
pub fn to_moment(clocks: pl::Expr, zone: &TimeZone) -> pl::Expr {
    mapped(clocks, zone, |local, clock| {
        // Within the calendar it is unknown only where the clock skips it.
        Timestamp::from_microsecond(clock).map_err(|_| outside())?;
        Ok(local.moment_of(clock))
    })
}

/// The starts of the clock's hours in which moments lie.
pub fn hour_start(moments: pl::Expr, zone: &TimeZone) -> pl::Expr {
    mapped(moments, zone, |local, moment| local.hour_start(moment).map(Some).ok_or_else(outside))
}

/// The starts of the clock's hours after those of moments.
pub fn next_hour(moments: pl::Expr, zone: &TimeZone) -> pl::Expr {
    mapped(moments, zone, |local, moment| local.next_hour(moment).map(Some).ok_or_else(outside))
}

/// Lists of the starts of the clock's hours, from one to another.
pub fn hours_between(first: pl::Expr, last: pl::Expr, zone: &TimeZone) -> pl::Expr {
    let zone = zone.clone();
    let ty = pl::DataType::List(Box::new(pl::DataType::Int64));
    elementwise([first, last], ty, move |columns| {
        let name = columns[0].name().clone();
        let (firsts, lasts) = (columns[0].cast(&pl::DataType::Int64)?, columns[1].cast(&pl::DataType::Int64)?);
        let mut local = LocalTime::new(&zone);
        let mut walk = |(first, last): (i64, i64)| {
            let (mut all, mut at) = (vec![first], first);
            while at < last {
                at = local.next_hour(at).ok_or_else(outside)?;
                all.push(at);
            }
            Ok(pl::Int64Chunked::from_vec(pl::PlSmallStr::EMPTY, all).into_series())
        };
        let ends = firsts.i64()?.iter().zip(lasts.i64()?.iter());
        let each = ends.map(|(first, last)| first.zip(last).map(&mut walk).transpose());
        let found: pl::ListChunked = each.collect::<pl::PolarsResult<Vec<_>>>()?.into_iter().collect();
        Ok(found.with_name(name).into_column())
    })
}

fn outside() -> pl::PolarsError {
    raise(Failure::OutsideCalendar)
}

/// The transitions of a zone; those of a named one are looked up once, for all expressions.
fn transitions(zone: &TimeZone) -> Arc<Transitions> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Transitions>>> = Mutex::new(BTreeMap::new());
    let Some(name) = zone.iana_name() else { return Arc::new(Transitions::of(zone)) };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(name.to_owned()).or_insert_with(|| Arc::new(Transitions::of(zone))))
}

/// What each time comes to in a zone.
fn mapped(
    times: pl::Expr,
    zone: &TimeZone,
    map: impl Fn(&mut LocalTime<'_>, i64) -> pl::PolarsResult<Option<i64>> + Send + Sync + 'static,
) -> pl::Expr {
    let zone = zone.clone();
    elementwise([times], moment(), move |columns| {
        let times = columns[0].cast(&pl::DataType::Int64)?;
        let mut local = LocalTime::with(&zone, transitions(&zone));
        let each = times.i64()?.iter().map(|micros| micros.map_or(Ok(None), |micros| map(&mut local, micros)));
        let each = each.collect::<pl::PolarsResult<Vec<_>>>()?;
        let found = pl::Int64Chunked::from_iter_options(times.name().clone(), each.into_iter());
        found.into_column().cast(&moment())
    })
}

#[cfg(test)]
mod tests {
    use jiff::{civil::date, tz::db};

    use cpl_model::clock::{AsOf, Cadence, Clock};

    use super::*;

    fn utc(clock: jiff::civil::DateTime) -> Timestamp {
        clock.to_zoned_datetime(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |moment| moment.timestamp())
    }

    fn micros(moment: &str) -> i64 {
        moment.parse::<Timestamp>().unwrap_or_else(|error| panic!("{moment}: {error}")).as_microsecond()
    }

    /// Moments, and when the clock's hour of each began. Nepal is 45 minutes off the hour. Lord Howe's clocks go from
    /// 2:00 to 2:30 in October, and from 2:00 back to 1:30 in April.
    #[test]
    fn hours_begin_by_the_clock() {
        let table = [
            ("UTC", "2026-10-03T15:45:00Z", "2026-10-03T15:00:00Z"),
            ("Asia/Kathmandu", "2026-10-03T15:45:00Z", "2026-10-03T15:15:00Z"),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"),
            ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-03T14:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T15:45:00Z", "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T16:15:00Z", "2026-10-03T16:00:00Z"),
            // Chatham's clocks are 45 minutes off the hour, and change at a quarter to three and to four.
            ("Pacific/Chatham", "2026-04-04T13:59:00Z", "2026-04-04T13:15:00Z"),
            ("Pacific/Chatham", "2026-04-04T14:10:00Z", "2026-04-04T14:00:00Z"),
            ("Pacific/Chatham", "2026-04-04T14:20:00Z", "2026-04-04T14:15:00Z"),
            ("America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z"),
            ("America/St_Johns", "2010-11-07T02:40:00Z", "2010-11-07T02:31:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T14:59:00Z", "2026-04-04T14:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:40:00Z", "2026-04-04T15:30:00Z"),
        ];
        for (zone, moment, start) in table {
            let found = TimeZone::get(zone).map(|zone| LocalTime::new(&zone).hour_start(micros(moment)));
            assert_eq!(found.ok().flatten(), Some(micros(start)), "{moment} in {zone}");
        }
    }

    /// Every transition of every zone from 1970 to 2037, and the moments around it, against jiff, one by one.
    #[test]
    fn every_zone_and_transition() {
        let (start, end) = (utc(date(1970, 1, 1).at(0, 0, 0, 0)), utc(date(2038, 1, 1).at(0, 0, 0, 0)));
        let (mut zones, mut transitions) = (0, 0);
        for name in db().available() {
            let Ok(zone) = TimeZone::get(name.as_str()) else { panic!("{name:?} is not there") };
            zones += 1;
            let mut moments = vec![start, end];
            for transition in zone.following(start).take_while(|found| found.timestamp() < end) {
                transitions += 1;
                for seconds in [-86_400, -3_601, -1, 0, 1, 1_800, 3_600, 86_400] {
                    moments.push(transition.timestamp() + jiff::SignedDuration::from_secs(seconds));
                }
            }
            let mut local = LocalTime::new(&zone);
            // Forwards and backwards: what is cached must not depend on what was looked up before.
            for moment in moments.iter().chain(moments.iter().rev()) {
                let expected = utc(zone.to_datetime(*moment)).as_microsecond();
                assert_eq!(local.of_moment(moment.as_microsecond()), Some(expected), "{moment} in {name:?}");
                // The first of two moments of one clock time lies no later, and shows the same clock.
                let back = local.moment_of(expected).unwrap_or_else(|| panic!("{moment} in {name:?}"));
                assert!(back <= moment.as_microsecond(), "{moment} in {name:?}");
                assert_eq!(local.of_moment(back), Some(expected), "{moment} in {name:?}");
                // The hours of a series are those of hourly windows.
                let window = Clock::at(Cadence::Hour, &zone, AsOf::Moment(*moment));
                let window = window.unwrap_or_else(|error| panic!("{moment} in {name:?}: {error}"));
                let (start, end) = (window.now.timestamp().as_microsecond(), window.end.timestamp().as_microsecond());
                assert_eq!(local.hour_start(moment.as_microsecond()), Some(start), "{moment} in {name:?}");
                assert_eq!(local.next_hour(moment.as_microsecond()), Some(end), "{moment} in {name:?}");
            }
        }
        assert!(zones > 500 && transitions > 10_000, "{zones} zones, {transitions} transitions");
    }
}
