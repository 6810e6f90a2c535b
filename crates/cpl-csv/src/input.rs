//! Where the bytes of a text come from.

use std::{
    fs::File,
    io::{self, BufReader, Read, Take},
    path::{Path, PathBuf},
};

use cpl_batch::Problem;
use flate2::read::MultiGzDecoder;

/// Bytes that can be read from their beginning: of a file, of an object in a store, of an answer.
pub trait Input: Sync {
    /// The bytes, unpacked where they are packed.
    ///
    /// # Errors
    /// Where they can't be had.
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, Problem>;

    /// Whether they are the same when they are opened again.
    fn is_lasting(&self) -> bool {
        true
    }
}

/// The bytes of a file; of one named `.gz`, those that were packed. A pipe can be read once.
impl Input for Path {
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, Problem> {
        open(self)
    }

    fn is_lasting(&self) -> bool {
        self.is_file()
    }
}

/// The same.
impl Input for PathBuf {
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, Problem> {
        open(self)
    }

    fn is_lasting(&self) -> bool {
        self.is_file()
    }
}

/// What is held.
impl Input for [u8] {
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, Problem> {
        Ok(Box::new(self))
    }
}

/// The bytes of a file; of one named `.gz`, those that were packed.
///
/// # Errors
/// Where the system can't open it.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, Problem> {
    let unreadable = |error: io::Error| Problem::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Problem::Unreadable("it is a directory".to_owned()));
    }
    Ok(unpacked(file, is_packed(path)))
}

/// Whether a file's name says that it is packed.
#[must_use]
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// Bytes, unpacked where they are packed.
pub fn unpacked<'r>(input: impl Read + Send + 'r, is_packed: bool) -> Box<dyn Read + Send + 'r> {
    if is_packed { Box::new(Unpacked::of(input, UNPACKED_BYTES)) } else { Box::new(input) }
}

/// What a file ending with `.gz` may hold.
pub const UNPACKED_BYTES: u64 = 64 << 30;

/// What a packed file holds, up to the limit: a small file may unpack to more than any disk.
pub struct Unpacked<R> {
    input: Take<MultiGzDecoder<BufReader<R>>>,
}

impl<R: Read> Unpacked<R> {
    /// What `packed` holds, up to `limit` bytes.
    pub fn of(packed: R, limit: u64) -> Self {
        Self { input: MultiGzDecoder::new(BufReader::new(packed)).take(limit) }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read == 0 && self.input.limit() == 0 && !buffer.is_empty() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(read)
    }
}
