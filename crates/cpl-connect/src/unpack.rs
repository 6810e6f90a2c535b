//! What a server packed: a ZIP archive of one file, or gzip. Its first bytes tell, and no text begins so.

use std::{
    borrow::Cow,
    io::{self, Cursor, Read},
};

use cpl_batch::{JobProblem, Oversized, Place, Problem, ServerProblem};
use flate2::read::MultiGzDecoder;
use zip::{ZipArchive, result::ZipError};

/// How a ZIP archive begins (APPNOTE 4.3.7).
const ZIP: &[u8] = b"PK\x03\x04";
/// How an archive without a file begins (4.3.16).
const EMPTY_ZIP: &[u8] = b"PK\x05\x06";
/// How what is packed by gzip begins (RFC 1952).
const GZIP: &[u8] = b"\x1F\x8B";

/// The bytes, unpacked where they are packed: so many at most.
///
/// # Errors
/// An archive of no file or of several, one that is broken or wants a password, and one that holds too much.
pub fn unpacked(bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, Problem> {
    if bytes.starts_with(GZIP) {
        return read(MultiGzDecoder::new(bytes.as_slice()), most);
    }
    if !bytes.starts_with(ZIP) && !bytes.starts_with(EMPTY_ZIP) {
        return Ok(bytes);
    }
    let broken = |error: ZipError| packed(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let entries = archive.file_names().map(|name| name.map(Cow::into_owned));
    let mut names: Vec<String> = entries.collect::<Result<_, _>>().map_err(broken)?;
    // The others are folders.
    names.retain(|name| !name.ends_with('/'));
    let [name] = names.as_slice() else {
        let why = if names.is_empty() {
            "there is no file in it".to_owned()
        } else {
            format!("there are {} files in it", names.len())
        };
        return Err(packed(why));
    };
    read(archive.by_name(name).map_err(broken)?, most)
}

/// What was packed by gzip, all its members (RFC 1952, 2.2); none where it is more than so many bytes.
///
/// # Errors
/// Where it is not all there, or something else stands behind it.
pub fn gunzipped(bytes: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
    up_to(MultiGzDecoder::new(bytes), most)
}

fn up_to(input: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

fn read(input: impl Read, most: u64) -> Result<Vec<u8>, Problem> {
    up_to(input, most).map_err(|error| packed(error.to_string()))?.ok_or_else(|| too_large(most))
}

/// What an answer is that has more than so many bytes.
pub fn too_large(most: u64) -> Problem {
    Problem::TooLarge { what: Oversized::Answer, limit: most, place: Place::default() }
}

fn packed(why: String) -> Problem {
    Problem::Server(ServerProblem::Job(JobProblem::Packed { why }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zip(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap_or_else(|error| panic!("{error}"));
            archive.write_all(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        }
        archive.finish().unwrap_or_else(|error| panic!("{error}")).into_inner()
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).and_then(|()| packed.finish()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn one_file_is_unpacked() {
        let text = "day,spend\n2026-11-20,1.50\n";
        for packed in [text.as_bytes().to_vec(), zip(&[("a.csv", text)]), gzip(text), [gzip(text), gzip("")].concat()] {
            assert_eq!(unpacked(packed, 1_000).ok().as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(unpacked(Vec::new(), 0), Ok(Vec::new()));
    }

    #[test]
    fn what_can_not_be_unpacked_is_reported() {
        let why = |bytes, most| match unpacked(bytes, most) {
            Err(Problem::Server(ServerProblem::Job(JobProblem::Packed { why }))) => why,
            Err(Problem::TooLarge { limit, .. }) => format!("more than {limit}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(why(zip(&[]), 9), "there is no file in it");
        assert_eq!(why(zip(&[("a", ""), ("b", "")]), 9), "there are 2 files in it");
        assert_eq!(why(zip(&[("a", "0123456789")]), 9), "more than 9");
        assert_eq!(why(gzip("0123456789"), 9), "more than 9");
        for cut in [zip(&[("a", "0123456789")]), gzip("0123456789")] {
            let half = cut[..cut.len() - 9].to_vec();
            assert!(!why(half, 99).is_empty(), "cut");
        }
    }
}
