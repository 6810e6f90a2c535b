//! Windows of time: which one a run belongs to, and what `last 7 days` means in it.

#[cfg(test)]
mod tests;

use cpl_syntax::tree::{Day, Period, Unit, WhichPeriod, WindowKind};
use jiff::{
    Span, Timestamp, ToSpan, ZonedDateTime,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

/// How often a decision falls due; times are clock times in the pipeline's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Every hour.
    Hour,
    /// Every day.
    Day(Time),
    /// Monday to Friday.
    Weekday(Time),
    /// Once a week.
    Week(Day, Time),
    /// Once a month, on that day or the month's last.
    Month(i8, Time),
}

/// What `--as-of` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The window that starts on that date, else the one under way at its end.
    Date(Date),
    /// The window under way then, in the pipeline's zone.
    Datetime(DateTime),
    /// The window under way at that moment.
    Moment(Timestamp),
}

/// The period of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on or from the day that the pipeline says.
    Week,
    /// A calendar month.
    Month,
}

impl Grain {
    /// What one is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Where a period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A day, a week or a month.
    Day(Date),
    /// An hour.
    Moment(Timestamp),
}

/// The window a run belongs to. `now` is its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The window's start, in the pipeline's zone.
    pub now: ZonedDateTime,
    /// The next window's start.
    pub end: ZonedDateTime,
    /// A window starts later on the as-of day: this is the one before.
    pub early: bool,
    /// The day on which weeks begin.
    pub week_start: Day,
}

impl Clock {
    /// The window that `as_of` asks for.
    ///
    /// # Errors
    /// Where the date lies outside what a calendar can tell (years -9999 to 9999).
    pub fn at(every: Cadence, zone: &TimeZone, as_of: AsOf) -> Result<Self, jiff::Error> {
        let moment = match as_of {
            AsOf::Date(date) => date.tomorrow()?.to_zoned_datetime(zone.clone())?.checked_sub(1.microsecond())?,
            AsOf::Datetime(datetime) => datetime.to_zoned_datetime(zone.clone())?,
            AsOf::Moment(moment) => moment.to_zoned_datetime(zone.clone()),
        };
        if every == Cadence::Hour {
            let start = hour_of(&moment)?.to_zoned_datetime(zone.clone());
            let end = next_hour(&start)?.to_zoned_datetime(zone.clone());
            return Ok(Self { end, now: start, early: false, week_start: Day::Monday });
        }
        let mut day = moment.date();
        let early = starts(every, day) && at_time(every, day, zone)? > moment;
        while !starts(every, day) || at_time(every, day, zone)? > moment {
            day = day.yesterday()?;
        }
        let mut next = day.tomorrow()?;
        while !starts(every, next) {
            next = next.tomorrow()?;
        }
        let (now, end) = (at_time(every, day, zone)?, at_time(every, next, zone)?);
        Ok(Self { now, end, early, week_start: Day::Monday })
    }

    /// The same window, with weeks that begin on another day than Monday.
    #[must_use]
    pub fn with_weeks_from(self, week_start: Day) -> Self {
        Self { week_start, ..self }
    }

    fn start_of(&self, period: Period, day: Date) -> Result<Date, jiff::Error> {
        Ok(match period {
            Period::Week => {
                let since = (offset(weekday(day)) - offset(self.week_start)).rem_euclid(7);
                day.checked_sub(Span::new().try_days(since)?)?
            }
            Period::Month => day.first_of_month(),
            Period::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1)?,
            Period::Year => day.first_of_year(),
        })
    }

    /// The start of the newest period that was complete before `now`, of those that begin on one of the days.
    ///
    /// # Errors
    /// Where that is before the calendar begins.
    pub fn newest(&self, grain: Grain, on: &[Day]) -> Result<Start, jiff::Error> {
        let today = self.today();
        let mut day = match grain {
            Grain::Hour => {
                return Ok(Start::Moment(self.hour_before(hour_of(&self.now)?)?));
            }
            Grain::Day => today.yesterday()?,
            Grain::Week => self.start_of(Period::Week, today)?.checked_sub(1.week())?,
            Grain::Month => self.start_of(Period::Month, today)?.checked_sub(1.month())?,
        };
        while grain == Grain::Day && !on.is_empty() && !on.contains(&weekday(day)) {
            day = day.yesterday()?;
        }
        Ok(Start::Day(day))
    }

    /// The window's date.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now.date()
    }

    /// How the window is named in a decision's identity: its date, or an hourly one's UTC start.
    #[must_use]
    pub fn name(&self, every: Cadence) -> String {
        if every == Cadence::Hour {
            self.now.timestamp().strftime("%Y-%m-%dT%H:%MZ").to_string()
        } else {
            self.today().to_string()
        }
    }

    /// The clock moved back by so many microseconds: a period that was over by then has settled. Its window's end stays.
    #[must_use]
    pub fn settled(&self, settles: i64) -> Self {
        let zone = self.now.time_zone();
        let now = earlier(self.now.timestamp(), settles, zone).to_zoned_datetime(zone.clone());
        Self { now, ..self.clone() }
    }

    /// First and last day of a window of whole days.
    ///
    /// # Errors
    /// Where the window lies outside the calendar.
    pub fn days(&self, window: WindowKind) -> Result<(Date, Date), jiff::Error> {
        let today = self.today();
        let yesterday = today.yesterday()?;
        Ok(match window {
            WindowKind::Last(n, Unit::Week) => {
                let start = self.start_of(Period::Week, today)?;
                (start.checked_sub(Span::new().try_weeks(i64::from(n))?)?, start.yesterday()?)
            }
            WindowKind::Last(n, Unit::Month) => {
                let first = today.first_of_month();
                (first.checked_sub(Span::new().try_months(i64::from(n))?)?, first.yesterday()?)
            }
            WindowKind::Last(n, _) => (today.checked_sub(Span::new().try_days(i64::from(n))?)?, yesterday),
            WindowKind::Period(WhichPeriod::This, period) => (self.start_of(period, today)?, yesterday),
            WindowKind::Period(WhichPeriod::Previous, period) => {
                let last = self.start_of(period, today)?.yesterday()?;
                (self.start_of(period, last)?, last)
            }
        })
    }

    /// The window of the same kind before that one: as many days, weeks or months.
    ///
    /// # Errors
    /// Where it lies outside the calendar.
    pub fn days_before(&self, window: WindowKind) -> Result<(Date, Date), jiff::Error> {
        let (first, last) = self.days(window)?;
        let end = first.yesterday()?;
        let start = match window {
            WindowKind::Last(n, Unit::Month) => first.checked_sub(Span::new().try_months(i64::from(n))?)?,
            WindowKind::Period(_, period) => self.start_of(period, end)?,
            WindowKind::Last(..) => first.checked_sub(first.until(last.tomorrow()?)?)?,
        };
        // "this month" so far is held against as many days of the month before.
        let shown = first.until(last)?;
        let partial = matches!(window, WindowKind::Period(WhichPeriod::This, _));
        Ok((start, if partial { start.checked_add(shown)?.min(end) } else { end }))
    }

    /// The moment a length of time before `now`: months, weeks and days by the clock on the wall, as [`earlier`] has it.
    ///
    /// # Errors
    /// Where it lies outside the calendar.
    pub fn before(&self, length: u32, unit: Unit) -> Result<Timestamp, jiff::Error> {
        let seconds = match unit {
            Unit::Month => {
                let months = Span::new().try_months(i64::from(length))?;
                return Ok(self.now.checked_sub(months)?.timestamp());
            }
            Unit::Week => 604_800,
            Unit::Day => 86_400,
            Unit::Hour => 3_600,
            Unit::Minute => 60,
            Unit::Second => 1,
        };
        let micros = i64::from(length).saturating_mul(seconds * 1_000_000);
        Ok(earlier(self.now.timestamp(), micros, self.now.time_zone()))
    }

    /// The start of the clock's hour before the one that starts then.
    fn hour_before(&self, start: Timestamp) -> Result<Timestamp, jiff::Error> {
        hour_of(&start.checked_sub(1.microsecond())?.to_zoned_datetime(self.now.time_zone().clone()))
    }

    /// Start and end of a window of hours: complete hours up to `now`.
    ///
    /// # Errors
    /// Where it lies outside the calendar.
    pub fn hours(&self, n: u32) -> Result<(Timestamp, Timestamp), jiff::Error> {
        /// Hours that are counted by the clock: those of a year. What is further back is counted in sixty minutes.
        const BY_CLOCK: u32 = 8_784;
        let end = hour_of(&self.now)?;
        let mut start = end;
        for _ in 0..n.min(BY_CLOCK) {
            start = self.hour_before(start)?;
        }
        Ok((start.checked_sub(Span::new().try_hours(i64::from(n.saturating_sub(BY_CLOCK)))?)?, end))
    }
}

/// ISO 8601 with the zone's offset: `2026-11-20T07:00:00+01:00`.
#[must_use]
pub fn iso(moment: &ZonedDateTime) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The moment so many microseconds before another one, whole days by the clock on the wall: seven days before a Monday's
/// window began that of the Monday before, also where the clock was changed meanwhile. What lies before the calendar begins
/// is its first moment.
#[must_use]
pub fn earlier(moment: Timestamp, micros: i64, zone: &TimeZone) -> Timestamp {
    const DAY: i64 = 86_400_000_000;
    let span = Span::new().try_days(micros / DAY).and_then(|span| span.try_microseconds(micros % DAY));
    let found = span.and_then(|span| moment.to_zoned_datetime(zone.clone()).checked_sub(span));
    found.map_or(Timestamp::MIN, |found| found.timestamp())
}

/// The end of its hour by the clock on the wall.
fn next_hour(moment: &ZonedDateTime) -> Result<Timestamp, jiff::Error> {
    let into = i64::from(moment.minute()) * 60 + i64::from(moment.second());
    let end = Timestamp::from_second(moment.timestamp().as_second() - into + 3_600)?;
    let change = moment.time_zone().following(moment.timestamp()).next();
    Ok(change.map_or(end, |change| end.min(change.timestamp())))
}

/// The start of its hour by the clock on the wall: zones are not all whole hours apart, and where the clock is moved by
/// half an hour, an hour begins with the change.
fn hour_of(moment: &ZonedDateTime) -> Result<Timestamp, jiff::Error> {
    let into = i64::from(moment.minute()) * 60 + i64::from(moment.second());
    let start = Timestamp::from_second(moment.timestamp().as_second() - into)?;
    let change = moment.time_zone().preceding(moment.timestamp().checked_add(1.nanosecond())?).next();
    Ok(change.map_or(start, |change| start.max(change.timestamp())))
}

fn time_of(every: Cadence) -> Time {
    match every {
        Cadence::Hour => Time::midnight(),
        Cadence::Day(time) | Cadence::Weekday(time) | Cadence::Week(_, time) | Cadence::Month(_, time) => time,
    }
}

fn at_time(every: Cadence, day: Date, zone: &TimeZone) -> Result<ZonedDateTime, jiff::Error> {
    day.to_datetime(time_of(every)).to_zoned_datetime(zone.clone())
}

fn starts(every: Cadence, day: Date) -> bool {
    match every {
        Cadence::Hour | Cadence::Day(_) => true,
        Cadence::Weekday(_) => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        Cadence::Week(on, _) => weekday(day) == on,
        Cadence::Month(on, _) => day.day() == on.min(day.days_in_month()),
    }
}

/// How many days a day of the week lies behind Monday.
#[must_use]
pub fn offset(day: Day) -> i64 {
    Day::ALL.iter().zip(0..).find(|(known, _)| **known == day).map_or(0, |(_, offset)| offset)
}

/// The day of the week of a date.
#[must_use]
pub fn weekday(date: Date) -> Day {
    Day::ALL[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
}
