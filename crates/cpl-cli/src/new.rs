//! `cpl new`: a file to begin with.

use std::{fs::OpenOptions, io::Write as _, path::Path};

use cpl_catalog::new_connector;
use cpl_syntax::is_name;

use crate::{
    CLEAN, Io, WRONG,
    args::{NewArgs, NewKind},
    catalogue::FOLDER,
    render,
};

/// Writes a connector's file that passes `cpl check`, where there is none.
pub fn new(args: &NewArgs, io: &mut Io<'_>) -> u8 {
    let NewKind::Connector { name } = &args.kind;
    if !is_name(name) {
        let why =
            format!("`{name}` can't be a connector's name: wanted small letters, digits and `_`, such as `my_crm`");
        return render::usage_error(&why, io);
    }
    let path = Path::new(FOLDER).join(format!("{name}.yaml"));
    match write(&io.folder.join(&path), &new_connector(name)) {
        Ok(()) => {
            let _ = writeln!(
                io.out,
                "{0} is there: write down what the API's reference says, and see `cpl check {0}`",
                path.display()
            );
            CLEAN
        }
        Err(error) => {
            let _ = writeln!(io.err, "error: {} can't be written: {error}", path.display());
            WRONG
        }
    }
}

/// A file that is there stays as it is.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
