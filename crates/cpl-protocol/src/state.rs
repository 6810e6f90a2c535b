//! What becomes of an effect.

use serde::{Deserialize, Serialize};

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is recorded, and was not sent; one of a file or of the report may have been.
    Recorded,
    /// It is on its way to a server, or was when its run ended.
    Sent,
    /// It was carried out, or handed over.
    Confirmed,
    /// It was not carried out, and will not be.
    Refused,
    /// It may have been carried out, and nobody knows.
    Uncertain,
    /// The thing was no longer as the rule saw it: it was not sent, or not carried out.
    Superseded,
    /// Its window ended before it could be carried out.
    Expired,
    /// Somebody else changed the thing meanwhile: a person must look.
    Drifted,
    /// What it waits for was not carried out: it was not sent.
    Held,
    /// It was carried out, and then taken back.
    Undone,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Recorded,
        Self::Sent,
        Self::Confirmed,
        Self::Refused,
        Self::Uncertain,
        Self::Superseded,
        Self::Expired,
        Self::Drifted,
        Self::Held,
        Self::Undone,
    ];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Drifted => "drifted",
            Self::Held => "held",
            Self::Undone => "undone",
        }
    }

    /// Whether a step may lead from here to `next`: what has ended stays as it is, but for what was carried out and is taken back.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Recorded | Self::Sent | Self::Uncertain | Self::Drifted | Self::Held => next != Self::Undone,
            Self::Confirmed => next == Self::Undone,
            Self::Refused | Self::Superseded | Self::Expired | Self::Undone => false,
        }
    }

    /// Whether it changed something, or may have: guards count it.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Recorded | Self::Sent | Self::Confirmed | Self::Uncertain | Self::Drifted | Self::Undone)
    }

    /// Whether it is not known yet what becomes of it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Recorded | Self::Sent | Self::Uncertain)
    }

    /// Whether only a person can say what became of it, or may.
    #[must_use]
    pub fn needs_person(self) -> bool {
        matches!(self, Self::Sent | Self::Uncertain | Self::Drifted)
    }
}
