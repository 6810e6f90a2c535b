//! `cpl apply`: a plan that was kept is carried out, as it is.

use std::{fs, path::Path};

use cpl_check::Setting;
use cpl_run::{PlannedRun, StalePlan};
use cpl_syntax::{Code, Diagnostic};

use crate::{
    CLEAN, Io, WRONG,
    args::{ApplyArgs, WindowArgs},
    decision::{changes, key},
    ledger,
    load_plan::load_plan,
    render,
    run::sent,
};

/// Carries out a plan.
pub fn apply(args: &ApplyArgs, io: &mut Io<'_>) -> u8 {
    let path = io.folder.join(&args.plan);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return render::usage_error(&format!("{}: {error}", args.plan.display()), io),
    };
    match PlannedRun::parse(&text) {
        Ok(planned) => carry_out(planned, args, io).unwrap_or_else(|code| code),
        Err(stale) => refused(stale, &args.plan, "", io),
    }
}

fn carry_out(planned: PlannedRun, args: &ApplyArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let file = planned.file().to_owned();
    let settings = planned.settings().map(|(name, value)| Setting { name, value }).collect();
    let (loaded, plan) = load_plan(&file, &WindowArgs { as_of: None, settings }, io)?;
    let again = format!("cpl plan {} --out {}", file.file_name().unwrap_or_default().display(), args.plan.display());
    let mut lines = vec![format!("{}, window {}", planned.pipeline(), planned.window())];
    for decision in planned.decisions() {
        lines.push(format!("{} {}", decision.rule, key(decision)));
        lines.extend(changes(decision).into_iter().map(|change| format!("  {change}")));
    }
    if lines.len() == 1 {
        lines.push("nothing to carry out".to_owned());
    }
    let ready =
        cpl_run::apply(planned, (&loaded.workspace, plan.program(), &loaded.connector_texts()), io.now, args.act);
    let ready = ready.map_err(|stale| refused(stale, &args.plan, &again, io))?;
    for line in lines {
        let _ = writeln!(io.out, "{line}");
    }
    let delivered = ready.send().map_err(|error| ledger::refused(error, io))?;
    let _ = write!(io.out, "{}", sent(delivered));
    Ok(CLEAN)
}

/// Prints why a plan is not applied.
fn refused(stale: StalePlan, plan: &Path, again: &str, io: &mut Io<'_>) -> u8 {
    let why = format!("the plan `{}` is not applied, and nothing was sent: {stale}", plan.display());
    let diagnostic = Diagnostic::new(Code::E1108, why);
    let diagnostic = match stale {
        StalePlan::Run(error) => return ledger::refused(error, io),
        StalePlan::NoPlan(_) | StalePlan::OtherVersion(_) => diagnostic.help("make one: `cpl plan FILE --out PLAN`"),
        StalePlan::Over { .. } => diagnostic.help("`--act` applies it all the same"),
        _ => diagnostic.help(format!("plan again, and look at it: `{again}`")),
    };
    render::render(&[diagnostic], Path::new(""), "", io);
    WRONG
}
