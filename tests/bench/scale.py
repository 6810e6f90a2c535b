"""What each further ten million rows cost: the same query over ten and over fifty million rows, by cpl and by its peers.

A total counts a peer's start; the difference of two totals does not.
"""

import dataclasses
import datetime
import sys

FEW, MANY = 10_000_000, 50_000_000
# Rows of a row group, from what streams write to what warehouses export.
ROW_GROUPS = [100_000, 1_000_000, 10_000_000]
CHANNELS = ["google", "meta", "tiktok", "linkedin", "bing", "reddit", "x", "pinterest", "snapchat", "amazon", "criteo", "taboola"]
DAYS, CAMPAIGNS = 365, 5_000
PART = 10_000_000


def make(work, rows):
    """Random rows of a year, as CSV and as Parquet in several sizes of row groups."""
    if (work / f"scale-{rows}.done").exists():
        return
    import numpy
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    numbers = numpy.random.default_rng(20)
    start = datetime.date(2025, 11, 20)
    texts = {
        "day": pa.array([start + datetime.timedelta(days=day) for day in range(DAYS)]),
        "channel": pa.array(CHANNELS),
        "campaign": pa.array([f"c{campaign}" for campaign in range(CAMPAIGNS)]),
    }
    types = {name: values.type for name, values in texts.items()} | {"spend": pa.decimal128(18, 2), "clicks": pa.int64()}
    schema = pa.schema(list(types.items()))
    options = {"compression": "zstd", "store_decimal_as_integer": True}
    writers = {
        size: pa.parquet.ParquetWriter(work / f"scale-{rows}-{size}.parquet", schema, **options) for size in ROW_GROUPS
    }
    with open(work / f"scale-{rows}.csv", "wb") as file:
        file.write(b"day,channel,campaign,spend,clicks\n")
        plain = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        with pa.csv.CSVWriter(file, schema, write_options=plain) as csv:
            for _ in range(rows // PART):
                picked = {
                    name: values.take(pa.array(numbers.integers(0, len(values), PART))) for name, values in texts.items()
                }
                cents = pa.array(numbers.integers(0, 100_000, PART)).cast(pa.decimal128(19, 0))
                spend = pa.Array.from_buffers(pa.decimal128(18, 2), PART, cents.buffers())
                clicks = pa.array(numbers.integers(0, 200, PART))
                table = pa.table([*picked.values(), spend, clicks], schema=schema)
                csv.write_table(table)
                for size, writer in writers.items():
                    writer.write_table(table, row_group_size=size)
    for writer in writers.values():
        writer.close()
    (work / f"scale-{rows}.done").touch()


HEAD = "pipeline bench { retire 2099-01-01 }\n"
FETCH = 'fetch ads from {kind}("{path}") {{ columns {{ {columns} spend: money, clicks: count }} }}\n'
GROUP = "transform {name} from {of} {{ group by {keys} {{ spend = sum(spend), clicks = sum(clicks), rows = {rows} }} }}\n"
ALERT = "alert spent for each {key} in {of} {{ when spend > $1000000000000 and clicks > 0 and rows > 0 }}\n"
TYPES = {"day": "date", "channel": "text", "campaign": "text"}

POLARS = """import polars as pl
rows = pl.scan_{kind}('{path}'{dates}){cast}
found = rows.group_by({keys}).agg(pl.col('spend').sum(), pl.col('clicks').sum(), pl.len().alias('rows'))
{then}print(found.collect(engine='streaming').height)
"""
POLARS_THEN = "found = found.group_by('{last}').agg(pl.col('spend').sum(), pl.col('clicks').sum(), pl.col('rows').sum())\n"
DUCKDB = """import duckdb
q = "select {keys}, sum({spend}) as spend, sum(clicks) as clicks, count(*) as n from read_{kind}('{path}') group by {keys}"
{then}print(len(duckdb.sql(q).fetchall()))
"""
DUCKDB_THEN = 'q = f"select {last}, sum(spend), sum(clicks), sum(n) from ({{q}}) group by {last}"\n'


@dataclasses.dataclass
class Scale:
    """One query; where there are `then` keys, its groups are grouped once more."""

    keys: list
    kind: str
    row_group: int = 0
    then: str = ""

    @property
    def told(self):
        then = f", then by {self.then}" if self.then else ""
        size = f", row groups of {self.row_group:,}" if self.row_group else ""
        return f"by {' and '.join(self.keys)}{then}: {self.kind}{size}"

    def path(self, rows):
        return f"scale-{rows}-{self.row_group}.parquet" if self.row_group else f"scale-{rows}.csv"

    def commands(self, work, release, rows):
        """Each peer's command over that many rows."""
        path, last = self.path(rows), self.keys[-1]
        columns = "".join(f"{key}: {TYPES[key]}, " for key in self.keys)
        text = HEAD + FETCH.format(kind=self.kind, path=path, columns=columns)
        text += GROUP.format(name="groups", of="ads", keys=", ".join(self.keys), rows="count()")
        if self.then:
            text += GROUP.format(name="again", of="groups", keys=self.then, rows="sum(rows)")
        text += ALERT.format(key=self.then or last, of="again" if self.then else "groups")
        pipeline = work / f"{path}-{'-'.join(self.keys)}.cpl"
        pipeline.write_text(text)
        is_csv = self.kind == "csv"
        polars = POLARS.format(
            kind=self.kind,
            path=path,
            keys=self.keys,
            dates=", try_parse_dates=True" if is_csv else "",
            cast=".with_columns(pl.col('spend').cast(pl.Decimal(38, 6)))" if is_csv else "",
            then=POLARS_THEN.format(last=self.then) if self.then else "",
        )
        duckdb = DUCKDB.format(
            kind=self.kind,
            path=path,
            keys=", ".join(self.keys),
            spend="spend::decimal(18, 6)" if is_csv else "spend",
            then=DUCKDB_THEN.format(last=self.then) if self.then else "",
        )
        return {
            "by hand, Rust polars": [str(release / "examples" / "by_hand"), "groups", path, ",".join(self.keys), self.then],
            "cpl run": [str(release / "cpl"), "run", pipeline.name],
            "Python polars": [sys.executable, "-c", polars],
            "DuckDB": [sys.executable, "-c", duckdb],
        }


def all_scales():
    kinds = [("parquet", size) for size in ROW_GROUPS] + [("csv", 0)]
    return [
        Scale(keys, kind, row_group, then)
        for keys, then in ((["channel"], ""), (["day", "channel"], ""), (["campaign"], ""), (["day", "campaign"], "campaign"))
        for kind, row_group in kinds
    ]


def measure(work, release, timed, turns):
    """Prints totals, peaks, and what each further ten million rows cost."""
    for scale in all_scales():
        calls = {rows: scale.commands(work, release, rows) for rows in (FEW, MANY)}
        seen = {}
        for _ in range(turns):
            for rows, commands in calls.items():
                for name, command in commands.items():
                    seen.setdefault((name, rows), []).append(timed(command))
        print(f"\nscale, {scale.told}")
        costs = {}
        for name in calls[FEW]:
            few, many = (min(seconds for seconds, _ in seen[name, rows]) for rows in (FEW, MANY))
            costs[name] = (few, many, (many - few) / ((MANY - FEW) / 10_000_000))
        for name, (few, many, further) in costs.items():
            peak = max(peak for rows in (FEW, MANY) for _, peak in seen[name, rows])
            ratio = costs["cpl run"][2] / further
            print(
                f"  {name:<22} {few:6.2f} s, five times the rows {many:6.2f} s; each further 10,000,000 rows {further:6.3f} s,"
                f" cpl {ratio:5.2f} × that; {peak:6.0f} MiB peak"
            )
            print(f"    {' '.join(calls[MANY][name]).splitlines()[0]}")
