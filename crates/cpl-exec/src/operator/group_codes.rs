//! The keys of groups as small numbers: those of each column are numbered as they appear, and so are pairs of them.

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use polars::prelude::{
    self as pl, DataType, Float64Chunked, Int32Chunked, Int64Chunked, Int128Chunked, IntoColumn, NewChunkedArray,
    StringChunked,
};

/// No number.
const NONE: u32 = u32::MAX;
/// Whole numbers this near to the first are looked up by their distance from it: days above all.
const NEAR: u32 = 1 << 16;
/// As many places a table of pairs has at most, 32 MiB; more different pairs are hashed.
const PLACES: usize = 1 << 23;
/// As many places it has for each pair, or row that may be one: few pairs of many numbers are hashed too.
const PLACES_FOR_EACH: usize = 64;

/// The different values of one key column, numbered as they appear.
pub struct ColumnCodes {
    values: Values,
    /// The number of the missing value.
    missing: Option<u32>,
    dtype: Option<DataType>,
}

enum Values {
    Texts(IndexSet<Box<str>, RandomState>),
    Numbers(Numbers),
    Amounts(IndexSet<i128, RandomState>),
}

/// Whole numbers: mostly they are near each other.
struct Numbers {
    known: IndexSet<i64, RandomState>,
    /// The codes of numbers from `base` on.
    near: Vec<u32>,
    base: i64,
}

impl Default for ColumnCodes {
    fn default() -> Self {
        Self { values: Values::Texts(IndexSet::default()), missing: None, dtype: None }
    }
}

impl ColumnCodes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.known() + usize::from(self.missing.is_some())
    }

    fn known(&self) -> usize {
        match &self.values {
            Values::Texts(known) => known.len(),
            Values::Numbers(numbers) => numbers.known.len(),
            Values::Amounts(known) => known.len(),
        }
    }

    /// The number of each row's value; those of a dictionary column stand for `words`.
    pub fn of(&mut self, column: &pl::Column, words: Option<&[String]>) -> pl::PolarsResult<Vec<u32>> {
        if let (Some(words), DataType::UInt32) = (words, column.dtype()) {
            self.begin(&DataType::String);
            return Ok(self.of_words(column.u32()?, words));
        }
        self.begin(column.dtype());
        let physical = column.to_physical_repr();
        Ok(match physical.dtype() {
            DataType::String => self.of_texts(physical.str()?),
            DataType::Boolean => self.of_truths(physical.bool()?),
            DataType::Int32 => self.each(physical.i32()?, |this, value| this.of_number(value.into())),
            DataType::Int64 => self.each(physical.i64()?, Self::of_number),
            DataType::Float64 => self.each(physical.f64()?, |this, value| this.of_number(ordered(value))),
            DataType::Int128 => self.each(physical.as_materialized_series().i128()?, Self::of_amount),
            other => unreachable!("no key is a {other}"),
        })
    }

    fn begin(&mut self, dtype: &DataType) {
        if self.dtype.is_some() {
            return;
        }
        self.dtype = Some(dtype.clone());
        self.values = match dtype {
            DataType::String => Values::Texts(IndexSet::default()),
            DataType::Decimal(..) => Values::Amounts(IndexSet::default()),
            _ => Values::Numbers(Numbers { known: IndexSet::default(), near: Vec::new(), base: 0 }),
        };
    }

    fn missing(&mut self) -> u32 {
        let next = code(self.known());
        *self.missing.get_or_insert(next)
    }

    fn of_words(&mut self, numbers: &pl::UInt32Chunked, words: &[String]) -> Vec<u32> {
        // A word that no row has gets no number.
        let mut codes = vec![NONE; words.len()];
        self.each(numbers, |this, number| {
            let number = number as usize;
            if codes[number] == NONE {
                codes[number] = this.of_text(&words[number]);
            }
            codes[number]
        })
    }

    /// The number of each value; missing ones have one, too.
    fn each<T: pl::PolarsNumericType>(
        &mut self,
        values: &pl::ChunkedArray<T>,
        mut code_of: impl FnMut(&mut Self, T::Native) -> u32,
    ) -> Vec<u32> {
        if values.null_count() == 0 {
            let mut codes = Vec::with_capacity(values.len());
            for part in values.downcast_iter() {
                codes.extend(part.values().iter().map(|value| code_of(self, *value)));
            }
            return codes;
        }
        let codes = values.iter().map(|value| match value {
            None => self.missing(),
            Some(value) => code_of(self, value),
        });
        codes.collect()
    }

    fn of_texts(&mut self, texts: &StringChunked) -> Vec<u32> {
        let each = texts.iter().map(|text| match text {
            None => self.missing(),
            Some(text) => self.of_text(text),
        });
        each.collect()
    }

    fn of_text(&mut self, text: &str) -> u32 {
        let Values::Texts(known) = &mut self.values else { unreachable!("a column has one type") };
        let at = known.get_index_of(text).unwrap_or_else(|| known.insert_full(text.into()).0);
        behind_missing(at, self.missing)
    }

    fn of_amount(&mut self, amount: i128) -> u32 {
        let Values::Amounts(known) = &mut self.values else { unreachable!("a column has one type") };
        behind_missing(known.insert_full(amount).0, self.missing)
    }

    fn of_number(&mut self, number: i64) -> u32 {
        let Values::Numbers(numbers) = &mut self.values else { unreachable!("a column has one type") };
        numbers.code(number, self.missing)
    }

    fn of_truths(&mut self, truths: &pl::BooleanChunked) -> Vec<u32> {
        let codes = truths.iter().map(|truth| match truth {
            None => self.missing(),
            Some(truth) => self.of_number(truth.into()),
        });
        codes.collect()
    }

    /// The rank of each number's value; the missing one comes last.
    pub fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<usize> = (0..self.known()).collect();
        match &self.values {
            Values::Texts(known) => order.sort_unstable_by(|left, right| known[*left].cmp(&known[*right])),
            Values::Numbers(numbers) => order.sort_unstable_by_key(|at| numbers.known[*at]),
            Values::Amounts(known) => order.sort_unstable_by_key(|at| known[*at]),
        }
        let mut ranks = vec![code(order.len()); self.len()];
        for (rank, at) in order.into_iter().enumerate() {
            ranks[behind_missing(at, self.missing) as usize] = code(rank);
        }
        ranks
    }

    /// The column that those numbers stand for.
    pub fn column(&self, name: &str, codes: &[u32]) -> pl::PolarsResult<pl::Column> {
        let name = pl::PlSmallStr::from_str(name);
        let dtype = self.dtype.clone().unwrap_or(DataType::String);
        let places = codes.iter().map(|code| self.place(*code));
        let column = match &self.values {
            Values::Texts(known) => {
                let texts = places.map(|at| at.map(|at| &*known[at]));
                StringChunked::from_iter_options(name, texts).into_column()
            }
            Values::Amounts(known) => {
                let amounts = Int128Chunked::from_iter_options(name, places.map(|at| at.map(|at| known[at])));
                let DataType::Decimal(precision, scale) = dtype else { unreachable!("amounts are decimals") };
                return Ok(amounts.into_decimal(precision, scale)?.into_column());
            }
            Values::Numbers(Numbers { known, .. }) => {
                let numbers = places.map(|at| at.map(|at| known[at]));
                match dtype.to_physical() {
                    DataType::Float64 => {
                        Float64Chunked::from_iter_options(name, numbers.map(|v| v.map(of_ordered))).into_column()
                    }
                    DataType::Boolean => {
                        pl::BooleanChunked::from_iter_options(name, numbers.map(|v| v.map(|v| v == 1))).into_column()
                    }
                    DataType::Int32 => {
                        let narrow = numbers.map(|v| v.and_then(|v| i32::try_from(v).ok()));
                        Int32Chunked::from_iter_options(name, narrow).into_column()
                    }
                    _ => Int64Chunked::from_iter_options(name, numbers).into_column(),
                }
            }
        };
        column.cast(&dtype)
    }

    /// Where the value of a number stands among the known; none of the missing one.
    fn place(&self, code: u32) -> Option<usize> {
        match self.missing {
            Some(missing) if code == missing => None,
            Some(missing) if code > missing => Some(code as usize - 1),
            _ => Some(code as usize),
        }
    }
}

impl Numbers {
    fn code(&mut self, number: i64, missing: Option<u32>) -> u32 {
        if self.near.is_empty() {
            self.near = vec![NONE; 2 * NEAR as usize];
            self.base = number.saturating_sub(NEAR.into());
        }
        let at = usize::try_from(number.wrapping_sub(self.base)).unwrap_or(usize::MAX);
        match self.near.get_mut(at) {
            Some(known) if *known != NONE => *known,
            near => {
                let code = behind_missing(self.known.insert_full(number).0, missing);
                if let Some(near) = near {
                    *near = code;
                }
                code
            }
        }
    }
}

/// The missing value takes a number as it first appears; values from then on come behind it.
fn behind_missing(at: usize, missing: Option<u32>) -> u32 {
    code(at + usize::from(missing.is_some_and(|missing| at >= missing as usize)))
}

fn code(at: usize) -> u32 {
    u32::try_from(at).unwrap_or_else(|_| unreachable!("four billion groups need more memory than there is"))
}

/// A whole number that is ordered as the float is. All NaN are one, and so are both zeros.
pub fn ordered(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN.abs() } else { value + 0.0 };
    let bits = value.to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// The float that is ordered so.
pub fn of_ordered(bits: i64) -> f64 {
    let bits = if bits < 0 { bits ^ i64::MAX } else { bits };
    f64::from_bits(bits.cast_unsigned())
}

/// The different pairs of two numbers, numbered as they appear.
pub enum PairCodes {
    /// A table with a place for each possible pair.
    Table {
        pairs: Vec<(u32, u32)>,
        /// The number of each pair, row by row of the first.
        codes: Vec<u32>,
        width: usize,
    },
    Hashed(IndexSet<(u32, u32), RandomState>),
}

impl Default for PairCodes {
    fn default() -> Self {
        Self::Table { pairs: Vec::new(), codes: Vec::new(), width: 0 }
    }
}

impl PairCodes {
    pub fn len(&self) -> usize {
        match self {
            Self::Table { pairs, .. } => pairs.len(),
            Self::Hashed(known) => known.len(),
        }
    }

    pub fn pair(&self, at: u32) -> (u32, u32) {
        match self {
            Self::Table { pairs, .. } => pairs[at as usize],
            Self::Hashed(known) => known[at as usize],
        }
    }

    /// Puts the number of each pair in the place of the first of both, of which there are so many.
    pub fn number(&mut self, left: &mut [u32], right: &[u32], lefts: usize, rights: usize) {
        self.make_room(lefts, rights, left.len());
        match self {
            Self::Table { pairs, codes, width } => {
                for (left, right) in left.iter_mut().zip(right) {
                    let place = &mut codes[*left as usize * *width + *right as usize];
                    if *place == NONE {
                        *place = code(pairs.len());
                        pairs.push((*left, *right));
                    }
                    *left = *place;
                }
            }
            Self::Hashed(known) => {
                for (left, right) in left.iter_mut().zip(right) {
                    *left = code(known.insert_full((*left, *right)).0);
                }
            }
        }
    }

    /// Makes the table as large as it must be; one that would be too large is hashed from then on.
    fn make_room(&mut self, lefts: usize, rights: usize, rows: usize) {
        let Self::Table { pairs, codes, width } = self else { return };
        if rights <= *width && lefts * *width <= codes.len() {
            return;
        }
        let new_width = rights.next_power_of_two().max(*width);
        let places = lefts.next_power_of_two().saturating_mul(new_width);
        if places > PLACES.min(PLACES_FOR_EACH * (pairs.len() + rows)).max(NEAR as usize) {
            *self = Self::Hashed(std::mem::take(pairs).into_iter().collect());
            return;
        }
        *codes = vec![NONE; places.max(codes.len())];
        *width = new_width;
        for (at, (left, right)) in pairs.iter().enumerate() {
            codes[*left as usize * new_width + *right as usize] = code(at);
        }
    }
}

/// Numbers in the order of what they rank, those of the same rank in the order in which they stood.
pub fn in_order(numbers: &[u32], ranks: usize, rank_of: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut starts = vec![0usize; ranks + 1];
    for number in numbers {
        starts[rank_of(*number) as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut ordered = vec![0; numbers.len()];
    for number in numbers {
        let place = &mut starts[rank_of(*number) as usize];
        ordered[*place] = *number;
        *place += 1;
    }
    ordered
}
