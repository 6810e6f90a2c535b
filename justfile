# Recipes call cargo; logic lives in Rust.

# What must hold before a commit: formatting, lints as errors, bans, docs, the light build.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check bans licenses sources
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    just light

# The light build has no engine in its tree.
light:
    ! cargo tree -p cpl-cli --no-default-features -e normal --prefix none | grep -q '^polars'
    cargo build -p cpl-cli --no-default-features --target-dir target/light

# All tests.
test:
    cargo test --workspace

# One case or page of the suite, by a part of its name.
test-one NAME:
    cargo test -p cpl-tests --test suite -- "{{NAME}}"

# Bytes that nobody thought of, for `csv`, `parse` or `check` (a nightly compiler, cargo install cargo-fuzz). The code
# is safe Rust: no sanitizer.
fuzz TARGET SECONDS="600":
    mkdir -p tests/fuzz/corpus/{{TARGET}}
    cargo +nightly fuzz run --sanitizer none --fuzz-dir tests/fuzz {{TARGET}} tests/fuzz/corpus/{{TARGET}} pipelines examples -- -max_total_time={{SECONDS}} -timeout=10 -rss_limit_mb=2048

# Write what the program prints into the suite's pages; read the difference line by line.
update:
    UPDATE=1 cargo test -p cpl-tests --test suite

# The hooks in a repository of their own, by the real pre-commit.
pre-commit:
    tests/pre_commit/run.sh

# Run the example pipeline.
run *ARGS:
    cargo run -- run pipelines/cac_efficiency/main.cpl {{ARGS}}

fmt:
    cargo fmt --all

docs:
    cargo doc --workspace --no-deps --open

# The release build, on the PATH.
install:
    cargo install --path crates/cpl-cli --locked

# What a clean machine runs.
ci:
    bash .ci/run

# How often rules act on chance: the tables of `grammar/sureness.md` and `grammar/patterns.md` (a release build, about half an hour;
# `--channels 1000` is faster).
simulate *ARGS:
    cargo build --release
    python3 tests/simulation/simulate.py {{ARGS}}
    python3 tests/simulation/alarms.py

# The same queries by hand, in Python polars, DuckDB and pandas (pip install polars duckdb pandas pyarrow).
bench *CASES:
    python3 tests/bench/bench.py {{CASES}}
