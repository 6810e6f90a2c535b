//! Columns of numbers: shares, amounts, counts.

use std::{collections::BTreeSet, sync::Arc};

use cpl_batch::ValueFormat;
use cpl_syntax::tree::Currency;
use indexmap::IndexSet;

use crate::{
    column_type::{ColumnType, Written, all_fit, field, fits},
    sample::Column,
    words::{is_id, says, words},
};

/// Words of the names of amounts.
pub const AMOUNTS: [&str; 26] = [
    "cost", "costs", "spend", "spent", "revenue", "amount", "price", "budget", "sales", "fee", "fees", "cpc", "cpm",
    "cpa", "cac", "ltv", "arpu", "net", "gross", "payout", "umsatz", "kosten", "ausgaben", "betrag", "preis",
    "montant",
];

/// What is not sure of an amount that bears no currency.
pub const MONEY: &str = "an amount in the pipeline's currency? Else `money in EUR`, or `number`";

/// The same of whole numbers, which may be a hundred times as large as the amounts.
const WHOLE_MONEY: &str =
    "an amount in whole units of the pipeline's currency? Else `money in minor units`, `money in EUR`, or `number`";

/// Signs of currencies that the names of amounts bear.
const SIGNS: [(char, &str); 3] = [('€', "EUR"), ('£', "GBP"), ('₹', "INR")];

/// Codes of currencies that the names of amounts bear.
const CODES: [&str; 8] = ["USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "INR"];

/// A column that may be one of numbers.
pub struct Numbers<'a> {
    /// The column.
    pub column: &'a Column,
    /// How the file writes numbers.
    pub notation: Written,
    /// The values are cells of a workbook.
    pub is_cell: bool,
    /// The name of the column that names currencies, and their codes.
    pub codes: Option<&'a (String, BTreeSet<String>)>,
}

impl Numbers<'_> {
    /// Its type; none where it holds other texts.
    pub fn guess(&self, known: &[&str]) -> Option<ColumnType> {
        self.percent(known)
            .or_else(|| self.amount(known))
            .or_else(|| self.number(known))
            .or_else(|| self.all_but_a_few(known))
    }

    fn all(&self, known: &[&str], format: ValueFormat) -> bool {
        all_fit(known, format, self.notation)
    }

    fn named(&self, any: &[&str]) -> bool {
        says(&self.column.name, any)
    }

    fn percent(&self, known: &[&str]) -> Option<ColumnType> {
        if !self.all(known, ValueFormat::Percent) {
            return None;
        }
        if known.iter().all(|text| text.ends_with('%')) {
            return Some(ColumnType::sure("percent"));
        }
        // `Rate (%)` says for each value what it is, but not of a workbook, whose cells hold 0.032 where they show 3.2%.
        let says_so = self.column.name.contains('%') || self.named(&["percent", "pct"]);
        let is_small = known.iter().all(|text| text.parse::<f64>().is_ok_and(|value| value.abs() <= 1.0));
        let doubt = "0.032 for 3.2%? Else `percent`";
        says_so.then(|| match self.is_cell {
            true => ColumnType::likely("ratio", doubt),
            false if is_small => ColumnType::likely("percent", "3.2 for 3.2%? Else `ratio`"),
            false => ColumnType::sure("percent"),
        })
    }

    /// An amount: by a sign or a code next to it, or by the column's name.
    fn amount(&self, known: &[&str]) -> Option<ColumnType> {
        let plain = ValueFormat::Money { shift: 0, signs: Arc::default() };
        if !self.all(known, plain) {
            return self.signed(known);
        }
        let whole = self.all(known, ValueFormat::Whole { negative: true });
        if whole && self.named(&["micros"]) {
            return Some(ColumnType::likely("money in micros", MONEY));
        }
        if whole && self.named(&["cents", "minor"]) {
            return Some(ColumnType::likely("money in minor units", MONEY));
        }
        let of_sign = SIGNS.iter().find(|(sign, _)| self.column.name.contains(*sign));
        if let (Some((_, code)), true) = (of_sign, self.all(known, ValueFormat::Float)) {
            return Some(ColumnType::sure(&format!("money in {code}")));
        }
        (self.named(&AMOUNTS) && !self.is_count(known))
            .then(|| self.of_currency(if whole { WHOLE_MONEY } else { MONEY }))
    }

    /// Amounts with a sign or a code, which may be that of several currencies.
    fn signed(&self, known: &[&str]) -> Option<ColumnType> {
        let common = ["USD", "EUR", "GBP", "JPY"].into_iter().filter_map(Currency::of_code);
        let reads =
            |currency: &Currency| self.all(known, ValueFormat::Money { shift: 0, signs: currency.signs().into() });
        let found: IndexSet<String> =
            common.chain(Currency::all()).filter(reads).map(|currency| currency.code().to_owned()).collect();
        let first = found.first()?;
        let named = self.codes.map(|(_, codes)| codes.iter().map(String::as_str).collect::<Vec<_>>());
        match named.as_deref() {
            Some([code]) if found.contains(*code) => return Some(ColumnType::sure(&format!("money in {code}"))),
            Some([_, _, ..]) => {
                let doubt =
                    "amounts with currency signs, and a column that names their currency: have the export write one";
                return Some(ColumnType::likely("text", doubt));
            }
            _ => {}
        }
        let ty = format!("money in {first}");
        let others: Vec<&str> = found.iter().skip(1).take(3).map(String::as_str).collect();
        if others.is_empty() {
            return Some(ColumnType::sure(&ty));
        }
        Some(ColumnType::likely(&ty, &format!("{} write it so too", others.join(", "))))
    }

    /// An amount without a sign: its currency is that of the row, of the file or in the column's name.
    fn of_currency(&self, doubt: &str) -> ColumnType {
        match self.codes {
            Some((column, codes)) if codes.len() > 1 => ColumnType::sure(&format!("money of {column}")),
            Some((_, codes)) => {
                let code = codes.first().map_or("USD", String::as_str);
                ColumnType::likely(&format!("money in {code}"), "the file's only currency")
            }
            None => {
                let mut words = words(&self.column.name).into_iter().map(|word| word.to_uppercase());
                match words.find(|word| CODES.contains(&word.as_str())) {
                    Some(code) => ColumnType::sure(&format!("money in {code}")),
                    None => ColumnType::likely("money", doubt),
                }
            }
        }
    }

    fn is_count(&self, known: &[&str]) -> bool {
        self.all(known, ValueFormat::Whole { negative: false })
            && self.named(&["count", "clicks", "orders", "units", "quantity", "impressions", "users"])
    }

    fn number(&self, known: &[&str]) -> Option<ColumnType> {
        if self.names_things(known) {
            return None;
        }
        if self.all(known, ValueFormat::Whole { negative: false }) {
            return Some(ColumnType::sure("count"));
        }
        if self.all(known, ValueFormat::Whole { negative: true }) {
            return Some(ColumnType::sure("integer"));
        }
        if !self.all(known, ValueFormat::Float) {
            return None;
        }
        let is_rate = self.named(&["rate", "ratio", "share", "ctr", "cvr", "roas"]);
        let rate = || ColumnType::likely("ratio", "0.032 for 3.2%? Else `percent`");
        Some(if is_rate { rate() } else { ColumnType::sure("number") })
    }

    /// Whether numbers are names: of an identifier, with zeros ahead, or longer than a number is exact.
    fn names_things(&self, known: &[&str]) -> bool {
        let leading_zero = |text: &&str| text.len() > 1 && text.starts_with('0') && !text.contains(['.', ',']);
        let long = |text: &&str| text.bytes().filter(u8::is_ascii_digit).count() > 15;
        is_id(&self.column.name) || known.iter().any(leading_zero) || known.iter().any(long)
    }

    /// A text of which most values are numbers: what the others are may be an error of the export.
    fn all_but_a_few(&self, known: &[&str]) -> Option<ColumnType> {
        let signs: Vec<String> = Currency::all().flat_map(|currency| currency.signs()).collect();
        let amount = field(ValueFormat::Money { shift: 0, signs: signs.into() }, self.notation);
        let percent = field(ValueFormat::Percent, self.notation);
        let values: BTreeSet<&str> = known.iter().copied().collect();
        let is_number = |text: &&&str| fits(text, &amount) || fits(text, &percent);
        let (numbers, others): (BTreeSet<&str>, BTreeSet<&str>) = values.iter().partition(is_number);
        // `C536379` among numbers is the number of something.
        let is_code = |text: &&str| {
            let (letters, digits) = (text.contains(char::is_alphabetic), text.contains(|c: char| c.is_ascii_digit()));
            letters && digits && text.chars().all(char::is_alphanumeric)
        };
        if self.names_things(known) || numbers.len() <= others.len() || others.iter().any(is_code) {
            return None;
        }
        let others: Vec<String> = others.iter().take(3).map(|text| format!("{text:?}")).collect();
        let shares = numbers.iter().filter(|text| text.ends_with('%')).count();
        Some(match (others.is_empty(), shares) {
            (false, _) => {
                let others = others.join(", ");
                let doubt =
                    format!("most values are numbers, but not {others}: do those mean none? `missing {others}`");
                ColumnType::likely("text", &doubt)
            }
            (true, 0) => ColumnType::likely("text", "amounts of several currencies: have the export name each row's"),
            (true, _) => ColumnType::likely("text", "numbers, of which some bear a `%` and others do not"),
        })
    }
}
