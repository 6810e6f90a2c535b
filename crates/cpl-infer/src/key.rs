//! Which columns name a row: the fewest that are never missing and unique together.

use std::collections::HashSet;

use crate::{
    column_type::ColumnType,
    sample::Sample,
    words::{is_currency, is_id},
};

/// What was found of a key.
pub enum Key {
    /// These columns, by their numbers.
    Unique(Vec<usize>),
    /// No columns are unique together.
    None,
}

/// Bytes of the longest name.
const LONGEST: usize = 200;

/// Columns that are tried: the first of a file name its rows.
const TRIED: usize = 24;

/// The key of a sample; one row says nothing of it.
pub fn of(sample: &Sample, guesses: &[ColumnType]) -> Key {
    if sample.rows < 2 {
        return Key::None;
    }
    let parts = parts(sample, guesses);
    let is_unique = |set: &[usize]| is_unique(sample, set);
    // A name by itself, then a name and a day, the commonest keys of all.
    let (days, names): (Vec<usize>, Vec<usize>) = parts.iter().partition(|at| guesses[**at].is_time);
    // Where rows have days, any text but an identifier is unique in a short file by chance.
    let single = names.iter().find(|at| (days.is_empty() || is_id(&sample.columns[**at].name)) && is_unique(&[**at]));
    let pairs = names.iter().flat_map(|name| days.iter().map(|day| [*name, *day]));
    let varies = |at: &usize| is_id(&sample.columns[*at].name) && !is_constant(sample, *at);
    let day = days.iter().find(|at| is_unique(&[**at])).filter(|_| !names.iter().any(varies));
    let found = match (single, day) {
        (Some(name), _) => Some(vec![*name]),
        (None, Some(day)) => Some(vec![*day]),
        (None, None) => pairs
            .filter(|[name, _]| !is_constant(sample, *name))
            .find(|pair| is_unique(pair))
            .map(Vec::from)
            .or_else(|| is_unique(&parts).then(|| fewest(parts, is_unique))),
    };
    found.map_or(Key::None, |mut set| {
        set.sort_unstable();
        Key::Unique(set)
    })
}

/// The columns that can name a row, those that do it best first: identifiers, days, texts.
fn parts(sample: &Sample, guesses: &[ColumnType]) -> Vec<usize> {
    let is_part = |at: &usize| {
        let guess = &guesses[*at];
        // Figures are unique by chance.
        let is_code = is_currency(&sample.columns[*at].name);
        let names = guess.written == "text" && !is_code || guess.is_time || is_id(&sample.columns[*at].name);
        guess.names && names && !guess.nullable && !sample.columns[*at].has_missing && !is_prose(sample, *at)
    };
    let mut parts: Vec<usize> = (0..guesses.len()).filter(is_part).collect();
    parts.sort_by_key(|at| match guesses[*at].written.as_str() {
        _ if is_id(&sample.columns[*at].name) => 0,
        "text" => 2,
        _ => 1,
    });
    parts.truncate(TRIED);
    parts
}

/// Whether a column's texts say more than a name: sentences, lists, documents.
fn is_prose(sample: &Sample, column: usize) -> bool {
    sample.columns[column].values.iter().flatten().any(|text| text.len() > LONGEST || text.starts_with(['[', '{']))
}

/// Leaves out, from the last on, what the rest does without.
fn fewest(mut set: Vec<usize>, is_unique: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    for at in (0..set.len()).rev() {
        let without: Vec<usize> = set.iter().copied().filter(|kept| *kept != set[at]).collect();
        if !without.is_empty() && is_unique(&without) {
            set = without;
        }
    }
    set
}

fn is_constant(sample: &Sample, column: usize) -> bool {
    let values = &sample.columns[column].values;
    values.iter().all(|value| value == &values[0])
}

fn is_unique(sample: &Sample, set: &[usize]) -> bool {
    let mut seen = HashSet::new();
    (0..sample.rows).all(|row| {
        let value = |at: &usize| sample.columns[*at].values.get(row).and_then(Option::as_deref).map(str::trim);
        seen.insert(set.iter().map(value).collect::<Vec<Option<&str>>>())
    })
}
