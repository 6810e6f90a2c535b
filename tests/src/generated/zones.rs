//! Zones, each with a night in which its clocks change, where they do.

use jiff::Timestamp;

/// A zone of generated pipelines.
pub struct Zone {
    /// Its name.
    pub name: &'static str,
    /// Some hours before its clocks change in the autumn of 2026; of zones whose clocks do not, another night.
    night: &'static str,
    /// The days around, by its own calendar.
    pub days: &'static str,
}

impl Zone {
    const fn new(name: &'static str, night: &'static str, days: &'static str) -> Self {
        Self { name, night, days }
    }

    /// Some hours before its clocks change.
    pub fn night(&self) -> Timestamp {
        moment(self.night)
    }
}

/// Before the night of 25 October, in which Europe's clocks change.
const EUROPE: (&str, &str) = ("2026-10-24T16:00:00Z", "2026-10-24 to 2026-10-26");

/// Before that of 1 November, in which America's do.
const AMERICA: (&str, &str) = ("2026-11-01T00:00:00Z", "2026-10-31 to 2026-11-02");

/// Before that of 4 October, in which Australia's do: the other way.
const AUSTRALIA: (&str, &str) = ("2026-10-03T10:00:00Z", "2026-10-03 to 2026-10-05");

/// Before that of 27 September, in which New Zealand's do.
const ZEALAND: (&str, &str) = ("2026-09-26T08:00:00Z", "2026-09-26 to 2026-09-28");

/// Their number is a prime: a trial that takes each tenth seed meets all of them.
pub const ZONES: &[Zone] = &[
    Zone::new("UTC", EUROPE.0, EUROPE.1),
    // By an hour in the north; in Dublin the winter is the exception.
    Zone::new("Europe/Berlin", EUROPE.0, EUROPE.1),
    Zone::new("Europe/London", EUROPE.0, EUROPE.1),
    Zone::new("Europe/Dublin", EUROPE.0, EUROPE.1),
    Zone::new("Atlantic/Azores", EUROPE.0, EUROPE.1),
    Zone::new("America/New_York", AMERICA.0, AMERICA.1),
    // Half an hour off its neighbours.
    Zone::new("America/St_Johns", AMERICA.0, AMERICA.1),
    // At midnight: the day begins twice.
    Zone::new("America/Havana", AMERICA.0, AMERICA.1),
    Zone::new("Asia/Beirut", EUROPE.0, EUROPE.1),
    Zone::new("Africa/Cairo", "2026-10-29T14:00:00Z", "2026-10-29 to 2026-10-31"),
    // In the south, where an hour is left out; in Santiago midnight.
    Zone::new("America/Santiago", "2026-09-05T20:00:00Z", "2026-09-05 to 2026-09-07"),
    Zone::new("Australia/Sydney", AUSTRALIA.0, AUSTRALIA.1),
    Zone::new("Australia/Adelaide", AUSTRALIA.0, AUSTRALIA.1),
    Zone::new("Pacific/Norfolk", AUSTRALIA.0, AUSTRALIA.1),
    Zone::new("Pacific/Auckland", ZEALAND.0, ZEALAND.1),
    // Three quarters of an hour off it.
    Zone::new("Pacific/Chatham", ZEALAND.0, ZEALAND.1),
    // By half an hour.
    Zone::new("Australia/Lord_Howe", AUSTRALIA.0, AUSTRALIA.1),
    // Not in the autumn, or never.
    Zone::new("Africa/Casablanca", EUROPE.0, EUROPE.1),
    Zone::new("America/Phoenix", AMERICA.0, AMERICA.1),
    Zone::new("America/Sao_Paulo", AMERICA.0, AMERICA.1),
    Zone::new("Asia/Tehran", EUROPE.0, EUROPE.1),
    Zone::new("Asia/Kabul", EUROPE.0, EUROPE.1),
    Zone::new("Asia/Kolkata", EUROPE.0, EUROPE.1),
    Zone::new("Asia/Kathmandu", EUROPE.0, EUROPE.1),
    Zone::new("Asia/Yangon", EUROPE.0, EUROPE.1),
    Zone::new("Asia/Tokyo", EUROPE.0, EUROPE.1),
    Zone::new("Australia/Darwin", AUSTRALIA.0, AUSTRALIA.1),
    Zone::new("Australia/Eucla", AUSTRALIA.0, AUSTRALIA.1),
    // As far from UTC as there are.
    Zone::new("Pacific/Kiritimati", AUSTRALIA.0, AUSTRALIA.1),
    Zone::new("Pacific/Marquesas", AMERICA.0, AMERICA.1),
    Zone::new("Pacific/Pago_Pago", AMERICA.0, AMERICA.1),
];

/// The zone of a seed.
pub fn of(seed: u64) -> &'static Zone {
    let all = u64::try_from(ZONES.len()).unwrap_or(1);
    &ZONES[usize::try_from(seed % all).unwrap_or(0)]
}

/// A moment of this file.
///
/// # Panics
/// Where it is none.
pub fn moment(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
