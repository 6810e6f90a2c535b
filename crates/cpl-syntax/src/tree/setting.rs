//! What is said of a request.

use super::{Expr, rule::Argument};
use crate::span::Name;

/// `method POST`, `body { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its word.
    pub name: Name,
    /// Its value.
    pub value: SettingValue,
}

/// What a setting holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// One value.
    Expr(Expr),
    /// `{ a = …, b = … }`.
    Arguments(Vec<Argument>),
}
