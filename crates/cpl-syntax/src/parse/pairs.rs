//! The children of a pair, without keywords.

use std::iter::Peekable;

use pest::iterators::{Pair, Pairs};

use super::grammar::Rule;

/// The children of a pair in order, without keywords.
pub struct Children<'i>(Peekable<Pairs<'i, Rule>>);

impl<'i> Children<'i> {
    pub fn of(pair: Pair<'i, Rule>) -> Self {
        Self(pair.into_inner().peekable())
    }

    fn skip_words(&mut self) {
        while self.0.next_if(|pair| is_word(pair.as_rule())).is_some() {}
    }

    /// The next child, which the grammar promises.
    pub fn child(&mut self) -> Pair<'i, Rule> {
        match self.next() {
            Some(pair) => pair,
            None => unreachable!("grammar/cpl.pest promises a child that the reader does not find"),
        }
    }

    /// The next child, if it is of that rule.
    pub fn opt(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        self.skip_words();
        self.0.next_if(|pair| pair.as_rule() == rule)
    }

    /// Children as long as they are of that rule.
    pub fn all(&mut self, rule: Rule) -> Vec<Pair<'i, Rule>> {
        std::iter::from_fn(|| self.opt(rule)).collect()
    }
}

impl<'i> Iterator for Children<'i> {
    type Item = Pair<'i, Rule>;

    fn next(&mut self) -> Option<Pair<'i, Rule>> {
        self.skip_words();
        self.0.next()
    }
}

/// The word of a closed list that a pair is.
pub fn keyword<T>(pair: &Pair<'_, Rule>, of_word: impl Fn(&str) -> Option<T>) -> T {
    of_word(pair.as_str()).unwrap_or_else(|| unread(pair.as_rule()))
}

/// The grammar has a form that no reader reads. A test reads every form of the grammar, so it fails here.
pub fn unread(rule: Rule) -> ! {
    unreachable!("grammar/cpl.pest has a form of `{rule:?}` that no reader reads")
}

/// Keyword rules are at the end of the grammar, in alphabetical order.
fn is_word(rule: Rule) -> bool {
    (Rule::w_above..=Rule::w_within).contains(&rule)
}
