//! The constraint and its drivers, and the same by a column: the worst group first, with what moved it and what is done about it.

use std::collections::BTreeMap;

use cpl_model::{
    program::Direction,
    report::{By, ByRow, Decision, Goal, Metric, RunReport, State},
    value::Value,
};

use crate::{
    amounts::{change, goal, ink, is_multiple, number, of_one_column, share, shown, signed},
    page::Page,
    paint::Ink,
    table::lines,
};

/// The dashboard, if the pipeline has one.
pub fn dashboard(page: &mut Page, report: &RunReport) {
    let Some(constraint) = &report.constraint else { return };
    page.title("CONSTRAINT", report.over.as_deref().unwrap_or("all rows"));
    let metrics: Vec<&Metric> = std::iter::once(constraint).chain(&report.drivers).collect();
    let rows: Vec<Vec<String>> = metrics.iter().map(|metric| metric_row(metric)).collect();
    let header = if rows.iter().any(|row| !row[4].is_empty()) {
        ["", "", "goal", "change", "before"]
    } else {
        ["", "", "goal", "", ""]
    };
    let header = header.map(str::to_owned).to_vec();
    let lines = lines(header, &rows, &[false, true, false, true, true]);
    for (at, line) in lines.iter().enumerate() {
        match at.checked_sub(1).map(|at| (metrics[at], &rows[at])) {
            None => page.faint(&format!("  {line}")),
            Some((metric, cells)) => {
                let sign = sign(page, metric.met);
                let line = coloured(page, line, &cells[3], metric.goal.as_ref());
                let line = if at == 1 { page.paint(Ink::Strong, &line) } else { line };
                page.line(&format!("{sign} {line}"));
                if at == 1 {
                    page.faint("  drivers");
                }
            }
        }
    }
    if let Some(by) = &report.by {
        groups(page, by, &metrics, report);
    }
}

fn sign(page: &Page, met: Option<bool>) -> String {
    match met {
        Some(true) => page.paint(Ink::Good, "✓"),
        Some(false) => page.paint(Ink::Bad, "✗"),
        None => " ".to_owned(),
    }
}

/// A line of a table in which a change is good or bad.
fn coloured(page: &Page, line: &str, change: &str, goal: Option<&Goal>) -> String {
    match ink(goal, change) {
        Some(ink) => line.replacen(change, &page.paint(ink, change), 1),
        None => line.to_owned(),
    }
}

fn metric_row(metric: &Metric) -> Vec<String> {
    let multiple = is_multiple(metric);
    vec![
        metric.metric.clone(),
        shown(metric),
        metric.goal.as_ref().map(goal).unwrap_or_default(),
        change(&metric.value, &metric.before, multiple),
        if metric.before.is_unknown() { String::new() } else { metric.before.shown(multiple) },
    ]
}

/// A column of the table of groups.
struct Column {
    header: String,
    cells: Vec<String>,
    right: bool,
    /// Those of the highest are left out first where the table is too wide.
    spare: u8,
}

fn groups(page: &mut Page, by: &By, metrics: &[&Metric], report: &RunReport) {
    let rows = worst_first(by, metrics[0]);
    let changes: Vec<String> = rows.iter().map(|row| group_change(row, metrics[0])).collect();
    let mut columns = columns(by, &rows, metrics, report, &changes);
    let width = |columns: &[Column]| {
        let widest = |column: &Column| {
            let header = column.header.split('\n').map(|line| line.chars().count()).max().unwrap_or(0);
            column.cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0).max(header) + 2
        };
        columns.iter().map(widest).sum::<usize>()
    };
    if width(&columns) > page.style.width {
        for column in &mut columns {
            column.header = split(&column.header);
        }
        // JSON has the whole names.
        for cell in &mut columns[0].cells {
            *cell = cut(cell, page.style.width / 3);
        }
    }
    while width(&columns) > page.style.width
        && let Some(spare) = columns.iter().map(|column| column.spare).max().filter(|spare| *spare > 0)
    {
        columns.retain(|column| column.spare != spare);
    }
    let header: Vec<String> = columns.iter().map(|column| column.header.clone()).collect();
    let cells: Vec<Vec<String>> =
        (0..rows.len()).map(|at| columns.iter().map(|column| column.cells[at].clone()).collect()).collect();
    let right: Vec<bool> = columns.iter().map(|column| column.right).collect();
    let header_lines = header.iter().map(|header| header.lines().count()).max().unwrap_or(1);
    page.line("");
    for (at, line) in lines(header, &cells, &right).iter().enumerate() {
        match at.checked_sub(header_lines) {
            None => page.faint(&format!("  {line}")),
            Some(at) => {
                let has_none = rows[at].met.is_none() && number(&rows[at].of).is_some_and(|of| of > 0.0);
                let sign = if has_none { page.paint(Ink::Warn, "?") } else { sign(page, rows[at].met) };
                let line = coloured(page, line, &changes[at], metrics[0].goal.as_ref());
                page.line(&format!("{sign} {line}"));
            }
        }
    }
}

/// What the constraint of a group is to the window before.
fn group_change(row: &ByRow, constraint: &Metric) -> String {
    let value = row.metrics.0.first().map_or(&Value::Unknown, |(_, value)| value);
    change(value, &row.before, is_multiple(constraint))
}

fn columns(by: &By, rows: &[&ByRow], metrics: &[&Metric], report: &RunReport, changes: &[String]) -> Vec<Column> {
    let column =
        |header: &str, cells: Vec<String>, right, spare| Column { header: header.to_owned(), cells, right, spare };
    let metric_column = |at: usize, spare| {
        let values: Vec<&Value> = rows.iter().filter_map(|row| row.metrics.0.get(at)).map(|(_, value)| value).collect();
        column(&metrics[at].metric, of_one_column(&values, is_multiple(metrics[at])), true, spare)
    };
    let mut columns = vec![
        column(&format!("by {}", by.column), rows.iter().map(|row| row.value.to_string()).collect(), false, 0),
        metric_column(0, 0),
    ];
    let has = |cells: &[String]| cells.iter().any(|cell| !cell.is_empty());
    if has(changes) {
        columns.push(column("change", changes.to_vec(), true, 0));
    }
    let contributed: BTreeMap<String, String> = report
        .moved
        .iter()
        .flat_map(|moved| &moved.groups)
        .filter_map(|group| Some((name(&group.value), signed(&group.change, is_multiple(metrics[0]))?)))
        .collect();
    let of_row =
        |found: &BTreeMap<String, String>, row: &ByRow| found.get(&name(&row.value)).cloned().unwrap_or_default();
    let moved: Vec<String> = rows.iter().map(|row| of_row(&contributed, row)).collect();
    if has(&moved) {
        columns.push(column("moved it", moved, true, 9));
    }
    if let Some(of) = by.of.as_ref().filter(|of| metrics[0].metric != **of) {
        let values: Vec<&Value> = rows.iter().map(|row| &row.of).collect();
        let cells = of_one_column(&values, false);
        // A name fits above a column, a computation does not.
        let is_name = of.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        columns.push(column(if is_name { of } else { "sum" }, cells, true, 2));
    }
    columns.extend((1..metrics.len()).map(|at| metric_column(at, u8::try_from(at + 2).unwrap_or(8))));
    let decisions = decided(by, &report.decisions);
    let decided: Vec<String> = rows.iter().map(|row| of_row(&decisions, row)).collect();
    if has(&decided) {
        columns.push(column("decision", decided, false, 1));
    }
    columns
}

/// The beginning of a text that is longer than so many letters.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

/// A long name on two lines, cut where both are shortest: `conversion_rate`.
fn split(header: &str) -> String {
    const LONG: usize = 10;
    let longest = |at: &usize| (at + 1).max(header.len() - at - 1);
    let cut = header.match_indices('_').map(|(at, _)| at).min_by_key(longest);
    match cut.filter(|_| header.len() > LONG) {
        Some(at) => format!("{}\n{}", &header[..=at], &header[at + 1..]),
        None => header.to_owned(),
    }
}

/// What tells a group from the others: an unknown name is none.
fn name(value: &Value) -> String {
    if value.is_unknown() { String::new() } else { format!("·{}", value.raw()) }
}

/// What is decided of each group: `↑ 17.1%`, `held`.
fn decided(by: &By, decisions: &[Decision]) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for decision in decisions {
        let Some((_, value)) = decision.key.0.iter().find(|(column, _)| *column == by.column) else { continue };
        let text = match decision.state {
            State::Fires => {
                let changes: Vec<String> = decision.changes.iter().map(|of| arrow(&of.from, &of.to)).collect();
                changes.join(" ")
            }
            State::Held if decision.awaits_approval => "to approve".to_owned(),
            State::Held | State::Suppressed => "held".to_owned(),
            State::Undecided => "undecided".to_owned(),
            State::Quiet => continue,
        };
        let of_group = found.entry(name(value)).or_default();
        if !of_group.contains(&text) {
            of_group.push(text);
        }
    }
    found.into_iter().map(|(name, texts)| (name, texts.join(", "))).collect()
}

fn arrow(from: &Value, to: &Value) -> String {
    let (Some(was), Some(now)) = (number(from), number(to)) else { return "→".to_owned() };
    let sign = if now > was { "↑" } else { "↓" };
    if was == 0.0 {
        return sign.to_owned();
    }
    format!("{sign} {}", share(now, was))
}

/// The groups, those that are furthest off the goal first; of a sum, whose goal is that of the whole, the largest. One that has no value,
/// though the constraint sums up something there, is worse than any: it spent and won nobody. What has neither stands last.
fn worst_first<'r>(by: &'r By, constraint: &Metric) -> Vec<&'r ByRow> {
    let has_goal = by.rows.iter().any(|row| row.met.is_some());
    let goal = constraint.goal.as_ref().filter(|_| has_goal);
    let smallest_first = goal.is_some_and(|goal| goal.direction == Direction::Above);
    let place = |row: &ByRow| {
        let value = row.metrics.0.first().and_then(|(_, value)| number(value));
        let is_missed = number(&row.of).is_some_and(|of| of > 0.0);
        let rank = match value {
            Some(_) => 1,
            None if is_missed => 0,
            None => 2,
        };
        let value = value.unwrap_or(0.0);
        (rank, if smallest_first { value } else { -value })
    };
    let mut rows: Vec<((i32, f64), &ByRow)> = by.rows.iter().map(|row| (place(row), row)).collect();
    rows.sort_by(|((rank, value), _), ((other, than), _)| rank.cmp(other).then(value.total_cmp(than)));
    rows.into_iter().map(|(_, row)| row).collect()
}
