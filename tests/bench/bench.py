#!/usr/bin/env python3
"""Times `cpl run` against the same queries by hand in Rust polars, in Python polars, in DuckDB and in pandas.

    just bench                (cargo, and from PyPI: polars, duckdb, pandas, pyarrow, dlt[duckdb])
    just bench joins windows  (some of the cases)
    just bench scale          (fifty million rows: what each further ten million cost; 4 GB of files)

Prints, for each command, its best time of five, the ratio to the hand-written query (of JSON and of servers: to the fastest
peer), and its peak memory.
The commands take turns, so that all meet the same machine. ROWS says how many rows the two large files have.
"""

import os
import pathlib
import subprocess
import sys
import time

import cases
import scale

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "bench"
RELEASE = ROOT / "target" / "release"
TURNS = 5
HEAD = "pipeline bench { retire 2099-01-01 }\n"


def commands(case):
    """Each peer's command; all of them run in the folder of the data."""
    pipeline = WORK / f"{case.name}.cpl"
    pipeline.write_text(HEAD + case.pipeline)
    calls = {}
    # The engine is built without its reader of JSON.
    if case.by_hand:
        calls["by hand, Rust polars"] = [str(RELEASE / "examples" / "by_hand"), *case.by_hand]
    calls["cpl run"] = [str(RELEASE / "cpl"), "run", pipeline.name]
    peers = {
        "Python polars": case.polars,
        "DuckDB": case.duckdb,
        "pandas": case.pandas,
        "dlt, iteration alone": case.dlt,
        "dlt, run into DuckDB": case.dlt_run,
    }
    for name, code in peers.items():
        if code:
            calls[name] = [sys.executable, "-c", code]
    return calls


def timed(command, right=(0,)):
    """Seconds and peak memory in MiB of one call."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=WORK)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in right:
        sys.exit(f"failed: {command}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def compare(case):
    if not case.server:
        return measure(case)
    script, *rest = case.server
    command = [sys.executable, str(pathlib.Path(__file__).with_name(script)), *rest]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        try:
            measure(case)
        finally:
            server.terminate()


def measure(case):
    calls = commands(case)
    seen = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, command in calls.items():
            seen[name].append(timed(command))
    # Where nothing is written by hand, the fastest peer is what is measured against.
    peers = [name for name in seen if name != "cpl run"]
    hand = min(seconds for name in peers[: 1 if case.by_hand else None] for seconds, _ in seen[name])
    print(f"\n{case.name}: {case.told}")
    for name, runs in seen.items():
        seconds, peak = min(s for s, _ in runs), max(m for _, m in runs)
        print(f"  {name:<22} {seconds:6.2f} s  {seconds / hand:5.2f} ×  {peak:6.0f} MiB peak")
        print(f"    {' '.join(calls[name]).splitlines()[0]}")


def shortest():
    """What a call costs at the least: a check, and a run over a hundred rows."""
    (WORK / "short.cpl").write_text(HEAD + cases.short(WORK))
    check = [str(RELEASE / "cpl"), "check", str(ROOT / "pipelines/cac_efficiency/main.cpl")]
    run = [str(RELEASE / "cpl"), "run", "short.cpl"]
    for told, command in (("check of the longest pipeline", check), ("run over a hundred rows", run)):
        times = sorted(timed(command)[0] * 1000 for _ in range(50))
        print(f"\n{told}, with process start: median {times[25]:.1f} ms\n    {' '.join(command)}")


def front():
    """What checking many pipelines, and large ones, costs."""
    many = WORK / "many"
    many.mkdir(exist_ok=True)
    text = (ROOT / "pipelines/cac_efficiency/main.cpl").read_text().split("\ntest ")[0]
    for at in range(1000):
        (many / f"{at:03}.cpl").write_text(text)
    cpl = str(RELEASE / "cpl")
    seconds, peak = min(timed([cpl, "check", "many"]) for _ in range(TURNS))
    print(f"\ncheck of 1,000 pipelines of {len(text.splitlines())} lines: {seconds:.2f} s, {peak:.0f} MiB peak\n    {cpl} check many")
    print("\nlarge pipelines: items, bytes, check, check of one with a mistake in each hundredth item, fmt")
    for items in (1_250, 2_500, 5_000, 10_000):
        right, wrong = WORK / f"items-{items}.cpl", WORK / f"wrong-{items}.cpl"
        right.write_text(cases.large(items, mistakes=False))
        wrong.write_text(cases.large(items, mistakes=True))
        calls = ([cpl, "check", right.name], [cpl, "check", wrong.name], [cpl, "fmt", "--diff", right.name])
        runs = [min(timed(call, (0, 1)) for _ in range(TURNS)) for call in calls]
        told = "  ".join(f"{seconds:5.2f} s {peak:4.0f} MiB" for seconds, peak in runs)
        print(f"  {items:6,}  {right.stat().st_size:8,}  {told}")
    print("\nthe densest pipelines that are read, of 315,000 words and signs: bytes, check")
    for name, text in cases.dense(315_000):
        path = WORK / f"dense-{name}.cpl"
        path.write_text(text)
        seconds, peak = min(timed([cpl, "check", path.name], (0, 1)) for _ in range(TURNS))
        print(f"  {name:<10}  {path.stat().st_size:9,}  {seconds:5.2f} s {peak:4.0f} MiB")


def main():
    if sys.argv[1:2] == ["--make"]:
        if sys.argv[2] == "scale":
            scale.make(WORK, scale.FEW)
            return scale.make(WORK, scale.MANY)
        return next(case for case in cases.all_cases(WORK) if case.name == sys.argv[2]).make()
    build = ["cargo", "build", "--release", "-p", "cpl-cli", "-p", "cpl-exec", "--bin", "cpl", "--example", "by_hand"]
    subprocess.run(build, cwd=ROOT, check=True)
    WORK.mkdir(parents=True, exist_ok=True)
    for case in cases.all_cases(WORK):
        if not sys.argv[1:] or case.name in sys.argv[1:]:
            # Made elsewhere: a child's peak memory counts what its parent held when it began.
            subprocess.run([sys.executable, __file__, "--make", case.name], check=True)
            compare(case)
    if not sys.argv[1:] or "scale" in sys.argv[1:]:
        subprocess.run([sys.executable, __file__, "--make", "scale"], check=True)
        scale.measure(WORK, RELEASE, timed, TURNS)
    shortest()
    front()


if __name__ == "__main__":
    main()
