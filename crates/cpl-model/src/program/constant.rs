//! Values that are written out.

use cpl_syntax::tree::Day;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use rust_decimal::Decimal;

use crate::clock::Grain;

/// A value written out. A moment is in the pipeline's zone.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Count or integer.
    Integer(i64),
    /// Number, ratio or money, by the expression's type.
    Decimal(Decimal),
    /// A ratio that is written, and shown, as `4x`.
    Multiple(Decimal),
    /// A day.
    Date(Date),
    /// A moment.
    Datetime(DateTime),
    /// A moment, whatever the zone: the plan puts it in the place of `now` and of windows.
    Moment(Timestamp),
    /// The window's start.
    Now,
    /// Days from the window's date: 0 is `today`, -1 `yesterday`.
    Today(i32),
    /// The start of the newest complete period, one of those days where some are named: the plan writes it.
    Newest(Grain, Vec<Day>),
    /// Microseconds.
    Duration(i64),
    /// Calendar months.
    Months(i32),
    /// A day of the week.
    Weekday(Day),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// No value: an argument of a connector that a call leaves out.
    Unknown,
}
