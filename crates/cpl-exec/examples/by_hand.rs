//! The bench's queries by hand in the engine: what `cpl run` is held against (`just bench`).

use polars::prelude::{
    AsOfOptions, AsofStrategy, ClosedWindow, DataFrame, DataType, Duration, Engine, JoinArgs, JoinType, LazyCsvReader,
    LazyFileListReader, LazyFrame, PlRefPath, PolarsResult, RollingGroupOptions, ScanArgsParquet, SortMultipleOptions,
    col, len, polars_bail,
};

fn main() -> PolarsResult<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let path = args.get(1).map_or("", String::as_str);
    let frame = match args.first().map(String::as_str) {
        Some("channel") => by_channel(path, true)?,
        Some("channel-floats") => by_channel(path, false)?,
        Some("groups") => groups(path, &args[2], &args[3])?,
        Some("joins") => joins()?,
        Some("windows") => windows()?,
        Some("touches") => touches()?,
        _ => polars_bail!(ComputeError: "which case?"),
    };
    println!("{} rows", frame.height());
    Ok(())
}

fn parquet(path: &str) -> PolarsResult<LazyFrame> {
    LazyFrame::scan_parquet(PlRefPath::new(path), ScanArgsParquet::default())
}

fn sorted(path: &str, by: &[&str]) -> PolarsResult<LazyFrame> {
    Ok(parquet(path)?.sort(by.to_vec(), SortMultipleOptions::default()))
}

fn one(frame: LazyFrame) -> PolarsResult<DataFrame> {
    Ok(frame.collect_with_engine(Engine::Streaming)?.unwrap_single())
}

fn by_channel(path: &str, decimals: bool) -> PolarsResult<DataFrame> {
    let csv = path.ends_with("csv");
    let rows = if csv { LazyCsvReader::new(PlRefPath::new(path)).finish()? } else { parquet(path)? };
    let money = col("spend").cast(DataType::Decimal(38, 6));
    let rows = if csv && decimals { rows.with_columns([money]) } else { rows };
    one(rows.group_by([col("channel")]).agg([col("spend").sum(), col("clicks").sum(), len()]))
}

/// Sums by keys, `day,campaign`; where there is another, the groups are grouped by it once more.
fn groups(path: &str, keys: &str, then: &str) -> PolarsResult<DataFrame> {
    let csv = path.ends_with("csv");
    let reader = LazyCsvReader::new(PlRefPath::new(path)).with_try_parse_dates(true);
    let rows = if csv { reader.finish()? } else { parquet(path)? };
    let money = col("spend").cast(DataType::Decimal(38, 6));
    let rows = if csv { rows.with_columns([money]) } else { rows };
    let keys: Vec<_> = keys.split(',').map(col).collect();
    let sums = [col("spend").sum(), col("clicks").sum()];
    let groups = rows.group_by(keys).agg([sums.as_slice(), &[len().alias("rows")]].concat());
    if then.is_empty() {
        return one(groups);
    }
    one(groups.group_by([col(then)]).agg([sums.as_slice(), &[col("rows").sum()]].concat()))
}

fn joins() -> PolarsResult<DataFrame> {
    let mut rows = parquet("facts.parquet")?;
    let mut sums = vec![col("spend").sum()];
    for name in ["a", "b", "c", "d", "e"] {
        let right = parquet(&format!("of_{name}.parquet"))?;
        rows = rows.join(right, [col(name)], [col("k")], JoinArgs::new(JoinType::Left));
        sums.push(col(format!("v{name}")).sum());
    }
    one(rows.select(sums))
}

fn windows() -> PolarsResult<DataFrame> {
    let window = RollingGroupOptions {
        index_column: "day".into(),
        period: Duration::parse("28d"),
        offset: Duration::parse("-28d"),
        closed_window: ClosedWindow::Right,
    };
    let rows = sorted("series.parquet", &["series", "day"])?;
    let looked = rows.rolling(col("day"), [col("series")], window).agg([col("spend").sum(), col("clicks").mean()]);
    one(looked.select([col("spend").max(), col("clicks").max()]))
}

fn touches() -> PolarsResult<DataFrame> {
    let (clicks, orders) = (sorted("clicks.parquet", &["clicked"])?, sorted("orders.parquet", &["sold"])?);
    let newest = AsOfOptions {
        strategy: AsofStrategy::Backward,
        tolerance_str: Some("7d".into()),
        left_by: Some(vec!["who".into()]),
        right_by: Some(vec!["who".into()]),
        allow_eq: true,
        ..Default::default()
    };
    let how = JoinArgs::new(JoinType::AsOf(Box::new(newest)));
    let joined = orders.join(clicks, [col("sold")], [col("clicked")], how);
    one(joined.group_by([col("campaign")]).agg([col("amount").sum(), len()]))
}
