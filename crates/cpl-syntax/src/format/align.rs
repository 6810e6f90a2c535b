//! Aligns neighbouring lines: the text after their first words starts in one column.

use super::{WIDTH, breaks::width};
use crate::parse::Rule;

/// A line.
pub struct Line {
    pub indent: usize,
    pub text: String,
    pub stop: Option<Stop>,
    /// The comment at the end of the line.
    pub trailing_comment: Option<String>,
    /// Ends an alignment group: lines after it are not aligned with lines before it.
    pub ends: bool,
}

/// Where padding may be inserted to align a line with its neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    kind: Kind,
    /// Bytes of the text ahead of it.
    at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clause,
    Column,
    Value,
    Let,
    Metric,
}

impl Stop {
    /// Where an entry may be stretched.
    pub fn of(rule: Rule, text: &str) -> Option<Self> {
        let after_words = |words: usize| {
            let mut ends = text.match_indices(' ').map(|(at, _)| at);
            ends.nth(words - 1)
        };
        let (kind, at) = match rule {
            Rule::let_item => (Kind::Let, text.find(" =")?),
            Rule::metric => (Kind::Metric, text.find(" =")?),
            Rule::column => (Kind::Column, text.find(": ").map(|at| at + 1)?),
            Rule::group_item | Rule::argument => (Kind::Value, text.find(" =")?),
            Rule::group if text.starts_with("group by ") => (Kind::Clause, after_words(2)?),
            Rule::at_most | Rule::repeat_after => (Kind::Clause, after_words(2)?),
            // Items, and what stands alone or brings a list.
            Rule::pipeline
            | Rule::fetch
            | Rule::transform
            | Rule::dashboard
            | Rule::decide
            | Rule::alert
            | Rule::target
            | Rule::test
            | Rule::columns
            | Rule::no_gaps
            | Rule::skip_bad
            | Rule::future
            | Rule::join
            | Rule::group
            | Rule::fill_gaps
            | Rule::approval
            | Rule::test_today
            | Rule::test_now
            | Rule::given
            | Rule::row
            | Rule::expect_no
            | Rule::expect_state
            | Rule::expect_table
            | Rule::expect_rule => return None,
            _ => (Kind::Clause, after_words(1)?),
        };
        Some(Self { kind, at })
    }
}

impl Line {
    pub fn blank() -> Self {
        Self { indent: 0, text: String::new(), stop: None, trailing_comment: None, ends: true }
    }

    pub fn comment(indent: usize, text: &str) -> Self {
        Self { indent, text: text.trim_end().to_owned(), stop: None, trailing_comment: None, ends: false }
    }
}

/// The lines, stretched, as one text.
pub fn aligned(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < lines.len() {
        let end = at + run(&lines[at..]);
        let stops = lines[at..end].iter().filter_map(|line| Some(width(&line.text[..line.stop?.at])));
        let far = stops.max().unwrap_or(0);
        let stretch = fits(&lines[at..end], far);
        for line in &lines[at..end] {
            write(line, if stretch { far } else { 0 }, &mut text);
        }
        at = end;
    }
    text
}

/// How many of the first lines are aligned with each other.
fn run(lines: &[Line]) -> usize {
    let (mut length, mut kind) = (0, None);
    for line in lines {
        let other = match (kind, line.stop) {
            (Some(kind), Some(stop)) => stop.kind != kind,
            _ => false,
        };
        if length > 0 && (other || line.indent != lines[0].indent || (line.ends && line.stop.is_none())) {
            break;
        }
        kind = kind.or(line.stop.map(|stop| stop.kind));
        length += 1;
        if line.ends {
            break;
        }
    }
    length
}

/// Whether all lines stay within their width where they are stretched so far.
fn fits(lines: &[Line], far: usize) -> bool {
    let stretched = |line: &Line| line.stop.map_or(0, |stop| far - width(&line.text[..stop.at]));
    lines.iter().all(|line| line.stop.is_none() || line.indent + width(&line.text) + stretched(line) <= WIDTH)
}

fn write(line: &Line, far: usize, text: &mut String) {
    if !line.text.is_empty() {
        text.push_str(&" ".repeat(line.indent));
    }
    match line.stop {
        None => text.push_str(&line.text),
        Some(stop) => {
            let (head, rest) = line.text.split_at(stop.at);
            text.push_str(head);
            text.push_str(&" ".repeat(far.saturating_sub(width(head))));
            text.push_str(rest);
        }
    }
    if let Some(comment) = &line.trailing_comment {
        text.push_str("  ");
        text.push_str(comment);
    }
    text.push('\n');
}
