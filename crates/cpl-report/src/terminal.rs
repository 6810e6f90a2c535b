//! The report in the terminal: what an analyst looks at each morning, in 80 columns.

use std::cmp::Ordering;

use cpl_model::{
    program::Level,
    report::{
        Alert, AlertOver, Change, Check, CheckSubject, Decision, Expired, Join, QuietRow, Restated, RestatedState,
        RunMode, RunReport, Source, State, Unconfirmed,
    },
    value::Value,
};

use textwrap::core::display_width;

use crate::{
    amounts::{number, relative},
    dashboard::dashboard,
    page::{Page, count, counted, moment, row_name},
    paint::{Ink, TerminalStyle},
    summary::Summary,
    table::lines,
    verdict::verdict,
};

/// The report as lines of text.
#[must_use]
pub fn terminal(report: &RunReport, style: TerminalStyle) -> String {
    let mut page = Page::new(style);
    verdict(&mut page, report, &Summary::of(report));
    page.question(report);
    page.broken(&report.checks);
    dashboard(&mut page, report);
    page.alerts(&report.alerts, &report.alerts_over);
    page.decisions(report);
    page.effects(report);
    page.data(report);
    page.text()
}

impl Page {
    /// That the window is over, the question, and who decides.
    fn question(&mut self, report: &RunReport) {
        let is_past = report.mode == RunMode::Past;
        if report.question.is_none() && report.owner.is_none() && !is_past {
            return;
        }
        self.line("");
        if is_past {
            self.faint("this window is over: nothing is sent or changed without `--act`");
        }
        if let Some(question) = &report.question {
            self.wrapped("", 0, question);
        }
        if let Some(owner) = &report.owner {
            self.faint(&format!("decides: {owner}"));
        }
    }

    /// Broken checks come first: everything below depends on them.
    fn broken(&mut self, checks: &[Check]) {
        let (watched, broken): (Vec<&Check>, Vec<&Check>) =
            checks.iter().filter(|check| check.broken).partition(|check| check.watched);
        if !broken.is_empty() {
            self.title("BROKEN DATA", "decisions and alerts that depend on it are held");
        }
        for check in broken {
            self.broken_check(check, Ink::Bad, "✗");
            if check.holds.is_empty() && !check.on_dashboard {
                self.wrapped("  ", 2, &format!("it holds nothing: no rule depends on {}", check.table));
            }
        }
        if !watched.is_empty() {
            self.title("WATCHED", "shown, and holds nothing");
        }
        for check in watched {
            self.broken_check(check, Ink::Warn, "!");
        }
    }

    /// What was found, and the rows that break it where they are several.
    fn broken_check(&mut self, check: &Check, ink: Ink, sign: &str) {
        let sign = self.paint(ink, sign);
        self.wrapped(&format!("{sign} "), 2, &format!("{}: {} ({})", check.table, check.text, check.check));
        if check.rows.len() < 2 {
            return;
        }
        for row in &check.rows {
            self.wrapped("    ", 6, &row.to_string());
        }
        if check.more > 0 {
            self.line(&format!("    and {} more", check.more));
        }
    }

    fn alerts(&mut self, alerts: &[Alert], over: &[AlertOver]) {
        if alerts.is_empty() && over.is_empty() {
            return;
        }
        let firing = alerts.iter().filter(|alert| alert.state == State::Fires).count();
        let still = alerts.iter().filter(|alert| alert.is_still()).count();
        let undecided = alerts.iter().filter(|alert| alert.state == State::Undecided).count();
        let counts = [
            (firing - still, "firing"),
            (still, "still firing"),
            (undecided, "undecided"),
            (alerts.len() - firing - undecided, "held"),
            (over.len(), "over"),
        ];
        self.title("ALERTS", &counted(&counts));
        for alert in alerts {
            let (sign, ink) = match (alert.state, alert.severity) {
                _ if alert.is_still() => ("·", Ink::Faint),
                (State::Undecided, _) => ("?", Ink::Faint),
                (State::Suppressed | State::Held | State::Quiet, _) => ("–", Ink::Faint),
                (_, Level::Critical) => ("‼", Ink::Bad),
                (_, Level::Warning) => ("!", Ink::Warn),
                (_, Level::Info) => ("i", Ink::Faint),
            };
            let text = match (alert.state, &alert.reported) {
                (State::Fires, Some(reported)) => format!("{} (reported {})", alert.text, moment(reported)),
                (State::Fires, None) => alert.text.clone(),
                (State::Undecided, _) => format!("{} undecided: {}", row_name(&alert.alert, &alert.key), alert.text),
                _ => format!("{} not sent: {}", row_name(&alert.alert, &alert.key), alert.text),
            };
            let sign = self.paint(ink, sign);
            self.wrapped(&format!("{sign} "), 2, &text);
            for text in &alert.evidence {
                let text = self.paint(Ink::Faint, text);
                self.wrapped("  ", 2, &text);
            }
        }
        for one in over {
            let sign = self.paint(Ink::Good, "✓");
            let text = format!("{} is over; it was reported {}", row_name(&one.alert, &one.key), moment(&one.reported));
            self.wrapped(&format!("{sign} "), 2, &text);
        }
    }

    fn decisions(&mut self, report: &RunReport) {
        if report.rules.is_empty() {
            return;
        }
        let count = |state| report.decisions.iter().filter(|decision| decision.state == state).count();
        let waiting = report.decisions.iter().filter(|decision| decision.awaits_approval).count();
        let quiet = report.rules.iter().filter_map(|rule| report.quiet.get(rule)).sum();
        let counts = [
            (count(State::Fires), "to act on"),
            (waiting, "to approve"),
            (count(State::Held) - waiting, "held"),
            (count(State::Undecided), "undecided"),
            (quiet, "quiet"),
        ];
        self.title("DECISIONS", &counted(&counts));
        for rule in &report.rules {
            self.rule(report, rule);
        }
        for Restated { rule, row, did, state, now, .. } in &report.restated {
            let row = if row.is_empty() { String::new() } else { format!(" {row}") };
            let was = match state {
                RestatedState::Done => "was done in this window",
                RestatedState::NotSent => "was decided in this window, and is not sent yet",
                RestatedState::Unknown => "was sent in this window, and nobody knows what became of it",
            };
            self.wrapped("! ", 4, &format!("{rule}{row}: {did} {was}; as the pipeline and its data are now, {now}"));
        }
    }

    /// What becomes of a rule's rows, and what its nearest quiet ones lack.
    fn rule(&mut self, report: &RunReport, rule: &str) {
        let decided = report.decisions.iter().filter(|decision| decision.rule == rule);
        let nearest: Vec<&QuietRow> = report.nearest.iter().filter(|row| row.rule == rule).collect();
        if decided.clone().next().is_none() && nearest.is_empty() {
            return;
        }
        let name = self.paint(Ink::Faint, rule);
        self.line(&format!("  {name}"));
        decided.for_each(|decision| self.decision(decision));
        for QuietRow { key, conditions, .. } in &nearest {
            let key: Vec<String> = key.0.iter().map(|(_, value)| value.to_string()).collect();
            let key = if key.is_empty() { String::new() } else { format!("{}  ", key.join(", ")) };
            let lacking: Vec<&str> =
                conditions.iter().filter(|one| one.is_so == Some(false)).map(|one| one.text.as_str()).collect();
            self.faint_wrapped("· ", &format!("{key}{}", lacking.join(", ")));
        }
        let more = report.quiet.get(rule).map_or(0, |quiet| quiet.saturating_sub(nearest.len()));
        if more > 0 && !nearest.is_empty() {
            self.faint_wrapped("· ", &format!("and {more} more: `cpl why FILE {rule}`"));
        }
    }

    /// How many effects leave, and where to.
    fn effects(&mut self, report: &RunReport) {
        if report.effects.is_empty() && report.unconfirmed.is_empty() && report.expired.is_empty() {
            return;
        }
        let more = match report.mode {
            RunMode::Past => "of a window that is over: nothing is sent or changed",
            RunMode::Plan => "a plan: nothing is sent or changed",
            RunMode::Run => "",
        };
        self.title("EFFECTS", more);
        for delivery in &report.effects {
            let effects = count(delivery.effects, "effect");
            let to = delivery.to.as_deref().unwrap_or(&delivery.target);
            let earlier = match delivery.earlier {
                0 => String::new(),
                earlier => format!(", {earlier} of this window by an earlier run"),
            };
            let unsent = match delivery.unsent {
                0 => String::new(),
                unsent => format!(", {unsent} of which {} not sent yet", if unsent == 1 { "is" } else { "are" }),
            };
            self.wrapped("  ", 4, &format!("{effects} → {to}{earlier}{unsent}"));
        }
        for Unconfirmed { window, target, effects } in &report.unconfirmed {
            let effects = count(*effects, "effect");
            let text = format!("{effects} of window {window} may not have reached {target}: see `cpl log`");
            self.wrapped("! ", 4, &text);
        }
        for Expired { window, rule, decisions } in &report.expired {
            let decisions = count(*decisions, "decision");
            let text = format!("{decisions} of {rule} in window {window} expired: nobody approved or rejected");
            self.wrapped("! ", 4, &text);
        }
    }

    fn decision(&mut self, decision: &Decision) {
        let (sign, ink, word) = match decision.state {
            State::Fires => (direction(decision), Ink::Strong, ""),
            State::Undecided => ("?", Ink::Warn, " undecided"),
            State::Held if decision.awaits_approval => ("◌", Ink::Warn, ""),
            State::Held | State::Suppressed | State::Quiet => ("○", Ink::Warn, " held"),
        };
        let sign = self.paint(ink, sign);
        let key: Vec<String> = decision.key.0.iter().map(|(_, value)| value.to_string()).collect();
        let name = self.paint(Ink::Strong, &key.join(", "));
        let word = self.paint(ink, if key.is_empty() { word.trim_start() } else { word });
        let gap = if key.is_empty() { "" } else { "  " };
        let changes = changes(decision);
        let first = format!("{sign} {name}{word}{gap}");
        match (decision.state, changes.split_first()) {
            (state, Some((change, more))) if state == State::Fires || decision.awaits_approval => {
                self.wrapped(&first, 4, change);
                for change in more {
                    self.wrapped("    ", 4, change);
                }
            }
            _ => self.line(&first),
        }
        if let Some(reason) = &decision.reason {
            self.wrapped("    ", 4, reason);
        }
        if decision.state != State::Undecided && !decision.conditions.is_empty() {
            let because = format!("because {}", decision.conditions.join(", "));
            self.faint_wrapped("    ", &because);
        }
    }

    fn data(&mut self, report: &RunReport) {
        if !report.sources.is_empty() {
            self.title("DATA", "");
        }
        let rows: Vec<Vec<String>> = report.sources.iter().map(source_row).collect();
        let lines = lines(vec![String::new(); 3], &rows, &[false, true, false]);
        let width = lines.iter().map(|line| display_width(line)).max().unwrap_or_default();
        for (line, source) in lines.iter().skip(1).zip(&report.sources) {
            let notes = source_notes(source, &report.checks, report.mode);
            if notes.is_empty() {
                self.line(&format!("  {line}"));
            } else {
                let gap = " ".repeat(width.saturating_sub(display_width(line)) + 2);
                self.wrapped(&format!("  {line}{gap}"), 6, &notes);
            }
        }
        for check in report.checks.iter().filter(|check| check.subject == CheckSubject::Values && !check.broken) {
            self.wrapped(&format!("  {}: ", check.table), 4, &format!("✓ {}", check.check));
        }
        for join in report.joins.iter().filter(|join| join.left_unmatched + join.right_unmatched > 0) {
            self.wrapped(&format!("  {}: ", join.table), 4, &unmatched_text(join));
        }
        for over in &report.passed_over {
            let text =
                format!("{} unknown in {} of {}: sums pass over them", over.value, over.unknown, rows_of(over.rows));
            self.wrapped(&format!("  {}: ", over.table), 4, &text);
        }
        if report.asks_nothing {
            self.line("");
            self.wrapped("", 0, "the file asks no question: it has no dashboard, no decision and no alert");
        }
        let warnings = match report.diagnostics.len() {
            0 => String::new(),
            1 => " · 1 warning: see `cpl check`".to_owned(),
            n => format!(" · {n} warnings: see `cpl check`"),
        };
        let took = format!("{} ms{warnings}", report.took_ms);
        let took = self.paint(Ink::Faint, &took);
        self.line("");
        self.line(&took);
    }
}

/// The unmatched rows of a join on both sides.
fn unmatched_text(join: &Join) -> String {
    let fate = if join.kept { "kept, its columns unknown" } else { "dropped" };
    let have = if join.left_unmatched == 1 { "has" } else { "have" };
    let left = format!("{} {have} no partner in {}: {fate}", rows_of(join.left_unmatched), join.with);
    let right = format!("{} of {} left over", rows_of(join.right_unmatched), join.with);
    let notes = [(join.left_unmatched, left), (join.right_unmatched, right)];
    notes.into_iter().filter(|(rows, _)| *rows > 0).map(|(_, notes)| notes).collect::<Vec<_>>().join("; ")
}

/// Which way a decision goes: where all its values rise, where all fall.
fn direction(decision: &Decision) -> &'static str {
    let moved = |change: &Change| number(&change.to)?.partial_cmp(&number(&change.from)?);
    let all = |way: Ordering| {
        !decision.changes.is_empty() && decision.changes.iter().all(|change| moved(change) == Some(way))
    };
    match (all(Ordering::Greater), all(Ordering::Less)) {
        (true, _) => "↑",
        (_, true) => "↓",
        _ => "●",
    }
}

/// `daily_budget $100.00 → $120.00 (+20%) via set_budget`.
pub fn changes(decision: &Decision) -> Vec<String> {
    let each = decision.changes.iter().map(|change| {
        // The new value stands ahead already.
        let others = change.arguments.0.iter().filter(|(name, _)| change.column.as_ref() != Some(name));
        let arguments: Vec<String> = others.map(|(name, value)| format!("{name} {}", value.exact())).collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!(" ({})", arguments.join(", ")) };
        match &change.column {
            Some(column) => {
                let row = change.row.iter().flat_map(|key| &key.0).map(|(_, value)| format!("{value} "));
                let (row, from, to) = (row.collect::<String>(), change.from.exact(), change.to.exact());
                let by = relative(&change.from, &change.to).map_or_else(String::new, |by| format!(" ({by})"));
                format!("{row}{column} {from} → {to}{by} via {}{arguments}", change.target)
            }
            None => format!("call {}{arguments}", change.target),
        }
    });
    each.collect()
}

/// A source: its name, how many rows, the newest.
fn source_row(source: &Source) -> Vec<String> {
    let newest = if source.newest.is_unknown() { String::new() } else { format!("newest {}", source.newest) };
    vec![source.fetch.clone(), rows_of(source.rows), newest]
}

/// What else there is to say of it.
fn source_notes(source: &Source, checks: &[Check], mode: RunMode) -> String {
    let mut notes: Vec<String> = checks
        .iter()
        .filter(|check| {
            check.table == source.fetch && !check.watched && (check.broken || check.subject == CheckSubject::Age)
        })
        .map(|check| format!("{} {}", if check.broken { "✗" } else { "✓" }, check.check))
        .collect();
    if source.future > 0 {
        notes.push(format!("{} dated after now: not read", rows_of(source.future)));
    }
    if source.bad_rows > 0 {
        let destination = source.quarantine.as_deref().unwrap_or("no file");
        let verb = if mode == RunMode::Run { "went" } else { "would go" };
        notes.push(format!("✗ {} bad: {verb} into {destination}", rows_of(source.bad_rows)));
    }
    notes.extend(source.notes());
    notes.join(", ")
}

fn rows_of(count: u64) -> String {
    let rows = Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    if count == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}
