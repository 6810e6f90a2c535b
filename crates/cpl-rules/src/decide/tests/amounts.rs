//! Exact arithmetic, as tables.

use cpl_model::{types::Type, value::Value};
use rust_decimal::Decimal;

use super::dollars;
use crate::decide::amount;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_value_as_a_decimal_and_back() {
    let table = [
        (Value::Money(decimal("12.50"), dollars()), Type::Money(dollars()), "12.50"),
        (Value::Integer(7), Type::Integer, "7"),
        (Value::Integer(7), Type::Count, "7"),
        // A float counts as the shortest decimal that stands for it.
        (Value::Ratio(0.1), Type::Ratio, "0.1"),
        (Value::Number(1e-7), Type::Number, "0.0000001"),
    ];
    for (value, ty, wanted) in table {
        let found = amount::of(&value);
        assert_eq!(found, Some(decimal(wanted)), "{value:?}");
        assert_eq!(amount::parsed(&value.raw()), found, "{value:?}");
        assert_eq!(found.map(|amount| amount::value(amount, ty)), Some(value));
    }
    assert_eq!(amount::of(&Value::Text("7".to_owned())), None);
    assert_eq!(amount::of(&Value::Number(f64::INFINITY)), None);
    assert_eq!(amount::parsed("many"), None);
    assert_eq!(amount::value(decimal("7.5"), Type::Count), Value::Unknown);
}

#[test]
fn a_share_of_money_is_rounded_once_half_to_even() {
    let money = Type::Money(dollars());
    let table = [
        ("100", "0.2", money, "20"),
        ("0.000001", "0.5", money, "0"),
        ("0.000003", "0.5", money, "0.000002"),
        ("10.01", "0.3333333", money, "3.336666"),
        ("10.01", "0.3333333", Type::Number, "3.336666333"),
    ];
    for (of, share, ty, wanted) in table {
        assert_eq!(amount::share(decimal(of), decimal(share), ty), Some(decimal(wanted)), "{share} of {of}");
    }
    assert_eq!(amount::share(Decimal::MAX, decimal("2"), money), None);
}

#[test]
fn steps_are_cents_and_whole_things() {
    let table = [(Type::Money(dollars()), Some("0.01")), (Type::Count, Some("1")), (Type::Integer, Some("1"))];
    for (ty, wanted) in table.into_iter().chain([(Type::Number, None), (Type::Ratio, None)]) {
        assert_eq!(amount::smallest_step(ty), wanted.map(decimal), "{ty}");
    }
}

/// From a value, towards another one, in steps: where it comes to.
#[test]
fn a_new_value_is_rounded_towards_the_current_one() {
    let table = [
        ("100", "119.999", Some("0.01"), "119.99"),
        ("100", "80.001", Some("0.01"), "80.01"),
        ("100", "120", Some("0.01"), "120"),
        ("100", "124", Some("5"), "120"),
        ("100", "76", Some("5"), "80"),
        // Between two steps there is none.
        ("12", "14", Some("5"), "12"),
        ("13", "12", Some("5"), "13"),
        ("12.5", "12.5", Some("5"), "12.5"),
        ("-100", "-124", Some("5"), "-120"),
        ("0.1", "0.123456789", None, "0.123456789"),
    ];
    for (current, new, step, wanted) in table {
        let rounded = amount::towards(decimal(current), decimal(new), step.map(decimal));
        assert_eq!(rounded, decimal(wanted), "from {current} to {new} in steps of {step:?}");
    }
}
