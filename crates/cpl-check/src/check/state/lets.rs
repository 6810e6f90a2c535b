//! The lets of a file, and how far each has been resolved.

use std::collections::HashMap;

use cpl_model::program::Expr;
use cpl_syntax::tree;

use super::reporter::Checked;

/// The lets of a file, and how far each has been resolved.
pub struct Lets<'a> {
    /// Of several of one name the first.
    by_name: HashMap<&'a str, (&'a tree::Let, State)>,
    /// The number of nested lets being resolved.
    pub depth: usize,
}

/// How far a `let` has been resolved.
#[derive(Clone)]
pub enum State {
    Unresolved,
    Resolving,
    Done(Checked<Expr>),
}

impl<'a> Lets<'a> {
    /// The lets of a file, of which none is resolved yet.
    pub fn of(file: &'a tree::File) -> Self {
        let lets = file.lets.iter().rev().map(|each| (each.name.as_str(), (each, State::Unresolved)));
        Self { by_name: lets.collect(), depth: 0 }
    }

    /// The `let` of that name.
    pub fn item(&self, name: &str) -> Option<&'a tree::Let> {
        self.by_name.get(name).map(|(item, _)| *item)
    }

    /// Puts how far a `let` has been resolved.
    pub fn set(&mut self, item: &'a tree::Let, state: State) {
        self.by_name.insert(item.name.as_str(), (item, state));
    }

    /// How far the `let` of that name has been resolved.
    pub fn state(&self, name: &str) -> Option<State> {
        self.by_name.get(name).map(|(_, state)| state.clone())
    }

    /// Forgets all values but those of the command line.
    pub fn forget(&mut self, set: &[&str]) {
        for (name, (_, state)) in &mut self.by_name {
            if !set.contains(name) {
                *state = State::Unresolved;
            }
        }
    }
}
