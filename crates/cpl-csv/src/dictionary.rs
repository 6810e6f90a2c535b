//! Dictionary encoding: each different text once, and a number for each row.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use cpl_batch::{Column, Data};

/// The most distinct texts of a dictionary-encoded block. Blocks have ten thousand rows or more.
const FEW: usize = 8_192;

/// The column that texts make; none where too many differ, or one is missing that must be there.
pub fn encode<'t>(texts: impl ExactSizeIterator<Item = &'t [u8]>, optional: bool) -> Option<Column> {
    let mut known: HashMap<&[u8], u32, RandomState> = HashMap::default();
    let mut recent = Recent::default();
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
        let number = recent.number(text, || match known.get(text) {
            Some(number) => Some(*number),
            None => {
                let number = u32::try_from(words.len()).ok().filter(|_| words.len() < FEW)?;
                known.insert(text, number);
                words.push(std::str::from_utf8(text).ok()?.to_owned());
                Some(number)
            }
        })?;
        numbers.push(number);
        if let Some(valid) = &mut valid {
            valid.push(true);
        }
    }
    Some(Column::made(Data::Dictionary(words, numbers), valid))
}

/// How many places there are for short texts.
const PLACES_BITS: u32 = 8;

/// Short texts that were seen lately, each in a place of its own: a look at two numbers finds them again.
struct Recent(Vec<Option<(Short, u32)>>);

/// A text of at most 16 bytes: its first bytes and its last, which may be the same ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Short {
    first: u64,
    last: u64,
    length: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self(vec![None; 1 << PLACES_BITS])
    }
}

impl Recent {
    /// The number of a text; looked up where it was not seen lately.
    fn number(&mut self, text: &[u8], look_up: impl FnOnce() -> Option<u32>) -> Option<u32> {
        let Some(short) = Short::of(text) else { return look_up() };
        let place = &mut self.0[short.place()];
        match place {
            Some((there, number)) if *there == short => Some(*number),
            _ => {
                let number = look_up()?;
                *place = Some((short, number));
                Some(number)
            }
        }
    }
}

impl Short {
    fn of(text: &[u8]) -> Option<Self> {
        let (first, last) = match text.len() {
            8..=16 => (u64::from_le_bytes(*text.first_chunk()?), u64::from_le_bytes(*text.last_chunk()?)),
            4..8 => (u32::from_le_bytes(*text.first_chunk()?).into(), u32::from_le_bytes(*text.last_chunk()?).into()),
            1..4 => (u64::from(text[0]) << 8 | u64::from(text[text.len() / 2]), text[text.len() - 1].into()),
            _ => return None,
        };
        Some(Self { first, last, length: text.len() })
    }

    /// By the multiplication of Fibonacci hashing (Knuth, volume 3, 6.4): the upper bits depend on all of them.
    fn place(self) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (u64::BITS - PLACES_BITS)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that share beginnings, ends and lengths are told apart, however long they are.
    #[test]
    fn each_text_has_one_number() {
        let mut texts: Vec<String> =
            (1..40).flat_map(|n| ["a".repeat(n), "a".repeat(n - 1) + "b", "b".repeat(n)]).collect();
        texts.extend((0..3_000).map(|n| format!("c{n}")));
        let texts: Vec<&str> = texts.iter().chain(&texts).map(String::as_str).collect();
        let Some(column) = encode(texts.iter().map(|text| text.as_bytes()), false) else { panic!("few texts differ") };
        let Data::Dictionary(words, numbers) = &column.data else { panic!("{column:?}") };
        let spelled: Vec<&str> = numbers.iter().map(|number| words[*number as usize].as_str()).collect();
        assert_eq!(spelled, texts);
        let different: std::collections::BTreeSet<&str> = texts.iter().copied().collect();
        assert_eq!(words.len(), different.len());
    }
}
