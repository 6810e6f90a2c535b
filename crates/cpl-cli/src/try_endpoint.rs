//! `cpl connectors try`: one page of an endpoint, by a pipeline that is made for it.

use std::{fmt::Write as _, path::Path};

use crate::{
    CLEAN, Io, WRONG,
    args::{TryArgs, WindowArgs},
    one_fetch::{TABLE, one_fetch},
    render,
    run::with_context,
};

/// Where the pipeline would stand: its connectors and secrets are those of the current folder.
const PIPELINE: &str = "try.cpl";

/// Asks for the first page, and shows what was sent and what is read of the answer.
pub fn try_endpoint(args: &TryArgs, io: &mut Io<'_>) -> u8 {
    let window = WindowArgs { as_of: args.as_of, ..WindowArgs::default() };
    let text = pipeline(args);
    let (loaded, plan) = match one_fetch(PIPELINE, &text, &window, io) {
        Ok(found) => found,
        Err(wrong) => {
            render::render(&wrong, Path::new(PIPELINE), &text, io);
            return WRONG;
        }
    };
    let tried = with_context(&plan.clone(), &loaded, &window, io, |context| cpl_run::first_page(plan, TABLE, context));
    let (requests, shown) = match tried {
        Ok(tried) => tried,
        Err(why) => return render::usage_error(&why, io),
    };
    for request in requests {
        let _ = writeln!(io.out, "{request}\n");
    }
    let rows = shown.and_then(|shown| Ok((shown.table.rows(0, args.limit)?, shown)));
    match rows {
        Ok((rows, shown)) => {
            let mut text = cpl_report::text(&shown.table.columns, &rows);
            let _ = write!(text, "\n{} of {} rows of the first page", rows.len(), shown.table.height());
            for source in &shown.sources {
                for note in source.notes() {
                    let _ = write!(text, "\n{note}");
                }
            }
            for check in &shown.broken {
                let _ = write!(text, "\n✗ {} ({})", check.text, check.check);
            }
            let _ = writeln!(io.out, "{text}");
            CLEAN
        }
        Err(error) => {
            render::render(&error.diagnostics(), &loaded.path, &loaded.text, io);
            WRONG
        }
    }
}

fn pipeline(args: &TryArgs) -> String {
    let mut text = "pipeline try { retire 9998-12-31".to_owned();
    if let Some(zone) = &args.timezone {
        let _ = write!(text, "  timezone {zone:?}");
    }
    if let Some(currency) = &args.currency {
        let _ = write!(text, "  currency {currency}");
    }
    let _ = write!(text, " }}\nfetch rows from {}", args.call);
    text
}
