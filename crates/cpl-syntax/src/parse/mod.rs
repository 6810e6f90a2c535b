//! Text → tree. pest parses the text by `grammar/cpl.pest`; the other modules here convert its pairs.

mod data;
mod expr;
pub mod fragment;
mod grammar;
mod item;
mod known_mistakes;
mod known_mistakes_in_context;
mod limits;
mod literal;
mod pairs;
mod patched_text;
mod recover;
mod rule;
pub(crate) mod scanner;
mod test;
mod transform;
mod unexpected;
mod vocabulary;

use self::{
    pairs::{Children, keyword, unread},
    patched_text::PatchedText,
};
use crate::{
    comments::{Comment, comments},
    diagnostic::{Diagnostic, MAX_DIAGNOSTICS},
    span::{Name, Span, Spanned},
    tree::File,
};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};

pub(crate) use grammar::{Grammar, Rule};
pub(crate) use limits::check as over_limit;
pub use vocabulary::{AGGREGATES, is_name};

/// The tree of `text`, and what is wrong with how it is written. The tree holds what could be read.
#[must_use]
pub fn parse(text: &str) -> (File, Vec<Diagnostic>) {
    let comments = comments(text);
    let items = scanner::items(text);
    if let Some(over_limit) = limits::check(text, &items) {
        return (File { comments, ..File::default() }, vec![over_limit]);
    }
    let (mut file, mut diagnostics) = (File::default(), Vec::new());
    for (part, pairs) in pieces(text, items) {
        diagnostics.extend(match pairs {
            Some(pairs) => read(pairs, &PatchedText::of(text, part), text, &comments, &mut file),
            None => recover::item(text, part, &comments, &mut file),
        });
        if diagnostics.len() >= MAX_DIAGNOSTICS {
            recover::give_up(&mut diagnostics);
            break;
        }
    }
    file.shrink();
    (File { comments, ..file }, diagnostics)
}

/// The most lines inside an item that may look like the start of another item.
const FALSE_STARTS: usize = 3;

/// The items of a text and, if they parse, their pairs. Items are parsed one by one, to bound the parser's memory.
pub(crate) fn pieces(text: &str, items: Vec<Span>) -> impl Iterator<Item = (Span, Option<Pairs<'_, Rule>>)> {
    let parse = |part: Span| Grammar::parse(Rule::file, part.of(text)).ok();
    let mut parts = items.into_iter();
    std::iter::from_fn(move || {
        let part = parts.next()?;
        if let Some(pairs) = parse(part) {
            return Some((part, Some(pairs)));
        }
        // A line within an item may begin with a word that items begin with.
        let mut whole = part;
        for (at, next) in parts.clone().take(FALSE_STARTS).enumerate() {
            whole = whole.to(next);
            if let Some(pairs) = parse(whole) {
                parts.by_ref().take(at + 1).for_each(drop);
                return Some((whole, Some(pairs)));
            }
        }
        Some((part, None))
    })
}

/// Converts the items of a patched text.
fn read(
    pairs: Pairs<'_, Rule>,
    patched: &PatchedText<'_>,
    text: &str,
    comments: &[Comment],
    file: &mut File,
) -> Vec<Diagnostic> {
    let mut reader = Reader { text, patched, comments, diagnostics: Vec::new(), operators: 0 };
    for pair in pairs.flat_map(Pair::into_inner) {
        reader.item(pair, file);
    }
    reader.diagnostics
}

/// Collects without spare capacity: a tree holds ten thousands of short lists.
fn exact<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<Box<[T]>>().into_vec()
}

/// Converts pairs to the tree, and collects diagnostics.
struct Reader<'a> {
    text: &'a str,
    /// The text that was parsed: the original, or a patched part of it.
    patched: &'a PatchedText<'a>,
    comments: &'a [Comment],
    diagnostics: Vec<Diagnostic>,
    /// The number of enclosing operators.
    operators: usize,
}

impl Reader<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The pair's span, without trailing white space and comments that pest includes.
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = pair.as_span().start();
        let Span { start, mut end } = self.patched.span(start, start + pair.as_str().trim_end().len());
        loop {
            end = start + self.text[start..end].trim_end().len();
            let at = self.comments.partition_point(|c| c.span.end < end);
            match self.comments.get(at) {
                Some(comment) if comment.span.end == end && comment.span.start > start => end = comment.span.start,
                _ => return Span::new(start, end),
            }
        }
    }

    fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        Spanned::new(span.of(self.text).to_owned(), span)
    }

    fn names<'i>(&self, pairs: impl IntoIterator<Item = Pair<'i, Rule>>) -> Vec<Name> {
        exact(pairs.into_iter().map(|pair| self.name(&pair)))
    }

    /// Items of a list in braces: each two need a comma or a newline between them.
    fn separated(&mut self, items: &[Span]) {
        for pair in items.windows(2) {
            let between = &self.text[pair[0].end..pair[1].start];
            // A `;` was reported, and stands for a comma.
            if !between.contains([',', '\n', ';']) {
                self.report(unexpected::unseparated(self.text, pair[0], pair[1]));
            }
        }
    }
}
