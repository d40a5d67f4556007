# The same commands, spelt out, are in CONTRIBUTING.md: nothing here is needed to work on pumice.

# What the server checks, without the tests
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

# All tests, or those whose names hold a word: just test tidy
test *WORDS:
    cargo test --workspace {{WORDS}}

# Kill the program at random moments and look at what it left
crash:
    cargo test --release --test crash

# Group commit under chosen schedules of its threads; PUMICE_SCHEDULES says how many
schedules:
    RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --lib schedules

# Fuzz every target, or those named: just fuzz --runs 50000000 file
fuzz *WORDS:
    fuzz/run {{WORDS}}

# Line coverage of journal/ and vfs/ (needs cargo-llvm-cov)
coverage:
    cargo llvm-cov --workspace --summary-only --ignore-filename-regex '(tests|cdb|cli|conf|http|node|nonblocking|service|registry)/|tests?\.rs$'

# Changes the engine line by line and looks whether a test notices (needs cargo-mutants; hours)
mutants *WORDS:
    cargo mutants --file 'src/journal/**' --test-workspace false -- --lib journal {{WORDS}}

# One benchmark, or all: just bench --bench engine
bench *NAME:
    cargo bench {{NAME}}

# pumice beside other stores, docs/performance.md: just peers run --scale small
[working-directory: 'benches/peers']
peers *WORDS:
    cargo run --release -- {{WORDS}}

# Rewrite golden and generated files on purpose; read the difference before it is committed
golden:
    PUMICE_GOLDEN=write cargo test --workspace

# The library's documentation
doc:
    cargo doc --no-deps --open

# Dependencies: licences, advisories, duplicates (needs cargo-deny)
deny:
    cargo deny check

# All that the server runs
ci:
    .ci/run
