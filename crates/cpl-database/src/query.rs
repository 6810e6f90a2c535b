//! A query: its SQL and its parameters, which are sent separately, never as part of its text.

/// A query of one statement.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Sql(String),
    Parameter(Parameter),
}

/// A value that a query depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What it is.
    pub ty: ParameterType,
    /// The value, as the database reads one of that type from text.
    pub text: String,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// A text.
    Text,
    /// A day: `2026-11-20`.
    Date,
    /// A moment, in UTC: `2026-11-20 05:00:00.000000`.
    Moment,
    /// A whole number.
    Whole,
    /// A number with so many digits behind its point.
    Decimal(usize),
    /// `1` or `0`.
    Truth,
}

impl Query {
    /// Adds SQL.
    #[must_use]
    pub fn sql(mut self, letters: &str) -> Self {
        self.0.push(Part::Sql(letters.to_owned()));
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.0.push(Part::Parameter(parameter));
        self
    }

    /// The statement, with `$1` for its first parameter, and a line for each parameter.
    #[must_use]
    pub fn described(&self) -> String {
        let statement = self.statement(|number, _| format!("${number}"));
        let parameters = self.texts().zip(1..).map(|(text, number)| format!("\n${number} = {text}"));
        statement + &parameters.collect::<String>()
    }

    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter().filter_map(|part| match part {
            Part::Sql(_) => None,
            Part::Parameter(parameter) => Some(parameter),
        })
    }

    /// Whether a parameter is a moment.
    pub(crate) fn has_moment(&self) -> bool {
        self.parameters().any(|parameter| parameter.ty == ParameterType::Moment)
    }

    /// The texts of the parameters, in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parameters().map(|parameter| parameter.text.as_str())
    }

    /// The statement, in which `place` stands for each parameter, of that number from 1 on and that type.
    pub(crate) fn statement(&self, place: impl Fn(usize, ParameterType) -> String) -> String {
        let mut number = 0;
        let parts = self.0.iter().map(|part| match part {
            Part::Sql(letters) => letters.clone(),
            Part::Parameter(parameter) => {
                number += 1;
                place(number, parameter.ty)
            }
        });
        parts.collect()
    }
}
