//! `--record` and `--replay`: where what servers and databases answer goes, or comes from.

use std::path::Path;

use cpl_run::{Fetching, Head, NoRecording, NotRecorded, Recorder, Recording};

use crate::{
    Io,
    args::{PlanArgs, WindowArgs},
};

/// What is recorded or replayed by a run; mostly nothing.
pub enum Recordings {
    /// Servers and databases are read.
    None,
    /// What they answer is kept.
    Made(Recorder),
    /// They are not read.
    Read(Recording),
}

impl Recordings {
    /// What the command line asks for.
    ///
    /// # Errors
    /// What is wrong with the folder, in words.
    pub fn of(args: &PlanArgs, io: &Io<'_>) -> Result<Self, String> {
        let (flag, folder) = match (&args.record, &args.replay) {
            (Some(folder), _) => ("--record", folder),
            (None, Some(folder)) => ("--replay", folder),
            (None, None) => return Ok(Self::None),
        };
        let path = io.folder.join(folder);
        let wrong = |why| format!("{flag} {}: {why}", folder.display());
        if args.record.is_some() {
            return Recorder::into_folder(&path).map(Self::Made).map_err(|error| wrong(not_recorded(&error)));
        }
        Recording::open(&path).map(Self::Read).map_err(|error| wrong(no_recording(&error)))
    }

    /// Whether a recording is requested for several pipelines, in words.
    pub fn of_several(args: &PlanArgs) -> Option<String> {
        let flag = if args.record.is_some() { "--record" } else { "--replay" };
        let several = args.files.len() > 1 && (args.record.is_some() || args.replay.is_some());
        several.then(|| format!("{flag}: a recording is of one pipeline, and {} are run", args.files.len()))
    }

    /// The window and the settings: those of the recording, where one is replayed.
    ///
    /// # Errors
    /// Where the recording has none that can be used, in words.
    pub fn window(&self, given: &WindowArgs) -> Result<WindowArgs, String> {
        match self {
            Self::None | Self::Made(_) => Ok(given.clone()),
            Self::Read(recording) => WindowArgs::recorded(&recording.head.as_of, &recording.head.settings)
                .map_err(|why| format!("--replay: the recording's date or settings were changed: {why}")),
        }
    }

    /// How a run fetches.
    pub fn fetching(&self) -> Fetching<'_> {
        match self {
            Self::None => Fetching::Live,
            Self::Made(recorder) => Fetching::Recorded(recorder),
            Self::Read(recording) => Fetching::Replayed(recording),
        }
    }

    /// Writes what was recorded of a pipeline; says of what a replay is.
    ///
    /// # Errors
    /// Why it can't be written, in words.
    pub fn finish(&self, pipeline: &str, args: &PlanArgs, io: &mut Io<'_>) -> Result<(), String> {
        match self {
            Self::None => Ok(()),
            Self::Read(recording) => {
                let Head { as_of, settings, .. } = &recording.head;
                let set = std::iter::once(as_of).chain(settings).map(String::as_str).collect::<Vec<_>>().join(", ");
                let folder = args.replay.as_deref().unwrap_or(Path::new("")).display();
                let _ = writeln!(io.err, "replayed from {folder}, as of {set}");
                Ok(())
            }
            Self::Made(recorder) => {
                let head = Head::new(pipeline, args.window_args.as_of_text(io.now), args.window_args.settings_text());
                let folder = args.record.as_deref().unwrap_or(Path::new("")).display();
                recorder.finish(head).map_err(|error| {
                    format!("nothing was changed, and nothing is recorded in {folder}: {}", not_recorded(&error))
                })
            }
        }
    }
}

fn not_recorded(error: &NotRecorded) -> String {
    match error {
        NotRecorded::NotEmpty => "there is something in it; a recording is made in a new folder".to_owned(),
        NotRecorded::Io(error) => error.to_string(),
    }
}

fn no_recording(error: &NoRecording) -> String {
    match error {
        NoRecording::Unfinished => {
            "it is no recording, or one that was not finished: it has no `recording.json`".to_owned()
        }
        NoRecording::Io(error) => error.to_string(),
        NoRecording::Damaged(error) => format!("its `recording.json` is damaged: {error}"),
        NoRecording::Format(format) => {
            format!("its form is {format}, of another version of cpl: record the run again")
        }
    }
}
