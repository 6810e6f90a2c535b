//! Error recovery: reports what is wrong with an item and parses the rest of it.
//!
//! A known mistake is repaired in a patched copy of the text. Otherwise the entry, the clause or finally the item is
//! skipped. The names that skipped parts would have declared are kept as missing names.

mod missing_names;

use pest::{Parser, error::InputLocation};

use super::{
    Grammar, Rule,
    known_mistakes::{Mistake, known_mistake},
    known_mistakes_in_context::known_mistake_in_context,
    patched_text::PatchedText,
    read,
    scanner::{Kind, Token, scan},
    unexpected::{unexpected, with_signs, word_at},
    vocabulary::ITEMS,
};
use crate::{
    codes::Code,
    comments::Comment,
    diagnostic::{Diagnostic, MAX_DIAGNOSTICS, did_you_mean},
    span::Span,
    tree::File,
};

/// The most mistakes that are reported for one item.
const MAX_MISTAKES_PER_ITEM: usize = 50;

/// Words that begin a clause, anywhere on a line.
const CLAUSES: &[&str] = &[
    "question",
    "owner",
    "every",
    "timezone",
    "currency",
    "weeks",
    "retire",
    "alerts",
    "columns",
    "key",
    "no",
    "fresh",
    "settles",
    "expect",
    "watch",
    "skip",
    "time",
    "records",
    "method",
    "auth",
    "headers",
    "query",
    "body",
    "where",
    "derive",
    "keep",
    "drop",
    "left",
    "join",
    "group",
    "sort",
    "take",
    "union",
    "unpivot",
    "fill",
    "constraint",
    "driver",
    "over",
    "by",
    "when",
    "require",
    "on",
    "then",
    "at",
    "cooldown",
    "hands",
    "approval",
    "severity",
    "say",
    "to",
    "repeat",
    "given",
    "today",
    "now",
];

/// Clause words that also occur inside clauses: they begin a clause only at the start of a line.
const INNER: &[&str] = &[
    "key", "no", "time", "left", "over", "by", "on", "then", "at", "to", "today", "now", "every", "method", "auth",
    "headers", "query", "body",
];

/// Reads what can be read of an item that does not parse.
pub fn item(text: &str, part: Span, comments: &[Comment], file: &mut File) -> Vec<Diagnostic> {
    Item::of(text, part, comments).read(file)
}

/// Cuts a long list of diagnostics and says so.
pub fn give_up(found: &mut Vec<Diagnostic>) {
    found.truncate(MAX_DIAGNOSTICS - 1);
    let message = format!("too many mistakes: only the first {} are shown", MAX_DIAGNOSTICS - 1);
    found.push(Diagnostic::new(Code::E0101, message).help("is it a pipeline? mend the first of them"));
}

/// An item that is being read.
struct Item<'t> {
    text: &'t str,
    part: Span,
    tokens: Vec<Token>,
    comments: &'t [Comment],
    patched: PatchedText<'t>,
    /// Skipped parts, and the clauses they belong to.
    skipped: Vec<(Span, Span)>,
    /// The item can't be parsed, not even with parts skipped.
    unread: bool,
    found: Vec<Diagnostic>,
}

impl<'t> Item<'t> {
    fn of(text: &'t str, part: Span, comments: &'t [Comment]) -> Self {
        let (tokens, open) = scan(text, part);
        let mut item = Self {
            text,
            part,
            tokens,
            comments,
            patched: PatchedText::of(text, part),
            skipped: Vec::new(),
            unread: false,
            found: Vec::new(),
        };
        item.name_head();
        item.texts();
        item.head_signs();
        item.close(&open);
        item
    }

    /// Repairs a misspelt first word of the item.
    fn name_head(&mut self) {
        let Some(head) = self.tokens.first().filter(|token| token.kind == Kind::Word).map(|token| token.span) else {
            return;
        };
        let word = head.of(self.text);
        if ITEMS.contains(&word) {
            return;
        }
        // Only a test begins with a text.
        let text = self.tokens.get(1).is_some_and(|token| token.kind == Kind::Text);
        let fitting: Vec<&str> = ITEMS.iter().copied().filter(|item| (*item == "test") == text).collect();
        // A clause is no item, however near.
        let clause = CLAUSES.contains(&word);
        let Some((suggestion, sure)) = did_you_mean(word, &fitting).filter(|_| !clause) else {
            if known_mistake(self.text, head, "").is_none() {
                let diagnostic =
                    Diagnostic::new(Code::E0101, format!("no item begins with `{word}`")).at(head, "not known");
                let value = self.tokens.get(1).is_some_and(|sign| sign.span.of(self.text) == "=");
                self.found.push(if value {
                    diagnostic.help(format!("write `let {word} = …`"))
                } else if clause {
                    diagnostic.help("it stands in the braces of an item: is the `{` of the one before missing, or its `}` too early?")
                } else {
                    diagnostic.help(format!("a file is made of `{}`", ITEMS.join("`, `")))
                });
                self.unread = true;
            }
            return;
        };
        let diagnostic = Diagnostic::new(Code::E0101, format!("no item begins with `{word}`"));
        let diagnostic = diagnostic.at(head, "not known").help(format!("did you mean `{suggestion}`?"));
        self.found.push(diagnostic.change(head, suggestion, sure));
        self.patched.edit(head, suggestion.to_owned());
    }

    /// Reports unclosed text literals.
    fn texts(&mut self) {
        let open = self.tokens.iter().filter(|token| self.is_open_text(token)).map(|token| token.span);
        for text in open.collect::<Vec<Span>>() {
            self.found.push(
                Diagnostic::new(Code::E0101, "a text is never closed")
                    .at(Span::new(text.start, text.start + 1), "begins here")
                    .help("write the `\"` where it ends"),
            );
            self.unread |= !self.skip_around(text);
        }
    }

    fn is_open_text(&self, token: &Token) -> bool {
        let written = token.span.of(self.text);
        token.kind == Kind::Text && (written.len() == 1 || !written.ends_with('"'))
    }

    /// Reports what is missing in the item's head: the `=` of a `let` or a metric, the `{` of a body.
    fn head_signs(&mut self) {
        match self.head() {
            (Some(name), head @ ("let" | "metric")) => self.value_sign(name, head),
            (Some(name), head @ ("transform" | "decide" | "alert" | "dashboard" | "pipeline")) => self.body(name, head),
            _ => {}
        }
    }

    /// `let a $47`, `let a: $47`, `let a == $47`.
    fn value_sign(&mut self, name: Span, head: &str) {
        let Some(next) = self.tokens.get(2).copied() else {
            let diagnostic = Diagnostic::new(Code::E0101, format!("`{head} {}` has no value", name.of(self.text)));
            let diagnostic = diagnostic.at(name, "its value is missing");
            self.found.push(diagnostic.help(format!("write `{head} {} = …`", name.of(self.text))));
            self.unread = true;
            return;
        };
        let doubled = self.text[next.span.end..].starts_with('=');
        let (at, instead) = match next.span.of(self.text) {
            "=" if !doubled => return,
            "=" => (Span::new(next.span.start, next.span.end + 1), "="),
            ":" => (next.span, " ="),
            "-" if next.span.start == name.end => {
                let Some(mistake) = known_mistake_in_context(self.text, &self.tokens, name) else { return };
                self.found.push(mistake.diagnostic(name));
                self.unread = true;
                return;
            }
            // A name of several parts is another mistake.
            _ if next.span.start == name.end && next.kind == Kind::Sign => return,
            // `let target cac = $47`
            _ if next.kind == Kind::Word && self.tokens.get(3).is_some_and(|sign| sign.span.of(self.text) == "=") => {
                let whole = name.to(next.span);
                let name = whole.of(self.text).split_whitespace().collect::<Vec<_>>().join("_");
                let diagnostic = Diagnostic::new(Code::E0101, "a name has no blanks").at(whole, "two words");
                self.found.push(diagnostic.help(format!("write `{head} {name} = …`")));
                self.unread = true;
                return;
            }
            _ => (Span::new(name.end, name.end), " ="),
        };
        self.found.push(
            Diagnostic::new(Code::E0101, "a name and its value are set apart by `=`")
                .at(name, "its value follows")
                .help(format!("write `{head} {} = …`", name.of(self.text)))
                .fix(at, instead),
        );
        self.patched.edit(at, instead.to_owned());
    }

    /// `transform a from b` without a body in braces.
    fn body(&mut self, name: Span, head: &str) {
        if self.tokens.iter().any(|token| token.kind == Kind::Open(b'{') && token.depth == 0) {
            return;
        }
        let line_end = self.text[name.end..].find('\n').map_or(self.part.end, |end| name.end + end);
        let last = self.tokens.iter().rev().find(|token| token.span.end <= line_end).map_or(name, |last| last.span);
        self.found.push(
            Diagnostic::new(Code::E0101, format!("`{head} {}` has no body: a `{{` is missing", name.of(self.text)))
                .at(last, "behind this")
                .help("write what it does in braces: `{ … }`"),
        );
        self.unread = true;
    }

    /// Reports unclosed brackets. Braces are closed at the item's end; a part with another unclosed bracket is skipped.
    fn close(&mut self, open: &[usize]) {
        let (braces, others): (Vec<usize>, Vec<usize>) =
            open.iter().copied().partition(|at| self.text[*at..].starts_with('{'));
        // A text that is never closed holds what would close the bracket.
        let swallowed = |at: usize| {
            let line_end = self.text[at..].find('\n').map_or(self.part.end, |end| at + end);
            let mut within = self.tokens.iter().filter(|token| token.span.start > at && token.span.start < line_end);
            within.any(|token| self.is_open_text(token))
        };
        let others: Vec<usize> = others.into_iter().filter(|at| !swallowed(*at)).collect();
        let braces = self.close_list(braces);
        for at in others {
            let close = if self.text[at..].starts_with('(') { ")" } else { "]" };
            let span = Span::new(at, at + 1);
            self.found.push(
                Diagnostic::new(Code::E0101, format!("a `{close}` is missing"))
                    .at(span, "this one is never closed")
                    .help(format!("write the `{close}` where what it holds ends")),
            );
            self.unread |= !self.skip_around(span);
        }
        let Some(innermost) = braces.last().copied() else { return };
        // A text that is never closed may hold the brace, too: only that is reported.
        let open = self.tokens.iter().filter(|token| self.is_open_text(token));
        let swallows = open.map(|token| token.span.of(self.text).matches('}').count()).sum::<usize>() >= braces.len();
        let end = self.tokens.last().map_or(self.part.end, |token| token.span.end);
        let (name, head) = self.head();
        let what = format!("{} {}", head, name.map_or("", |name| name.of(self.text)));
        let (at, closing) = (Span::new(end, end), "\n}".repeat(braces.len()));
        if !swallows {
            self.found.push(
                Diagnostic::new(Code::E0101, format!("`{}` is not closed: a `}}` is missing", what.trim()))
                    .at(Span::new(innermost, innermost + 1), "this one is open")
                    .help("close it before the next item begins")
                    .offer(at, closing.clone()),
            );
        }
        self.patched.edit(at, closing);
    }

    /// Closes a list of columns ahead of the clause that begins within it; the braces that stay open.
    fn close_list(&mut self, mut braces: Vec<usize>) -> Vec<usize> {
        const CLAUSES_AFTER_COLUMNS: &[&str] =
            &["key", "fresh", "settles", "time", "expect", "watch", "skip", "records"];
        if braces.is_empty() || self.head().1 != "fetch" {
            return braces;
        }
        let clause = self.tokens.windows(2).find(|pair| {
            let named = pair[1].kind == Kind::Word && pair[1].span.start > pair[0].span.end;
            pair[0].first && pair[0].depth == 2 && named && CLAUSES_AFTER_COLUMNS.contains(&pair[0].span.of(self.text))
        });
        let Some(clause) = clause.map(|pair| pair[0].span.start) else { return braces };
        let open = self.tokens.iter().rev().find(|token| token.kind == Kind::Open(b'{') && token.span.end <= clause);
        let Some(open) = open.map(|token| token.span) else { return braces };
        let at = Span::new(clause, clause);
        self.found.push(
            Diagnostic::new(Code::E0101, "the list of columns is not closed: a `}` is missing")
                .at(open, "this one is open")
                .at(at, "this is no column")
                .help("close it before the next clause begins")
                .fix(at, "}\n  "),
        );
        self.patched.edit(at, "}\n".to_owned());
        // What follows is one brace less deep.
        self.tokens.iter_mut().filter(|token| token.span.start >= clause).for_each(|token| {
            token.depth = token.depth.saturating_sub(1);
        });
        braces.pop();
        braces
    }

    /// The name of the item, and the word that it begins with.
    fn head(&self) -> (Option<Span>, &'t str) {
        let word = |at: usize| self.tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| token.span);
        (word(1), word(0).map_or("", |span| span.of(self.text)))
    }

    fn read(mut self, file: &mut File) -> Vec<Diagnostic> {
        if self.unread {
            self.record_missing_item(file);
            return self.found;
        }
        let mut signs_requested = false;
        for _ in 0..MAX_MISTAKES_PER_ITEM {
            let patched = self.patched.text();
            let error = match Grammar::parse(Rule::file, &patched) {
                Ok(pairs) => {
                    if self.skipped.iter().any(|(span, clause)| !self.is_harmless(*span, *clause)) {
                        break;
                    }
                    self.record_missing_names(file);
                    let more = read(pairs, &self.patched, self.text, self.comments, file);
                    self.found.extend(more);
                    return self.found;
                }
                Err(error) => error,
            };
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => self.patched.original(at, false),
            };
            let span = word_at(self.text, at);
            // Computed once: it takes as long as reading all of the item.
            let begins = self.tokens.first().is_some_and(|first| first.span.start == span.start);
            let error =
                if signs_requested || begins { error } else { with_signs(&patched, error, &mut signs_requested) };
            if !self.repair(span, &error) && !self.skip_around(span) {
                break;
            }
        }
        if self.found.len() >= MAX_MISTAKES_PER_ITEM {
            let message =
                format!("more is wrong with this item: only the first {MAX_MISTAKES_PER_ITEM} mistakes are shown");
            let at = self.tokens.first().map_or(self.part, |token| token.span);
            self.found.push(Diagnostic::new(Code::E0101, message).at(at, "this one").help("mend those first"));
        }
        self.record_missing_item(file);
        self.found
    }

    /// Reports what is wrong at a place, and patches it if the fix is known.
    fn repair(&mut self, span: Span, error: &pest::error::Error<Rule>) -> bool {
        // What stands next to something that was left out, or in the place of what was mended, results from it.
        if self.found.iter().any(|diagnostic| diagnostic.start() == span.start && !diagnostic.labels.is_empty())
            || self.patched.touches(span)
            || self.skipped.iter().any(|(left, _)| left.start <= span.end && span.start <= left.end)
        {
            return false;
        }
        if self.without_type(span) || self.dangling(span) {
            return true;
        }
        let mistake = || known_mistake(self.text, span, self.head().1);
        if let Some(mistake) =
            self.list_mistake(span).or_else(|| known_mistake_in_context(self.text, &self.tokens, span)).or_else(mistake)
        {
            let mistake = if self.depth(span) > 1 { mistake.in_list(span, self.text) } else { mistake };
            self.found.push(mistake.diagnostic(span));
            mistake.edits.iter().for_each(|(span, instead)| self.patched.edit(*span, instead.clone()));
            return !mistake.edits.is_empty();
        }
        let (diagnostic, suggestion) = unexpected(self.text, span, error);
        self.found.push(diagnostic);
        match suggestion {
            Some(suggestion) => self.patched.edit(span, suggestion),
            None => return false,
        }
        true
    }

    /// `spend:` without a type: the next line was parsed as the type.
    fn without_type(&mut self, span: Span) -> bool {
        let here = self.tokens.partition_point(|token| token.span.end <= span.start);
        let (Some(colon), Some(name)) = (here.checked_sub(1), here.checked_sub(2)) else { return false };
        let ends = self.tokens.get(here).is_none_or(|next| next.first || !matches!(next.kind, Kind::Word));
        let (colon, name) = (self.tokens[colon].span, self.tokens[name].span);
        let Some((entry, clause)) = self.entry(name).zip(self.clause(name)) else { return false };
        if colon.of(self.text) != ":" || !ends {
            return false;
        }
        let diagnostic =
            Diagnostic::new(Code::E0101, format!("`{}` has no type", name.of(self.text))).at(name, "what is it?");
        self.found.push(diagnostic.help(format!("write `{}: money`, or another type", name.of(self.text))));
        self.skip_part(entry, clause);
        true
    }

    /// Reports an operator without a right side, followed by the next clause or a closing brace.
    fn dangling(&mut self, span: Span) -> bool {
        const WAIT: &[&str] =
            &["and", "or", "not", "in", "by", "of", "within", "exceeds", "below", "when", "require", "where"];
        let here = self.tokens.partition_point(|token| token.span.end <= span.start);
        // The word of the next clause may have been taken for the value.
        let pairs =
            [here, here.saturating_sub(1)].map(|at| (at.checked_sub(1).map(|at| self.tokens[at]), self.tokens.get(at)));
        let dangling = pairs.into_iter().find_map(|(before, found)| {
            let (before, found) = (before?, found?);
            let ends = (found.first && CLAUSES.contains(&found.span.of(self.text))) || found.kind == Kind::Close(b'}');
            let word = before.span.of(self.text);
            let waits = WAIT.contains(&word) || (before.kind == Kind::Sign && "<>=+-*/".contains(word));
            (ends && waits).then_some(before)
        });
        let Some((before, clause)) = dangling.and_then(|before| Some((before, self.clause(before.span)?))) else {
            return false;
        };
        let word = before.span.of(self.text);
        self.found.push(
            Diagnostic::new(Code::E0101, format!("nothing stands behind `{word}`"))
                .at(before.span, "wants a value")
                .help("write the value, or take it out"),
        );
        self.skip_part(clause, clause);
        true
    }

    /// `spend money` and `spend = money` among columns; `spend: sum(spend)` in a group or among arguments.
    fn list_mistake(&self, at: Span) -> Option<Mistake> {
        let entry = self.entry(at)?;
        let within = self.tokens.iter().skip_while(|token| token.span.start < entry.start);
        let [name, next, ref rest @ ..] =
            within.take_while(|token| token.span.end <= entry.end).collect::<Vec<_>>()[..]
        else {
            return None;
        };
        if name.kind != Kind::Word {
            return None;
        }
        let columns = self
            .tokens
            .iter()
            .rev()
            .find(|token| token.depth == 1 && token.span.end <= entry.start && token.kind == Kind::Word);
        let columns = columns.is_some_and(|token| token.span.of(self.text) == "columns");
        let (word, sign) = (name.span.of(self.text), next.span.of(self.text));
        let (message, help, edit) = match (columns, sign) {
            (true, "=") => (
                "a column and its type are set apart by `:`",
                format!("write `{word}: {}`", rest.first().map_or("TYPE", |kind| kind.span.of(self.text))),
                (next.span, ":".to_owned()),
            ),
            // `click rate: ratio`
            (true, _) if next.kind == Kind::Word && rest.first().is_some_and(|sign| sign.span.of(self.text) == ":") => {
                let help = format!("write `{word}_{sign}: … from \"{word} {sign}\"`");
                return Some(Mistake { message: "a name has no blanks", help, edits: Vec::new(), sure: false });
            }
            (true, _) if next.kind == Kind::Word && sign != "from" => {
                let after_name = Span::new(name.span.end, name.span.end);
                (
                    "a column and its type are set apart by `:`",
                    format!("write `{word}: {sign}`"),
                    (after_name, ":".to_owned()),
                )
            }
            (false, ":") => (
                "a name and its value are set apart by `=`",
                format!("write `{word} = …`"),
                (next.span, " =".to_owned()),
            ),
            _ => return None,
        };
        // Mended once it is not what is wrong.
        if self.patched.touches(edit.0) {
            return None;
        }
        Some(Mistake { message, help, edits: vec![edit], sure: true })
    }

    /// Skips the smallest part around a place that is not skipped yet; false if there is none.
    fn skip_around(&mut self, at: Span) -> bool {
        let clause = self.clause(at);
        for part in [self.entry(at), clause].into_iter().flatten() {
            let before = self.skipped.iter().any(|(left, _)| left.start <= part.start && part.end <= left.end);
            if !before && part.start < part.end {
                self.skip_part(part, clause.unwrap_or(part));
                return true;
            }
        }
        false
    }

    fn skip_part(&mut self, part: Span, clause: Span) {
        self.skipped.retain(|(left, _)| left.end <= part.start || part.end <= left.start);
        self.skipped.push((part, clause));
        let blank = part.of(self.text).bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        self.patched.edit(part, blank);
    }

    /// The entry of a list in braces: between commas, line ends and the braces.
    fn entry(&self, at: Span) -> Option<Span> {
        let here = self.tokens.partition_point(|token| token.span.end <= at.start);
        let depth = self.depth(at);
        if depth < 2 {
            return None;
        }
        let ends = |token: &&Token| token.kind == Kind::Comma && token.depth == depth;
        let start = self.tokens[..here]
            .iter()
            .rev()
            .find(|token| ends(token) || token.kind == Kind::Open(b'{') && token.depth == depth - 1);
        let start = start.map_or(self.part.start, |token| token.span.end);
        let line = self.text[start..at.start].rfind('\n').map_or(start, |end| start + end + 1);
        let rest = self.tokens[here..].iter();
        let end = rest.clone().find(|token| {
            token.span.start >= at.start && (ends(token) || token.kind == Kind::Close(b'}') && token.depth == depth)
        });
        let end = end.map_or(self.part.end, |token| token.span.start);
        let line_end = self.text[at.start..end].find('\n').map_or(end, |end| at.start + end);
        // The comma after it goes with it: none stands where an entry begins.
        let comma = usize::from(self.text[line_end..].starts_with(','));
        Some(Span::new(line, line_end + comma))
    }

    /// The clause around a place, up to the next.
    fn clause(&self, at: Span) -> Option<Span> {
        let begins = |here: usize, token: &Token| {
            let word = token.span.of(self.text);
            // After a comma or an operator a line goes on with what the one before began.
            let continues = here.checked_sub(1).is_some_and(|before| {
                let before = &self.tokens[before];
                before.kind == Kind::Comma || (before.kind == Kind::Sign && !CLAUSES.contains(&word))
            });
            token.depth == 1
                && token.kind == Kind::Word
                && !continues
                && if INNER.contains(&word) { token.first } else { token.first || CLAUSES.contains(&word) }
        };
        let all = || self.tokens.iter().enumerate();
        let (_, start) =
            all().rev().filter(|(_, token)| token.span.start <= at.start).find(|(here, token)| begins(*here, token))?;
        let next = all().filter(|(_, token)| token.span.start > at.start).find(|(here, token)| {
            let known = CLAUSES.contains(&token.span.of(self.text));
            (known && begins(*here, token)) || (token.kind == Kind::Close(b'}') && token.depth == 1)
        });
        let next = next.map(|(_, token)| token);
        let end = next.map_or(self.part.end, |token| token.span.start);
        (start.span.start < end && self.depth(at) > 0).then(|| Span::new(start.span.start, end))
    }

    /// Braces that are open at a place.
    fn depth(&self, at: Span) -> usize {
        match self.tokens.iter().find(|token| token.span.end > at.start) {
            Some(token) => token.depth,
            None => 0,
        }
    }
}
