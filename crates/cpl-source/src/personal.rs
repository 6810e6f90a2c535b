//! Values of `personal` columns → what stands for them: nothing behind a source ever holds the values themselves.

use std::fmt;

use cpl_batch::{Batch, BatchSink, Column, Data, Problem, ReadError, Source, SourceStats};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What personal values are hashed with.
#[derive(Clone)]
pub struct Salt(Hmac<Sha256>);

/// Bytes of a hash that are kept: two of ten million values fall together once in 10^24 runs.
const BYTES: usize = 16;

impl Salt {
    /// Of a secret.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length (RFC 2104).
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).unwrap_or_else(|_| unreachable!("a key may have any length")))
    }

    /// What stands for a value: the first 128 bits of HMAC-SHA-256 (RFC 2104, FIPS 180-4) in hexadecimal. Equal values
    /// have equal hashes; who has no salt can't try values until a hash fits.
    #[must_use]
    pub fn hash(&self, value: &str) -> String {
        let hash = self.0.clone().chain_update(value.as_bytes()).finalize().into_bytes();
        hex::encode(&hash[..BYTES])
    }

    /// What tells it from other salts, and nothing of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.hash("the fingerprint of a salt")
    }

    /// A value that does not fit is shown by its hash; so is a cell that other columns look into as well. What stands in
    /// the place of a record may be a personal value, and is not shown.
    fn hash_problem(&self, problem: &mut Problem, columns: &[(usize, String)]) {
        match problem {
            Problem::Value { header, value: Some(value), .. } => {
                let whole = header.split(" at ").next().unwrap_or_default();
                if columns.iter().any(|(_, personal)| personal == header || personal == whole) {
                    *value = self.hash(value);
                }
            }
            Problem::NoRecord { found, .. } => "…".clone_into(found),
            _ => {}
        }
    }

    fn hash_column(&self, column: &mut Column) {
        match &mut column.data {
            Data::Text(all, ends) => {
                let mut hashed = String::new();
                let mut start = 0;
                for end in ends {
                    let value = &all[start..*end];
                    start = *end;
                    // An empty text stands where a value is missing.
                    if !value.is_empty() {
                        hashed.push_str(&self.hash(value));
                    }
                    *end = hashed.len();
                }
                *all = hashed;
            }
            Data::Dictionary(texts, _) => texts.iter_mut().for_each(|text| *text = self.hash(text)),
            _ => unreachable!("a personal column is a text"),
        }
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a salt")
    }
}

/// A source of which some columns are hashed, in rejected rows too.
pub struct HashedSource<'a> {
    source: Box<dyn Source + 'a>,
    salt: Salt,
    /// The places of the personal columns, and what they are called in their source.
    columns: Vec<(usize, String)>,
}

impl<'a> HashedSource<'a> {
    /// With the columns at those places hashed.
    #[must_use]
    pub fn new(source: Box<dyn Source + 'a>, salt: Salt, columns: Vec<(usize, String)>) -> Self {
        Self { source, salt, columns }
    }
}

impl Source for HashedSource<'_> {
    fn start(&mut self) -> Result<(), ReadError> {
        self.source.start()
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let (salt, columns) = (&self.salt, &self.columns);
        let read = self.source.read(&mut |file: &str, mut batch: Batch| {
            for (at, _) in columns {
                salt.hash_column(&mut batch.columns[*at]);
                for cell in batch.bad.iter_mut().filter_map(|row| row.cells.get_mut(*at)?.as_mut()) {
                    *cell = salt.hash(cell);
                }
            }
            batch.bad.iter_mut().for_each(|row| salt.hash_problem(&mut row.problem, columns));
            sink(file, batch)
        });
        read.map_err(|mut error| {
            salt.hash_problem(&mut error.problem, columns);
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231: its first half.
    #[test]
    fn the_hash_is_that_of_the_standard() {
        let hash = Salt::new(b"Jefe").hash("what do ya want for nothing?");
        assert_eq!(hash, "5bdcc146bf60754e6a042426089575c7");
    }
}
