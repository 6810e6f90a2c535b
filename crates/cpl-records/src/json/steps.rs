//! Paths as RFC 9535 writes them, in two parts: the steps that lead to one place, and what is looked up there.

use std::fmt;

use serde_json::Value;
use serde_json_path::JsonPath;

/// A path, as it was written.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    query: JsonPath,
}

impl Path {
    /// Of a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let query = JsonPath::parse(text).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), query })
    }

    /// The path to the list of which a filter takes some elements, `$.rows` of `$.rows[?@.paid]`; none where the first step that is
    /// not to one place is another one.
    #[must_use]
    pub fn filtered_list(&self) -> Option<&str> {
        let mut rest = self.text.strip_prefix('$')?;
        while let Some((step, behind)) = first_step(rest)
            && step != Step::Every
        {
            rest = behind;
        }
        rest.starts_with("[?").then(|| &self.text[..self.text.len() - rest.len()])
    }

    /// All that it finds in a value.
    #[must_use]
    pub fn found_in<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.query.query(value).all()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the member of an object: `.name`, `['a name']`.
    Name(String),
    /// To the element of a list, counted from 0: `[2]`.
    Index(usize),
    /// To each element of a list, or each member of an object: `[*]`.
    Every,
}

/// Where a path leads: by these steps, and from there by the rest, which is none where the steps are all of it.
#[derive(Clone, Debug)]
pub struct Location {
    pub steps: Vec<Step>,
    pub rest: Option<JsonPath>,
}

impl Location {
    /// The member of that name.
    pub fn named(name: &str) -> Self {
        Self { steps: vec![Step::Name(name.to_owned())], rest: None }
    }

    /// Of a path. `every` takes `[*]` for a step: else the rest begins there.
    pub fn of(path: &Path, every: bool) -> Self {
        let mut rest = path.text.strip_prefix('$').unwrap_or(&path.text);
        let mut steps = Vec::new();
        while let Some((step, behind)) = first_step(rest) {
            if step == Step::Every && !every {
                break;
            }
            steps.push(step);
            rest = behind;
        }
        if rest.is_empty() {
            return Self { steps, rest: None };
        }
        match JsonPath::parse(&format!("${rest}")) {
            Ok(rest) => Self { steps, rest: Some(rest) },
            // It was cut where no step ends: all of it is looked up at the root.
            Err(_) => Self { steps: Vec::new(), rest: Some(path.query.clone()) },
        }
    }
}

/// The step that a path begins with, and what follows it; none where it is another one.
fn first_step(path: &str) -> Option<(Step, &str)> {
    if let Some(path) = path.strip_prefix("[*]") {
        return Some((Step::Every, path));
    }
    if let Some(quote @ ('\'' | '"')) = path.strip_prefix('[').and_then(|path| path.chars().next()) {
        let (name, behind) = path[2..].split_once(quote)?;
        let behind = behind.strip_prefix(']')?;
        return (!name.contains('\\')).then(|| (Step::Name(name.to_owned()), behind));
    }
    if let Some(path) = path.strip_prefix('[') {
        let (index, behind) = path.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), behind));
    }
    let path = path.strip_prefix('.')?;
    let length = path.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(path.len());
    let (name, behind) = path.split_at(length);
    let ended = behind.is_empty() || behind.starts_with(['.', '[']);
    (ended && !name.is_empty()).then(|| (Step::Name(name.to_owned()), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_some_elements_of_a_list() {
        for (path, list) in [
            ("$.rows[?@.paid]", Some("$.rows")),
            ("$[?@.paid]", Some("$")),
            ("$['a b'][0][?@.x == 'y'].z[*]", Some("$['a b'][0]")),
            ("$.rows", None),
            ("$.rows[*]", None),
            ("$.groups[*].rows[?@.paid]", None),
            ("$..rows[?@.paid]", None),
        ] {
            let parsed = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(parsed.filtered_list(), list, "{path}");
        }
    }

    #[test]
    fn a_path_is_steps_and_a_rest() {
        for (path, steps, rest) in [
            ("$", "", ""),
            ("$.a.b", "<a><b>", ""),
            ("$['a b'][2].é_1", "<a b><2><é_1>", ""),
            ("$[\"it's\"].b", "<it's><b>", ""),
            ("$['a\"].b[\"c']", "<a\"].b[\"c>", ""),
            ("$.a[*].b[*]", "<a><*><b><*>", ""),
            ("$.a.*", "<a>", "$.*"),
            ("$.a[-1]", "<a>", "$[-1]"),
            ("$.a[1:3].b", "<a>", "$[1:3].b"),
            ("$.a[?@.x == 'y]'].b", "<a>", "$[?@.x == 'y]'].b"),
            ("$..a", "", "$..a"),
            ("$['a','b']", "", "$['a','b']"),
            ("$['a\\'b'].c", "", "$['a\\'b'].c"),
            ("$ .a", "", "$ .a"),
        ] {
            let parsed = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let found = Location::of(&parsed, true);
            let step = |step: &Step| match step {
                Step::Name(name) => format!("<{name}>"),
                Step::Index(index) => format!("<{index}>"),
                Step::Every => "<*>".to_owned(),
            };
            assert_eq!(found.steps.iter().map(step).collect::<String>(), steps, "{path}");
            let rest = (!rest.is_empty()).then(|| JsonPath::parse(rest).unwrap_or_else(|error| panic!("{error}")));
            assert_eq!(found.rest, rest, "{path}");
        }
    }
}
