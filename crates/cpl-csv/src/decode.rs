//! Texts of other encodings, as UTF-8 while they are read. A byte order mark says what a file is; without one it is what
//! the fetch says. What is no text of its encoding is an error, and never another letter.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{Decoder, DecoderResult};

/// The encoding of a file without a byte order mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, its lower byte first.
    Utf16,
    /// Windows-1252, which most texts of older Windows programs in Western Europe are.
    Windows1252,
}

/// The text of `input` as UTF-8, without its byte order mark.
///
/// # Errors
/// Where the input can't be read.
pub fn decoded<'r>(input: Box<dyn Read + Send + 'r>, encoding: Encoding) -> io::Result<Box<dyn Read + Send + 'r>> {
    let mut input = BufReader::new(input);
    let start = input.fill_buf()?;
    let of_mark = encoding_rs::Encoding::for_bom(start);
    let found = match (of_mark, encoding) {
        // Its mark is passed over with the header.
        (Some((found, _)), _) if found == encoding_rs::UTF_8 => return Ok(Box::new(input)),
        (None, Encoding::Utf8) => return Ok(Box::new(input)),
        (Some((found, _)), _) => found,
        (None, Encoding::Utf16) => encoding_rs::UTF_16LE,
        (None, Encoding::Windows1252) => encoding_rs::WINDOWS_1252,
    };
    let decoder = found.new_decoder_with_bom_removal();
    Ok(Box::new(Decoded { input, decoder, text: Vec::new(), given: 0, ended: false }))
}

/// Decodes as it is read.
struct Decoded<R> {
    input: R,
    decoder: Decoder,
    /// Decoded, and given out up to `given`.
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

/// How much is decoded at once.
const PIECE: usize = 1 << 16;

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.ended {
            self.decode()?;
        }
        let length = buffer.len().min(self.text.len() - self.given);
        buffer[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

impl<R: BufRead> Decoded<R> {
    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.input.fill_buf()?;
        let last = bytes.is_empty();
        self.text.resize(PIECE, 0);
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, last);
        self.input.consume(read);
        self.text.truncate(written);
        self.given = 0;
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                let name = self.decoder.encoding().name();
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is no text in {name}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], encoding: Encoding) -> io::Result<String> {
        let mut text = String::new();
        decoded(Box::new(bytes), encoding)?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn utf16(text: &str, lower_first: bool) -> Vec<u8> {
        let bytes = |unit: u16| if lower_first { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_mark_tells_what_a_file_is() {
        let wanted = "day,spend\n2026-11-20,€5 für 𝄞\n".repeat(5_000);
        for lower_first in [true, false] {
            let marked = utf16(&format!("\u{feff}{wanted}"), lower_first);
            for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Windows1252] {
                assert_eq!(text(&marked, encoding).expect("it is UTF-16"), wanted);
            }
        }
        assert_eq!(text(&utf16(&wanted, true), Encoding::Utf16).expect("it is UTF-16"), wanted);
        let marked = format!("\u{feff}{wanted}");
        assert_eq!(text(marked.as_bytes(), Encoding::Windows1252).expect("it is UTF-8"), marked);
    }

    #[test]
    fn letters_of_windows() {
        assert_eq!(text(b"\x80 f\xfcr", Encoding::Windows1252).expect("any bytes are"), "€ für");
        assert_eq!(text(b"", Encoding::Windows1252).expect("any bytes are"), "");
        assert_eq!(text(b"", Encoding::Utf16).expect("nothing is a text"), "");
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        // Half of a pair, and half of a letter.
        for bytes in [&[0x00, 0xD8, 0x41, 0x00][..], &[0x41, 0x00, 0x41][..]] {
            let error = text(bytes, Encoding::Utf16).expect_err("it is no UTF-16");
            assert_eq!(error.to_string(), "it is no text in UTF-16LE");
        }
    }
}
