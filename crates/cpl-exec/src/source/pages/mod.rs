//! Parquet read page by page, for groups: texts stay numbers of the file's dictionary, a value that many rows share is
//! checked and converted once, and no more than some pages of a file are held. The engine's own reader makes whole row
//! groups of all rows' values. It reads what is not read here: nested columns, files of a store, rarer types and encodings.

mod column;
mod values;

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    ops::{ControlFlow, Range},
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use cpl_source::FileAt;
use polars::prelude as pl;
use polars_buffer::Buffer;
use polars_parquet::{
    parquet::metadata::{ColumnChunkMetadata, FileMetadata},
    read::read_metadata,
};

use super::{chunk::Chunk, dictionary::Dictionary, parquet::ParquetFile};
use crate::engine::catch_panic;
use column::ColumnReader;

/// Rows that a thread reads before it takes others: a row group of a hundred million is nobody's alone.
const RUN_ROWS: usize = 1 << 20;
/// Chunks that wait to be taken, for each thread.
const WAITING: usize = 2;

/// Why pages could not be read: what is wrong is found by the engine's reader, which reads the files then.
#[derive(Clone, Copy, Debug)]
pub struct NotRead;

/// Files whose needed columns can be read page by page.
pub struct PagedFiles<'f> {
    files: Vec<PagedFile<'f>>,
    /// The columns that may stay numbers.
    dictionary: &'f [String],
}

struct PagedFile<'f> {
    file: &'f ParquetFile,
    path: PathBuf,
    metadata: FileMetadata,
}

impl<'f> PagedFiles<'f> {
    /// None where one of them must be read by the engine.
    pub fn of(files: &'f [ParquetFile], dictionary: &'f [String]) -> Option<Self> {
        let files = files.iter().map(PagedFile::of).collect::<Option<Vec<_>>>()?;
        Some(Self { files, dictionary })
    }

    /// Hands out the rows in chunks of about so many, in any order.
    ///
    /// # Errors
    /// Where something can't be read, or a value does not fit; or what the sink gives.
    pub fn read<E>(&self, rows: usize, mut sink: impl FnMut(Chunk) -> Result<(), E>) -> Result<Result<(), E>, NotRead> {
        let runs = Mutex::new(self.runs().into_iter());
        let threads = rayon::current_num_threads();
        let (to_sink, chunks) = sync_channel(threads * WAITING);
        thread::scope(|scope| {
            for _ in 0..threads {
                let (to_sink, runs) = (to_sink.clone(), &runs);
                scope.spawn(move || self.work(runs, &to_sink, rows));
            }
            drop(to_sink);
            // Who reads notices that nobody takes any more.
            for chunk in chunks {
                if let Err(error) = sink(chunk?) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })
    }

    fn work(&self, runs: &Mutex<impl Iterator<Item = Run>>, to_sink: &SyncSender<Result<Chunk, NotRead>>, rows: usize) {
        loop {
            let next = runs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(run) = next else { return };
            let read = catch_panic(|| self.read_run(&run, rows, to_sink));
            match read {
                Ok(Ok(ControlFlow::Continue(()))) => {}
                Ok(Ok(ControlFlow::Break(()))) => return,
                Ok(Err(NotRead)) | Err(_) => {
                    let _ = to_sink.send(Err(NotRead));
                    return;
                }
            }
        }
    }

    /// What is read by one thread at a time.
    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for (file, paged) in self.files.iter().enumerate() {
            for (group, of_group) in paged.metadata.row_groups.iter().enumerate() {
                let bytes = Arc::new(OnceLock::new());
                let count = of_group.num_rows().div_ceil(RUN_ROWS).max(1);
                let length = of_group.num_rows().div_ceil(count);
                for start in (0..of_group.num_rows()).step_by(length.max(1)) {
                    let end = (start + length).min(of_group.num_rows());
                    runs.push(Run { file, group, rows: start..end, bytes: Arc::clone(&bytes) });
                }
            }
        }
        runs
    }

    fn read_run(
        &self,
        run: &Run,
        rows: usize,
        to_sink: &SyncSender<Result<Chunk, NotRead>>,
    ) -> Result<ControlFlow<()>, NotRead> {
        let paged = &self.files[run.file];
        let bytes = run.bytes.get_or_init(|| paged.bytes_of(run.group)).as_ref().map_err(|error| *error)?;
        let mut readers = Vec::new();
        for ((chunk, bytes), (declared, cast)) in paged.chunks(run.group).zip(bytes).zip(paged.file.casts()) {
            let stored = paged.file.schema.get(&declared.header).ok_or(NotRead)?;
            let is_word = self.dictionary.contains(&declared.name);
            let (chunk, skip) = (chunk.ok_or(NotRead)?, run.rows.start);
            readers.push(ColumnReader::new(bytes.clone(), chunk, (stored, is_word), (declared, cast), skip)?);
        }
        let mut left = run.rows.len();
        while left > 0 {
            let mut most = left.min(rows.max(1));
            for reader in &mut readers {
                most = most.min(reader.fill(most)?);
            }
            if most == 0 {
                return Err(NotRead);
            }
            let mut dictionary = Dictionary::default();
            let read = readers.iter_mut().map(|reader| reader.take(most, &mut dictionary));
            let mut read = read.collect::<Result<Vec<_>, _>>()?.into_iter();
            let columns = paged.file.in_order(most, || read.next().unwrap_or_default());
            let rows = pl::DataFrame::new(most, columns).map_err(|_| NotRead)?;
            if to_sink.send(Ok(Chunk { rows, dictionary })).is_err() {
                return Ok(ControlFlow::Break(()));
            }
            left -= most;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Rows of a row group.
struct Run {
    file: usize,
    group: usize,
    rows: Range<usize>,
    /// The bytes of each needed column: read by the first run of the group, and let go with its last.
    bytes: Arc<OnceLock<Result<Vec<Buffer<u8>>, NotRead>>>,
}

impl<'f> PagedFile<'f> {
    fn of(file: &'f ParquetFile) -> Option<Self> {
        let FileAt::Disk(path) = &file.file.at else { return None };
        let metadata = catch_panic(|| read_metadata(&mut File::open(path).ok()?).ok()).ok()??;
        let paged = Self { file, path: path.clone(), metadata };
        // Where no column is read, the engine counts rows without reading any.
        if file.casts().next().is_none() {
            return None;
        }
        let is_read = |group| {
            paged.chunks(group).zip(file.casts()).all(|(chunk, (column, cast))| {
                let stored = file.schema.get(&column.header);
                !cast.is_nested() && chunk.zip(stored).is_some_and(|(chunk, stored)| values::is_read(chunk, stored))
            })
        };
        (0..paged.metadata.row_groups.len()).all(is_read).then_some(paged)
    }

    /// The needed columns of a row group; none where one is nested.
    fn chunks(&self, group: usize) -> impl Iterator<Item = Option<&ColumnChunkMetadata>> {
        self.file.casts().map(move |(column, _)| {
            let mut found = self.metadata.row_groups[group].columns_under_root_iter(&column.header)?;
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// Reads the needed columns of a row group.
    fn bytes_of(&self, group: usize) -> Result<Vec<Buffer<u8>>, NotRead> {
        let mut file = File::open(&self.path).map_err(|_| NotRead)?;
        let read = self.chunks(group).map(|chunk| {
            let range = chunk?.byte_range();
            let mut bytes = vec![0; usize::try_from(range.end.checked_sub(range.start)?).ok()?];
            file.seek(SeekFrom::Start(range.start)).ok()?;
            file.read_exact(&mut bytes).ok()?;
            Some(Buffer::from(bytes))
        });
        read.collect::<Option<_>>().ok_or(NotRead)
    }
}
