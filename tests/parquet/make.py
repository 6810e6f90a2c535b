"""The Parquet files of the suite's pages that `cpl show --format parquet` can't write: pip install pyarrow==26.0.1."""

from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent


def write(name: str, columns: dict[str, tuple[pa.DataType, list]]) -> None:
    arrays = [pa.array(values, kind) for kind, values in columns.values()]
    # Without the schema of Arrow, as most tools write it: what is a map is known from Parquet's own types.
    pq.write_table(pa.table(arrays, list(columns)), HERE / name, store_schema=False, compression="none")


def moment(hour: int) -> datetime:
    return datetime(2026, 11, 19, hour, 30, tzinfo=timezone.utc)


record = pa.struct(
    {
        "color": pa.string(),
        "id": pa.int64(),
        "price": pa.decimal128(12, 2),
        "shipped": pa.date32(),
        "made at": pa.timestamp("us", tz="UTC"),
        "size": pa.struct({"w": pa.int32(), "h": pa.int32()}),
    }
)
item = pa.struct({"sku": pa.string(), "worth": pa.float64()})
pair = pa.struct({"key": pa.string(), "value": pa.int64()})


def thing(color: str | None, number: int, price: str, day: int, size: tuple[int, int] | None) -> dict:
    return {
        "color": color,
        "id": number,
        "price": Decimal(price),
        "shipped": date(2026, 11, day),
        "made at": moment(day),
        "size": size and {"w": size[0], "h": size[1]},
    }


write(
    "nested.parquet",
    {
        "n": (pa.int32(), [1, 2, 3, 4]),
        "thing": (
            record,
            [
                thing("red", 9_007_199_254_740_993, "12.50", 16, (3, 4)),
                None,
                thing(None, 12, "0.10", 17, None),
                thing("it's", 13, "-7.00", 18, (5, 6)),
            ],
        ),
        "tags": (pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b c", 2)], [], None, [("a", None)]]),
        "years": (pa.map_(pa.int32(), pa.string()), [[(2025, "x"), (2026, "y")], None, [], [(2026, "z")]]),
        "items": (
            pa.list_(item),
            [[{"sku": "s1", "worth": 0.5}, {"sku": "s2", "worth": 1.25}], [], None, [{"sku": None, "worth": 2.0}]],
        ),
        "pairs": (pa.list_(pair), [[{"key": "k", "value": 1}], [{"key": "k", "value": 2}, {"key": "k", "value": 3}], [], None]),
    },
)
write("twice.parquet", {"n": (pa.int32(), [1, 2]), "tags": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [("a", 1), ("a", 2)]])})
write("amounts.parquet", {"spend": (pa.string(), ["$1.2345678", "-$0.00000051", "5"]), "of": (pa.struct({"a": pa.float64()}), [{"a": 0.12345678}, {"a": 1.0}, {"a": 2.0}])})

# Groups: a dictionary that overflows into plain pages, short pages, several row groups, missing values in a row.
rows = range(3_000)
table = pa.table(
    {
        "day": pa.array([date(2026, 11, 1 + row // 200) for row in rows]),
        "channel": pa.array([None if row % 50 == 7 else ("", "google", "meta")[row % 3] for row in rows]),
        "campaign": pa.array([f"campaign {row % 700}" for row in rows]),
        "spend": pa.array([Decimal(row * 7_919 % 100_003 - 500) / 100 for row in rows], pa.decimal128(9, 2)),
        "clicks": pa.array([None if row == 2_345 else row % 11 for row in rows], pa.int32()),
    }
)
pq.write_table(
    table,
    HERE / "groups.parquet",
    row_group_size=1_100,
    data_page_size=512,
    dictionary_pagesize_limit=4_096,
    data_page_version="2.0",
    compression="snappy",
    store_decimal_as_integer=True,
)

# Moments that Arrow's own schema, which is kept here, has in nanoseconds, and Parquet in milliseconds.
moments = pa.table(
    {
        "channel": pa.array(["google", "meta"]),
        "at": pa.array([moment(5), moment(17)], pa.timestamp("us", tz="UTC")).cast(pa.timestamp("ns", tz="UTC")),
    }
)
pq.write_table(moments, HERE / "moments.parquet", coerce_timestamps="ms", compression="none")
