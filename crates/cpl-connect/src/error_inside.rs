//! Errors inside answers: what their status says nothing of, or not all.

use std::time::Duration;

use cpl_batch::Problem;
use cpl_model::program::ErrorInside;
use cpl_records::{Probe, ProbeBuilder};
use serde_json::Value;

use crate::retry::Retry;

/// Where an API's answers hold errors.
#[derive(Debug)]
pub struct ErrorsInside {
    errors: Vec<Places>,
    probe: Probe,
    /// An answer without this text holds none: it is not looked at.
    mark: Option<&'static str>,
}

/// The places of one kind of error, as numbers of the probe's paths.
#[derive(Debug)]
struct Places {
    at: usize,
    values: Option<Vec<String>>,
    message: Option<usize>,
    code: Option<usize>,
    retry: Vec<String>,
    wait: Option<Duration>,
}

/// An error that an answer holds.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundError {
    /// Its text.
    pub message: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Whether the same request may be sent again.
    pub retry: Retry,
}

/// Where most APIs have them: an answer that tells of an error next to its records is none.
impl Default for ErrorsInside {
    fn default() -> Self {
        let usual = |at: &str, message: &str, code: Option<&str>| ErrorInside {
            at: at.to_owned(),
            values: None,
            message: Some(message.to_owned()),
            code: code.map(str::to_owned),
            retry: Vec::new(),
            wait: None,
        };
        let of = Self::of(&[
            usual("$.error", "$.error.message", Some("$.error.code")),
            usual("$.errors", "$.errors[0].message", None),
        ]);
        Self { mark: Some("\"error"), ..of.unwrap_or_else(|error| unreachable!("{error}")) }
    }
}

impl ErrorsInside {
    /// Of an API that says where it has them; of one that does not, where most have them.
    ///
    /// # Errors
    /// What is wrong with a path.
    pub fn of(errors: &[ErrorInside]) -> Result<Self, String> {
        if errors.is_empty() {
            return Ok(Self::default());
        }
        let mut paths = ProbeBuilder::default();
        let errors: Vec<Places> = errors
            .iter()
            .map(|error| {
                Ok::<_, String>(Places {
                    at: paths.add(&error.at)?,
                    values: error.values.clone(),
                    message: paths.add_some(error.message.as_deref())?,
                    code: paths.add_some(error.code.as_deref())?,
                    retry: error.retry.clone(),
                    wait: error.wait,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { errors, probe: paths.build(), mark: None })
    }

    /// Whether nobody says where the API has them.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        self.mark.is_some()
    }

    /// The error that an answer holds; none where it is no JSON: the reader reports that.
    ///
    /// # Errors
    /// Where an object names a member twice on the way to one.
    pub fn find(&self, answer: &[u8]) -> Result<Option<FoundError>, Problem> {
        let Ok(text) = std::str::from_utf8(answer) else { return Ok(None) };
        if self.mark.is_some_and(|mark| memchr::memmem::find(answer, mark.as_bytes()).is_none()) {
            return Ok(None);
        }
        let values = match self.probe.find(text) {
            Ok(values) => values,
            Err(Problem::NoJson { .. }) => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let text_at = |place: usize| values[place].as_deref().and_then(text_of);
        let is_error = |error: &&Places| match &error.values {
            None => values[error.at].as_deref().is_some_and(is_something),
            Some(wanted) => text_at(error.at).is_some_and(|found| wanted.iter().any(|wanted| is_same(&found, wanted))),
        };
        let found = self.errors.iter().find(is_error);
        Ok(found.map(|error| {
            let code = error.code.and_then(text_at);
            let may_pass = code.as_ref().is_some_and(|code| error.retry.contains(code));
            let retry = match (may_pass, error.wait) {
                (false, _) => Retry::Never,
                (true, None) => Retry::Soon,
                (true, Some(wait)) => Retry::After(wait),
            };
            FoundError { message: error.message.and_then(text_at), code, retry }
        }))
    }
}

/// Whether two texts are the same, or the same number: `3` and `3.0`.
fn is_same(found: &str, wanted: &str) -> bool {
    let numbers = || Some((found.parse::<f64>().ok()?, wanted.parse::<f64>().ok()?));
    found == wanted || numbers().is_some_and(|(found, wanted)| found.total_cmp(&wanted).is_eq())
}

/// Whether a value, as JSON, is more than nothing: null, false, 0, and a text, a list or an object that holds nothing,
/// are nothing.
pub fn is_something(json: &str) -> bool {
    match serde_json::from_str(json) {
        Ok(Value::Null | Value::Bool(false)) => false,
        // What can't be made a value is there all the same, such as half a character.
        Ok(Value::Bool(true)) | Err(_) => true,
        Ok(Value::Number(number)) => number.as_f64() != Some(0.0),
        Ok(Value::String(text)) => !text.is_empty(),
        Ok(Value::Array(all)) => !all.is_empty(),
        Ok(Value::Object(all)) => !all.is_empty(),
    }
}

/// A value, as JSON, as a text: a text without its quotes, and a number or another value as it stands.
pub fn text_of(json: &str) -> Option<String> {
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Null) | Err(_) => None,
        Ok(other) => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors() -> ErrorsInside {
        let path = |path: &str| Some(path.to_owned());
        let meta = ErrorInside {
            at: "$.error".to_owned(),
            values: None,
            message: path("$.error.message"),
            code: path("$.error.code"),
            retry: vec!["17".to_owned(), "busy".to_owned()],
            wait: Some(Duration::from_mins(10)),
        };
        let graphql = ErrorInside {
            at: "$.errors".to_owned(),
            values: None,
            message: path("$.errors[*].message"),
            code: path("$.errors[*].extensions.code"),
            retry: vec!["THROTTLED".to_owned()],
            wait: None,
        };
        ErrorsInside::of(&[meta, graphql]).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn without_a_word_of_the_connector_errors_are_where_most_apis_have_them() {
        let errors = ErrorsInside::of(&[]).unwrap_or_else(|error| panic!("{error}"));
        for (answer, message) in [
            ("{\"data\": [{\"error\": \"one of a record\"}], \"errors\": [], \"error\": null}", None),
            ("[{\"error\": 1}]", None),
            ("{\"errors\": [{\"message\": \"Throttled\"}], \"data\": {}}", Some(Some("Throttled"))),
            ("{\"ok\": false, \"error\": \"not_authed\", \"results\": []}", Some(None)),
            ("{\"error\": {\"message\": \"bad\", \"code\": 7}}", Some(Some("bad"))),
        ] {
            let found = errors.find(answer.as_bytes()).unwrap_or_else(|problem| panic!("{answer}: {problem:?}"));
            let found = found.map(|found| found.message);
            assert_eq!(found.as_ref().map(Option::as_deref), message, "{answer}");
        }
    }

    #[test]
    fn an_error_is_a_value_that_means_so() {
        let success = ErrorInside {
            at: "$.success".to_owned(),
            values: Some(vec!["false".to_owned(), "0".to_owned(), "no".to_owned()]),
            message: Some("$.why".to_owned()),
            code: None,
            retry: Vec::new(),
            wait: None,
        };
        let errors = ErrorsInside::of(&[success]).unwrap_or_else(|error| panic!("{error}"));
        for (answer, is_error) in [
            ("{\"success\": false}", true),
            ("{\"success\": 0, \"why\": \"no\"}", true),
            ("{\"success\": \"no\"}", true),
            ("{\"success\": 0.0}", true),
            ("{\"success\": true}", false),
            ("{\"success\": null}", false),
            ("{\"success\": \"\"}", false),
            ("{}", false),
        ] {
            let found = errors.find(answer.as_bytes()).unwrap_or_else(|problem| panic!("{answer}: {problem:?}"));
            assert_eq!(found.is_some(), is_error, "{answer}");
        }
    }

    #[test]
    fn an_error_is_what_is_there() {
        let errors = errors();
        for (answer, wanted) in [
            ("{\"data\": []}", None),
            ("{\"error\": null, \"errors\": []}", None),
            ("{\"error\": false}", None),
            ("{\"error\": 0}", None),
            ("{\"error\": \"\"}", None),
            ("not JSON", None),
            ("{\"error\": {\"message\": \"no\", \"code\": 100}}", Some((Some("no"), Some("100"), Retry::Never))),
            ("{\"error\": {\"code\": 17}}", Some((None, Some("17"), Retry::After(Duration::from_mins(10))))),
            ("{\"error\": {\"code\": \"busy\"}}", Some((None, Some("busy"), Retry::After(Duration::from_mins(10))))),
            ("{\"error\": \"gone\"}", Some((None, None, Retry::Never))),
            (
                "{\"errors\": [{\"message\": \"a\", \"extensions\": {\"code\": \"THROTTLED\"}}, {\"message\": \"b\"}]}",
                Some((Some("a"), Some("THROTTLED"), Retry::Soon)),
            ),
        ] {
            let found = errors.find(answer.as_bytes()).unwrap_or_else(|problem| panic!("{answer}: {problem:?}"));
            let wanted = wanted.map(|(message, code, retry)| FoundError {
                message: message.map(str::to_owned),
                code: code.map(str::to_owned),
                retry,
            });
            assert_eq!(found, wanted, "{answer}");
        }
        assert!(errors.find(b"{\"error\": {\"code\": 1}, \"error\": null}").is_err(), "a name twice");
    }
}
