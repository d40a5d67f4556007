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
