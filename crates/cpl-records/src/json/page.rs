//! The records of a page, as the walk found them that looked for the next page: they are not looked for again.

use std::ops::{ControlFlow, Range};

use cpl_batch::{Batch, Cell, Problem};

use super::{
    record::cell_of,
    steps::{Location, Step},
    wanted::{RecordValues, Wanted},
};
use crate::{At, Kind, Layout, Out};

/// Where the records of a page are, or what of them is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownRecords {
    /// Where each of them is.
    Places(Vec<Range<usize>>),
    /// Of each of them in its turn where the value of each wanted column is: an empty place where it has none.
    Values(Vec<Range<usize>>),
}

/// Where the values of the wanted columns are in a record.
#[derive(Debug)]
pub struct ValuePlaces {
    places: Vec<Vec<Step>>,
    columns: Vec<Presence>,
}

/// Whether records may lack a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Each has it.
    Each,
    /// Some has it: else it is told which names there are.
    Some,
    /// None needs to.
    Any,
}

impl ValuePlaces {
    /// Of the columns of a layout; none where values are found otherwise than by steps to one place.
    #[must_use]
    pub fn of(layout: &Layout) -> Option<Self> {
        if !matches!(layout.kind, Kind::Document { each: None, .. }) || layout.columns.is_empty() {
            return None;
        }
        let place = |at: &At, header: &str| match at {
            At::Name => Some(Location::named(header).steps),
            At::Path(path) => {
                let Location { steps, rest } = Location::of(path, false);
                (rest.is_none() && !steps.is_empty()).then_some(steps)
            }
            At::Outer(_) => None,
        };
        let columns = || layout.columns.iter().zip(&layout.at);
        let places = columns().map(|(field, at)| place(at, &field.header)).collect::<Option<_>>()?;
        let presence = columns().map(|(field, at)| match at {
            At::Name if field.optional || field.may_lack => Presence::Some,
            At::Name => Presence::Each,
            At::Path(_) | At::Outer(_) => Presence::Any,
        });
        Some(Self { places, columns: presence.collect() })
    }

    /// The same as what is wanted of each record.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted::at(self.places.iter().map(Vec::as_slice))
    }

    /// Whether records have what they need to have: then nothing has to be said of them.
    pub(super) fn are_in(&self, records: &RecordValues<'_>) -> bool {
        let mut found = vec![false; self.columns.len()];
        for record in records.values.chunks_exact(self.columns.len()) {
            for ((value, presence), found) in record.iter().zip(&self.columns).zip(&mut found) {
                *found |= value.is_some();
                if value.is_none() && *presence == Presence::Each {
                    return false;
                }
            }
        }
        records.count > 0
            && found.iter().zip(&self.columns).all(|(found, presence)| *found || *presence == Presence::Any)
    }
}

/// Adds the rows of records whose values are known.
pub fn rows_of_values<S: FnMut(Batch) -> ControlFlow<()>>(
    text: &str,
    values: &[Range<usize>],
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let columns = &out.layout.columns;
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(columns.len());
    for record in values.chunks_exact(columns.len()) {
        cells.clear();
        for ((place, field), found) in record.iter().zip(columns).zip(&mut out.columns_found) {
            *found |= !place.is_empty();
            cells.push(cell_of(Some(&text[place.clone()]).filter(|value| !value.is_empty()), field));
        }
        out.row(&cells, 0)?;
        if out.full {
            break;
        }
    }
    Ok(())
}
