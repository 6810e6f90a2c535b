//! Tables of windows: what is asked for, and what it is.

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn day(text: &str) -> Date {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn nine() -> Time {
    Time::constant(9, 0, 0, 0)
}

/// A clock that begins with a day.
fn clock(today: &str) -> Clock {
    Clock::at(Cadence::Day(Time::midnight()), &TimeZone::UTC, AsOf::Date(day(today))).unwrap_or_else(|e| panic!("{e}"))
}

/// Zone, cadence, as-of; the window's start and end, and whether one starts later that day.
#[test]
fn runs_belong_to_windows() {
    let midnight = Time::midnight();
    let table = [
        ("UTC", Cadence::Day(midnight), "2026-11-20", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", false),
        ("Europe/Berlin", Cadence::Day(midnight), "2026-11-20", "2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z", false),
        // The nights in which the clock is changed have 23 and 25 hours.
        ("Europe/Berlin", Cadence::Day(midnight), "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", false),
        ("Europe/Berlin", Cadence::Day(midnight), "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", false),
        ("UTC", Cadence::Day(nine()), "2026-11-20", "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z", false),
        ("UTC", Cadence::Day(nine()), "2026-11-20T08:59:59", "2026-11-19T09:00:00Z", "2026-11-20T09:00:00Z", true),
        // A Friday, and the Saturday after it.
        ("UTC", Cadence::Weekday(midnight), "2026-11-20", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", false),
        ("UTC", Cadence::Weekday(midnight), "2026-11-21", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", false),
        (
            "UTC",
            Cadence::Week(Day::Tuesday, nine()),
            "2026-11-20",
            "2026-11-17T09:00:00Z",
            "2026-11-24T09:00:00Z",
            false,
        ),
        // On the 31st, or a month's last day.
        ("UTC", Cadence::Month(31, midnight), "2027-02-28", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z", false),
        ("UTC", Cadence::Month(31, midnight), "2028-02-28", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z", false),
        ("UTC", Cadence::Hour, "2026-11-20T08:59:59", "2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z", false),
        ("Asia/Kathmandu", Cadence::Hour, "2026-11-20T08:10:00", "2026-11-20T02:15:00Z", "2026-11-20T03:15:00Z", false),
        // Half an hour is skipped at 2:00: the hour from 2:30 to 3:00 is a short one.
        (
            "Australia/Lord_Howe",
            Cadence::Hour,
            "2026-10-04T02:45:00",
            "2026-10-03T15:30:00Z",
            "2026-10-03T16:00:00Z",
            false,
        ),
    ];
    for (name, every, as_of, start, end, early) in table {
        let asked = match as_of.parse::<Date>() {
            Ok(date) if as_of.len() == 10 => AsOf::Date(date),
            _ => AsOf::Datetime(as_of.parse().unwrap_or_else(|error| panic!("{as_of}: {error}"))),
        };
        let found = Clock::at(every, &zone(name), asked).unwrap_or_else(|error| panic!("{as_of}: {error}"));
        let found = (found.now.timestamp().to_string(), found.end.timestamp().to_string(), found.early);
        assert_eq!(found, (start.to_owned(), end.to_owned(), early), "{name} {every:?} {as_of}");
    }
}

/// Today, a window; its first and last day, and those of the window before it.
#[test]
fn windows_are_whole_days_before_today() {
    let last = WindowKind::Last;
    let this = |period| WindowKind::Period(WhichPeriod::This, period);
    let previous = |period| WindowKind::Period(WhichPeriod::Previous, period);
    let table = [
        ("2026-11-20", last(1, Unit::Day), ("2026-11-19", "2026-11-19"), ("2026-11-18", "2026-11-18")),
        ("2026-11-20", last(7, Unit::Day), ("2026-11-13", "2026-11-19"), ("2026-11-06", "2026-11-12")),
        ("2026-03-01", last(2, Unit::Day), ("2026-02-27", "2026-02-28"), ("2026-02-25", "2026-02-26")),
        ("2028-03-01", last(2, Unit::Day), ("2028-02-28", "2028-02-29"), ("2028-02-26", "2028-02-27")),
        // Whole weeks from Monday on, and whole months.
        ("2026-11-20", last(2, Unit::Week), ("2026-11-02", "2026-11-15"), ("2026-10-19", "2026-11-01")),
        ("2026-11-16", last(1, Unit::Week), ("2026-11-09", "2026-11-15"), ("2026-11-02", "2026-11-08")),
        ("2026-11-20", last(1, Unit::Month), ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("2026-03-31", last(1, Unit::Month), ("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31")),
        ("2026-11-20", this(Period::Week), ("2026-11-16", "2026-11-19"), ("2026-11-09", "2026-11-12")),
        ("2026-11-20", this(Period::Month), ("2026-11-01", "2026-11-19"), ("2026-10-01", "2026-10-19")),
        // March so far is longer than all of February.
        ("2026-03-31", this(Period::Month), ("2026-03-01", "2026-03-30"), ("2026-02-01", "2026-02-28")),
        ("2026-11-20", this(Period::Quarter), ("2026-10-01", "2026-11-19"), ("2026-07-01", "2026-08-19")),
        ("2026-11-20", previous(Period::Month), ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("2026-01-01", previous(Period::Year), ("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31")),
    ];
    for (today, window, days, before) in table {
        let clock = clock(today);
        let dates = |(first, last): (&str, &str)| (day(first), day(last));
        assert_eq!(clock.days(window).ok(), Some(dates(days)), "{window:?} on {today}");
        assert_eq!(clock.days_before(window).ok(), Some(dates(before)), "before {window:?} on {today}");
    }
}

/// The hour a window begins at, how long figures move, a window; its days. A day has settled once it has been over for so long.
#[test]
fn settled_windows_end_before_what_still_moves() {
    const HOUR: i64 = 3_600_000_000;
    let last = WindowKind::Last;
    let table = [
        (0, 72, last(3, Unit::Day), ("2026-11-14", "2026-11-16")),
        (0, 0, last(3, Unit::Day), ("2026-11-17", "2026-11-19")),
        // The 18th was over 24 hours ago, the 17th 48.
        (0, 24, last(1, Unit::Day), ("2026-11-18", "2026-11-18")),
        (0, 36, last(1, Unit::Day), ("2026-11-17", "2026-11-17")),
        // At nine in the morning the 18th has been over for 33 hours.
        (9, 33, last(1, Unit::Day), ("2026-11-18", "2026-11-18")),
        (9, 34, last(1, Unit::Day), ("2026-11-17", "2026-11-17")),
        (0, 72, last(1, Unit::Week), ("2026-11-09", "2026-11-15")),
        (0, 120, last(1, Unit::Week), ("2026-11-02", "2026-11-08")),
        (0, 19 * 24, last(1, Unit::Month), ("2026-10-01", "2026-10-31")),
        (0, 20 * 24, last(1, Unit::Month), ("2026-09-01", "2026-09-30")),
    ];
    for (hour, hours, window, (first, end)) in table {
        let at = Cadence::Day(Time::constant(hour, 0, 0, 0));
        let clock = Clock::at(at, &zone("Europe/Berlin"), AsOf::Date(day("2026-11-20"))).unwrap();
        let found = clock.settled(hours * HOUR).days(window);
        assert_eq!(found.ok(), Some((day(first), day(end))), "{hour}:00, {hours} hours, {window:?}");
    }
}

/// Today, a grain, the days a rule acts on; the newest complete period.
#[test]
fn the_newest_period_is_complete() {
    let table: [(&str, Grain, &[Day], &str); 6] = [
        ("2026-11-20", Grain::Day, &[], "2026-11-19"),
        ("2026-11-20", Grain::Day, &[Day::Tuesday], "2026-11-17"),
        ("2026-11-17", Grain::Day, &[Day::Tuesday], "2026-11-10"),
        ("2026-11-16", Grain::Week, &[], "2026-11-09"),
        ("2026-11-15", Grain::Week, &[], "2026-11-02"),
        ("2026-03-31", Grain::Month, &[], "2026-02-01"),
    ];
    for (today, grain, on, start) in table {
        assert_eq!(clock(today).newest(grain, on).ok(), Some(Start::Day(day(start))), "{grain:?} {on:?} on {today}");
    }
}

/// Zone, as-of, how many hours; the window of complete hours before it.
#[test]
fn hours_are_those_of_the_clock() {
    let table = [
        ("UTC", "2026-11-20T08:59:59", 2, "2026-11-20T06:00:00Z", "2026-11-20T08:00:00Z"),
        ("Asia/Kathmandu", "2026-11-20T08:10:00", 1, "2026-11-20T01:15:00Z", "2026-11-20T02:15:00Z"),
        ("Europe/Berlin", "2026-10-25T04:00:00", 3, "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T03:05:00", 1, "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T03:05:00", 2, "2026-10-03T14:30:00Z", "2026-10-03T16:00:00Z"),
        ("Pacific/Chatham", "2026-04-05T04:05:00", 2, "2026-04-04T14:00:00Z", "2026-04-04T15:15:00Z"),
    ];
    for (name, as_of, n, start, end) in table {
        let asked = AsOf::Datetime(as_of.parse().unwrap_or_else(|error| panic!("{as_of}: {error}")));
        let clock = Clock::at(Cadence::Hour, &zone(name), asked).unwrap_or_else(|error| panic!("{as_of}: {error}"));
        let found = clock.hours(n).map(|(start, end)| (start.to_string(), end.to_string()));
        assert_eq!(found.ok(), Some((start.to_owned(), end.to_owned())), "{n} hours before {as_of} in {name}");
    }
}

/// No window lies outside the calendar in silence.
#[test]
fn windows_outside_the_calendar_are_refused() {
    for window in [WindowKind::Last(u32::MAX, Unit::Day), WindowKind::Last(u32::MAX, Unit::Month)] {
        assert!(clock("2026-11-20").days(window).is_err(), "{window:?}");
    }
}

/// A zone, a moment, a length in hours and in words; the moment so long before.
#[test]
fn days_are_counted_by_the_clock_on_the_wall() {
    let table = [
        // The week holds an hour less, or one more.
        ("Europe/Berlin", "2026-03-29T22:00:00Z", 168, (7, Unit::Day), "2026-03-22T23:00:00Z"),
        ("Europe/Berlin", "2026-10-25T23:00:00Z", 168, (1, Unit::Week), "2026-10-18T22:00:00Z"),
        ("UTC", "2026-03-30T00:00:00Z", 168, (7, Unit::Day), "2026-03-23T00:00:00Z"),
        // 24 hours are a day, in whatever unit they are written.
        ("Europe/Berlin", "2026-03-29T22:00:00Z", 24, (24, Unit::Hour), "2026-03-28T23:00:00Z"),
        // What is no day is counted in hours.
        ("Europe/Berlin", "2026-03-29T01:30:00Z", 2, (2, Unit::Hour), "2026-03-28T23:30:00Z"),
    ];
    for (name, now, hours, (length, unit), wanted) in table {
        let zone = zone(name);
        let moment: Timestamp = now.parse().unwrap_or_else(|error| panic!("{now}: {error}"));
        assert_eq!(earlier(moment, hours * 3_600_000_000, &zone).to_string(), wanted, "{name} {now}");
        let now = moment.to_zoned_datetime(zone);
        let clock = Clock { end: now.clone(), now, early: false, week_start: Day::Monday };
        let before = clock.before(length, unit).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(before.to_string(), wanted, "{name} {length}");
    }
}

#[test]
fn what_lies_before_the_calendar_is_its_first_moment() {
    assert_eq!(earlier(Timestamp::UNIX_EPOCH, i64::MAX, &TimeZone::UTC), Timestamp::MIN);
}
