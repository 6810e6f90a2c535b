//! Rows that were put aside, in files beside the pipeline: `.cpl/quarantine/FILE.FETCH.csv`, those of the last
//! run that was finished. They are written before its effects leave.

use std::{io, path::PathBuf};

use cpl_plan::program::{Program, TableId};
use cpl_syntax::{Code, Diagnostic};

use crate::{World, answers::Found, decide::beside, fetch::Aside, trouble::Trouble};

/// The folder of all of them, from the pipeline's on.
const FOLDER: &str = ".cpl/quarantine";

/// The file of a fetch, from the pipeline's folder on.
pub fn place(program: &Program, id: TableId, world: &World<'_>) -> PathBuf {
    PathBuf::from(format!("{FOLDER}/{}.{}.csv", world.stem, program.table(id).name))
}

/// Writes the files of all fetches that put rows aside; what another run left of this pipeline is gone.
pub fn write(program: &Program, found: &mut Found, world: &World<'_>) -> Result<(), Trouble> {
    forget(program, found, world);
    for (id, aside) in &mut found.aside {
        let place = place(program, *id, world);
        keep(&world.folder.join(&place), aside).map_err(|error| {
            let told = format!("{} can't be written: {}", place.display(), error.kind());
            let diagnostic = Diagnostic::new(Code::E1102, told).at(program.table(*id).span, "its bad rows go there");
            vec![diagnostic.help("no effect has left")]
        })?;
    }
    Ok(())
}

/// Takes away the files of fetches that put nothing aside now, or are gone. One that can't be taken away stays.
fn forget(program: &Program, found: &Found, world: &World<'_>) {
    let kept = found.aside.iter().filter(|(_, aside)| aside.rows > 0);
    let kept: Vec<PathBuf> = kept.map(|(id, _)| world.folder.join(place(program, *id, world))).collect();
    for entry in world.folder.join(FOLDER).read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // `a.b.cpl` and `a.cpl` may stand side by side: a fetch's name holds no point.
        let rest = name.strip_prefix(world.stem).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".csv"));
        let ours = rest.is_some_and(|fetch| !fetch.contains('.'));
        if ours && !kept.contains(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn keep(place: &std::path::Path, aside: &mut Aside) -> io::Result<()> {
    let Some(text) = aside.text()? else { return Ok(()) };
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    beside(place, text)?.persist(place).map_err(|error| error.error)?;
    Ok(())
}
