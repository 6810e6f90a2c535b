//! Dictionary columns: texts that only name groups are held as numbers, and grouped as such.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use foldhash::fast::RandomState;

use polars::prelude::{self as pl, DataFrame, DataType, IntoColumn, NewChunkedArray, StringChunked, UInt32Chunked};

/// The dictionary of each such column.
#[derive(Clone, Debug, Default)]
pub struct Dictionary(BTreeMap<String, Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    texts: Arc<Vec<String>>,
    numbers: HashMap<String, u32, RandomState>,
}

impl Dictionary {
    /// A batch's column by the numbers of this dictionary; the batch has a dictionary of its own.
    pub fn column(
        &mut self,
        name: &str,
        words: Vec<String>,
        mut numbers: Vec<u32>,
        valid: Option<Vec<bool>>,
    ) -> UInt32Chunked {
        let known = self.0.entry(name.to_owned()).or_default();
        let here: Vec<u32> = words.into_iter().map(|word| known.number(word)).collect();
        if here.iter().zip(0..).any(|(number, there)| *number != there) {
            for number in &mut numbers {
                // One without a number here stands for a missing value, which holds a filler.
                *number = here.get(*number as usize).copied().unwrap_or(0);
            }
        }
        match valid {
            None => UInt32Chunked::from_vec(name.into(), numbers),
            Some(valid) => UInt32Chunked::from_iter_options(
                name.into(),
                numbers.into_iter().zip(valid).map(|(number, valid)| valid.then_some(number)),
            ),
        }
    }

    /// A column whose numbers stand for these texts.
    pub fn set_words(&mut self, name: &str, texts: Arc<Vec<String>>) {
        self.0.insert(name.to_owned(), Known { texts, numbers: HashMap::default() });
    }

    /// What the numbers of a column stand for, where it has any.
    pub fn words(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(|known| known.texts.as_slice())
    }

    /// The texts of all such columns of a frame, in their places.
    pub fn decode(&self, mut frame: DataFrame) -> pl::PolarsResult<DataFrame> {
        for name in self.0.keys() {
            self.decode_column(&mut frame, name)?;
        }
        Ok(frame)
    }

    /// The texts of one, where the frame has it, and numbers in it.
    pub fn decode_column(&self, frame: &mut DataFrame, name: &str) -> pl::PolarsResult<()> {
        let (Some(known), Ok(column)) = (self.0.get(name), frame.column(name)) else { return Ok(()) };
        // No expression makes a column of this type: one that is of another has its texts already.
        if *column.dtype() != DataType::UInt32 {
            return Ok(());
        }
        let text = |number: Option<u32>| known.texts.get(number? as usize).map(String::as_str);
        let texts: StringChunked = column.u32()?.iter().map(text).collect();
        frame.replace(name, texts.with_name(name.into()).into_column())?;
        Ok(())
    }
}

impl Known {
    fn number(&mut self, word: String) -> u32 {
        if let Some(number) = self.numbers.get(&word) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        Arc::make_mut(&mut self.texts).push(word.clone());
        self.numbers.insert(word, number);
        number
    }
}
