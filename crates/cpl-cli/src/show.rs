//! `cpl show`.

use cpl_model::{
    program::{Program, TableId},
    report::CheckSubject,
};
use cpl_plan::{Purpose, program_to_plan};
use cpl_run::{Shown, write_parquet};
use cpl_syntax::Diagnostic;

use crate::{
    CLEAN, Io, WRONG,
    args::{ShowArgs, TableFormat},
    load, render,
    run::with_context,
};

/// How many rows are shown to a person.
const SHOWN: usize = 100;

/// Shows one table.
pub fn show(args: &ShowArgs, io: &mut Io<'_>) -> u8 {
    let (loaded, program) = match load::program(&args.file, &args.window_args, io) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let id = match table(&program, &args.table) {
        Ok(id) => id,
        Err(why) => return render::usage_error(&why, io),
    };
    let (plan, _) = program_to_plan(program, Purpose::Show(id));
    let shown = with_context(&plan.clone(), &loaded, &args.window_args, io, |context| cpl_run::show(plan, id, context));
    let written = match shown {
        Ok(Ok(shown)) => {
            for check in &shown.broken {
                let _ = writeln!(io.err, "broken data: {}: {} ({})", check.table, check.text, check.check);
                for row in check.rows.iter().filter(|_| check.rows.len() > 1) {
                    let _ = writeln!(io.err, "    {row}");
                }
            }
            for source in &shown.sources {
                let rows = |n: u64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
                if source.bad_rows > 0 {
                    let _ = writeln!(io.err, "{}: {} bad, left out", source.fetch, rows(source.bad_rows));
                }
                if source.future > 0 {
                    let _ = writeln!(io.err, "{}: {} dated after now, not read", source.fetch, rows(source.future));
                }
                for note in source.notes() {
                    let _ = writeln!(io.err, "{}: {note}", source.fetch);
                }
            }
            // Rows that share a key that names one are no table to go on with.
            let has_key = !shown.broken.iter().any(|check| check.subject == CheckSubject::Key);
            write(&shown, args, io).map(|()| has_key)
        }
        Ok(Err(error)) => Err(error.diagnostics()),
        Err(why) => return render::usage_error(&why, io),
    };
    match written {
        Ok(true) => CLEAN,
        Ok(false) => WRONG,
        Err(diagnostics) => {
            render::render(&diagnostics, &loaded.path, &loaded.text, io);
            WRONG
        }
    }
}

fn table(program: &Program, name: &str) -> Result<TableId, String> {
    if let Some(at) = program.tables.iter().position(|table| table.is_declared() && table.name == name) {
        return Ok(TableId(at));
    }
    let names = || program.tables.iter().filter(|table| table.is_declared()).map(|table| table.name.as_str());
    Err(match cpl_syntax::nearest(name, names()) {
        Some(near) => format!("there is no table named `{name}`; did you mean `{near}`?"),
        None => format!("there is no table named `{name}`; there are: {}", names().collect::<Vec<_>>().join(", ")),
    })
}

fn write(shown: &Shown, args: &ShowArgs, io: &mut Io<'_>) -> Result<(), Vec<Diagnostic>> {
    let length = args.limit.unwrap_or(if args.format == TableFormat::Text { SHOWN } else { shown.table.height() });
    let rows = || shown.table.rows(0, length).map_err(|error| vec![error.diagnostic()]);
    let text = match args.format {
        TableFormat::Parquet => {
            return write_parquet(&shown.table, length, &mut *io.out).map_err(|error| vec![error.diagnostic()]);
        }
        TableFormat::Csv => cpl_report::csv(&shown.table.columns, &rows()?),
        TableFormat::Json => cpl_report::json(&shown.table.columns, &rows()?) + "\n",
        TableFormat::Text => {
            let table = cpl_report::text(&shown.table.columns, &rows()?);
            let more = match shown.table.height().saturating_sub(length) {
                0 => String::new(),
                n => format!("… and {n} more: `--limit` shows more, `--format csv` has them all\n"),
            };
            format!("{}\n{table}\n{more}", head(shown, &args.table))
        }
    };
    let _ = write!(io.out, "{text}");
    Ok(())
}

/// `spend: 7 rows, key day, channel`.
fn head(shown: &Shown, name: &str) -> String {
    let rows = if shown.table.height() == 1 { "1 row".to_owned() } else { format!("{} rows", shown.table.height()) };
    match &shown.key {
        Some(key) if !key.is_empty() => format!("{name}: {rows}, key {}", key.join(", ")),
        _ => format!("{name}: {rows}"),
    }
}
