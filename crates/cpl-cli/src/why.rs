//! `cpl why`: why a rule fires for its rows, and why not.

use cpl_model::program::Program;
use cpl_report::Why;

use crate::{
    CLEAN, Io, USAGE_ERROR,
    args::{Format, PlanArgs, WhyArgs},
    load_plan::load_plan,
    render,
    run::{evaluate, terminal_style},
};

/// Shows each row of a rule, with each condition and both of its sides; nothing is sent or changed.
pub fn why(args: &WhyArgs, io: &mut Io<'_>) -> u8 {
    let plan = PlanArgs {
        files: vec![args.file.clone()],
        format: args.format,
        window_args: args.window_args.clone(),
        all: true,
        record: None,
        replay: None,
    };
    let unknown = match load_plan(&args.file, &args.window_args, io) {
        Ok((_, plan)) => no_rule(plan.program(), &args.rule),
        Err(code) => return code,
    };
    if let Some(why) = unknown {
        return render::usage_error(&why, io);
    }
    let report = match evaluate(&args.file, &plan, io, cpl_run::plan, |(report, _)| report) {
        Ok((_, (report, _))) => report,
        Err(code) => return code,
    };
    let found = Why::of(&report, &args.rule, args.key.as_deref());
    if found.is_empty() {
        return nothing(args, &Why::of(&report, &args.rule, None), report.quiet.contains_key(&args.rule), io);
    }
    let _ = match args.format {
        Format::Text => write!(io.out, "{}", found.text(terminal_style(io))),
        Format::Json => writeln!(io.out, "{}", found.json()),
    };
    CLEAN
}

/// That no rule has such a name.
fn no_rule(program: &Program, name: &str) -> Option<String> {
    let decisions = program.decisions.iter().map(|rule| rule.name.as_str());
    let names: Vec<&str> = decisions.chain(program.alerts.iter().map(|rule| rule.name.as_str())).collect();
    if names.contains(&name) {
        return None;
    }
    if names.is_empty() {
        return Some(format!("there is no rule named `{name}`: the file has no `decide` and no `alert`"));
    }
    Some(match cpl_syntax::nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no rule named `{name}`; did you mean `{near}`?"),
        None => format!("there is no rule named `{name}`; there are: {}", names.join(", ")),
    })
}

/// That no row is named so, or the rule has none.
fn nothing(args: &WhyArgs, all: &Why<'_>, is_looked_at: bool, io: &mut Io<'_>) -> u8 {
    let rule = &args.rule;
    let Some(key) = args.key.as_ref().filter(|_| !all.is_empty()) else {
        let why = if is_looked_at { "no row" } else { "no row: it is not looked at on this day" };
        let _ = writeln!(io.out, "{rule} has {why}");
        return CLEAN;
    };
    let names = all.names();
    let near = cpl_syntax::nearest(key, names.iter().map(String::as_str));
    let near =
        near.map_or_else(|| format!("; there are: {}", names.join(", ")), |near| format!("; did you mean `{near}`?"));
    let _ = writeln!(io.err, "error: no row of {rule} is named `{key}`{near}");
    USAGE_ERROR
}
