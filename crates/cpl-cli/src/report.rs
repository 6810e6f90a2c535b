//! `cpl report`: what a pipeline did over a time, and whether it held up.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use cpl_check::Setting;
use cpl_model::{clock::AsOf, report::RunReport};
use cpl_report::lines;
use cpl_run::{Again, DataErrors, History, HoldsUp, PastSeen, RunContext, Taken, ToAction, short, taken_again};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    CLEAN, Io,
    args::{ReportArgs, ReportFormat, WindowArgs},
    check,
    decision::shown,
    ledger,
    load::{self, Loaded},
    log::micros,
    render,
    run::with_context,
};

/// So many days are reported, where the command line says nothing.
const DAYS: i64 = 30;
/// So many decisions are named.
const NAMED: usize = 20;

/// Prints what a pipeline did.
pub fn report(args: &ReportArgs, io: &mut Io<'_>) -> u8 {
    printed(args, io).unwrap_or_else(|code| code)
}

fn printed(args: &ReportArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let (loaded, program) = load::program(&args.file, &WindowArgs::default(), io)?;
    let (since, until) = period(args, io).map_err(|why| render::usage_error(&why, io))?;
    let found = cpl_run::history(&loaded.workspace, &program.name, (since.as_microsecond(), until.as_microsecond()));
    let history = found.map_err(|error| ledger::refused(error, io))?;
    let Some(history) = history else {
        return Err(render::usage_error(&format!("{} never ran in this workspace", program.name), io));
    };
    let again = again(&args.file, &history.taken, io);
    let report = Printed { history, again, since, until };
    let _ = match args.format {
        ReportFormat::Text => write!(io.out, "{}", report.text(Style::Text)),
        ReportFormat::Markdown => write!(io.out, "{}", report.text(Style::Markdown)),
        ReportFormat::Json => writeln!(io.out, "{:#}", report.json()),
    };
    Ok(CLEAN)
}

/// The time that is reported: the last 30 days.
fn period(args: &ReportArgs, io: &Io<'_>) -> Result<(Timestamp, Timestamp), String> {
    let moment = |at: AsOf| Timestamp::from_microsecond(micros(at)?).map_err(|error| error.to_string());
    // A run of this very moment is in it.
    let until =
        args.until.map(moment).transpose()?.unwrap_or_else(|| io.now.saturating_add(1.second()).unwrap_or(io.now));
    let first = until.saturating_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MIN);
    let since = args.since.map(moment).transpose()?.unwrap_or(first);
    if since >= until {
        return Err("--since: the time ends before it begins".to_owned());
    }
    Ok((since, until))
}

/// A window by its start, with the pipeline's text and what the command line set.
type Window<'t> = (i64, &'t str, BTreeMap<String, String>);

/// Takes decisions again whose windows are over: each window once, by the pipeline as it was.
fn again(file: &Path, taken: &[Taken], io: &Io<'_>) -> Vec<Again> {
    let mut windows: BTreeMap<Window<'_>, Vec<&Taken>> = BTreeMap::new();
    for one in taken {
        let run = &one.recorded.run;
        if run.window_end.is_some_and(|end| end <= io.now.as_microsecond()) {
            let window = (run.window_start, &*one.program, run.set_values());
            windows.entry(window).or_default().push(one);
        }
    }
    let mut found = Vec::new();
    for (window, taken) in windows {
        let report = decided_again(file, window, io);
        found.extend(taken_again(&taken, &report));
    }
    found
}

/// The report of a window on the data of today, each row by itself.
fn decided_again(file: &Path, (start, program, settings): Window<'_>, io: &Io<'_>) -> Result<RunReport, String> {
    let settings = settings.into_iter().map(|(name, value)| Setting { name, value }).collect();
    let as_of = Timestamp::from_microsecond(start).map_err(|error| error.to_string())?;
    let window_args = WindowArgs { as_of: Some(AsOf::Moment(as_of)), settings };
    let (loaded, plan): (Loaded, _) = check::planned(load::of_text(file, program.to_owned(), &window_args, io));
    let plan = plan.ok_or("the pipeline as it was is wrong today")?;
    let planned = with_context(&plan.clone(), &loaded, &window_args, io, |context| {
        cpl_run::plan(plan, &RunContext { past: PastSeen::Nothing, ..context.clone() })
    });
    let (report, _) = planned?.map_err(|error| {
        error.diagnostics().into_iter().map(|diagnostic| diagnostic.message).collect::<Vec<_>>().join(", ")
    })?;
    Ok(report)
}

/// How a report is written for people.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Markdown,
}

/// What is printed.
struct Printed {
    history: History,
    again: Vec<Again>,
    since: Timestamp,
    until: Timestamp,
}

impl Printed {
    fn text(&self, style: Style) -> String {
        let History { pipeline, runs, windows, rules, data, to_action, .. } = &self.history;
        let mut text = match style {
            Style::Text => format!("{pipeline}, {} to {}\n", day(self.since), day(self.until)),
            Style::Markdown => format!("# {pipeline}, {} to {}\n\n", day(self.since), day(self.until)),
        };
        let _ = writeln!(text, "{} of {}", counted(*runs, "run"), counted(*windows, "window"));
        section(&mut text, style, "Decisions");
        let header = ["rule", "carried out", "undone", "uncertain", "not carried out", "held", "by hand"];
        let rows = rules.iter().map(|rule| {
            vec![
                rule.rule.clone(),
                rule.carried_out.to_string(),
                rule.undone.to_string(),
                rule.uncertain.to_string(),
                rule.not_carried_out.to_string(),
                rule.held.to_string(),
                length(i64::try_from(rule.by_hand_seconds).unwrap_or(i64::MAX)),
            ]
        });
        table(&mut text, style, &header, &rows.collect::<Vec<_>>());
        section(&mut text, style, "Errors of the data");
        let rows =
            data.iter().map(|DataErrors { kind, found, held }| vec![kind.clone(), found.to_string(), held.to_string()]);
        table(&mut text, style, &["kind", "found", "decisions held"], &rows.collect::<Vec<_>>());
        section(&mut text, style, "From fresh data to action");
        let _ = match to_action {
            Some(ToAction { median, longest, runs }) => writeln!(
                text,
                "{}{} in the middle, {} at most ({})",
                indent(style),
                length(*median),
                length(*longest),
                counted(*runs, "run")
            ),
            None => writeln!(text, "{}no run tells: none read a file and carried something out", indent(style)),
        };
        self.held_up(&mut text, style);
        text
    }

    fn held_up(&self, text: &mut String, style: Style) {
        section(text, style, "Did it hold up?");
        let of = |rule: &str, verdict: HoldsUp| {
            self.again.iter().filter(|one| one.rule == rule && one.verdict == verdict).count()
        };
        let rules = self.history.rules.iter().map(|rule| rule.rule.as_str());
        let rows: Vec<Vec<String>> = rules
            .filter(|rule| self.again.iter().any(|one| one.rule == *rule))
            .map(|rule| {
                let verdicts = [HoldsUp::Yes, HoldsUp::Corrected, HoldsUp::No, HoldsUp::Unknown];
                [rule.to_owned()].into_iter().chain(verdicts.map(|verdict| of(rule, verdict).to_string())).collect()
            })
            .collect();
        let header = ["rule", "would be taken today", "values were corrected", "would not be taken", "not known"];
        table(text, style, &header, &rows);
        let broken: Vec<&Again> = self.again.iter().filter(|one| one.verdict != HoldsUp::Yes).collect();
        for one in broken.iter().take(NAMED) {
            let key: Vec<String> = one.key.as_object().into_iter().flatten().map(|(_, value)| shown(value)).collect();
            let (id, why) = (short(&one.decision), one.why.as_deref().unwrap_or_default());
            let bullet = if style == Style::Markdown { "- " } else { "  " };
            let _ = writeln!(text, "{bullet}{} {}, {} ({id}): {why}", one.rule, key.join(", "), one.window);
        }
        if broken.len() > NAMED {
            let _ = writeln!(text, "  and {} more: `--format json` has all", broken.len() - NAMED);
        }
    }

    fn json(&self) -> Value {
        let mut report = json!(self.history);
        report["since"] = json!(self.since.to_string());
        report["until"] = json!(self.until.to_string());
        report["again"] = json!(self.again);
        report
    }
}

fn section(text: &mut String, style: Style, title: &str) {
    let _ = match style {
        Style::Text => writeln!(text, "\n{}", title.to_uppercase()),
        Style::Markdown => writeln!(text, "\n## {title}\n"),
    };
}

fn indent(style: Style) -> &'static str {
    if style == Style::Text { "  " } else { "" }
}

fn table(text: &mut String, style: Style, header: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        let _ = writeln!(text, "{}none", indent(style));
        return;
    }
    if style == Style::Text {
        let is_number: Vec<bool> = header.iter().enumerate().map(|(at, _)| at > 0).collect();
        for line in lines(header.iter().map(|name| (*name).to_owned()).collect(), rows, &is_number) {
            let _ = writeln!(text, "  {line}");
        }
        return;
    }
    let row = |cells: Vec<&str>| {
        format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    text.push_str(&row(header.to_vec()));
    text.push_str(&row(header.iter().map(|_| "---").collect()));
    for cells in rows {
        text.push_str(&row(cells.iter().map(String::as_str).collect()));
    }
    text.push('\n');
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn day(moment: Timestamp) -> String {
    moment.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// `5 h 10 min`, `40 s`.
fn length(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds % 3_600 / 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
