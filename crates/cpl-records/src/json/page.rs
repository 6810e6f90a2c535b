//! The records of a page, as the walk found them that looked for the next page: they are not looked for again.

use std::ops::{ControlFlow, Range};

use cpl_batch::{Batch, Cell, Problem};

use super::{
    record::cell_of,
    steps::{Location, Step},
    wanted::{ElementValues, RecordValues, Wanted},
};
use crate::{At, Kind, Layout, Out};

/// Where the records of a page are, or what of them is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownRecords {
    /// Where each of them is.
    Places(Vec<Range<usize>>),
    /// The values of the wanted columns.
    Values {
        /// How many columns there are.
        columns: usize,
        /// Record by record, where the value of each column is: an empty place where it has none.
        places: Vec<Range<usize>>,
    },
}

/// Where the values of the wanted columns are in a record.
#[derive(Debug)]
pub struct ValuePlaces {
    steps: Vec<Vec<Step>>,
    presence: Vec<Presence>,
}

/// Which records have a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Each of them.
    InEach,
    /// One of them at least: where none has it, the names that they have are told.
    InOne,
    /// Maybe none.
    Anywhere,
}

impl ValuePlaces {
    /// Of the columns of a layout; none where values are found otherwise than by steps to one place.
    #[must_use]
    pub fn of(layout: &Layout) -> Option<Self> {
        if !matches!(layout.kind, Kind::Document { each: None, .. }) || layout.columns.is_empty() {
            return None;
        }
        let steps = |at: &At, header: &str| match at {
            At::Name => Some(Location::named(header).steps),
            At::Path(path) => {
                let Location { steps, rest } = Location::of(path, false);
                (rest.is_none() && !steps.is_empty()).then_some(steps)
            }
            At::Outer(_) => None,
        };
        let columns = || layout.columns.iter().zip(&layout.at);
        let presence = columns().map(|(field, at)| match at {
            At::Name if !field.optional && !field.may_lack => Presence::InEach,
            At::Path(_) | At::Outer(_) if !field.may_lack => Presence::Anywhere,
            _ => Presence::InOne,
        });
        let presence = presence.collect();
        let steps = columns().map(|(field, at)| steps(at, &field.header)).collect::<Option<_>>()?;
        Some(Self { steps, presence })
    }

    /// The same as what is wanted of each record.
    pub(super) fn wanted(&self) -> ElementValues {
        ElementValues {
            wanted: Wanted::at(self.steps.iter().map(Vec::as_slice)),
            required: self.presence.iter().map(|presence| *presence == Presence::InEach).collect(),
        }
    }

    /// Whether each column that one of the records should have is in one.
    pub(super) fn are_in(&self, records: &RecordValues<'_>) -> bool {
        let columns = self.presence.len();
        let is_in_one = |at: usize| records.values.iter().skip(at).step_by(columns).any(Option::is_some);
        let mut wanted = (0..columns).filter(|at| self.presence[*at] == Presence::InOne);
        wanted.all(is_in_one)
    }
}

/// Adds the rows of records whose values are known.
pub fn rows_of_values<S: FnMut(Batch) -> ControlFlow<()>>(
    text: &str,
    (columns, places): (usize, &[Range<usize>]),
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let fields = &out.layout.columns;
    assert_eq!(columns, fields.len(), "the values are those of the layout's columns");
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(columns);
    for record in places.chunks_exact(columns) {
        cells.clear();
        for ((place, field), found) in record.iter().zip(fields).zip(&mut out.columns_found) {
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
