//! The text of a file.

use std::{io::ErrorKind, path::Path};

use cpl_syntax::{Code, Diagnostic};

use crate::Io;

/// What a file holds.
pub enum Text {
    /// Text.
    Right(String),
    /// Not UTF-8: the valid part, and the diagnostic.
    Wrong(String, Diagnostic),
}

/// The text of a file.
///
/// # Errors
/// Why the file can't be read, in words.
pub fn text_of(path: &Path, io: &Io<'_>) -> Result<Text, String> {
    read(&io.folder.join(path), path).map(as_text)
}

/// The text that bytes are.
pub fn as_text(bytes: Vec<u8>) -> Text {
    String::from_utf8(bytes).map_or_else(
        |error| {
            let right = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let message = format!("the file is no text in UTF-8: see line {}", right.matches('\n').count() + 1);
            Text::Wrong(right, Diagnostic::new(Code::E0101, message).help("save it as UTF-8"))
        },
        Text::Right,
    )
}

fn read(path: &Path, display_path: &Path) -> Result<Vec<u8>, String> {
    let shown = display_path.display();
    if path.is_dir() {
        return Err(format!("{shown} is a folder: name a file in it"));
    }
    std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("there is no file {shown}"),
        _ => format!("{shown} can't be read: {error}"),
    })
}
