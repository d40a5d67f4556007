//! The command line: one file per command, the table of them in `commands`, and what they share.
//!
//! A command asks a `Session` for what the service does, and prints the reply through `Output`: for people
//! aligned and quiet, with `--json` one object, or one object a line. What goes wrong is a `Stop` with an exit code.
//! Exit codes, signals and every command: docs/operations.md.

mod backup;
mod change;
mod check;
mod commands;
mod compact;
mod compaction;
mod completions;
mod config;
mod context;
mod del;
mod diff;
mod dump;
mod exists;

mod find_conf;
mod get;
mod global;
mod init;
mod load;
mod log;
mod ls;
mod man;
mod output;
mod progress;
mod rollback;
mod run;
mod salvage;
mod save;
mod schedule;
mod schedule_add;
mod script;
mod session;
mod set;
mod snapshot;
mod start;
mod stop;
mod table;
mod text;
mod tx;
mod user;
mod version;
mod watch;

pub use run::main;
