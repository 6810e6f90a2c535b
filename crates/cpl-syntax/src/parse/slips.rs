//! Slips that have a message of their own, and what to write instead.

use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// A slip: what is said of it, and what is to stand in whose place.
pub struct Slip {
    pub message: &'static str,
    pub help: String,
    pub edits: Vec<(Span, String)>,
}

impl Slip {
    pub fn diagnostic(&self, at: Span) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::E0101, self.message).at(at, "here").help(self.help.clone());
        self.edits.iter().fold(diagnostic, |diagnostic, (span, instead)| diagnostic.fix(*span, instead.clone()))
    }
}

/// A sign of other languages, and cpl's.
const SIGNS: &[(&str, &str, &str)] = &[
    ("===", "=", "cpl compares with one `=`"),
    ("==", "=", "cpl compares with one `=`"),
    ("&&", "and", "cpl says `and`"),
    ("||", "or", "cpl says `or`"),
    ("<>", "!=", "cpl says `!=`"),
    ("=<", "<=", "the `<` stands first"),
    ("=>", ">=", "the `>` stands first"),
];

/// The slip at a place that can't be read, if it is a known one.
pub fn slip(text: &str, span: Span) -> Option<Slip> {
    let before = text[..span.start].trim_end();
    let here = &text[span.start..];
    sign(text, span.start)
        .or_else(|| quotes(text, span.start))
        .or_else(|| number(text, before, span.start))
        .or_else(|| word(text, before, span))
        .or_else(|| {
            let message = match here.chars().next()? {
                ';' => {
                    return Some(slip_at(
                        span,
                        "",
                        "cpl has no `;`",
                        "leave it out: a clause ends where the next begins",
                    ));
                }
                '!' => "cpl says `not`",
                _ => return None,
            };
            Some(slip_at(span, "not ", message, "write `not`"))
        })
}

fn slip_at(span: Span, instead: &str, message: &'static str, help: impl Into<String>) -> Slip {
    Slip { message, help: help.into(), edits: vec![(span, instead.to_owned())] }
}

/// The reader may stop at the sign, or within it.
fn sign(text: &str, at: usize) -> Option<Slip> {
    for (wrong, right, message) in SIGNS {
        for back in 0..wrong.len() {
            let Some(start) = at.checked_sub(back) else { continue };
            if text.get(start..).is_some_and(|here| here.starts_with(wrong)) {
                let end = start + wrong.len();
                // A word does not grow together with what stands beside it.
                let word = right.starts_with(char::is_alphabetic);
                let blank = |close: bool| if word && close { " " } else { "" };
                let left = blank(!text[..start].ends_with(char::is_whitespace));
                let behind = blank(!text[end..].starts_with(char::is_whitespace));
                let instead = format!("{left}{right}{behind}");
                return Some(slip_at(Span::new(start, end), &instead, message, format!("write `{right}`")));
            }
        }
    }
    None
}

/// Quotes that are not cpl's: what they hold stands in straight double ones.
fn quotes(text: &str, at: usize) -> Option<Slip> {
    let here = &text[at..];
    let (open, message) = match here.chars().next()? {
        open @ '\'' => (open, "a text stands in double quotes"),
        open @ ('“' | '”' | '„' | '‘' | '’' | '«') => (open, "a text stands in straight quotes"),
        _ => return None,
    };
    let close: &[char] = if open == '\'' { &['\''] } else { &['“', '”', '’', '»', '"'] };
    let inner = &here[open.len_utf8()..];
    let line = inner.lines().next().unwrap_or_default();
    let Some(end) = line.find(close) else {
        return Some(Slip { message, help: "write `\"…\"`".to_owned(), edits: Vec::new() });
    };
    let held = line[..end].replace('"', "\\\"");
    let closing = line[end..].chars().next().map_or(0, char::len_utf8);
    let span = Span::new(at, at + open.len_utf8() + end + closing);
    Some(slip_at(span, &format!("\"{held}\""), message, format!("write `\"{held}\"`")))
}

/// `$1,000`, `3.2 %`, `$-5`, `10m`.
fn number(text: &str, before: &str, at: usize) -> Option<Slip> {
    let here = &text[at..];
    let one = Span::new(at, at + 1);
    if let Some(sign) = before.chars().last().filter(|sign| here.starts_with('-') && "$€£¥".contains(*sign)) {
        let amount: String = here[1..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_')).collect();
        let span = Span::new(at - sign.len_utf8(), at + 1);
        let help = format!("write `-{sign}{amount}`");
        return Some(slip_at(span, &format!("-{sign}"), "the sign stands before the currency", help));
    }
    let amount = before.rfind(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_'))).map_or(0, |end| end + 1);
    let after_number = before.ends_with(|c: char| c.is_ascii_digit());
    if here.starts_with('%') && !after_number {
        let message = "cpl has no remainder; `%` makes a ratio of the number before it";
        return Some(Slip { message, help: "write `3.2%`".to_owned(), edits: Vec::new() });
    }
    if !after_number {
        return None;
    }
    let number = before.get(amount..).unwrap_or_default();
    let groups = thousands(here);
    if groups > 0 {
        let end = at + groups * 4;
        let instead = text[at..end].replace(',', "_");
        let help = format!("write `{number}{instead}`");
        return Some(slip_at(Span::new(at, end), &instead, "thousands are set apart by `_`", help));
    }
    if let Some(behind) = here.strip_prefix('%') {
        if behind.trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit() || c == '(') {
            let message = "cpl has no remainder; `%` makes a ratio of the number before it";
            return Some(Slip { message, help: format!("write `{number}%`"), edits: Vec::new() });
        }
        let span = Span::new(before.len(), at + 1);
        return Some(slip_at(span, "%", "`%` stands right behind its number", format!("write `{number}%`")));
    }
    if before.len() != at {
        return None;
    }
    match here.chars().next()? {
        'm' => Some(slip_at(one, "M", "a million is written with a capital M", format!("write `{number}M`"))),
        'K' => Some(slip_at(one, "k", "a thousand is written with a small k", format!("write `{number}k`"))),
        _ => None,
    }
}

/// `3x target_cpa`: the reader has taken `3x` for a ratio, and stops at the name.
fn factor(before: &str, span: Span, here: &str) -> Option<Slip> {
    let number = before.strip_suffix('x').filter(|number| number.ends_with(|c: char| c.is_ascii_digit()))?;
    let start = number.rfind(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_'))).map_or(0, |end| end + 1);
    let help = format!("write `{} * {}`", &number[start..], span.of(here));
    let sign = Span::new(number.len(), number.len() + 1);
    Some(slip_at(sign, " *", "a factor and what it multiplies need a `*`", help))
}

/// Words of other languages.
fn word(text: &str, before: &str, span: Span) -> Option<Slip> {
    let here = span.of(text);
    let no_edit = |message, help: &str| Some(Slip { message, help: help.to_owned(), edits: Vec::new() });
    let last = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if here.starts_with(|c: char| c.is_alphabetic())
        && let Some(slip) = factor(before, span, text)
    {
        return Some(slip);
    }
    let after_number = last.ends_with(|c: char| c.is_ascii_digit());
    match here {
        "known" | "unknown" if last == "not" => {
            let right = if here == "known" { "unknown" } else { "known" };
            let from = Span::new(before.len() - "not".len(), span.end);
            Some(slip_at(from, right, "`is not` asks for a margin", format!("write `is {right}`")))
        }
        "descending" | "DESC" => Some(slip_at(span, "desc", "largest first is `desc`", "write `desc`")),
        "ascending" | "asc" | "ASC" => Some(slip_at(span, "", "smallest first needs no word", "leave it out")),
        _ if after_number && here.len() > 1 && here.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            let help = "write the number alone, or with its unit: `7 days`, `47 USD`";
            no_edit("no unit and no currency is called so", help)
        }
        "if" => Some(slip_at(span, "when", "a rule says `when … then …`", "write `when`")),
        _ if here.eq_ignore_ascii_case("select") => {
            no_edit("cpl has no SELECT", "columns are named by `keep` or `derive`, groups by `group by A { … }`")
        }
        _ if here.eq_ignore_ascii_case("null") || here.eq_ignore_ascii_case("none") => {
            no_edit("a value that is missing is unknown", "ask `x is unknown`, or put a value in its place: `x ?? 0`")
        }
        "else" => no_edit("cpl has no `else`", "choose by `if(condition, a, b)`, or write a second rule"),
        _ => None,
    }
}

/// How many groups `,000` stand there, and no digit behind them.
fn thousands(text: &str) -> usize {
    let mut groups = 0;
    let mut rest = text;
    while let Some(behind) = rest.strip_prefix(',') {
        if behind.bytes().take_while(u8::is_ascii_digit).count() != 3 {
            break;
        }
        groups += 1;
        rest = &behind[3..];
    }
    groups
}
