//! A file is written whole next to its place, and then put there: whoever reads it sees one run or the other.

use std::{
    io::{self, Read},
    path::Path,
};

use tempfile::NamedTempFile;

/// The text in a file next to `place`, with the rights of the file it will replace.
pub fn write_temporary(place: &Path, mut text: impl Read) -> io::Result<NamedTempFile> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A new file may be used as the user's mask allows, as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    io::copy(&mut text, &mut file)?;
    if let Ok(before) = place.metadata() {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// The name of a file, too, is on the disk.
pub fn sync_folder(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    #[cfg(not(unix))]
    let _no_folder_is_synced = file;
    Ok(())
}
