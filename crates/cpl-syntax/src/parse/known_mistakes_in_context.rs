//! Known mistakes recognised by the tokens around them: a missing sign, an invalid name, a clause of another language.

use super::{
    known_mistakes::Mistake,
    scanner::{Kind, Token},
    vocabulary::{AGGREGATES, is_name},
};
use crate::span::Span;

/// Clauses of other languages, and cpl's.
const CLAUSES: &[(&str, &str, &str)] = &[
    ("limit", "take", "the first rows are taken by `take`"),
    ("order", "sort", "cpl says `sort`"),
    ("filter", "where", "cpl says `where`"),
    ("having", "where", "behind a group, too, cpl says `where`"),
    ("set", "change", "cpl says `change … to`"),
    ("message", "say", "cpl says `say`"),
    ("full", "left", "cpl joins to the left side"),
    ("outer", "", "a left join keeps all rows of the left side without it"),
];

/// Words of other languages without a one-word equivalent in cpl.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("between", "cpl has no `between` here", "write `x >= $1 and x <= $10`; days `day in 2026-11-01 to 2026-11-07`"),
    ("like", "cpl has no `like`", "write `starts_with(x, \"goo\")`, `ends_with(…)` or `contains(…)`"),
    ("case", "cpl has no `case`", "write `if(condition, a, b)`"),
    ("using", "cpl has no `using`", "write `join T on day, channel`"),
    ("inner", "a join is an inner one without a word", "write `join T on day, channel`"),
    ("right", "cpl joins to the left side", "turn the sides round: `left join`"),
    ("cross", "a table of one row is joined without `on`", "write `join T`"),
    ("distinct", "cpl counts what differs by a function", "write `count_distinct(x)`"),
    ("interval", "a length of time is written out", "write `today - 7 days`"),
    ("increase", "cpl says `change`", "write `change COLUMN by +20%`"),
    ("decrease", "cpl says `change`", "write `change COLUMN by -20%`"),
    ("raise", "cpl says `change`", "write `change COLUMN by +20%`"),
    ("cut", "cpl says `change`", "write `change COLUMN by -20%`"),
    ("lower", "cpl says `change`", "write `change COLUMN by -20%`"),
    ("ensure", "cpl says `require`", "write `require CONDITION`"),
    ("assert", "cpl says `expect`", "write `expect CONDITION`"),
    ("every", "cpl says `for each`", "write `for each NAME in TABLE`"),
    ("foreach", "cpl says `for each`", "write `for each NAME in TABLE`"),
    ("weekly", "cpl says `week on monday`", "write `every week on monday at 07:00`"),
    ("daily", "cpl says `day`", "write `every day at 07:00`"),
    ("monthly", "cpl says `month on 1`", "write `every month on 1 at 07:00`"),
    ("hourly", "cpl says `hour`", "write `every hour`"),
];

/// Those that are also recognised as the word before the error.
const BEFORE: &[&str] = &["case", "distinct"];

/// Words that a name follows.
const NAMING: &[&str] = &["keep", "drop", "sort", "derive", "by", "say", "key", "on"];

/// The known mistake at a place.
pub fn known_mistake_in_context(text: &str, tokens: &[Token], span: Span) -> Option<Mistake> {
    let at = tokens.iter().position(|token| token.span.end > span.start)?;
    let near = Near { text, tokens, at };
    near.brace_in_text(span)
        .or_else(|| near.nullable_within_type())
        .or_else(|| near.hyphen())
        .or_else(|| near.source_without_brackets())
        .or_else(|| near.columns_without_brace())
        .or_else(|| near.group_without_brace())
        .or_else(|| near.square_brackets())
        .or_else(|| near.statement_end())
        .or_else(|| near.clause())
        .or_else(|| near.foreign())
        .or_else(|| near.value_without_name())
}

struct Near<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
}

fn without_edits(message: &'static str, help: String) -> Mistake {
    Mistake { message, help, edits: Vec::new(), sure: false }
}

impl<'t> Near<'t> {
    fn word(&self, at: usize) -> &'t str {
        self.tokens.get(at).map_or("", |token| token.span.of(self.text))
    }

    fn is(&self, at: usize, kind: Kind) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == kind)
    }

    /// Whether a token directly follows the one before it.
    fn joins(&self, at: usize) -> bool {
        at > 0 && at < self.tokens.len() && self.tokens[at - 1].span.end == self.tokens[at].span.start
    }

    /// `"100}"`
    fn brace_in_text(&self, span: Span) -> Option<Mistake> {
        if !self.is(self.at, Kind::Text) || span.of(self.text) != "}" {
            return None;
        }
        if self.text[..span.start].ends_with('{') {
            let help = "name a value: `{id}`; braces are written `{{}}`";
            return Some(without_edits("nothing stands in this hole", help.to_owned()));
        }
        let edits = vec![(span, "}}".to_owned())];
        Some(Mistake {
            message: "a brace in a text is written twice",
            help: "write `}}`, or take it out".to_owned(),
            edits,
            sure: false,
        })
    }

    /// `datetime? "%d.%m.%Y"`, `money? in micros`
    fn nullable_within_type(&self) -> Option<Mistake> {
        let (mark, word) = (self.at.checked_sub(1)?, self.at.checked_sub(2)?);
        if self.word(mark) != "?" || !["date", "datetime", "money"].contains(&self.word(word)) {
            return None;
        }
        let mut next = if self.is(self.at, Kind::Text) { self.at + 1 } else { self.at };
        while ["in", "of", "by"].contains(&self.word(next)) {
            next += if ["minor", "unix"].contains(&self.word(next + 1)) { 3 } else { 2 };
        }
        let (first, mark, last) = (self.tokens[word].span, self.tokens[mark].span, self.tokens.get(next - 1)?.span);
        let written = format!("{}{}?", first.of(self.text), &self.text[mark.end..last.end]);
        let behind = Span { start: last.end, end: last.end };
        Some(Mistake {
            message: "`?` stands behind the whole type",
            help: format!("write `{written}`"),
            edits: vec![(mark, String::new()), (behind, "?".to_owned())],
            sure: true,
        })
    }

    /// `ad-group`
    fn hyphen(&self) -> Option<Mistake> {
        let dash =
            |at: usize| self.joins(at) && self.joins(at + 1) && self.word(at) == "-" && self.is(at + 1, Kind::Word);
        let mut first = if self.word(self.at) == "-" { self.at.checked_sub(1)? } else { self.at };
        while first >= 2 && dash(first - 1) {
            first -= 2;
        }
        let mut last = first;
        while dash(last + 1) {
            last += 2;
        }
        let letter = self.word(first).starts_with(|first: char| first.is_alphabetic());
        if first == last || !letter {
            return None;
        }
        let span = self.tokens[first].span.to(self.tokens[last].span);
        let (written, name) = (span.of(self.text), span.of(self.text).replace('-', "_"));
        let column = self.word(last + 1) == ":" && self.tokens[first].depth == 2;
        let help = match is_name(&name) {
            true if column => format!("write `{name}: … from \"{written}\"`"),
            true => format!("write `{name}`"),
            false => "call it by letters from a to z".to_owned(),
        };
        // What it is called elsewhere is not known.
        Some(without_edits("a name has letters, digits and `_`", help))
    }

    /// `from csv "a.csv"`
    fn source_without_brackets(&self) -> Option<Mistake> {
        let source = self.at.checked_sub(1)?;
        let from = source.checked_sub(1)?;
        if !self.is(self.at, Kind::Text) || !self.is(source, Kind::Word) || self.word(from) != "from" {
            return None;
        }
        let path = self.tokens[self.at].span;
        let edits = vec![(path, format!("({})", path.of(self.text)))];
        let help = format!("write `{}({})`", self.word(source), path.of(self.text));
        Some(Mistake { message: "what a source is called with stands in brackets", help, edits, sure: true })
    }

    /// `columns id: text`
    fn columns_without_brace(&self) -> Option<Mistake> {
        if self.word(self.at) != "columns" || self.is(self.at + 1, Kind::Open(b'{')) {
            return None;
        }
        Some(without_edits(
            "the list of columns is not opened: a `{` is missing",
            "write `columns { day: date, spend: money }`".to_owned(),
        ))
    }

    /// `group by id`, `group by id n = sum(n)`
    fn group_without_brace(&self) -> Option<Mistake> {
        let clause = self.tokens[..self.at].iter().rposition(|token| token.span.of(self.text) == "group")?;
        let depth = self.tokens[clause].depth;
        let following = self.tokens[clause + 1..].iter();
        let mut following = following.take_while(|token| token.depth >= depth && token.span.of(self.text) != "group");
        if self.word(clause + 1) != "by" || following.any(|token| token.kind == Kind::Open(b'{')) {
            return None;
        }
        let key = self.word(clause + 2);
        Some(without_edits("a group has no body: a `{` is missing", format!("write `group by {key} {{ n = sum(n) }}`")))
    }

    /// `n in [1, 2]`
    fn square_brackets(&self) -> Option<Mistake> {
        let open = self.tokens.get(self.at).filter(|token| token.kind == Kind::Open(b'['))?.span;
        if self.at.checked_sub(1).is_none_or(|before| self.word(before) != "in") {
            return None;
        }
        let bracket = |token: &&Token| matches!(token.kind, Kind::Open(_) | Kind::Close(_));
        let close =
            self.tokens[self.at + 1..].iter().find(bracket).filter(|token| token.kind == Kind::Close(b']'))?.span;
        let edits = vec![(open, "(".to_owned()), (close, ")".to_owned())];
        let help = format!("write `({})`", Span::new(open.end, close.start).of(self.text));
        Some(Mistake { message: "cpl has no `[ ]`: values stand in round brackets", help, edits, sure: true })
    }

    /// `derive x = n + 1; y = 2`
    fn statement_end(&self) -> Option<Mistake> {
        let continues = self.is(self.at + 1, Kind::Word) && self.word(self.at + 2) == "=";
        if self.word(self.at) != ";" || !continues {
            return None;
        }
        let edits = vec![(self.tokens[self.at].span, ",".to_owned())];
        Some(Mistake {
            message: "cpl has no `;`: a comma sets values apart",
            help: "write `,`".to_owned(),
            edits,
            sure: true,
        })
    }

    /// `group by c { sum(b) as total }`
    fn value_without_name(&self) -> Option<Mistake> {
        let before = self.at.checked_sub(1)?;
        let begins = before
            .checked_sub(1)
            .is_none_or(|before| self.is(before, Kind::Open(b'{')) || self.is(before, Kind::Comma));
        if !self.is(self.at, Kind::Open(b'(')) || !begins || !AGGREGATES.contains(&self.word(before)) {
            return None;
        }
        Some(without_edits("a column has its name first", format!("write `name = {}(…)`", self.word(before))))
    }

    /// `x like "goo%"`
    fn foreign(&self) -> Option<Mistake> {
        // It may have been taken for a name.
        let before = self.at.checked_sub(1).map_or("", |before| self.word(before));
        let named = [self.word(self.at), before].map(str::to_lowercase);
        let (_, message, help) = FOREIGN
            .iter()
            .find(|(theirs, ..)| *theirs == named[0] || (*theirs == named[1] && BEFORE.contains(theirs)))?;
        Some(without_edits(message, (*help).to_owned()))
    }

    /// `limit 3`
    fn clause(&self) -> Option<Mistake> {
        let found = self.word(self.at).to_lowercase();
        let (_, ours, message) = CLAUSES.iter().find(|(theirs, ..)| *theirs == found)?;
        // A column may be called so, too: a clause stands in the item's braces, and something follows it.
        let clause = self.tokens[self.at].depth == 1
            && self.tokens.get(self.at + 1).is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Text))
            && self.at.checked_sub(1).is_none_or(|before| !NAMING.contains(&self.word(before)));
        if !clause {
            return None;
        }
        let mut span = self.tokens[self.at].span;
        if found == "order" && self.word(self.at + 1) == "by" {
            span = span.to(self.tokens[self.at + 1].span);
        }
        let help = if ours.is_empty() { "leave it out".to_owned() } else { format!("write `{ours}`") };
        Some(Mistake { message, help, edits: vec![(span, (*ours).to_owned())], sure: false })
    }
}
