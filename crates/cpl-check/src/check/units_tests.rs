//! A table of units: an expression of a row, and its type, or the code of what is wrong with it.

use jiff::civil::date;

use cpl_model::clock::AsOf;

use crate::{Setup, tree_to_program};

/// The type of an expression over columns of each type, or the code of the first error.
fn unit(expression: &str) -> String {
    let text = format!(
        "pipeline p {{ retire 2027-01-01 }}\n\
         fetch a from csv(\"a.csv\") {{\n\
         columns {{ usd: money, eur: money in EUR, n: count, i: integer, x: number, r: ratio, day: date, at: datetime, \
         name: text, yes: bool, on: weekday }}\n  time day\n}}\n\
         transform t from a {{ derive result = {expression} }}\n"
    );
    let (file, diagnostics) = cpl_syntax::parse(&text);
    assert!(diagnostics.is_empty(), "{expression}: {diagnostics:?}");
    let checked = tree_to_program(&text, &file, Setup::at(AsOf::Date(date(2026, 11, 20))));
    match checked.program {
        Some(program) => program.tables[1].column("result").map_or("gone".to_owned(), |column| column.ty.to_string()),
        None => checked.diagnostics[0].code.as_str().to_owned(),
    }
}

const TABLE: &[(&str, &str)] = &[
    // Money keeps its currency, and two currencies never meet.
    ("usd + usd", "money in USD"),
    ("usd - usd", "money in USD"),
    ("usd * 2", "money in USD"),
    ("2 * usd", "money in USD"),
    ("usd * r", "money in USD"),
    ("usd * x", "money in USD"),
    ("usd / n", "money in USD"),
    ("usd / usd", "a ratio"),
    ("usd * usd", "E0301"),
    ("usd + eur", "E0302"),
    ("usd / eur", "E0302"),
    ("usd + 1", "E0301"),
    ("usd + n", "E0301"),
    ("n / usd", "E0301"),
    ("convert(eur, 1.1)", "money in USD"),
    ("usd < eur", "E0302"),
    ("usd < $3", "a condition"),
    ("usd > 0", "a condition"),
    // Whole numbers stay whole, but for quotients.
    ("n + n", "an integer"),
    ("n - n", "an integer"),
    ("n * i", "an integer"),
    ("-n", "an integer"),
    ("n / n", "a ratio"),
    ("n / i", "a ratio"),
    ("n * r", "a number"),
    ("n + x", "a number"),
    ("i + x", "a number"),
    // Ratios.
    ("r + r", "a ratio"),
    ("r - r", "a ratio"),
    ("r * r", "a ratio"),
    ("r / r", "a ratio"),
    ("r < 3%", "a condition"),
    // Time. A datetime compares with a date by its own date.
    ("day - day", "a duration"),
    ("at - at", "a duration"),
    ("day + 3 days", "a date"),
    ("at + 3 hours", "a datetime"),
    ("day + day", "E0301"),
    ("day + 1", "E0301"),
    ("day - at", "E0301"),
    ("at - day", "E0301"),
    ("(day - day) * 2", "a duration"),
    ("(at - at) / (at - at)", "a number"),
    ("date_of(at)", "a date"),
    ("day < at", "a condition"),
    // Neither texts nor conditions nor days of the week are amounts.
    ("name + name", "E0301"),
    ("yes + yes", "E0301"),
    ("on - on", "E0301"),
    ("name = \"a\"", "a condition"),
    ("name = 3", "E0301"),
    ("not yes", "a condition"),
    ("not n", "E0303"),
    ("yes and n > 3", "a condition"),
    ("weekday(day) = tuesday", "a condition"),
    ("usd ?? $0", "money in USD"),
    ("usd ?? eur", "E0302"),
    ("usd ?? \"none\"", "E0301"),
];

#[test]
fn each_operator_gives_its_unit() {
    let wrong: Vec<String> = TABLE
        .iter()
        .map(|(expression, wanted)| (expression, wanted, unit(expression)))
        .filter(|(_, wanted, found)| found != *wanted)
        .map(|(expression, wanted, found)| format!("{expression}: {found}, and {wanted} is wanted"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
