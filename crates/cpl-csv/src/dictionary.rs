//! Dictionary encoding: each different text once, and a number for each row.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use cpl_batch::{Column, Data};

/// The most distinct texts of a dictionary-encoded block. Blocks have ten thousand rows or more.
const FEW: usize = 4_096;

/// The column that texts make; none where too many differ, or one is missing that must be there.
pub fn encode<'t>(texts: impl ExactSizeIterator<Item = &'t str>, optional: bool) -> Option<Column> {
    let mut known: HashMap<&str, u32, RandomState> = HashMap::default();
    let mut words = Vec::new();
    let mut numbers = Vec::with_capacity(texts.len());
    let mut valid = None;
    for text in texts {
        if text.is_empty() {
            let before = numbers.len();
            numbers.push(0);
            optional.then(|| valid.get_or_insert_with(|| vec![true; before]).push(false))?;
            continue;
        }
        let number = match known.get(text) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(words.len()).ok().filter(|_| words.len() < FEW)?;
                known.insert(text, number);
                words.push(text.to_owned());
                number
            }
        };
        numbers.push(number);
        if let Some(valid) = &mut valid {
            valid.push(true);
        }
    }
    Some(Column::made(Data::Dictionary(words, numbers), valid))
}
