//! `cpl profile`.

use cpl_plan::{Purpose, program_to_plan};
use cpl_run::Cost;
use serde_json::{Value, json};

use crate::{
    CLEAN, Io, WRONG,
    args::{Format, ProfileArgs},
    load, render,
    run::with_context,
};

/// Prints the cost of each step.
pub fn profile(args: &ProfileArgs, io: &mut Io<'_>) -> u8 {
    let (loaded, program) = match load::program(&args.file, &args.window_args, io) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let (plan, _) = program_to_plan(program, Purpose::Run);
    match with_context(&plan.clone(), &loaded, &args.window_args, io, |context| cpl_run::profile(plan, context)) {
        Ok(Ok((whole, steps))) => {
            let text = match args.format {
                Format::Text => text(&whole, &steps),
                Format::Json => {
                    let steps: Vec<Value> = steps.iter().map(as_json).collect();
                    format!("{:#}\n", json!({ "whole": as_json(&whole), "steps": steps }))
                }
            };
            let _ = write!(io.out, "{text}");
            CLEAN
        }
        Ok(Err(error)) => {
            render::render(&error.diagnostics(), &loaded.path, &loaded.text, io);
            WRONG
        }
        Err(why) => render::usage_error(&why, io),
    }
}

fn text(whole: &Cost, steps: &[Cost]) -> String {
    let head = ["step, by itself", "rows", "bytes", "ms", "peak MiB", "columns read"];
    let row = |cost: &Cost| {
        let columns = cost.columns.as_ref().map(|(read, all)| format!("{} of {all}: {}", read.len(), read.join(", ")));
        let count = |n: Option<u64>| n.map_or(String::new(), grouped);
        vec![
            cost.title.clone(),
            count(cost.rows),
            count(cost.bytes),
            millis(cost),
            cost.peak.map_or(String::new(), mebibytes),
            columns.unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = steps.iter().map(row).collect();
    let right = [false, true, true, true, true, false];
    let lines = cpl_report::lines(head.map(str::to_owned).to_vec(), &rows, &right).join("\n");
    let peak = whole.peak.map_or(String::new(), |peak| format!(", peak {} MiB", mebibytes(peak)));
    format!("{lines}\n\nas it runs, steps fused and files taken in parts: {} ms{peak}\n", millis(whole))
}

fn grouped(n: u64) -> String {
    cpl_model::value::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX)).to_string()
}

fn millis(cost: &Cost) -> String {
    format!("{:.1}", cost.took.as_secs_f64() * 1e3)
}

fn mebibytes(bytes: u64) -> String {
    (bytes >> 20).to_string()
}

fn as_json(cost: &Cost) -> Value {
    json!({
        "step": cost.title,
        "rows": cost.rows,
        "bytes": cost.bytes,
        "columns": cost.columns.as_ref().map(|(read, _)| read),
        "declared": cost.columns.as_ref().map(|(_, all)| all),
        "took_ms": cost.took.as_secs_f64() * 1e3,
        "peak_bytes": cost.peak,
    })
}
