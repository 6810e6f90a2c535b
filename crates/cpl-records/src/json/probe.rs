//! What a document holds: single values at paths, and where its records are, or their values.

use std::{borrow::Cow, ops::Range};

use cpl_batch::Problem;
use serde_json_path::JsonPath;

use super::{
    no_document,
    page::{KnownRecords, ValuePlaces},
    route::Route,
    steps::{Location, Path, Step},
    unique,
    wanted::{Found, RecordValues, Wanted},
};
use crate::Records;

/// Paths to single values of a document, and to the list of its records.
#[derive(Debug)]
pub struct Probe {
    wanted: Wanted,
    /// The same, with the values of the records, and where those are in them.
    with_values: Option<WithValues>,
    /// The rest of each path, behind the steps that lead to one value.
    rests: Vec<Option<JsonPath>>,
}

#[derive(Debug)]
struct WithValues {
    wanted: Wanted,
    places: ValuePlaces,
}

/// Gathers the paths of a probe, each by its text.
#[derive(Debug, Default)]
pub struct ProbeBuilder {
    paths: Vec<Path>,
    list: Option<Vec<Step>>,
    values: Option<ValuePlaces>,
}

/// What a probe finds.
#[derive(Debug)]
pub struct Probed<'t> {
    /// Of each path the first value, as JSON; none where there is none.
    pub values: Vec<Option<Cow<'t, str>>>,
    /// The records, where all of them are objects in one list at the probe's path to them.
    pub records: Option<ProbedRecords>,
}

/// The records of a document.
#[derive(Debug)]
pub struct ProbedRecords {
    /// How many there are.
    pub count: u64,
    /// The part of the text that holds all of them.
    pub all: Range<usize>,
    /// Where they are, or their values.
    pub known: KnownRecords,
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

    /// Looks for the values of records as well.
    pub fn add_values(&mut self, values: Option<ValuePlaces>) {
        self.values = values;
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
    pub fn build(self) -> Probe {
        let probe = Probe::of(&self.paths);
        let Some(list) = &self.list else { return probe };
        // Where names alone lead to the list, it is between two of them; and a path into one of the records finds its value in
        // that record's text.
        let is_named = list.iter().all(|step| matches!(step, Step::Name(_)));
        let is_within = |path: &Path| {
            let steps = Location::of(path, false).steps;
            steps.starts_with(list) && !matches!(steps.get(list.len()), Some(Step::Name(_)))
        };
        let values = self.values.filter(|_| is_named && !self.paths.iter().any(is_within));
        let with_values = values.map(|places| WithValues {
            wanted: Probe::of(&self.paths).wanted.with_values_at(list, places.wanted()),
            places,
        });
        Probe { wanted: probe.wanted.with_elements_at(list), with_values, ..probe }
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
        Self { wanted: Wanted::at(places.iter().map(Vec::as_slice)), with_values: None, rests }
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
        let mut found = self.wanted.find(document).map_err(|error| no_document(error.into()))?;
        if let Some(name) = found.twice {
            return Err(no_document(unique::NoValue::Twice(name)));
        }
        let is_object = |record: &&str| record.starts_with('{');
        let records = found.elements.take().filter(|records| records.iter().all(is_object));
        self.probed(found, records.map(|records| ProbedRecords::listed(document, &records)))
    }

    /// The same with the values of the records. None where there is no record, where something is wrong with the document, with
    /// a record or its columns, which is for others to find, and where it is not seen in which part of the text the records are.
    /// `names_known` says that a column that no record has needs no list of the names that they have.
    #[must_use]
    pub fn look_up_values<'t>(&self, document: &'t str, names_known: bool) -> Option<Probed<'t>> {
        let WithValues { wanted, places } = self.with_values.as_ref()?;
        let mut found = wanted.find(document).ok().filter(|found| found.twice.is_none())?;
        let records = found.records.take().filter(|records| records.count > 0 && !records.hides_next_name)?;
        if !names_known && !places.are_in(&records) {
            return None;
        }
        let records = ProbedRecords::with_values(document, &records)?;
        self.probed(found, Some(records)).ok()
    }

    fn probed<'t>(&self, found: Found<'t>, records: Option<ProbedRecords>) -> Result<Probed<'t>, Problem> {
        let each = found.values.into_iter().zip(&self.rests).map(|(value, rest)| match (value, rest) {
            (None, _) => Ok(None),
            (Some(value), None) => Ok(Some(Cow::Borrowed(value))),
            (Some(value), Some(rest)) => {
                let value = unique::value(value).map_err(no_document)?;
                Ok(rest.query(&value).first().map(|found| Cow::Owned(found.to_string())))
            }
        });
        Ok(Probed { values: each.collect::<Result<_, _>>()?, records })
    }
}

impl ProbedRecords {
    /// Of their texts.
    fn listed(document: &str, records: &[&str]) -> Self {
        let places: Vec<_> = records.iter().map(|record| place_of(record, document)).collect();
        let all = places.first().map_or(0, |first| first.start)..places.last().map_or(0, |last| last.end);
        Self { count: places.len() as u64, all, known: KnownRecords::Places(places) }
    }

    /// Of their values. The list is between the name that leads to it, or the text's beginning, and the next name; none where it
    /// is not found there.
    fn with_values(document: &str, records: &RecordValues<'_>) -> Option<Self> {
        let place = |value: Option<&str>| value.map_or(0..0, |value| place_of(value, document));
        let start = records.name.map_or(0, |name| place_of(name, document).end);
        let end = records.next_name.map_or(document.len(), |name| place_of(name, document).start);
        let around = document.get(start..end)?;
        let list = around.get(around.find('[')? + 1..around.rfind(']')?)?;
        let places: Vec<_> = records.values.iter().copied().map(place).collect();
        let columns = places.len() / usize::try_from(records.count).ok()?;
        let all = place_of(list.trim_ascii(), document);
        Some(Self { count: records.count, all, known: KnownRecords::Values { columns, places } })
    }
}

/// Where a part of a text is in it.
fn place_of(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
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
    // Null in the place of the list is no record.
    let walked = route.each(document, route.is_of_elements(), &mut each).map_err(no_document)?;
    walked.twice.map_or(Ok(()), |name| Err(no_document(unique::NoValue::Twice(name))))
}
