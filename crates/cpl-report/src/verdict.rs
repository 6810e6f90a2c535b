//! The first five lines: what will be sent, is the constraint on its goal, what moved it, what is done, what waits for a person.

use std::fmt::Write as _;

use cpl_model::{
    report::{Metric, Moved, RunMode, RunReport, State},
    value::Value,
};

use crate::{
    amounts::{change, goal, ink, is_multiple, number, shown, signed, sum},
    page::{Page, counted, window},
    paint::Ink,
    summary::{ChangedColumn, Need, NeedKind, Summary},
};

/// How many groups are named that moved the constraint.
const GROUPS: usize = 3;
/// How wide the words are that begin the lines.
const LABEL: usize = 10;

/// The head of a report.
pub fn verdict(page: &mut Page, report: &RunReport, summary: &Summary) {
    first_line(page, report);
    warnings(page, report);
    if report.asks_nothing {
        return;
    }
    if let Some(constraint) = &report.constraint {
        on_goal(page, constraint, report.moved.as_ref(), report.on_broken_data);
        if let Some(moved) = &report.moved {
            moved_by(page, moved, constraint, report.by.as_ref().map(|by| by.column.as_str()));
        }
    }
    if !report.rules.is_empty() {
        does(page, report, summary);
    }
    needs(page, summary);
}

/// The pipeline, its window, how new its data is; whether anything is sent.
fn first_line(page: &mut Page, report: &RunReport) {
    let data = report.data_to.as_ref().map_or_else(String::new, |newest| format!(", data to {newest}"));
    let (loud, more) = mode(report);
    let text = format!("{}{data}", window(report));
    let right = loud.chars().count() + 2 + more.chars().count();
    let left = report.pipeline.chars().count() + 2 + text.chars().count();
    let (name, text) = (page.paint(Ink::Strong, &report.pipeline), page.paint(Ink::Faint, &text));
    let loud = page.paint(Ink::Loud, &format!(" {loud} "));
    let right_text = format!("{loud}{}", if more.is_empty() { String::new() } else { format!(" {more}") });
    match page.style.width.checked_sub(left + right + 3) {
        Some(gap) => page.line(&format!("{name}  {text}{}{right_text}", " ".repeat(gap + 1))),
        None => {
            page.line(&format!("{name}  {text}"));
            page.line(&right_text);
        }
    }
}

/// What becomes of what is decided: a word, and what it means.
fn mode(report: &RunReport) -> (String, &'static str) {
    let leaving: usize = report.effects.iter().map(|delivery| delivery.effects + delivery.unsent).sum();
    match report.mode {
        RunMode::Plan => ("PLAN".to_owned(), "nothing sent"),
        RunMode::Past => ("PAST".to_owned(), "nothing sent"),
        RunMode::Run if leaving == 0 => ("RUN".to_owned(), "nothing to send"),
        RunMode::Run => (format!("SENDS {leaving}"), ""),
    }
}

/// What is unusual about this run.
fn warnings(page: &mut Page, report: &RunReport) {
    if let Some(day) = &report.retired {
        let text = page.paint(Ink::Warn, &format!("retired on {day}: every decision is held"));
        page.line(&text);
    }
    for (name, value) in &report.set {
        let text = page.paint(Ink::Warn, &format!("set by hand: {name} = {value}"));
        page.line(&text);
    }
    if let Some(hour) = &report.early {
        page.faint(&format!("today's window begins at {hour}: this is the one before"));
    }
}

/// A line of the verdict: a sign, a label, a text.
fn line(page: &mut Page, (sign, label, label_ink): (&str, &str, Ink), text: &str) {
    let label = page.paint(label_ink, &format!("{label:LABEL$}"));
    page.wrapped(&format!("{sign} {label} "), LABEL + 3, text);
}

fn on_goal(page: &mut Page, constraint: &Metric, moved: Option<&Moved>, on_broken_data: bool) {
    let (sign, label, label_ink) = match constraint.met {
        Some(true) => ("✓", "ON GOAL", Ink::Good),
        Some(false) => ("✗", "OFF GOAL", Ink::Bad),
        None => ("?", "UNKNOWN", Ink::Warn),
    };
    let sign = page.paint(label_ink, sign);
    let mut text = page.paint(Ink::Strong, &format!("{} {}", constraint.metric, shown(constraint)));
    if let Some(of) = &constraint.goal {
        let is = if constraint.met == Some(false) { "not " } else { "" };
        let _ = write!(text, ", {is}{}", goal(of));
    }
    let apart = change(&constraint.value, &constraint.before, is_multiple(constraint));
    if !apart.is_empty() {
        let by = moved.and_then(|moved| signed(&moved.change, is_multiple(constraint)));
        // Rates are apart by points anyhow.
        let by = by.filter(|_| !apart.ends_with("pt")).map_or_else(String::new, |by| format!("{by}, "));
        let text_of_change = format!("{by}{apart}");
        let painted = match ink(constraint.goal.as_ref(), &apart) {
            Some(ink) => page.paint(ink, &text_of_change),
            None => text_of_change,
        };
        let _ = write!(text, "; was {} ({painted})", constraint.before.shown(is_multiple(constraint)));
    }
    if on_broken_data {
        text += &page.paint(Ink::Bad, "; it rests on broken data");
    }
    line(page, (&sign, label, label_ink), &text);
}

fn moved_by(page: &mut Page, moved: &Moved, constraint: &Metric, by: Option<&str>) {
    let multiple = is_multiple(constraint);
    let painted = |page: &Page, change: &Value| {
        let text = signed(change, multiple)?;
        Some(match ink(constraint.goal.as_ref(), &text) {
            Some(ink) => page.paint(ink, &text),
            None => text,
        })
    };
    let mut groups: Vec<String> = Vec::new();
    let (named, rest) = moved.groups.split_at(moved.groups.len().min(GROUPS));
    for group in named {
        if let Some(change) = painted(page, &group.change) {
            let by_share = if is_by_share(&group.rate, &group.share) { " by its share" } else { "" };
            groups.push(format!("{} {change}{by_share}", group.value));
        }
    }
    let rest_moved = rest.iter().map(|group| group.change.clone()).reduce(|before, change| sum(&before, &change));
    if let Some(change) = rest_moved.and_then(|change| painted(page, &change)) {
        let others = if rest.len() == 1 { rest[0].value.to_string() } else { format!("{} others", rest.len()) };
        groups.push(format!("{others} {change}"));
    }
    let drivers = moved.drivers.iter();
    let drivers: Vec<String> =
        drivers.filter_map(|one| Some(format!("{} {}", one.metric, painted(page, &one.change)?))).collect();
    // The same change, split in two ways: each adds up to it.
    let mut label = "MOVED BY";
    for (of, parts) in [(by.unwrap_or_default(), groups), ("driver", drivers)] {
        if !parts.is_empty() {
            line(page, (" ", label, Ink::Faint), &format!("{of}: {}", parts.join(", ")));
            label = "";
        }
    }
}

/// Whether a group's share moved more than its own value did.
fn is_by_share(rate: &Value, share: &Value) -> bool {
    let size = |value: &Value| number(value).map(f64::abs);
    size(share) > size(rate)
}

fn does(page: &mut Page, report: &RunReport, summary: &Summary) {
    let earlier: usize = report.effects.iter().map(|delivery| delivery.earlier).sum();
    let label = if report.mode == RunMode::Run { "DOES" } else { "WOULD DO" };
    let changes = summary.changes.iter().map(|changed| column_changes(changed, &summary.changes));
    let calls = summary.calls.iter().map(|(target, calls)| {
        if *calls == 1 { format!("1 call of {target}") } else { format!("{calls} calls of {target}") }
    });
    let done: Vec<String> = changes.chain(calls).collect();
    let text = match (&report.next_look, done.is_empty()) {
        (_, false) => page.paint(Ink::Strong, &done.join("; ")),
        (Some(day), true) => format!("nothing: no rule is looked at today; next: {day}"),
        (None, true) => {
            let held = report.decisions.iter().filter(|one| one.state == State::Held && !one.awaits_approval).count();
            let quiet = report.rules.iter().filter_map(|rule| report.quiet.get(rule)).sum();
            let earlier_effects = if earlier == 1 { "effect of an earlier run" } else { "effects of an earlier run" };
            let counts = counted(&[(earlier, earlier_effects), (held, "held"), (quiet, "quiet")]);
            if counts == "none" { "nothing".to_owned() } else { format!("nothing: {counts}") }
        }
    };
    line(page, (" ", label, Ink::Faint), &text);
}

/// `↑2 ↓2 daily_budget, together $3,750.00 → $3,800.00`; by which target, where several change columns of that name.
fn column_changes(changed: &ChangedColumn, all: &[ChangedColumn]) -> String {
    let ChangedColumn { column, target, raised, lowered, set, from, to } = changed;
    let counts = [("↑", raised), ("↓", lowered), ("→", set)];
    let some = counts.iter().filter(|(_, count)| **count > 0);
    let shown: Vec<String> = some.map(|(sign, count)| format!("{sign}{count}")).collect();
    let together = if raised + lowered + set > 1 { ", together" } else { "" };
    let is_unknown = from.is_unknown() || to.is_unknown();
    let total = if is_unknown { String::new() } else { format!("{together} {} → {}", from.exact(), to.exact()) };
    let is_alone = all.iter().filter(|other| other.column == *column).count() == 1;
    let via = if is_alone { String::new() } else { format!(" via {target}") };
    format!("{} {column}{via}{total}", shown.join(" "))
}

fn needs(page: &mut Page, summary: &Summary) {
    if summary.needs.is_empty() {
        return line(page, (" ", "NEEDS YOU", Ink::Faint), "nothing");
    }
    let room = page.style.width.saturating_sub(LABEL + 3);
    let (mut text, mut used, mut listed) = (String::new(), 0, 0);
    for (at, need) in summary.needs.iter().enumerate() {
        let (sign, ink, _) = described(need.kind);
        let width = need.text.chars().count() + 2;
        let gap = if listed == 0 { "" } else { " · " };
        // The first is shown however long it is.
        let more = rest(&summary.needs[at + 1..]).chars().count();
        if listed > 0 && used + gap.chars().count() + width + more > room {
            break;
        }
        let _ = write!(text, "{gap}{} {}", page.paint(ink, sign), need.text);
        used += gap.chars().count() + width;
        listed += 1;
    }
    text += &rest(&summary.needs[listed..]);
    line(page, (" ", "NEEDS YOU", Ink::Strong), &text);
}

/// ` · and 1 warning, 2 undecided`: what has no room.
fn rest(needs: &[Need]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for need in needs {
        let (_, _, word) = described(need.kind);
        match counts.iter_mut().find(|(before, _)| *before == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    if counts.is_empty() { String::new() } else { format!(" · and {}", counts.join(", ")) }
}

/// The sign of what waits for a person, its ink, and the word by which several are counted.
fn described(kind: NeedKind) -> (&'static str, Ink, &'static str) {
    match kind {
        NeedKind::BrokenData => ("✗", Ink::Bad, "broken"),
        NeedKind::Critical => ("‼", Ink::Bad, "critical"),
        NeedKind::Unconfirmed => ("!", Ink::Warn, "unconfirmed"),
        NeedKind::Approval => ("◌", Ink::Warn, "to approve"),
        NeedKind::Restated => ("!", Ink::Warn, "restated"),
        NeedKind::Expired => ("!", Ink::Warn, "expired"),
        NeedKind::Warning => ("!", Ink::Warn, "to look at"),
        NeedKind::Info => ("i", Ink::Faint, "to know"),
        NeedKind::StillFiring => ("!", Ink::Faint, "still firing"),
        NeedKind::Undecided => ("?", Ink::Warn, "undecided"),
    }
}
