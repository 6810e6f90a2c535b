//! Known mistakes with their own messages and fixes.

use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// A known mistake: its message and its edits.
pub struct Mistake {
    pub message: &'static str,
    pub help: String,
    pub edits: Vec<(Span, String)>,
    /// The fix is unambiguous.
    pub sure: bool,
}

impl Mistake {
    /// The same in a braced list, where `;` stands for a comma.
    pub fn in_list(self, span: Span, text: &str) -> Self {
        if span.of(text) != ";" || !self.edits.iter().any(|(_, instead)| instead.is_empty()) {
            return self;
        }
        mistake_at(span, ",", "items of a list are set apart by a comma", "write `,`")
    }

    pub fn diagnostic(&self, at: Span) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::E0101, self.message).at(at, "here").help(self.help.clone());
        let edits = self.edits.iter();
        edits.fold(diagnostic, |diagnostic, (span, instead)| diagnostic.change(*span, instead.clone(), self.sure))
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

/// The known mistake at a place that can't be parsed. `head` is the first word of its item.
pub fn known_mistake(text: &str, span: Span, head: &str) -> Option<Mistake> {
    let before = text[..span.start].trim_end();
    let here = &text[span.start..];
    comment(text, span.start)
        .or_else(|| sign(text, span.start))
        .or_else(|| small(text, span))
        .or_else(|| quotes(text, span.start))
        .or_else(|| number(text, before, span.start))
        .or_else(|| word(text, before, span, head))
        .or_else(|| {
            let message = match here.chars().next()? {
                ';' if before.ends_with('=') => {
                    let message = "a text stands in double quotes";
                    return Some(mistake_at(span, "\";\"", message, "write `\";\"`"));
                }
                ';' => {
                    return Some(mistake_at(
                        span,
                        "",
                        "cpl has no `;`",
                        "leave it out: a clause ends where the next begins",
                    ));
                }
                '!' if signs_at(text, span.start).1 == "!" => "cpl says `not`",
                _ => return None,
            };
            Some(mistake_at(span, "not ", message, "write `not`"))
        })
}

fn mistake_at(span: Span, instead: &str, message: &'static str, help: impl Into<String>) -> Mistake {
    Mistake { message, help: help.into(), edits: vec![(span, instead.to_owned())], sure: true }
}

/// The run of comparison and logic signs around a place, and where it begins.
fn signs_at(text: &str, at: usize) -> (usize, &str) {
    let is_sign = |byte: &u8| b"=<>!&|".contains(byte);
    let start = at - text.as_bytes()[..at].iter().rev().take_while(|byte| is_sign(byte)).count();
    let length = text.as_bytes()[start..].iter().take_while(|byte| is_sign(byte)).count();
    (start, &text[start..start + length])
}

/// Comments of other languages.
fn comment(text: &str, at: usize) -> Option<Mistake> {
    let message = "a comment begins with `#`, and goes to the end of the line";
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    if text[line..at].contains(" -- ") {
        return Some(Mistake { message, help: "write `#` for `--`".to_owned(), edits: Vec::new(), sure: false });
    }
    let found = ["//", "--", "/*"].into_iter().find(|sign| text[at..].starts_with(sign))?;
    let edits = if found == "/*" { Vec::new() } else { vec![(Span::new(at, at + 2), "#".to_owned())] };
    Some(Mistake { message, help: "write `#`".to_owned(), edits, sure: false })
}

/// Words of the language in capitals.
fn small(text: &str, span: Span) -> Option<Mistake> {
    const WORDS: &[&str] = &[
        "and", "or", "not", "in", "is", "where", "group", "by", "left", "join", "on", "union", "sort", "take", "keep",
        "drop", "derive", "when", "require", "then", "via", "at", "most", "least", "for", "each", "over", "last",
        "between", "as", "from", "if",
    ];
    let word = span.of(text);
    let lower = word.to_ascii_lowercase();
    let capitals = word != lower && word.len() > 1 && WORDS.contains(&lower.as_str());
    capitals.then(|| mistake_at(span, &lower, "cpl's words are written small", format!("write `{lower}`")))
}

/// The reader may stop at the sign, or within it.
fn sign(text: &str, at: usize) -> Option<Mistake> {
    let (start, found) = signs_at(text, at);
    let (_, right, message) = SIGNS.iter().find(|(wrong, ..)| *wrong == found)?;
    let end = start + found.len();
    // A word does not grow together with what stands next to it.
    let word = right.starts_with(char::is_alphabetic);
    let blank = |close: bool| if word && close { " " } else { "" };
    let left = blank(!text[..start].ends_with(char::is_whitespace));
    let following = blank(!text[end..].starts_with(char::is_whitespace));
    let instead = format!("{left}{right}{following}");
    Some(mistake_at(Span::new(start, end), &instead, message, format!("write `{right}`")))
}

/// Foreign quotes: cpl uses straight double quotes.
fn quotes(text: &str, at: usize) -> Option<Mistake> {
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
        return Some(Mistake { message, help: "write `\"…\"`".to_owned(), edits: Vec::new(), sure: false });
    };
    let start = at + open.len_utf8();
    let closing = line[end..].chars().next().map_or(0, char::len_utf8);
    let quote = |from: usize, length: usize| (Span::new(from, from + length), "\"".to_owned());
    let mut edits = vec![quote(at, open.len_utf8())];
    for (place, letter) in line[..end].char_indices() {
        let following = &line[place + letter.len_utf8()..];
        let escapes = following.starts_with(['"', '\\', 'n', 't']) || following.starts_with("u{");
        let one = Span::new(start + place, start + place + letter.len_utf8());
        match letter {
            '"' => edits.push((one, "\\\"".to_owned())),
            '\\' if !escapes => edits.push((one, "\\\\".to_owned())),
            _ => {}
        }
    }
    edits.push(quote(start + end, closing));
    // A brace would open a hole, and a quote after a sign may not close.
    let sure = !line[..end].contains(['{', '\\']);
    Some(Mistake { message, help: format!("write `\"{}\"`", &line[..end]), edits, sure })
}

/// The digits at the end of a text, with their point.
fn number_at_end(text: &str) -> &str {
    text.rsplit(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_'))).next().unwrap_or_default()
}

/// Words that a length of time follows.
const BEFORE_LENGTHS: &[&str] = &["within", "over", "cooldown", "after", "per", "last"];

/// `$1,000`, `3.2 %`, `$-5`, `10m`.
fn number(text: &str, before: &str, at: usize) -> Option<Mistake> {
    let here = &text[at..];
    let one = Span::new(at, at + 1);
    if let Some(sign) = before.chars().last().filter(|sign| here.starts_with('-') && "$€£¥".contains(*sign)) {
        let amount: String = here[1..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_')).collect();
        let span = Span::new(at - sign.len_utf8(), at + 1);
        let help = format!("write `-{sign}{amount}`");
        return Some(mistake_at(span, &format!("-{sign}"), "the sign stands before the currency", help));
    }
    let after_number = before.ends_with(|c: char| c.is_ascii_digit());
    if here.starts_with('%') && !after_number {
        let message = "cpl has no remainder; `%` makes a ratio of the number before it";
        return Some(Mistake { message, help: "write `3.2%`".to_owned(), edits: Vec::new(), sure: false });
    }
    if !after_number {
        return None;
    }
    let number = number_at_end(before);
    let groups = thousands(here);
    if groups > 0 {
        let end = at + groups * 4;
        let instead = text[at..end].replace(',', "_");
        let help = format!("write `{number}{instead}`");
        return Some(mistake_at(Span::new(at, end), &instead, "thousands are set apart by `_`", help));
    }
    if let Some(following) = here.strip_prefix('%') {
        if following.trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit() || c == '(') {
            let message = "cpl has no remainder; `%` makes a ratio of the number before it";
            return Some(Mistake { message, help: format!("write `{number}%`"), edits: Vec::new(), sure: false });
        }
        let span = Span::new(before.len(), at + 1);
        return Some(mistake_at(span, "%", "`%` stands right behind its number", format!("write `{number}%`")));
    }
    if before.len() != at {
        return None;
    }
    let word = here.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    let ahead = before[..before.len() - number.len()].trim_end();
    let ahead = ahead.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if here.starts_with(['\n', '\r', '}']) && (BEFORE_LENGTHS.contains(&ahead) || ahead == "for") {
        let message = "a length of time has a unit on its line";
        return Some(Mistake { message, help: format!("write `{number} days`"), edits: Vec::new(), sure: false });
    }
    // After such words ten minutes may be meant.
    let sure = !BEFORE_LENGTHS.contains(&ahead);
    let mistake = match word {
        "m" => mistake_at(one, "M", "a million is written with a capital M", format!("write `{number}M`")),
        "K" => mistake_at(one, "k", "a thousand is written with a small k", format!("write `{number}k`")),
        _ => return None,
    };
    sure.then_some(mistake)
}

/// `3x target_cpa`: the reader has taken `3x` for a ratio, and stops at the name.
fn factor(before: &str, span: Span, here: &str) -> Option<Mistake> {
    let number = before.strip_suffix('x').filter(|number| number.ends_with(|c: char| c.is_ascii_digit()))?;
    let help = format!("write `{} * {}`", number_at_end(number), span.of(here));
    let sign = Span::new(number.len(), number.len() + 1);
    Some(mistake_at(sign, " *", "a factor and what it multiplies need a `*`", help))
}

/// Words of other languages.
fn word(text: &str, before: &str, span: Span, head: &str) -> Option<Mistake> {
    let here = span.of(text);
    let no_edit =
        |message, help: &str| Some(Mistake { message, help: help.to_owned(), edits: Vec::new(), sure: false });
    let last = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if here.starts_with(|c: char| c.is_alphabetic())
        && !text[before.len()..span.start].contains('\n')
        && let Some(mistake) = factor(before, span, text)
    {
        return Some(mistake);
    }
    let after_number = last.ends_with(|c: char| c.is_ascii_digit());
    match here {
        "known" | "unknown" if last == "not" => {
            let right = if here == "known" { "unknown" } else { "known" };
            let from = Span::new(before.len() - "not".len(), span.end);
            Some(mistake_at(from, right, "`is not` asks for a margin", format!("write `is {right}`")))
        }
        "descending" | "DESC" => Some(mistake_at(span, "desc", "largest first is `desc`", "write `desc`")),
        "groupby" => Some(mistake_at(span, "group by", "cpl says `group by`", "write `group by`")),
        "ascending" | "asc" | "ASC" => Some(mistake_at(span, "", "smallest first needs no word", "leave it out")),
        _ if after_number && here.len() > 1 && here.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            let help = "write the number without it, or with its unit: `7 days`, `47 USD`";
            no_edit("no unit and no currency is called so", help)
        }
        "if" if ["decide", "alert"].contains(&head) => {
            Some(mistake_at(span, "when", "a rule says `when … then …`", "write `when`"))
        }
        "if" => no_edit("`if` stands ahead of its condition", "write `if(condition, a, b)`"),
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

/// The number of groups `,000` at the start, if no digit follows them.
fn thousands(text: &str) -> usize {
    let mut groups = 0;
    let mut rest = text;
    while let Some(following) = rest.strip_prefix(',') {
        if following.bytes().take_while(u8::is_ascii_digit).count() != 3 {
            break;
        }
        groups += 1;
        rest = &following[3..];
    }
    groups
}
