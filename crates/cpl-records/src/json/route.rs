//! How records are found: by steps, in one pass over the text, or by a query of the whole value.

use std::{
    borrow::Cow,
    ops::{ControlFlow, Range},
};

use serde_json::Value;

use super::{
    steps::{Location, Path, Step},
    unique::{self, NoValue},
    walk::{Walked, each_at},
};

/// Takes the text of a record: as it stands, or of a value that was made of it. It says whether more are wanted.
pub type Records<'s, 't> = dyn FnMut(Cow<'t, str>) -> ControlFlow<()> + 's;

/// The way to records.
#[derive(Debug)]
pub enum Route {
    /// Only steps: no more than a record is held as a value.
    Steps(Vec<Step>),
    /// Any other path, such as one with a filter.
    Query(Path),
    /// Where each of them is in the text is known.
    Known(Vec<Range<usize>>),
}

impl Route {
    pub fn of(path: &Path) -> Self {
        match Location::of(path, true) {
            Location { steps, rest: None } => Self::Steps(steps),
            Location { rest: Some(_), .. } => Self::Query(path.clone()),
        }
    }

    /// The steps to the one value that holds all that is found, and the way from there; itself where it is a query.
    pub fn split(self) -> Result<(Vec<Step>, Self), Self> {
        match self {
            Self::Steps(mut steps) => {
                let to_one = steps.iter().position(|step| *step == Step::Every).unwrap_or(steps.len());
                let rest = steps.split_off(to_one);
                Ok((steps, Self::Steps(rest)))
            }
            other => Err(other),
        }
    }

    /// The steps to the one list whose elements are all that is found; none where there may be several lists.
    pub fn single_list(self) -> Option<Vec<Step>> {
        let Self::Steps(mut steps) = self else { return None };
        if steps.last() == Some(&Step::Every) {
            steps.pop();
        }
        (!steps.contains(&Step::Every)).then_some(steps)
    }

    /// Whether its last step leads to the elements of a list, and not to the list.
    pub fn is_of_elements(&self) -> bool {
        matches!(self, Self::Steps(steps) if steps.last() == Some(&Step::Every))
    }

    /// Hands out the text of each value that is found, and of a list its elements; where `nulls` is false, of none that is null.
    pub fn each<'t>(&self, text: &'t str, nulls: bool, sink: &mut Records<'_, 't>) -> Result<Walked, NoValue> {
        match self {
            Self::Steps(steps) => Ok(each_at(text, steps, nulls, &mut |record| sink(record.into()))?),
            Self::Known(records) => {
                let _all_or_enough = records.iter().try_for_each(|record| sink(text[record.clone()].into()));
                Ok(Walked { found: true, twice: None })
            }
            Self::Query(path) => Ok(queried(&unique::value(text)?, path, nulls, sink)),
        }
    }
}

fn queried(value: &Value, path: &Path, nulls: bool, sink: &mut Records<'_, '_>) -> Walked {
    let found = path.found_in(value);
    let walked = Walked { found: !found.is_empty(), twice: None };
    for found in found.into_iter().filter(|found| nulls || !found.is_null()) {
        let records = found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice);
        for record in records {
            if sink(record.to_string().into()).is_break() {
                return walked;
            }
        }
    }
    walked
}
