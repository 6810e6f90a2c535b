//! `cpl explain`.

use cpl_syntax::{Code, nearest};

use serde_json::json;

use crate::{
    CLEAN, Io,
    args::{ExplainArgs, Format},
    render,
};

/// Prints the page of a code, or the list of them.
pub fn explain(args: &ExplainArgs, io: &mut Io<'_>) -> u8 {
    let Some(wanted) = &args.code else {
        if let Format::Json = args.format {
            let all: Vec<_> =
                Code::ALL.iter().map(|code| json!({ "code": code.as_str(), "title": code.title() })).collect();
            let _ = writeln!(io.out, "{:#}", json!(all));
            return CLEAN;
        }
        for code in Code::ALL {
            let _ = writeln!(io.out, "{}  {}", code.as_str(), code.title());
        }
        return CLEAN;
    };
    let wanted = wanted.to_uppercase();
    match Code::ALL.iter().find(|code| code.as_str() == wanted) {
        Some(code) => {
            let _ = match args.format {
                Format::Text => write!(io.out, "{}", code.page()),
                Format::Json => {
                    let page = json!({ "code": code.as_str(), "title": code.title(), "page": code.page() });
                    writeln!(io.out, "{page:#}")
                }
            };
            CLEAN
        }
        #[cfg(feature = "run")]
        None if wanted.is_ascii() && is_decision(&wanted) => crate::decision::explain(&wanted, args, io),
        None => {
            let near = nearest(&wanted, Code::ALL.iter().map(|code| code.as_str()));
            let lists = "`cpl explain` lists them; a decision is named by 4 characters of its id, or more";
            let near = near.map_or(lists.to_owned(), |near| format!("did you mean {near}?"));
            render::usage_error(&format!("no diagnostic bears the code {wanted}: {near}"), io)
        }
    }
}

/// Whether it may begin a decision's id: a code is a letter and digits.
#[cfg(feature = "run")]
fn is_decision(wanted: &str) -> bool {
    let is_code = wanted.len() <= 5 && wanted.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    !is_code && wanted.len() >= 4 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit())
}
