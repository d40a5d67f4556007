//! pumice beside other stores, and beside the disk. docs/performance.md says what is measured and what came out.
//!
//! Commands: `run`, `verify-durability`, `growth`, `write-cost`; `job` is what a child of this program is told.

mod args;
mod child;
mod cost;
mod data;
mod durability;
mod growth;
mod jobs;
mod measure;
mod plot;
mod raw;
mod report;
mod results;
mod rows;
mod run;
mod store;
mod stores;

use std::process::ExitCode;

use args::Args;
use store::Outcome;

const USAGE: &str = "\
peers run [--rows W1,W4] [--contestants a,b] [--rounds N] [--heavy-rounds N] [--scale small|full] [--dir DIR]
peers verify-durability [--contestants a,b] [--dir DIR]
peers growth [--max ENTRIES] [--axis entries|values] [--plots DIR] [--dir DIR]
peers write-cost [--contestants a,b] [--entries N] [--times T] [--rounds N] [--dir DIR]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    match args.command.as_str() {
        "run" => run::run(&args),
        "verify-durability" => durability::run(&args),
        "growth" => growth::run(&args),
        "write-cost" => cost::run(&args),
        "job" => jobs::run(&args),
        _ => Err(format!("what to do?\n{USAGE}").into()),
    }
}
