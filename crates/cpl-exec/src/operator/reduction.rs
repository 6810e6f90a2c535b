//! How a column of a group's state is made of its rows.

use cpl_model::types::Type;
use polars::prelude::{self as pl, DataType};

use crate::engine::data_type;

/// What is made of a column of a group's rows; unknown values are skipped.
#[derive(Clone)]
pub enum Reduction {
    /// The sum, 0 of nothing.
    Sum(String),
    /// How many values are known.
    Known(String),
    /// How many rows there are.
    Rows,
    /// The least value.
    Min(String),
    /// The largest value.
    Max(String),
    /// What only the engine makes.
    Other(Box<OfEngine>),
}

/// What the engine makes.
#[derive(Clone)]
pub struct OfEngine {
    /// Of the rows of a part.
    pub partial: pl::Expr,
    /// Of the states of several parts.
    pub merge: pl::Expr,
}

impl Reduction {
    /// The column that it looks at.
    pub fn of(&self) -> Option<&str> {
        match self {
            Self::Sum(of) | Self::Known(of) | Self::Min(of) | Self::Max(of) => Some(of),
            Self::Rows | Self::Other(_) => None,
        }
    }

    /// Of the rows of a part, by the engine.
    pub fn partial(&self) -> pl::Expr {
        match self {
            Self::Sum(of) => pl::col(of.as_str()).sum(),
            Self::Known(of) => pl::col(of.as_str()).count().cast(DataType::Int64),
            Self::Rows => pl::len().cast(DataType::Int64),
            Self::Min(of) => pl::col(of.as_str()).min(),
            Self::Max(of) => pl::col(of.as_str()).max(),
            Self::Other(other) => other.partial.clone(),
        }
    }

    /// Of the column of that name, the states of several parts.
    pub fn merge(&self, name: &str) -> pl::Expr {
        match self {
            Self::Sum(_) | Self::Known(_) | Self::Rows => pl::col(name).sum(),
            Self::Min(_) => pl::col(name).min(),
            Self::Max(_) => pl::col(name).max(),
            Self::Other(other) => other.merge.clone(),
        }
    }
}

/// Whether the engine holds values of a type as numbers.
pub fn has_numbers(ty: Type) -> bool {
    !matches!(data_type(ty), DataType::String | DataType::Boolean)
}
