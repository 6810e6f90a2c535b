#!/usr/bin/env python3
"""Times `cpl run` on ten million rows, as CSV and as Parquet, against the same query elsewhere.

    just bench                (cargo, and from PyPI: polars, duckdb)

Prints, for each command, its best time of five, the ratio to the hand-written query, and its peak memory.
The commands take turns, so that all meet the same machine.
"""

import os
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "bench"
ROWS = int(os.environ.get("ROWS", 10_000_000))
TURNS = 5

PIPELINE = """pipeline bench { retire 2099-01-01 }
fetch ads from %s { columns { channel: text, spend: money, clicks: count } }
transform channels from ads { group by channel { spend = sum(spend), clicks = sum(clicks), rows = count() } }
alert spent for each channel in channels { when spend > $1 }
"""
POLARS = """import polars as pl
rows = pl.scan_%s('%s')%s
print(rows.group_by('channel').agg(pl.col('spend').sum(), pl.col('clicks').sum(), pl.len()).collect(engine='streaming').height)
"""
DUCKDB = """import duckdb
q = "select channel, sum(spend::decimal(18, 6)), sum(clicks), count(*) from read_%s('%s') group by 1"
print(len(duckdb.sql(q).fetchall()))
"""


def make_data():
    """Seeded: the same rows each time."""
    WORK.mkdir(parents=True, exist_ok=True)
    csv, parquet = WORK / f"rows-{ROWS}.csv", WORK / f"rows-{ROWS}.parquet"
    if not parquet.exists():
        import polars

        numbers = random.Random(1)
        channels = ["google", "meta", "tiktok", "linkedin", "bing", "reddit"]
        with open(csv, "w") as file:
            file.write("day,channel,campaign,spend,clicks,note\n")
            for row in range(ROWS):
                day = f"2026-{1 + row % 9:02d}-{1 + row % 28:02d}"
                spend = numbers.randrange(100_000) / 100
                file.write(f"{day},{channels[numbers.randrange(6)]},c{row % 500},{spend:.2f},{numbers.randrange(200)},x{row}\n")
        money = polars.col("spend").cast(polars.Decimal(38, 6))
        polars.scan_csv(csv, try_parse_dates=True).with_columns(money).sink_parquet(parquet)
    return csv, parquet


def commands(kind, path):
    pipeline = WORK / f"{kind}.cpl"
    pipeline.write_text(PIPELINE % f'{kind}("{path.name}")')
    cast = ".with_columns(pl.col('spend').cast(pl.Decimal(38, 6)))" if kind == "csv" else ""
    release = ROOT / "target" / "release"
    return {
        "by hand, Rust polars": [str(release / "examples" / "by_hand"), str(path)],
        "cpl run": [str(release / "cpl"), "run", str(pipeline)],
        "Python polars": [sys.executable, "-c", POLARS % (kind, path, cast)],
        "DuckDB": [sys.executable, "-c", DUCKDB % (kind, path)],
    }


def timed(command):
    """Seconds and peak memory in MiB of one call."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"failed: {command}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main():
    build = ["cargo", "build", "--release", "-p", "cpl-cli", "-p", "cpl-exec", "--bin", "cpl", "--example", "by_hand"]
    subprocess.run(build, cwd=ROOT, check=True)
    for kind, path in zip(("csv", "parquet"), make_data()):
        calls = commands(kind, path)
        seen = {name: [] for name in calls}
        for _ in range(TURNS):
            for name, command in calls.items():
                seen[name].append(timed(command))
        hand = min(seconds for seconds, _ in seen["by hand, Rust polars"])
        print(f"\n{kind}: {ROWS:,} rows, {path.stat().st_size / 2**20:.0f} MiB")
        for name, runs in seen.items():
            seconds, peak = min(s for s, _ in runs), max(m for _, m in runs)
            print(f"  {name:<22} {seconds:6.2f} s  {seconds / hand:5.2f} ×  {peak:6.0f} MiB peak")
            print(f"    {' '.join(calls[name]).splitlines()[0]}")
    check = [str(ROOT / "target/release/cpl"), "check", str(ROOT / "pipelines/cac_efficiency/main.cpl")]
    times = sorted(timed(check)[0] * 1000 for _ in range(50))
    print(f"\ncheck of the longest pipeline, with process start: median {times[25]:.1f} ms\n    {' '.join(check)}")


if __name__ == "__main__":
    main()
