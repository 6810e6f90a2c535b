//! Values, exact where the language is.

use std::cmp::Ordering;

use jiff::{Timestamp, civil::Date};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};

/// An exact number.
pub type Rational = BigRational;

/// A value; money, whole numbers and lengths of time are exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// None.
    Unknown,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i128),
    /// A float.
    Float(f64),
    /// An amount in whole units of its currency.
    Money(Rational),
    /// A day.
    Date(Date),
    /// A moment.
    Moment(Timestamp),
    /// 1 for Monday.
    Weekday(i8),
    /// Text.
    Text(String),
    /// Microseconds.
    Length(i64),
    /// What a value of a group is made of: no column has it, rows carry it.
    Evidence(Box<super::surely::Evidence>),
}

/// `above` ÷ `below`.
#[must_use]
pub fn rational(above: i128, below: i128) -> Rational {
    Rational::new(BigInt::from(above), BigInt::from(below))
}

/// The shortest decimal that stands for a float.
pub fn shortest(value: f64) -> Rational {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let behind = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
    let mantissa: BigInt = digits.replace('.', "").parse().unwrap_or_default();
    let power = exponent.parse::<i32>().unwrap_or(0) - i32::try_from(behind).unwrap_or(0);
    let ten = Rational::from_integer(BigInt::from(10));
    Rational::from_integer(mantissa) * num_traits::Pow::pow(ten, power)
}

/// Rounded to a millionth, half to even.
pub fn millionth(value: &Rational) -> Rational {
    to_digits(value, 6, true)
}

/// Rounded to so many digits: half to even, or halves away from zero.
pub fn to_digits(value: &Rational, digits: u32, even: bool) -> Rational {
    let scale = Rational::from_integer(BigInt::from(10).pow(digits));
    let scaled = value.abs() * &scale;
    let (floor, rest) = (scaled.floor(), scaled.fract());
    let half = rational(1, 2);
    let odd = (floor.to_integer() % 2i32) != BigInt::zero();
    let up = match rest.cmp(&half) {
        Ordering::Greater => true,
        Ordering::Equal => !even || odd,
        Ordering::Less => false,
    };
    let whole = if up { floor + Rational::from_integer(BigInt::from(1)) } else { floor };
    let rounded = whole / scale;
    if value.is_negative() { -rounded } else { rounded }
}

/// The exact value of a float.
pub fn exactly(value: f64) -> Rational {
    Rational::from_f64(value).unwrap_or_else(Rational::zero)
}

pub fn float_of(value: &Rational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "floats are compared with a tolerance")]
pub fn float_of_whole(value: i128) -> f64 {
    value as f64
}

impl Val {
    /// Whether there is none.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// As a float; none where it is no amount.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(float_of_whole(*value)),
            Self::Float(value) => Some(*value),
            Self::Money(value) => Some(float_of(value)),
            _ => None,
        }
    }

    /// An exact amount: whole, money, or the shortest decimal of a float.
    #[must_use]
    pub fn exact(&self) -> Option<Rational> {
        match self {
            Self::Whole(value) => Some(rational(*value, 1)),
            Self::Float(value) => Some(shortest(*value)),
            Self::Money(value) => Some(value.clone()),
            Self::Length(value) => Some(rational(i128::from(*value), 1)),
            _ => None,
        }
    }

    /// Which comes first; exact. Unlike kinds stand side by side.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Money(a), Self::Money(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Moment(a), Self::Moment(b)) => a.cmp(b),
            (Self::Weekday(a), Self::Weekday(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Length(a), Self::Length(b)) => a.cmp(b),
            (a, b) => a.float().unwrap_or(0.0).total_cmp(&b.float().unwrap_or(0.0)),
        }
    }
}
