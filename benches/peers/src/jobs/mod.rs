//! The work of the rows, each job run by a child process that does nothing else, and prints what it measured: lines
//! of row, metric and value.

mod commits;
mod compaction;
mod growth;
mod load;
mod read;
mod reopen;
mod write_cost;

use std::io::Write;
use std::path::Path;

use crate::args::Args;
use crate::store::Outcome;

/// Runs the job that the child was started for.
pub fn run(args: &Args) -> Outcome<()> {
    match args.text("job", "").as_str() {
        "commits" => commits::run(args),
        "load" => load::run(args),
        "load-limit" => load::limit(args),
        "read" => read::run(args),
        "read-limit" => read::limit(args),
        "reopen" => reopen::run(args),
        "churn" => reopen::churn(args),
        "replay-limit" => reopen::limit(args),
        "compaction" => compaction::run(args),
        "compaction-limit" => compaction::limit(args),
        "write-cost" => write_cost::run(args),
        "some-commits" => crate::durability::some_commits(args),
        "growth-load" => growth::load(args),
        "growth-read" => growth::read(args),
        other => Err(format!("no job is called {other}").into()),
    }
}

/// Hands a measurement to the parent.
pub fn say(row: &str, metric: &str, value: f64) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{row} {metric} {value}")?;
    Ok(out.flush()?)
}

/// An empty directory.
pub fn fresh(dir: &Path) -> Outcome<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(std::fs::create_dir_all(dir)?)
}
