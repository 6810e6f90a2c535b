//! What a test expects, and what came in its place.

use cpl_model::{
    program::{Cell, Expected, ExpectedKind},
    report::{Alert, Decision, RunReport, State},
    same,
    value::Value,
};
use cpl_syntax::{Span, tree::RowState};

/// Something expected that did not come.
pub struct Failed {
    /// Where it is expected.
    pub span: Span,
    /// What.
    pub message: String,
    /// What came in its place, line by line.
    pub found: Vec<String>,
}

/// What a rule did with a row.
enum Row<'r> {
    Decided(&'r Decision),
    Alerted(&'r Alert),
}

impl Row<'_> {
    fn state(&self) -> State {
        match self {
            Self::Decided(decision) => decision.state,
            Self::Alerted(alert) => alert.state,
        }
    }

    fn key(&self) -> &[(String, Value)] {
        match self {
            Self::Decided(decision) => &decision.key.0,
            Self::Alerted(alert) => &alert.key.0,
        }
    }

    /// `search: it fires: cac $41 < $47`.
    fn with_key(&self) -> String {
        format!("{}: {}", shown(self.key()), self.described())
    }

    /// `this is not so: cac $51.20 < $47`.
    fn described(&self) -> String {
        let word = match self.state() {
            State::Fires => "it fires",
            State::Held => "it is held",
            State::Undecided => "it is undecided",
            State::Suppressed => "it is suppressed",
            State::Quiet => "this is not so",
        };
        let why = match self {
            Self::Decided(Decision { reason: Some(reason), .. }) => reason.clone(),
            Self::Decided(decision) => decision.conditions.join(", "),
            Self::Alerted(alert) => alert.text.clone(),
        };
        if why.is_empty() { word.to_owned() } else { format!("{word}: {why}") }
    }
}

fn shown(key: &[(String, Value)]) -> String {
    key.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether a rule did what was expected.
pub fn rule(expected: &Expected, report: &RunReport) -> Option<Failed> {
    let wrong = match &expected.kind {
        ExpectedKind::Not(name, key) => RuleRows::of(name, key.as_ref(), report).fires_none(),
        ExpectedKind::Is(state, name, key) => RuleRows::of(name, Some(key), report).is(*state),
        ExpectedKind::Fires(name, key, with) => RuleRows::of(name, Some(key), report).fires(with),
        ExpectedKind::Table(..) => None,
    };
    wrong.map(|(message, found)| Failed { span: expected.span, message, found })
}

/// What a rule did with its rows.
struct RuleRows<'r> {
    name: &'r str,
    /// ` for search`, of an expectation that names a row.
    of: String,
    /// All rows.
    all: Vec<Row<'r>>,
    /// The rows that are named.
    named: Vec<usize>,
    /// Rows were looked at, and are quiet.
    looked_at: bool,
}

/// What is wrong, and what came in its place.
type Wrong = (String, Vec<String>);

impl<'r> RuleRows<'r> {
    fn of(name: &'r str, key: Option<&Vec<Value>>, report: &'r RunReport) -> Self {
        let decided = report.decisions.iter().filter(|row| row.rule == name).map(Row::Decided);
        let alerted = report.alerts.iter().filter(|row| row.alert == name).map(Row::Alerted);
        let all: Vec<Row<'r>> = decided.chain(alerted).collect();
        let is_named = |row: &Row<'_>| {
            key.is_none_or(|key| row.key().iter().zip(key).all(|((_, found), wanted)| same(wanted, found)))
        };
        let named = all.iter().enumerate().filter(|(_, row)| is_named(row)).map(|(at, _)| at).collect();
        let of = key.map(|key| key.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        let of = of.filter(|key| !key.is_empty()).map_or(String::new(), |key| format!(" for {key}"));
        Self { name, of, all, named, looked_at: report.quiet.contains_key(name) }
    }

    fn first(&self) -> Option<&Row<'r>> {
        self.named.first().map(|at| &self.all[*at])
    }

    fn fires_none(&self) -> Option<Wrong> {
        let fires = self.named.iter().map(|at| &self.all[*at]).filter(|row| row.state() == State::Fires);
        let fires: Vec<String> = fires.map(Row::with_key).collect();
        if fires.is_empty() { None } else { Some((format!("`{}` fires{}", self.name, self.of), fires)) }
    }

    fn is(&self, state: RowState) -> Option<Wrong> {
        let wanted = match state {
            RowState::Held => State::Held,
            RowState::Undecided => State::Undecided,
        };
        match self.first() {
            None => Some(self.no_row()),
            Some(row) if row.state() == wanted => None,
            // An alert whose data is broken is not sent.
            Some(row) if row.state() == State::Suppressed && wanted == State::Held => None,
            Some(row) => Some((format!("`{}` is not {}{}", self.name, state.word(), self.of), vec![row.described()])),
        }
    }

    fn fires(&self, with: &[(String, Value)]) -> Option<Wrong> {
        let Some(row) = self.first() else { return Some(self.no_row()) };
        if row.state() != State::Fires {
            return Some((format!("`{}` does not fire{}", self.name, self.of), vec![row.described()]));
        }
        let wrong = wrong_values(row, with);
        let message = || format!("`{}` fires{} with other values", self.name, self.of);
        if wrong.is_empty() { None } else { Some((message(), wrong)) }
    }

    fn no_row(&self) -> Wrong {
        let others: Vec<String> = self.all.iter().map(Row::with_key).collect();
        let found = match others.is_empty() {
            false => others,
            true if self.looked_at => vec!["its table has no rows".to_owned()],
            true => vec!["it is not looked at on that day".to_owned()],
        };
        (format!("`{}` has no row{}", self.name, self.of), found)
    }
}

/// Values that a firing row has otherwise than expected.
fn wrong_values(row: &Row<'_>, with: &[(String, Value)]) -> Vec<String> {
    let Row::Decided(decision) = row else { return Vec::new() };
    let mut wrong = Vec::new();
    for (name, wanted) in with {
        let changed = decision.changes.iter().filter(|change| change.column.as_ref() == Some(name));
        let passed = decision.changes.iter().flat_map(|change| &change.arguments.0);
        let passed = passed.filter(|(argument, _)| argument == name).map(|(_, value)| value);
        let found: Vec<&Value> = changed.map(|change| &change.to).chain(passed).collect();
        if !found.iter().any(|found| same(wanted, found)) {
            let found = found.first().map_or("nothing".to_owned(), |found| found.exact());
            wrong.push(format!("{name} is {found}, and {} was expected", wanted.exact()));
        }
    }
    // How guards shortened it explains a value that is another than expected.
    let shortened = decision.reason.clone().filter(|_| !wrong.is_empty());
    wrong.extend(shortened);
    wrong
}

/// Whether a table has the expected rows, and no others.
pub fn table(
    span: Span,
    name: &str,
    columns: &[String],
    wanted: &[Vec<Cell>],
    mut found: Vec<Vec<Value>>,
) -> Option<Failed> {
    let mut missing = Vec::new();
    for row in wanted {
        let fits = |found: &Vec<Value>| row.iter().zip(found).all(|(cell, value)| cell.is(value));
        match found.iter().position(fits) {
            Some(at) => drop(found.remove(at)),
            None => missing.push(row),
        }
    }
    if missing.is_empty() && found.is_empty() {
        return None;
    }
    let mut lines = vec![(' ', columns.to_vec())];
    lines.extend(missing.iter().map(|cells| ('-', cells.iter().map(|cell| cell.text.clone()).collect())));
    lines.extend(found.iter().map(|values| ('+', values.iter().map(Value::exact).collect())));
    let message = format!("`{name}` has other rows: - is expected, + is there");
    Some(Failed { span, message, found: aligned(&lines) })
}

/// Signs and cells as the rows of a table.
fn aligned(lines: &[(char, Vec<String>)]) -> Vec<String> {
    let columns = lines.first().map_or(0, |(_, cells)| cells.len());
    let width = |at: usize| lines.iter().map(|(_, cells)| cells[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let row = |(sign, cells): &(char, Vec<String>)| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{sign} | {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    lines.iter().map(row).collect()
}
