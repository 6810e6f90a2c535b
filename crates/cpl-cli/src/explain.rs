//! `cpl explain`.

use cpl_syntax::{Code, nearest};

use crate::{CLEAN, Io, args::ExplainArgs, render};

/// Prints the page of a code, or the list of them.
pub fn explain(args: &ExplainArgs, io: &mut Io<'_>) -> u8 {
    let Some(wanted) = &args.code else {
        for code in Code::ALL {
            let _ = writeln!(io.out, "{}  {}", code.as_str(), code.title());
        }
        return CLEAN;
    };
    let wanted = wanted.to_uppercase();
    match Code::ALL.iter().find(|code| code.as_str() == wanted) {
        Some(code) => {
            let _ = write!(io.out, "{}", code.page());
            CLEAN
        }
        #[cfg(feature = "run")]
        None if wanted.is_ascii() && is_decision(&wanted) => crate::decision::explain(&wanted, args, io),
        None => {
            let near = nearest(&wanted, Code::ALL.iter().map(|code| code.as_str()));
            let near = near.map_or("`cpl explain` lists them".to_owned(), |near| format!("did you mean {near}?"));
            render::usage_error(&format!("no diagnostic bears the code {wanted}: {near}"), io)
        }
    }
}

/// Whether it may begin a decision's id: a code is a letter and digits.
#[cfg(feature = "run")]
fn is_decision(wanted: &str) -> bool {
    let is_code = wanted.len() <= 5 && wanted[1..].bytes().all(|byte| byte.is_ascii_digit());
    !is_code && wanted.len() >= 4 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit())
}
