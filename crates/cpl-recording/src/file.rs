//! The rows of a fetch in a file: a batch a line, packed by gzip (RFC 1952).

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use cpl_batch::Batch;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<B> {
    /// What the rows come from: an address and the number of a page, a database.
    pub from: String,
    /// The rows.
    pub batch: B,
}

/// The file of a fetch's rows.
pub fn path(folder: &Path, fetch: &str) -> PathBuf {
    folder.join(format!("{fetch}.ndjson.gz"))
}

/// Lines on their way into a file that has no name yet, and is gone with the program.
pub struct Lines(BufWriter<GzEncoder<File>>);

impl Lines {
    /// No lines yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::new(GzEncoder::new(tempfile::tempfile()?, Compression::fast()))))
    }

    /// Appends a line.
    pub fn add(&mut self, from: &str, batch: &Batch) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &Line { from: from.to_owned(), batch })?;
        self.0.write_all(b"\n")
    }

    /// The whole file, from its beginning.
    pub fn end(self) -> io::Result<File> {
        let packed = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut file = packed.finish()?;
        file.rewind()?;
        Ok(file)
    }
}

/// The lines of a file.
pub fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Line<Batch>>>> {
    let unpacked = BufReader::new(GzDecoder::new(BufReader::new(File::open(path)?)));
    Ok(unpacked.lines().map(|line| Ok(serde_json::from_str(&line?)?)))
}
