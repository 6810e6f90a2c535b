//! Parquet read page by page, for groups: texts stay indices of the file's dictionary, and a value of a dictionary is
//! checked and converted once for each part of a row group. A thread holds the packed bytes of the needed columns of one row group and the values of
//! some pages; the engine's own reader holds the values of whole row groups. The engine reads what is not read here:
//! nested columns, files of a store, rarer types and encodings, and every file in which something is wrong.

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
pub use values::NotRead;

/// Chunks that a thread reads in a row. Several threads share a large row group; each passes over the pages ahead of its
/// rows.
const RUN_CHUNKS: usize = 8;

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
    /// Where something can't be read, a value does not fit, or the sink fails. Which of several comes first depends on
    /// the threads: so it is not said.
    pub fn read<E>(&self, rows: usize, mut sink: impl FnMut(Chunk) -> Result<(), E>) -> Result<(), NotRead> {
        let most = rows.saturating_mul(RUN_CHUNKS);
        let threads = self.runs(most).take(rayon::current_num_threads()).count();
        let runs = Mutex::new(self.runs(most));
        let (to_sink, chunks) = sync_channel(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                let (to_sink, runs) = (to_sink.clone(), &runs);
                scope.spawn(move || self.work(runs, &to_sink, rows));
            }
            drop(to_sink);
            // Whoever reads notices when nobody takes chunks any more.
            chunks.into_iter().try_for_each(|chunk| sink(chunk?).map_err(|_| NotRead))
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

    /// What is read by one thread at a time: so many rows of a row group at most. Not as a list: a damaged footer may
    /// promise any number of rows.
    fn runs(&self, most: usize) -> impl Iterator<Item = Run> {
        let groups = self.files.iter().enumerate().flat_map(|(file, paged)| {
            paged
                .metadata
                .row_groups
                .iter()
                .enumerate()
                .map(move |(group, of_group)| (file, group, of_group.num_rows()))
        });
        groups.flat_map(move |(file, group, rows)| {
            let length = rows.div_ceil(rows.div_ceil(most.max(1)).max(1)).max(1);
            let bytes = Arc::new(OnceLock::new());
            (0..rows).step_by(length).map(move |start| {
                let end = rows.min(start.saturating_add(length));
                Run { file, group, rows: start..end, bytes: Arc::clone(&bytes) }
            })
        })
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
            let chunk = chunk.ok_or(NotRead)?;
            let rows = paged.metadata.row_groups[run.group].num_rows();
            let reader = ColumnReader::new(bytes.clone(), chunk, (stored, is_word), (declared, cast), rows)?;
            readers.push(reader.starting_at(run.rows.start));
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
        file.casts().next()?;
        let is_read = |group| {
            paged.chunks(group).zip(file.casts()).all(|(chunk, (column, cast))| {
                let stored = file.schema.get(&column.header);
                !cast.is_nested() && chunk.zip(stored).is_some_and(|(chunk, stored)| values::is_read(chunk, stored))
            })
        };
        (0..paged.metadata.row_groups.len()).all(is_read).then_some(paged)
    }

    /// The needed columns of a row group; none where one has not a value, or none, for each row, or ends behind the file.
    fn chunks(&self, group: usize) -> impl Iterator<Item = Option<&ColumnChunkMetadata>> {
        let rows = self.metadata.row_groups[group].num_rows();
        self.file.casts().map(move |(column, _)| {
            let mut found = self.metadata.row_groups[group].columns_under_root_iter(&column.header)?;
            let chunk = found.next().filter(|_| found.next().is_none())?;
            let is_there = chunk.byte_range().end <= self.file.file.size();
            (is_there && usize::try_from(chunk.num_values()) == Ok(rows)).then_some(chunk)
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

#[cfg(test)]
mod tests {
    use cpl_check::{Setup, tree_to_program};
    use cpl_model::{
        clock::AsOf,
        program::{Fetch, TableSource},
    };
    use cpl_source::SourceFile;
    use polars::prelude::{
        Column, DataFrame, DataType, IntoColumn, NamedFrom, ParquetCompression, ParquetWriter, Series, TimeUnit,
    };
    use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};

    use super::*;
    use crate::source::parquet;

    const PIPELINE: &str = "pipeline p { retire 2027-01-01 }
        fetch a from parquet(\"a\") { columns {
            n: count, channel: text?, id: text?, spend: money?, cost: money?, share: number?, small: number?, day: date?
            at: datetime?, clicks: count?
        }  time day }";

    fn fetch() -> Fetch {
        let setup = Setup::at(AsOf::Date(jiff::civil::date(2026, 11, 20)));
        let checked = tree_to_program(PIPELINE, &cpl_syntax::parse(PIPELINE).0, setup);
        match checked.program.map(|program| program.tables[0].source.clone()) {
            Some(TableSource::Fetch(fetch)) => fetch,
            _ => panic!("{:?}", checked.diagnostics),
        }
    }

    /// Rows made of numbers; none stands for missing values.
    fn frame(numbers: &[Option<u16>]) -> pl::PolarsResult<DataFrame> {
        let whole = Series::new("".into(), numbers.iter().map(|n| n.map(i64::from)).collect::<Vec<_>>());
        let column = |name: &str, dtype: &DataType| -> pl::PolarsResult<Column> {
            Ok(whole.cast(dtype)?.with_name(name.into()).into_column())
        };
        let texts = |name: &str, of: fn(u16) -> String| {
            Series::new(name.into(), numbers.iter().map(|n| n.map(of)).collect::<Vec<_>>()).into_column()
        };
        let rows = i64::try_from(numbers.len()).unwrap_or_default();
        let columns = vec![
            Series::new("n".into(), (0..rows).collect::<Vec<_>>()).into_column(),
            texts("channel", |n| if n % 7 == 0 { String::new() } else { format!("channel {}", n % 5) }),
            texts("id", |n| "x".repeat(usize::from(n % 40)) + &n.to_string()),
            column("spend", &DataType::Decimal(18, 2))?,
            column("cost", &DataType::Decimal(38, 6))?,
            column("share", &DataType::Float64)?,
            column("small", &DataType::Float32)?,
            column("day", &DataType::Date)?,
            column("at", &DataType::Datetime(TimeUnit::Milliseconds, None))?,
            column("clicks", &DataType::Int32)?,
        ];
        DataFrame::new(numbers.len(), columns)
    }

    fn written(rows: &mut DataFrame, group: usize, page: usize, packed: ParquetCompression) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
        let writer = ParquetWriter::new(&file).with_compression(packed);
        let writer = writer.with_row_group_size(Some(group)).with_data_page_size(Some(page));
        writer.finish(rows).unwrap_or_else(|error| panic!("{error}"));
        file
    }

    /// The rows of all chunks, in the order of `n`, their texts in place.
    fn by_pages(file: &ParquetFile, dictionary: &[String], rows: usize) -> DataFrame {
        let files = std::slice::from_ref(file);
        let Some(paged) = PagedFiles::of(files, dictionary) else { panic!("it can be read by pages") };
        let mut all: Option<DataFrame> = None;
        let read = paged.read(rows, |chunk| {
            let chunk = chunk.dictionary.decode(chunk.rows)?;
            all = Some(match all.take() {
                Some(all) => all.vstack(&chunk)?,
                None => chunk,
            });
            pl::PolarsResult::Ok(())
        });
        assert!(read.is_ok(), "{read:?}");
        all.unwrap_or_default().sort(["n"], pl::SortMultipleOptions::default()).unwrap_or_default()
    }

    fn numbers() -> impl Strategy<Value = Vec<Option<u16>>> {
        let one = prop_oneof![4 => (0u16..12).prop_map(Some), 2 => any::<u16>().prop_map(Some), 1 => proptest::strategy::Just(None)];
        // Runs of the same value, which a page holds once.
        let some = (one, 1usize..20).prop_map(|(one, times)| vec![one; times]);
        proptest::collection::vec(some, 1..60).prop_map(|runs| runs.concat())
    }

    proptest! {
        /// Whatever the row groups, the pages and the chunks are, the rows are those that the engine reads.
        #[test]
        fn rows_are_those_of_the_engine(numbers in numbers(), group in 1usize..400, page in 16usize..2_000, chunk in 1usize..200, packed in any::<bool>()) {
            let packed = if packed { ParquetCompression::Zstd(None) } else { ParquetCompression::Uncompressed };
            let file = written(&mut frame(&numbers).unwrap_or_default(), group, page, packed);
            let (fetch, source) = (fetch(), SourceFile::on_disk("a.parquet".to_owned(), file.path().to_owned()));
            let opened = parquet::open(&source, &fetch.columns, None).unwrap_or_else(|problem| panic!("{problem:?}"));
            let by_pages = by_pages(&opened, &["channel".to_owned(), "id".to_owned()], chunk);
            let scanned = parquet::partitions(usize::MAX, &fetch, vec![opened], &fetch.columns);
            let Ok(scanned) = scanned else { panic!("it is not read before the plan runs") };
            let by_engine = scanned.partitions[0].clone().collect().unwrap_or_default();
            prop_assert!(by_engine.equals_missing(&by_pages), "{by_engine:?} {by_pages:?}");
        }
    }

    /// Bytes that are not what the footer promises are an error, and never other values.
    #[test]
    fn damage_is_an_error() {
        let numbers: Vec<Option<u16>> = (0..2_000).map(|n| Some(n % 97)).collect();
        let file = written(&mut frame(&numbers).unwrap_or_default(), 500, 1_000, ParquetCompression::Uncompressed);
        let (fetch, source) = (fetch(), SourceFile::on_disk("a.parquet".to_owned(), file.path().to_owned()));
        let opened = parquet::open(&source, &fetch.columns, None).unwrap_or_else(|problem| panic!("{problem:?}"));
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let (zeros, cut) =
            ([vec![0; bytes.len() / 2], bytes[bytes.len() / 2..].to_vec()].concat(), &bytes[..bytes.len() / 2]);
        let files = [opened];
        let Some(paged) = PagedFiles::of(&files, &[]) else { panic!("it can be read by pages") };
        for damaged in [zeros.as_slice(), cut] {
            std::fs::write(file.path(), damaged).unwrap_or_else(|error| panic!("{error}"));
            assert!(paged.read(100, |_| Ok::<(), ()>(())).is_err());
        }
    }

    proptest! {
        /// Whatever stands in a page's head or in the footer, it ends no process and takes no memory that the file has not.
        #[test]
        fn flipped_bytes_end_nothing(flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8)) {
            let numbers: Vec<Option<u16>> = (0..300).map(|n| Some(n % 97)).collect();
            let file = written(&mut frame(&numbers).unwrap_or_default(), 200, 500, ParquetCompression::Zstd(None));
            let (fetch, mut bytes) = (fetch(), std::fs::read(file.path()).unwrap_or_default());
            for (at, byte) in flips {
                *at.get_mut(&mut bytes) = byte;
            }
            std::fs::write(file.path(), bytes).unwrap_or_else(|error| panic!("{error}"));
            let source = SourceFile::on_disk("a.parquet".to_owned(), file.path().to_owned());
            let files: Vec<ParquetFile> = parquet::open(&source, &fetch.columns, None).into_iter().collect();
            if let Some(paged) = PagedFiles::of(&files, &[]) {
                let _ = paged.read(50, |_| Ok::<(), ()>(()));
            }
        }
    }

    /// Nobody reads on for a sink that failed.
    #[test]
    fn an_error_of_the_sink_ends_the_reading() {
        let numbers: Vec<Option<u16>> = (0..5_000).map(|n| Some(n % 97)).collect();
        let file = written(&mut frame(&numbers).unwrap_or_default(), 500, 1_000, ParquetCompression::Uncompressed);
        let (fetch, source) = (fetch(), SourceFile::on_disk("a.parquet".to_owned(), file.path().to_owned()));
        let files = [parquet::open(&source, &fetch.columns, None).unwrap_or_else(|problem| panic!("{problem:?}"))];
        let Some(paged) = PagedFiles::of(&files, &[]) else { panic!("it can be read by pages") };
        assert!(paged.read(10, |_| Err("enough")).is_err());
    }
}
