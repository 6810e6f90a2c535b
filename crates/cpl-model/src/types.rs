//! Types and units, and what arithmetic makes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use cpl_syntax::tree::{ArithOp, Currency};

/// The type of a value, its unit included. A value of any type may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Whole and not negative.
    Count,
    /// Whole.
    Integer,
    /// A 64-bit float.
    Number,
    /// A 64-bit float without unit; 0.032 is shown as 3.2%.
    Ratio,
    /// An exact decimal of six places in a currency.
    Money(Denomination),
    /// A length of time in microseconds.
    Duration,
    /// A calendar day.
    Date,
    /// A moment, in microseconds.
    Datetime,
    /// A day of the week.
    Weekday,
    /// Text.
    Text,
    /// What stands for a text that nobody is to see: equal texts have equal ones, and nothing else is known of them.
    Personal,
    /// True or false.
    Bool,
}

/// Digits behind the point that amounts in minor units have, by the codes of currencies.
pub type MinorDigits = Arc<BTreeMap<String, u32>>;

/// What an amount of money is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denomination {
    /// One currency.
    One(Currency),
    /// That which the row's column of this name holds.
    Of(&'static str),
}

impl Denomination {
    /// The currency that a column names, row by row.
    #[must_use]
    pub fn of_column(column: &str) -> Self {
        // Types are compared and copied by the thousand: a name is kept once, for good.
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.get(column) {
            return Self::Of(name);
        }
        let name: &'static str = column.to_owned().leak();
        names.insert(name);
        Self::Of(name)
    }

    /// Digits after the point in its minor unit; the common two where rows differ.
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        match self {
            Self::One(currency) => currency.minor_digits(),
            Self::Of(_) => 2,
        }
    }

    /// `$` where it has a sign of its own.
    #[must_use]
    pub fn sign(self) -> Option<char> {
        match self {
            Self::One(currency) => currency.sign(),
            Self::Of(_) => None,
        }
    }
}

impl From<Currency> for Denomination {
    fn from(currency: Currency) -> Self {
        Self::One(currency)
    }
}

/// As it is written after `money`.
impl fmt::Display for Denomination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(currency) => write!(f, "in {}", currency.code()),
            Self::Of(column) => write!(f, "of {column}"),
        }
    }
}

impl Type {
    /// The column that names the currency of each of its amounts.
    #[must_use]
    pub fn currency_column(self) -> Option<&'static str> {
        match self {
            Self::Money(Denomination::Of(column)) => Some(column),
            _ => None,
        }
    }

    /// As a column of it is declared.
    #[must_use]
    pub fn word(self) -> String {
        let shown = self.to_string();
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Personal => "text personal".to_owned(),
            _ => shown.trim_start_matches("a ").trim_start_matches("an ").to_owned(),
        }
    }

    /// Count, integer or number.
    #[must_use]
    pub fn is_quantity(self) -> bool {
        matches!(self, Self::Count | Self::Integer | Self::Number)
    }

    /// Count or integer.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Count | Self::Integer)
    }

    /// What can be added up and held against a bound.
    #[must_use]
    pub fn is_amount(self) -> bool {
        self.is_quantity() || matches!(self, Self::Ratio | Self::Money(_))
    }

    /// A date or a moment.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Datetime)
    }

    /// Whether values of the two can be compared.
    #[must_use]
    pub fn compares_with(self, other: Self) -> bool {
        self == other || (self.is_quantity() && other.is_quantity()) || (self.is_time() && other.is_time())
    }

    /// The one type that holds values of both, if there is one.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (a, b) if a.is_whole() && b.is_whole() => Some(Self::Integer),
            (a, b) if a.is_quantity() && b.is_quantity() => Some(Self::Number),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Money(of) => return write!(f, "money {of}"),
            Self::Count => "a count",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Ratio => "a ratio",
            Self::Duration => "a duration",
            Self::Date => "a date",
            Self::Datetime => "a datetime",
            Self::Weekday => "a weekday",
            Self::Text => "text",
            Self::Personal => "a personal text",
            Self::Bool => "a condition",
        };
        f.write_str(word)
    }
}

/// One side of an operator.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// Its type.
    pub ty: Type,
    /// It is a number written without a unit.
    pub bare: bool,
}

/// The type of `left op right`; none where the units do not fit (the table of units in `grammar/README.md`).
#[must_use]
pub fn arith(op: ArithOp, left: Operand, right: Operand) -> Option<Type> {
    match op {
        ArithOp::Add | ArithOp::Subtract => sum(op, left, right),
        ArithOp::Multiply => product(left, right),
        ArithOp::Divide => quotient(left, right),
        ArithOp::OrElse => left.ty.common(right.ty),
    }
}

fn sum(op: ArithOp, left: Operand, right: Operand) -> Option<Type> {
    use Type::{Date, Datetime, Duration, Integer, Number, Ratio};
    match (left.ty, right.ty) {
        (a, b) if a.is_whole() && b.is_whole() => Some(Integer),
        (a, b) if a.is_quantity() && b.is_quantity() => Some(Number),
        (Type::Money(a), Type::Money(b)) if a == b => Some(left.ty),
        (Ratio, Ratio) => Some(Ratio),
        (Ratio, _) if right.bare => Some(Ratio),
        (_, Ratio) if left.bare => Some(Ratio),
        (Duration, Duration) => Some(Duration),
        (Date, Date) | (Datetime, Datetime) if op == ArithOp::Subtract => Some(Duration),
        (Date, Duration) => Some(Date),
        (Datetime, Duration) => Some(Datetime),
        _ => None,
    }
}

fn product(left: Operand, right: Operand) -> Option<Type> {
    use Type::{Duration, Integer, Money, Number, Ratio};
    match (left.ty, right.ty) {
        (Ratio, Ratio) => Some(Ratio),
        (Ratio, b) if b.is_quantity() => Some(if right.bare { Ratio } else { Number }),
        (a, Ratio) if a.is_quantity() => Some(if left.bare { Ratio } else { Number }),
        (a, b) if a.is_whole() && b.is_whole() => Some(Integer),
        (a, b) if a.is_quantity() && b.is_quantity() => Some(Number),
        (Money(_), b) if b.is_quantity() || b == Ratio => Some(left.ty),
        (a, Money(_)) if a.is_quantity() || a == Ratio => Some(right.ty),
        (Duration, b) if b.is_quantity() && right.bare => Some(Duration),
        (a, Duration) if a.is_quantity() && left.bare => Some(Duration),
        _ => None,
    }
}

fn quotient(left: Operand, right: Operand) -> Option<Type> {
    use Type::{Duration, Money, Number, Ratio};
    match (left.ty, right.ty) {
        (Money(a), Money(b)) => (a == b).then_some(Ratio),
        (Money(_), b) if b.is_quantity() || b == Ratio => Some(left.ty),
        (Ratio, b) if b == Ratio || b.is_quantity() => Some(Ratio),
        (a, Ratio) if a.is_quantity() => Some(if left.bare { Ratio } else { Number }),
        (a, b) if a.is_quantity() && b.is_quantity() => Some(if right.bare { Number } else { Ratio }),
        (Duration, Duration) => Some(Number),
        (Duration, b) if b.is_quantity() && right.bare => Some(Duration),
        _ => None,
    }
}
