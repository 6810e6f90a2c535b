//! Groups in a hash table to which parts of the rows are added one after the other: nothing is merged, and memory is that
//! of the groups. The engine's own groups of a part would be made anew for each part, their keys copied and merged.

use polars::prelude::{
    self as pl, DataType, Float64Chunked, Int32Chunked, Int64Chunked, Int128Chunked, IntoColumn, NewChunkedArray,
};
use rayon::prelude::{IntoParallelRefMutIterator, ParallelIterator};

use super::{
    accumulator::StateColumn,
    group_codes::{ColumnCodes, PairCodes, in_order, of_ordered, ordered},
    reduction::Reduction,
};
use crate::{
    engine::{Failure, raise},
    source::Dictionary,
};

/// From so many groups on their states are no longer in a core's nearest memory: they are looked up side by side.
const MANY: usize = 1 << 14;

/// The states of groups.
pub struct GroupTable {
    keys: Vec<(String, ColumnCodes)>,
    /// The groups of the first two keys, those and the third, and so on.
    pairs: Vec<PairCodes>,
    states: Vec<State>,
}

/// A column of the groups' states.
struct State {
    column: StateColumn,
    values: Vec<i128>,
    dtype: Option<DataType>,
}

impl GroupTable {
    /// Whether it can hold groups with such states: not those that only the engine makes.
    pub fn holds<'c>(mut columns: impl Iterator<Item = &'c StateColumn>) -> bool {
        columns.all(|column| !matches!(column.reduction, Reduction::Other(_)))
    }

    /// Without groups; without keys, with one group of all rows. The states are such as it holds.
    pub fn new(keys: &[String], columns: Vec<StateColumn>) -> Self {
        let states = columns.into_iter().map(|column| State { column, values: Vec::new(), dtype: None });
        Self {
            keys: keys.iter().map(|key| (key.clone(), ColumnCodes::default())).collect(),
            pairs: keys.iter().skip(1).map(|_| PairCodes::default()).collect(),
            states: states.collect(),
        }
    }

    /// Adds rows: their keys, and the columns that the states look at.
    ///
    /// # Errors
    /// Where a sum grew too large.
    pub fn add(&mut self, rows: &pl::DataFrame, dictionary: &Dictionary) -> pl::PolarsResult<()> {
        let groups = self.groups_of(rows, dictionary)?;
        let count = self.len();
        if count < MANY {
            return self.states.iter_mut().try_for_each(|state| state.add(rows, &groups, count));
        }
        self.states.par_iter_mut().try_for_each(|state| state.add(rows, &groups, count))
    }

    /// The number of each row's group.
    fn groups_of(&mut self, rows: &pl::DataFrame, dictionary: &Dictionary) -> pl::PolarsResult<Vec<u32>> {
        // Without keys all rows are one group.
        let mut groups = if self.keys.is_empty() { vec![0; rows.height()] } else { Vec::new() };
        let mut count = 1;
        for (at, (name, codes)) in self.keys.iter_mut().enumerate() {
            let of_column = codes.of(rows.column(name)?, dictionary.words(name))?;
            match at.checked_sub(1).and_then(|at| self.pairs.get_mut(at)) {
                None => (groups, count) = (of_column, codes.len()),
                Some(pairs) => {
                    pairs.number(&mut groups, &of_column, count, codes.len());
                    count = pairs.len();
                }
            }
        }
        Ok(groups)
    }

    /// How many groups there are.
    fn len(&self) -> usize {
        let of_one = || self.keys.first().map_or(1, |(_, codes)| codes.len());
        self.pairs.last().map_or_else(of_one, PairCodes::len)
    }

    /// A row for each group, sorted by key: its key and its states, as the engine's groups have them.
    ///
    /// # Errors
    /// Where a sum grew too large.
    pub fn finish(self) -> pl::PolarsResult<pl::DataFrame> {
        let codes = self.codes();
        let mut order: Vec<u32> = (0u32..).take(self.len()).collect();
        for ((_, column), codes) in self.keys.iter().zip(&codes).rev() {
            let ranks = column.ranks();
            order = in_order(&order, ranks.len(), |group| ranks[codes[group as usize] as usize]);
        }
        let mut columns = Vec::new();
        for ((name, column), codes) in self.keys.iter().zip(&codes) {
            let codes: Vec<u32> = order.iter().map(|group| codes[*group as usize]).collect();
            columns.push(column.column(name, &codes)?);
        }
        for state in self.states {
            columns.push(state.finish(&order)?);
        }
        pl::DataFrame::new(order.len(), columns)
    }

    /// Of each key, the number of its value in each group.
    fn codes(&self) -> Vec<Vec<u32>> {
        let mut left: Vec<u32> = (0u32..).take(self.len()).collect();
        let mut codes = Vec::new();
        for pairs in self.pairs.iter().rev() {
            codes.push(left.iter().map(|group| pairs.pair(*group).1).collect());
            for group in &mut left {
                *group = pairs.pair(*group).0;
            }
        }
        codes.push(left);
        codes.reverse();
        codes
    }
}

impl State {
    /// Before any row is added.
    fn start(&self) -> i128 {
        match self.column.reduction {
            // No value is as large as these.
            Reduction::Min(_) => i128::MAX,
            Reduction::Max(_) => i128::MIN,
            _ => 0,
        }
    }

    /// Adds rows, of which each is of one of so many groups.
    fn add(&mut self, rows: &pl::DataFrame, groups: &[u32], count: usize) -> pl::PolarsResult<()> {
        self.values.resize(count.max(self.values.len()), self.start());
        let Some(of) = self.column.reduction.of() else {
            count_rows(&mut self.values, groups);
            return Ok(());
        };
        let column = rows.column(of)?;
        self.dtype.get_or_insert_with(|| column.dtype().clone());
        let values = &mut self.values;
        match self.column.reduction {
            Reduction::Known(_) if column.null_count() == 0 => count_rows(values, groups),
            Reduction::Known(_) => {
                let known = column.is_not_null();
                let known = groups.iter().zip(known.iter()).filter(|(_, known)| *known == Some(true));
                known.for_each(|(group, _)| values[*group as usize] += 1);
            }
            Reduction::Sum(_) => {
                let mut too_large = false;
                each(column, groups, |group, value| {
                    let (sum, beyond) = values[group].overflowing_add(value);
                    values[group] = sum;
                    too_large |= beyond;
                })?;
                if too_large {
                    return Err(raise(Failure::TooLarge));
                }
            }
            Reduction::Min(_) => each(column, groups, |group, value| values[group] = values[group].min(value))?,
            Reduction::Max(_) => each(column, groups, |group, value| values[group] = values[group].max(value))?,
            Reduction::Rows | Reduction::Other(_) => unreachable!("they look at no column"),
        }
        Ok(())
    }

    /// The column of the groups in that order.
    fn finish(self, order: &[u32]) -> pl::PolarsResult<pl::Column> {
        let (name, start) = (pl::PlSmallStr::from_str(&self.column.name), self.start());
        let values = order.iter().map(|group| self.values.get(*group as usize).copied().unwrap_or(start));
        if !matches!(self.column.reduction, Reduction::Sum(_) | Reduction::Min(_) | Reduction::Max(_)) {
            return Ok(
                Int64Chunked::from_iter_options(name, values.map(|count| i64::try_from(count).ok())).into_column()
            );
        }
        let is_sum = matches!(self.column.reduction, Reduction::Sum(_));
        let values = values.map(|value| Some(value).filter(|value| is_sum || *value != start));
        let dtype = self.dtype.unwrap_or(DataType::Int64);
        let column = match dtype.to_physical() {
            // Sums of whole numbers have 128 bits.
            DataType::Int64 if is_sum && dtype == DataType::Int64 => {
                return Ok(Int128Chunked::from_iter_options(name, values).into_column());
            }
            DataType::Int128 => {
                let wide = Int128Chunked::from_iter_options(name, values);
                return Ok(match dtype {
                    DataType::Decimal(precision, scale) => wide.into_decimal(precision, scale)?.into_column(),
                    _ => wide.into_column(),
                });
            }
            DataType::Float64 => Float64Chunked::from_iter_options(
                name,
                values.map(|v| v.and_then(|v| Some(of_ordered(i64::try_from(v).ok()?)))),
            )
            .into_column(),
            DataType::Int32 => {
                Int32Chunked::from_iter_options(name, values.map(|v| v.and_then(|v| i32::try_from(v).ok())))
                    .into_column()
            }
            _ => {
                let narrow =
                    values.map(|value| value.map(i64::try_from).transpose().map_err(|_| raise(Failure::TooLarge)));
                let narrow = narrow.collect::<pl::PolarsResult<Vec<_>>>()?;
                Int64Chunked::from_iter_options(name, narrow.into_iter()).into_column()
            }
        };
        column.cast(&dtype)
    }
}

fn count_rows(counts: &mut [i128], groups: &[u32]) {
    for group in groups {
        counts[*group as usize] += 1;
    }
}

/// Hands out each known value of a column and its row's group; a float as the number that is ordered as it is.
fn each(column: &pl::Column, groups: &[u32], mut take: impl FnMut(usize, i128)) -> pl::PolarsResult<()> {
    let physical = column.to_physical_repr();
    let values = physical.as_materialized_series();
    match values.dtype() {
        DataType::Int32 => known(values.i32()?, groups, |group, value| take(group, value.into())),
        DataType::Int64 => known(values.i64()?, groups, |group, value| take(group, value.into())),
        DataType::Int128 => known(values.i128()?, groups, take),
        DataType::Float64 => known(values.f64()?, groups, |group, value| take(group, ordered(value).into())),
        other => unreachable!("no state looks at a {other}"),
    }
    Ok(())
}

fn known<T: pl::PolarsNumericType>(
    values: &pl::ChunkedArray<T>,
    groups: &[u32],
    mut take: impl FnMut(usize, T::Native),
) {
    let mut groups = groups.iter().map(|group| *group as usize);
    if values.null_count() > 0 {
        groups.zip(values.iter()).for_each(|(group, value)| value.into_iter().for_each(|value| take(group, value)));
        return;
    }
    for part in values.downcast_iter() {
        // The values come first: what is zipped to them is not passed over at the end of a part.
        part.values().iter().zip(groups.by_ref()).for_each(|(value, group)| take(group, *value));
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoLazy, NamedFrom, Series};
    use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

    use super::*;
    use crate::operator::sort::sort;

    /// A row: numbers of which its keys and values are made; none stands for a missing value.
    type Row = (Option<u8>, Option<u8>, Option<i64>);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let value = prop_oneof![Just(0i64), Just(i64::MAX / 1_000_000), Just(i64::MIN / 1_000_000), -1000i64..1000];
        let few = prop_oneof![0u8..4, any::<u8>()];
        proptest::collection::vec(
            (proptest::option::of(few.clone()), proptest::option::of(few), proptest::option::of(value)),
            0..200,
        )
    }

    /// A column of keys of one of the types that there are.
    fn key(name: &str, kind: usize, numbers: &[Option<u8>]) -> pl::Column {
        let whole = Series::new(name.into(), numbers.iter().map(|n| n.map(i64::from)).collect::<Vec<_>>());
        let column = match kind {
            0 => {
                // Some of them are too long to stand in a view.
                let text = |n: u8| format!("{n}{}", "·".repeat(usize::from(n % 3) * 10));
                Series::new(name.into(), numbers.iter().map(|n| n.map(text)).collect::<Vec<_>>())
            }
            1 => whole.cast(&DataType::Date).unwrap_or_default(),
            2 => Series::new(name.into(), numbers.iter().map(|n| n.map(|n| n % 2 == 0)).collect::<Vec<_>>()),
            3 => Series::new(
                name.into(),
                numbers.iter().map(|n| n.map(|n| f64::from(n) / 8.0 - 3.0)).collect::<Vec<_>>(),
            ),
            4 => whole.cast(&crate::engine::money()).unwrap_or_default(),
            5 => (whole * 1_000_000_000_007i64).cast(&crate::engine::moment()).unwrap_or_default(),
            _ => whole,
        };
        column.into_column()
    }

    fn states() -> Vec<StateColumn> {
        let of = |column: &str| column.to_owned();
        let state = |name: &str, reduction| StateColumn { name: name.to_owned(), reduction };
        vec![
            state("money", Reduction::Sum(of("amount"))),
            state("known", Reduction::Known(of("whole"))),
            state("rows", Reduction::Rows),
            state("least", Reduction::Min(of("float"))),
            state("most", Reduction::Max(of("amount"))),
            state("first", Reduction::Min(of("day"))),
        ]
    }

    fn frame(rows: &[Row], kinds: [usize; 2]) -> pl::PolarsResult<pl::DataFrame> {
        let (left, right): (Vec<_>, Vec<_>) = rows.iter().map(|row| (row.0, row.1)).unzip();
        let whole = Series::new("whole".into(), rows.iter().map(|row| row.2).collect::<Vec<_>>());
        let amount = whole.cast(&crate::engine::money())?.with_name("amount".into());
        let float = whole.cast(&DataType::Float64)?.with_name("float".into());
        let day = Series::new("day".into(), rows.iter().map(|row| row.1.map(i32::from)).collect::<Vec<_>>());
        let columns = [whole, amount, float, day].map(IntoColumn::into_column);
        let third: Vec<Option<u8>> =
            left.iter().zip(&right).map(|(left, right)| Some((*left)? % 3 + (*right)? % 2)).collect();
        let keys = [key("a", kinds[0], &left), key("b", kinds[1], &right), key("c", kinds[0], &third)];
        pl::DataFrame::new(rows.len(), keys.into_iter().chain(columns).collect())
    }

    /// What the engine makes of all rows at once.
    fn by_engine(rows: &pl::DataFrame, keys: &[String]) -> pl::PolarsResult<pl::DataFrame> {
        let by: Vec<pl::Expr> = keys.iter().map(|key| pl::col(key.as_str())).collect();
        let states: Vec<pl::Expr> = states().iter().map(StateColumn::partial).collect();
        let order: Vec<(String, bool)> = keys.iter().map(|key| (key.clone(), false)).collect();
        if keys.is_empty() {
            return rows.clone().lazy().select(states).collect();
        }
        sort(rows.clone().lazy().group_by(by).agg(states), &order).collect()
    }

    fn by_table(rows: &pl::DataFrame, keys: &[String], part: usize) -> pl::PolarsResult<pl::DataFrame> {
        let mut table = GroupTable::new(keys, states());
        for start in (0..rows.height().max(1)).step_by(part) {
            let some = rows.slice(i64::try_from(start).unwrap_or(0), part);
            // In several pieces, as the batches of a file stand in a chunk.
            let (first, rest) = some.split_at(i64::try_from(some.height() / 3).unwrap_or(0));
            table.add(&first.vstack(&rest)?, &Dictionary::default())?;
        }
        table.finish()
    }

    proptest! {
        /// However the rows are cut, the groups are those that the engine makes of all of them.
        #[test]
        fn groups_are_those_of_the_engine(rows in rows(), kinds in (0usize..7, 0usize..7), part in 1usize..100, keys in 0usize..4) {
            let keys: Vec<String> = ["a", "b", "c"][..keys].iter().map(|key| (*key).to_owned()).collect();
            let rows = frame(&rows, [kinds.0, kinds.1]).unwrap_or_default();
            let (engine, table) = (by_engine(&rows, &keys), by_table(&rows, &keys, part));
            let (Ok(engine), Ok(table)) = (&engine, &table) else { panic!("{engine:?} {table:?}") };
            prop_assert!(engine.equals_missing(table), "{engine:?} {table:?}");
        }
    }

    /// More pairs than the table of them has places, and numbers far from each other.
    #[test]
    fn many_pairs_are_hashed() {
        let count = 6_000i64;
        let a = Series::new("a".into(), (0..count).collect::<Vec<_>>()).into_column();
        let b = Series::new("b".into(), (0..count).map(|n| n * n * 7_919 - 13).collect::<Vec<_>>()).into_column();
        let rows = pl::DataFrame::new(6_000, vec![a, b]).unwrap_or_default();
        let keys = ["a".to_owned(), "b".to_owned()];
        let state = StateColumn { name: "rows".to_owned(), reduction: Reduction::Rows };
        let mut table = GroupTable::new(&keys, vec![state]);
        // The table of the first pairs is turned into hashes.
        assert!(table.add(&rows.slice(0, 10), &Dictionary::default()).is_ok());
        assert!(matches!(table.pairs[0], PairCodes::Table { .. }));
        for rows in [rows.clone(), rows.slice(10, usize::MAX)] {
            assert!(table.add(&rows, &Dictionary::default()).is_ok());
        }
        assert!(matches!(table.pairs[0], PairCodes::Hashed(_)));
        let groups = table.finish().unwrap_or_default();
        assert!(groups.column("a").is_ok_and(|a| a.equals(&rows.columns()[0])));
        assert!(groups.column("rows").is_ok_and(|rows| rows.i64().is_ok_and(|rows| rows.iter().all(|n| n == Some(2)))));
    }

    #[test]
    fn a_sum_beyond_128_bits_is_an_error() {
        let most = Int128Chunked::from_slice("n".into(), &[i128::MAX, 1]).into_column();
        let key = Series::new("k".into(), [1i64, 1]).into_column();
        let rows = pl::DataFrame::new(2, vec![key, most]).unwrap_or_default();
        let state = StateColumn { name: "sum".to_owned(), reduction: Reduction::Sum("n".to_owned()) };
        let mut table = GroupTable::new(&["k".to_owned()], vec![state]);
        assert!(table.add(&rows, &Dictionary::default()).is_err());
    }
}
