//! Windows of time, by the table of the language's reference and not by the clock of the program.

use cpl_model::program::{Unit, WindowKind};
use cpl_syntax::tree::{Period, WhichPeriod};
use jiff::{Timestamp, ToSpan, civil::Date};

use super::Oracle;

impl Oracle<'_> {
    /// The first and the last day of a window of days.
    pub(super) fn days(&self, window: WindowKind) -> Option<(Date, Date)> {
        let today = self.clock.today();
        let yesterday = today.checked_sub(1.day()).ok()?;
        let before = |start: Date| start.checked_sub(1.day()).ok();
        Some(match window {
            WindowKind::Last(n, Unit::Week) => {
                let monday = start(Period::Week, today)?;
                (monday.checked_sub((7 * i64::from(n)).days()).ok()?, before(monday)?)
            }
            WindowKind::Last(n, Unit::Month) => {
                let first = start(Period::Month, today)?;
                (first.checked_sub(i64::from(n).months()).ok()?, before(first)?)
            }
            WindowKind::Last(n, _) => (today.checked_sub(i64::from(n).days()).ok()?, yesterday),
            WindowKind::Period(WhichPeriod::This, period) => (start(period, today)?, yesterday),
            WindowKind::Period(WhichPeriod::Previous, period) => {
                let last = before(start(period, today)?)?;
                (start(period, last)?, last)
            }
        })
    }

    /// So many complete hours before `now`: its start, and where it ends.
    pub(super) fn hours(&self, n: u32) -> Option<(Timestamp, Timestamp)> {
        let wall = self.program.timezone.to_datetime(self.clock.now.timestamp());
        let into = i64::from(wall.minute()).minutes().seconds(i64::from(wall.second()));
        let end = self.clock.now.timestamp().checked_sub(into).ok()?;
        Some((end.checked_sub(i64::from(n).hours()).ok()?, end))
    }
}

/// Where the period of a day begins.
fn start(period: Period, day: Date) -> Option<Date> {
    let (year, month) = (day.year(), day.month());
    match period {
        Period::Week => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok(),
        Period::Month => Date::new(year, month, 1).ok(),
        Period::Quarter => Date::new(year, (month - 1) / 3 * 3 + 1, 1).ok(),
        Period::Year => Date::new(year, 1, 1).ok(),
    }
}
