//! Values → the type of a column, by the very readers that will read them.

mod time;

use std::{collections::BTreeSet, sync::Arc};

use cpl_batch::{Field, Notation, StoredKind, ValueFormat, exports::is_nothing};
use cpl_syntax::tree::Currency;

use crate::{
    sample::{Column, Found, Sample},
    words::{is_id, says, words},
};

/// What was guessed of a file.
pub struct Guessed {
    /// Of each column of the sample.
    pub columns: Vec<Guess>,
    /// How numbers are written, where not plainly.
    pub notation: Option<(u8, Option<char>)>,
    /// Texts that stand for no value.
    pub missing: BTreeSet<String>,
}

/// What was guessed of a column.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    /// Its type, as the language writes it.
    pub ty: String,
    /// It may have no value.
    pub nullable: bool,
    /// It is a day or a moment.
    pub is_time: bool,
    /// It may be a part of a key: a text, a day, a whole number.
    pub names: bool,
    /// What is not sure.
    pub doubt: Option<String>,
}

/// The ways in which exports write numbers; the first that reads most columns is taken.
const NOTATIONS: [Option<(u8, Option<char>)>; 7] = [
    None,
    Some((b'.', Some(','))),
    Some((b',', Some('.'))),
    Some((b',', None)),
    Some((b',', Some(' '))),
    Some((b'.', Some(' '))),
    Some((b'.', Some('\''))),
];

/// Guesses the type of each column.
pub fn columns(sample: &Sample, names: &[String]) -> Guessed {
    let notation = notation(sample);
    let mut guessed = Guessed { columns: Vec::new(), notation, missing: BTreeSet::new() };
    let codes = currencies(sample, names);
    for column in &sample.columns {
        let guess = guess(column, notation, codes.as_ref(), &mut guessed.missing);
        guessed.columns.push(guess);
    }
    guessed
}

/// The notation that reads most columns of numbers; of several the plainest. Only text tables have one.
fn notation(sample: &Sample) -> Option<(u8, Option<char>)> {
    if !matches!(sample.found, Found::Csv(_)) {
        return None;
    }
    let read = |notation: Option<(u8, Option<char>)>| {
        let field = field(ValueFormat::Money { shift: 0, signs: Arc::default() }, notation);
        let percent = Field { format: ValueFormat::Percent, ..field.clone() };
        let reads = |column: &&Column| {
            let known: Vec<&str> = known(column).collect();
            let amount = |text: &&&str| fits(bare(text), &field) || fits(text, &percent);
            !known.is_empty() && known.iter().all(|text| amount(&text))
        };
        sample.columns.iter().filter(reads).count()
    };
    let best = NOTATIONS.iter().map(|notation| read(*notation)).max().unwrap_or(0);
    NOTATIONS.into_iter().find(|notation| read(*notation) == best).flatten()
}

/// An amount without the signs of any currency.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || "$€£¥₹₩₽₺".contains(c))
}

/// The name of the column that names currencies, and their codes.
fn currencies(sample: &Sample, names: &[String]) -> Option<(String, BTreeSet<String>)> {
    let is_code = |text: &str| Currency::of_code(&text.trim().to_ascii_uppercase()).is_some();
    sample.columns.iter().zip(names).find_map(|(column, name)| {
        let holds_codes = column.name.to_lowercase().contains("currency") && !column.has_missing;
        let codes: BTreeSet<String> = column.values.iter().flatten().map(|text| text.trim().to_uppercase()).collect();
        (holds_codes && !codes.is_empty() && codes.iter().all(|code| is_code(code))).then(|| (name.clone(), codes))
    })
}

/// The known values, without those that stand for none.
fn known(column: &Column) -> impl Iterator<Item = &str> {
    column.values.iter().flatten().map(|text| text.trim()).filter(|text| !is_nothing(text))
}

fn field(format: ValueFormat, notation: Option<(u8, Option<char>)>) -> Field {
    let notation = notation.map(|(decimal, thousands)| Notation { decimal, thousands });
    Field { notation, ..Field::new("", format, false) }
}

fn fits(text: &str, field: &Field) -> bool {
    cpl_batch::Column::new(field).push_text(text.as_bytes(), field).is_some()
}

fn named(column: &Column, any: &[&str]) -> bool {
    says(&column.name, any)
}

/// Words of the names of amounts.
const AMOUNTS: [&str; 26] = [
    "cost", "costs", "spend", "spent", "revenue", "amount", "price", "budget", "sales", "fee", "fees", "cpc", "cpm",
    "cpa", "cac", "ltv", "arpu", "net", "gross", "payout", "umsatz", "kosten", "ausgaben", "betrag", "preis",
    "montant",
];

/// Signs of currencies that the names of amounts bear.
const SIGNS: [(char, &str); 3] = [('€', "EUR"), ('£', "GBP"), ('₹', "INR")];

/// Codes of currencies that the names of amounts bear.
const CODES: [&str; 8] = ["USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "INR"];

fn guess(
    column: &Column,
    notation: Option<(u8, Option<char>)>,
    codes: Option<&(String, BTreeSet<String>)>,
    missing: &mut BTreeSet<String>,
) -> Guess {
    let all: Vec<&str> = column.values.iter().flatten().map(|text| text.trim()).collect();
    if all.is_empty() && column.stored.is_none() {
        let doubt = Some("no value was seen".to_owned());
        return Guess { ty: "text".to_owned(), nullable: true, doubt, ..Guess::default() };
    }
    let known: Vec<&str> = known(column).collect();
    let found = match column.stored {
        Some(stored) => of_stored(column, stored, &known),
        None => Reader { column, notation, codes }.of_texts(&known),
    };
    let nothings: BTreeSet<&str> = all.iter().copied().filter(|text| is_nothing(text)).collect();
    // A text may be any text, also such a one.
    let is_text = found.ty == "text";
    let mut guess = found;
    guess.nullable = column.has_missing;
    if !is_text && !nothings.is_empty() {
        guess.nullable = true;
        missing.extend(nothings.into_iter().map(str::to_owned));
    }
    guess
}

fn plain(ty: &str) -> Guess {
    Guess { ty: ty.to_owned(), names: matches!(ty, "text" | "count" | "integer"), ..Guess::default() }
}

fn doubted(ty: &str, doubt: &str) -> Guess {
    Guess { doubt: Some(doubt.to_owned()), ..plain(ty) }
}

const MONEY: &str = "an amount in the pipeline's currency? Else `money in EUR`, or `number`";

/// By how Parquet stores it.
fn of_stored(column: &Column, stored: StoredKind, known: &[&str]) -> Guess {
    match stored {
        StoredKind::Whole if is_id(&column.name) => plain("text"),
        StoredKind::Whole if known.iter().any(|text| text.len() > 15) => plain("text"),
        StoredKind::Whole if named(column, &["micros"]) => doubted("money in micros", MONEY),
        StoredKind::Whole if named(column, &["cents", "minor"]) => doubted("money in minor units", MONEY),
        StoredKind::Whole if known.iter().any(|text| text.starts_with('-')) => plain("integer"),
        StoredKind::Whole => plain("count"),
        StoredKind::Number if named(column, &AMOUNTS) => doubted("money", MONEY),
        StoredKind::Number => plain("number"),
        StoredKind::Bool => plain("bool"),
        StoredKind::Day => time::guess("date".to_owned(), None),
        StoredKind::Moment => time::guess("datetime".to_owned(), None),
        StoredKind::Text | StoredKind::Other => Reader { column, notation: None, codes: None }.of_texts(known),
    }
}

/// Truths, or days of the week.
fn truth(known: &[&str]) -> Option<Guess> {
    let is_word = |text: &&str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    if known.iter().all(is_word) {
        return Some(plain("bool"));
    }
    let field = field(ValueFormat::Weekday, None);
    known.iter().all(|text| fits(text, &field)).then(|| plain("weekday"))
}

/// Reads the texts of a column.
struct Reader<'a> {
    column: &'a Column,
    notation: Option<(u8, Option<char>)>,
    codes: Option<&'a (String, BTreeSet<String>)>,
}

impl Reader<'_> {
    fn of_texts(&self, known: &[&str]) -> Guess {
        if known.is_empty() {
            return doubted("text", "no value was seen but such as mean none");
        }
        let first =
            || truth(known).or_else(|| time::day(self.column, known)).or_else(|| time::moment(self.column, known));
        let number = || self.percent(known).or_else(|| self.amount(known)).or_else(|| self.number(known));
        first().or_else(number).unwrap_or_else(|| plain("text"))
    }

    fn all(&self, known: &[&str], format: ValueFormat) -> bool {
        let field = field(format, self.notation);
        known.iter().all(|text| fits(text, &field))
    }

    fn percent(&self, known: &[&str]) -> Option<Guess> {
        let signed = known.iter().all(|text| text.ends_with('%'));
        // `Rate (%)` says for each value what it is.
        let says_so = self.column.name.contains('%') || named(self.column, &["percent", "pct"]);
        ((signed || says_so) && self.all(known, ValueFormat::Percent)).then(|| plain("percent"))
    }

    /// An amount: by a sign or a code beside it, or by the column's name.
    fn amount(&self, known: &[&str]) -> Option<Guess> {
        let plain_field = field(ValueFormat::Money { shift: 0, signs: Arc::default() }, self.notation);
        let signed = known.iter().any(|text| !fits(text, &plain_field));
        if signed {
            let common = ["USD", "EUR", "GBP", "JPY"].into_iter().filter_map(Currency::of_code);
            let reads =
                |currency: &Currency| self.all(known, ValueFormat::Money { shift: 0, signs: currency.signs().into() });
            let currency = common.chain(Currency::all()).find(reads)?;
            return Some(plain(&format!("money in {}", currency.code())));
        }
        let whole = self.all(known, ValueFormat::Whole { negative: true });
        if whole && named(self.column, &["micros"]) {
            return Some(doubted("money in micros", MONEY));
        }
        if whole && named(self.column, &["cents", "minor"]) {
            return Some(doubted("money in minor units", MONEY));
        }
        let of_sign = SIGNS.iter().find(|(sign, _)| self.column.name.contains(*sign));
        if let (Some((_, code)), true) = (of_sign, self.all(known, ValueFormat::Float)) {
            return Some(plain(&format!("money in {code}")));
        }
        if !named(self.column, &AMOUNTS) || self.is_count(known) {
            return None;
        }
        match self.codes {
            Some((column, codes)) if codes.len() > 1 => {
                Some(Guess { doubt: None, ..plain(&format!("money of {column}")) })
            }
            Some((_, codes)) => {
                let code = codes.first().map_or("USD", String::as_str);
                Some(doubted(&format!("money in {code}"), "the file's only currency"))
            }
            None => match words(&self.column.name)
                .iter()
                .map(|word| word.to_uppercase())
                .find(|word| CODES.contains(&word.as_str()))
            {
                Some(code) => Some(plain(&format!("money in {code}"))),
                None => Some(doubted("money", MONEY)),
            },
        }
    }

    fn is_count(&self, known: &[&str]) -> bool {
        self.all(known, ValueFormat::Whole { negative: false })
            && named(self.column, &["count", "clicks", "orders", "units", "quantity", "impressions", "users"])
    }

    fn number(&self, known: &[&str]) -> Option<Guess> {
        let leading_zero = |text: &&str| text.len() > 1 && text.starts_with('0') && !text.contains(['.', ',']);
        let long = |text: &&str| text.bytes().filter(u8::is_ascii_digit).count() > 15;
        if is_id(&self.column.name) || known.iter().any(leading_zero) || known.iter().any(long) {
            return None;
        }
        if self.all(known, ValueFormat::Whole { negative: false }) {
            return Some(plain("count"));
        }
        if self.all(known, ValueFormat::Whole { negative: true }) {
            return Some(plain("integer"));
        }
        if !self.all(known, ValueFormat::Float) {
            return None;
        }
        let is_rate = named(self.column, &["rate", "ratio", "share", "ctr", "cvr", "roas"]);
        Some(if is_rate { doubted("ratio", "0.032 for 3.2%? Else `percent`") } else { plain("number") })
    }
}
