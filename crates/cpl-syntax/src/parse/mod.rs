//! Text → tree. pest reads the text by `grammar/cpl.pest`; the files beside this one take its pairs apart.

mod data;
mod draft;
mod expr;
pub mod fragment;
mod grammar;
mod item;
mod limits;
mod literal;
pub(crate) mod outline;
mod pairs;
mod recover;
mod refuse;
mod rule;
mod shapes;
mod slips;
mod test;
mod transform;

use self::{draft::Draft, pairs::Parts};
use crate::{
    comments::{Comment, comments},
    diagnostic::{Diagnostic, MOST_TOLD},
    span::{Name, Span, Spanned},
    tree::File,
};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};

pub(crate) use grammar::{Grammar, Rule};
pub(crate) use limits::check as too_much;
pub use refuse::is_name;

/// The tree of `text`, and what is wrong with how it is written. The tree holds what could be read.
#[must_use]
pub fn parse(text: &str) -> (File, Vec<Diagnostic>) {
    let comments = comments(text);
    let items = outline::items(text);
    if let Some(too_much) = limits::check(text, &items) {
        return (File { comments, ..File::default() }, vec![too_much]);
    }
    let (mut file, mut diagnostics) = (File::default(), Vec::new());
    for (part, pairs) in pieces(text, items) {
        diagnostics.extend(match pairs {
            Some(pairs) => read(pairs, &Draft::of(text, part), text, &comments, &mut file),
            None => recover::item(text, part, &comments, &mut file),
        });
        if diagnostics.len() >= MOST_TOLD {
            recover::give_up(&mut diagnostics);
            break;
        }
    }
    file.shrink();
    (File { comments, ..file }, diagnostics)
}

/// So many lines of one item may look like another's first.
const FALSE_STARTS: usize = 3;

/// The parts of a text where its items stand, an item each, and their pairs where they parse: what the parser holds is bounded by an item.
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

/// Reads the items of a draft into their places.
fn read(
    pairs: Pairs<'_, Rule>,
    draft: &Draft<'_>,
    text: &str,
    comments: &[Comment],
    file: &mut File,
) -> Vec<Diagnostic> {
    let mut reader = Reader { text, draft, comments, diagnostics: Vec::new(), operators: 0 };
    for pair in pairs.flat_map(Pair::into_inner) {
        reader.item(pair, file);
    }
    reader.diagnostics
}

/// The items in no more room than they take: a tree holds short lists by the ten thousand.
fn exact<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<Box<[T]>>().into_vec()
}

/// Takes pairs apart; keeps what was wrong on the way.
struct Reader<'a> {
    text: &'a str,
    /// What was parsed: the text, or a part of it without its mistakes.
    draft: &'a Draft<'a>,
    comments: &'a [Comment],
    diagnostics: Vec<Diagnostic>,
    /// How many operators stand around what is read.
    operators: usize,
}

impl Reader<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Where the pair stands, without the white space and comments that pest lets a rule swallow.
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = pair.as_span().start();
        let Span { start, mut end } = self.draft.span(start, start + pair.as_str().trim_end().len());
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
            // A `;` was told, and stands for a comma.
            if !between.contains([',', '\n', ';']) {
                self.report(refuse::unseparated(self.text, pair[0], pair[1]));
            }
        }
    }
}
