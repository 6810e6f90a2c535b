//! What a document holds besides its rows: single values at paths, and the texts of its records.

use std::borrow::Cow;

use cpl_batch::Problem;
use serde_json_path::JsonPath;

use super::{
    no_document,
    route::Route,
    steps::{Location, Path, Step},
    unique,
    wanted::Wanted,
};
use crate::Records;

/// Paths to single values of a document, and to the list of its records.
#[derive(Debug)]
pub struct Probe {
    wanted: Wanted,
    /// The rest of each path, behind the steps that lead to one value.
    rests: Vec<Option<JsonPath>>,
}

/// Gathers the paths of a probe, each by its text.
#[derive(Debug, Default)]
pub struct ProbeBuilder {
    paths: Vec<Path>,
    list: Option<Vec<Step>>,
}

/// What a probe finds.
#[derive(Debug)]
pub struct Probed<'t> {
    /// Of each path the first value, as JSON; none where there is none.
    pub values: Vec<Option<Cow<'t, str>>>,
    /// The records, where all of them are objects in one list at the probe's path to them.
    pub records: Option<Vec<&'t str>>,
}

impl ProbeBuilder {
    /// Adds a path; its number among what the probe finds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, path: &str) -> Result<usize, String> {
        self.paths.push(Path::parse(path)?);
        Ok(self.paths.len() - 1)
    }

    /// Looks for records too; none for a document that is a list of them.
    pub fn add_records(&mut self, records: Option<&Records>) {
        let steps = records.map_or(Some(Vec::new()), |records| Route::of(&records.path).single_list());
        self.list = steps;
    }

    /// The same of a path that may be none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_some(&mut self, path: Option<&str>) -> Result<Option<usize>, String> {
        path.map(|path| self.add(path)).transpose()
    }

    /// The probe.
    #[must_use]
    pub fn build(&self) -> Probe {
        let probe = Probe::of(&self.paths);
        match &self.list {
            Some(list) => Probe { wanted: probe.wanted.with_elements_at(list), ..probe },
            None => probe,
        }
    }
}

impl Probe {
    /// Of those paths.
    #[must_use]
    pub fn of(paths: &[Path]) -> Self {
        let (mut places, mut rests) = (Vec::new(), Vec::new());
        for path in paths {
            let location = Location::of(path, false);
            places.push(location.steps);
            rests.push(location.rest);
        }
        Self { wanted: Wanted::at(places.iter().map(Vec::as_slice)), rests }
    }

    /// What each path finds in a document, as JSON: of several values the first, and none where there is none.
    ///
    /// # Errors
    /// Where it is no JSON, or names a member twice that leads to a value.
    pub fn find<'t>(&self, document: &'t str) -> Result<Vec<Option<Cow<'t, str>>>, Problem> {
        Ok(self.look_up(document)?.values)
    }

    /// The same, with its records.
    ///
    /// # Errors
    /// As those of [`Self::find`].
    pub fn look_up<'t>(&self, document: &'t str) -> Result<Probed<'t>, Problem> {
        let found = self.wanted.find(document).map_err(|error| no_document(error.into()))?;
        if let Some(name) = found.twice {
            return Err(no_document(unique::NoValue::Twice(name)));
        }
        let each = found.values.into_iter().zip(&self.rests).map(|(value, rest)| match (value, rest) {
            (None, _) => Ok(None),
            (Some(value), None) => Ok(Some(Cow::Borrowed(value))),
            (Some(value), Some(rest)) => {
                let value = unique::value(value).map_err(no_document)?;
                Ok(rest.query(&value).first().map(|found| Cow::Owned(found.to_string())))
            }
        });
        let is_object = |record: &&str| record.starts_with('{');
        let records = found.elements.filter(|records| records.iter().all(is_object));
        Ok(Probed { values: each.collect::<Result<_, _>>()?, records })
    }
}

/// Hands out the text of each record of a document.
///
/// # Errors
/// Where it is no JSON, or names a member twice that leads to its records.
pub fn each_record<'t>(
    document: &'t str,
    records: Option<&Records>,
    sink: &mut dyn FnMut(Cow<'t, str>),
) -> Result<(), Problem> {
    let route = records.map_or(Route::Steps(Vec::new()), |records| Route::of(&records.path));
    let mut each = |record| {
        sink(record);
        std::ops::ControlFlow::Continue(())
    };
    let walked = route.each(document, true, &mut each).map_err(no_document)?;
    walked.twice.map_or(Ok(()), |name| Err(no_document(unique::NoValue::Twice(name))))
}
