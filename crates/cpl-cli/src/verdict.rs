//! `cpl approve`, `cpl reject`, `cpl settle`: what a person says of a decision.

use cpl_run::{RecordedDecision, Said, VerdictKind, give_verdict, short};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    CLEAN, Io,
    args::{DecisionArgs, SettleArgs, Settled},
    decision::{changes, key},
    ledger,
};

/// Records the verdict, and says what comes of it.
pub fn verdict(args: &DecisionArgs, kind: VerdictKind, io: &mut Io<'_>) -> u8 {
    match record(args, kind, io) {
        Ok(recorded) => {
            let _ = writeln!(io.out, "{}", said(&recorded, kind));
            CLEAN
        }
        Err(code) => code,
    }
}

fn record(args: &DecisionArgs, kind: VerdictKind, io: &mut Io<'_>) -> Result<RecordedDecision, u8> {
    let workspace = ledger::workspace_at(&args.path, io)?;
    let by = ledger::person(&args.said, io)?;
    let said = Said { verdict: kind, by: &by, why: args.said.why.as_deref(), now: io.now };
    give_verdict(&workspace, &args.decision, said).map_err(|error| ledger::wrong(error, io))
}

fn said(RecordedDecision { run, decision }: &RecordedDecision, kind: VerdictKind) -> String {
    let mut lines = vec![format!("{}: {} {} ({})", kind.word(), decision.rule, key(decision), short(&decision.id))];
    lines.extend(changes(decision).into_iter().map(|change| format!("  {change}")));
    let end = run.window_end.and_then(|end| Timestamp::from_microsecond(end).ok());
    let until = end.map_or_else(String::new, |end| {
        format!(" until {}", end.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC"))
    });
    lines.push(match kind {
        VerdictKind::Approved => format!("the next run of {} carries it out{until}", run.pipeline),
        VerdictKind::Rejected => format!("no run of {} carries it out{until}", run.pipeline),
    });
    lines.join("\n")
}

/// Records what a person found out of effects of which nobody knew.
pub fn settle(args: &SettleArgs, io: &mut Io<'_>) -> u8 {
    match record_outcome(args, io) {
        Ok((id, effects)) => {
            let word = if args.outcome == Settled::Confirmed { "confirmed" } else { "refused" };
            let effects = if effects == 1 { "1 effect".to_owned() } else { format!("{effects} effects") };
            let _ = writeln!(io.out, "settled: {effects} of {}, {word}", short(&id));
            CLEAN
        }
        Err(code) => code,
    }
}

fn record_outcome(args: &SettleArgs, io: &mut Io<'_>) -> Result<(String, usize), u8> {
    let workspace = ledger::workspace_at(&args.path, io)?;
    let by = ledger::person(&args.said, io)?;
    let was_carried_out = args.outcome == Settled::Confirmed;
    let settled = cpl_run::settle(&workspace, &args.decision, was_carried_out, (&by, args.said.why.as_deref()), io.now);
    settled.map_err(|error| ledger::wrong(error, io))
}
