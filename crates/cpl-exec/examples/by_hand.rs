//! The bench's query by hand in the engine: what `cpl run` is held against (`just bench`).

use std::path::Path;

use polars::prelude::{DataType, Engine, LazyCsvReader, LazyFileListReader, LazyFrame, PlRefPath, col, len};

fn main() -> polars::prelude::PolarsResult<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "big.parquet".to_owned());
    let file = PlRefPath::new(path.as_str());
    let rows = if Path::new(&path).extension().is_some_and(|extension| extension == "csv") {
        LazyCsvReader::new(file).finish()?.with_columns([col("spend").cast(DataType::Decimal(38, 6))])
    } else {
        LazyFrame::scan_parquet(file, polars::prelude::ScanArgsParquet::default())?
    };
    let sums = [col("spend").sum(), col("clicks").sum(), len()];
    let frame = rows.group_by([col("channel")]).agg(sums).collect_with_engine(Engine::Streaming)?.unwrap_single();
    println!("{} channels", frame.height());
    Ok(())
}
