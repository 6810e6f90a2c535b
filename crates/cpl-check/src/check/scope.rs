//! What names mean at a place.

use cpl_syntax::{Name, Span};

use super::state::reporter::Checked;

use cpl_model::{
    program::{Column, Expr, Grain},
    types::Type,
};

/// A column in scope. It has no type if an error about it was reported.
#[derive(Clone, Debug)]
pub struct ScopeColumn {
    pub name: String,
    pub ty: Checked<Type>,
    pub unknown: bool,
    pub span: Span,
    pub grain: Option<Grain>,
}

impl ScopeColumn {
    /// A column of a table that is made.
    pub fn of(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            ty: Ok(column.ty),
            unknown: column.unknown,
            span: column.span,
            grain: column.grain,
        }
    }
}

impl ScopeColumn {
    /// A column that a stage brings.
    pub fn new(name: &Name, ty: Type, unknown: bool) -> Self {
        Self { name: name.value.clone(), ty: Ok(ty), unknown, span: name.span, grain: None }
    }

    /// The typed column; none if an error about it was reported.
    pub fn typed(&self) -> Checked<Column> {
        let (name, grain) = (self.name.clone(), self.grain);
        Ok(Column { name, ty: self.ty?, unknown: self.unknown, span: self.span, grain })
    }
}

/// Whose values an expression may use.
#[derive(Clone, Copy, Debug)]
pub enum Place<'s> {
    /// None: a constant is wanted.
    Constant,
    /// One row's.
    Row,
    /// A group's: aggregates of its rows, and what it is grouped by.
    Group(&'s [String]),
}

/// What an expression sees.
#[derive(Clone, Debug)]
pub struct Scope<'s> {
    pub columns: &'s [ScopeColumn],
    pub place: Place<'s>,
    /// The column that dates a row.
    pub time: Option<&'s str>,
    /// The table's key.
    pub key: Option<&'s [String]>,
    /// How long the table's figures still move, in microseconds.
    pub settles: Option<i64>,
    /// Filters of the metrics around it, which hold for every aggregate inside.
    pub filters: Vec<Expr>,
    /// The metrics around it.
    pub metrics: Vec<String>,
    /// What the names in scope are, for messages: `column`, `argument`, `constant`.
    pub name_kind: &'static str,
}

impl<'s> Scope<'s> {
    pub const CONSTANT: Scope<'static> = Scope {
        columns: &[],
        place: Place::Constant,
        time: None,
        key: None,
        settles: None,
        filters: Vec::new(),
        metrics: Vec::new(),
        name_kind: "constant",
    };

    pub fn row(columns: &'s [ScopeColumn], time: Option<&'s str>) -> Self {
        let (filters, metrics) = (Vec::new(), Vec::new());
        Self { columns, place: Place::Row, time, key: None, settles: None, filters, metrics, name_kind: "column" }
    }

    /// What a request of a connector is made of.
    pub fn arguments(arguments: &'s [ScopeColumn]) -> Self {
        Self { name_kind: "argument", ..Self::row(arguments, None) }
    }

    /// With the key, by which the rows of a series are found.
    pub fn with_key(self, key: Option<&'s [String]>) -> Self {
        Self { key, ..self }
    }

    /// Of a table whose figures still move for so long.
    pub fn settling(self, settles: Option<i64>) -> Self {
        Self { settles, ..self }
    }

    pub fn group(columns: &'s [ScopeColumn], time: Option<&'s str>, keys: &'s [String]) -> Self {
        Self { place: Place::Group(keys), ..Self::row(columns, time) }
    }

    /// The same columns, seen row by row: inside an aggregate.
    pub fn inside(&self) -> Self {
        Self { place: Place::Row, filters: Vec::new(), key: None, ..self.clone() }
    }

    pub fn column(&self, name: &str) -> Option<&'s ScopeColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}
