//! Options that every command takes, and those that many do.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cdb::Datastore;
use crate::conf::environment;
use crate::service::{Node, Words};

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The data directory [default: db-dir of the configuration, ./pumice-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The configuration file [default: DIR/ncs.conf or ./ncs.conf, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Print JSON: one object, or one object a line; errors too
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only what was asked for, and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log more to standard error; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
    /// The shape of log lines [default: that of the configuration, text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogShape>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogShape {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which datastore.
#[derive(Clone, Copy, Debug, Args)]
pub struct Ds {
    /// The datastore: config (A), oper (O) or snapshot (S)
    #[arg(long = "ds", value_name = "DATASTORE", default_value = "config")]
    pub datastore: Datastore,
}

impl Ds {
    /// A node in it.
    pub fn node(self, path: &str) -> Node {
        Node { datastore: self.datastore, path: path.to_owned() }
    }
}

/// What the transaction log will say.
#[derive(Clone, Debug, Args)]
pub struct Author {
    /// Why, for the log
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Who, for the log [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

impl Author {
    /// With the user of the environment where none was named.
    pub fn words(self) -> Words {
        let of_environment = || environment("USER").or_else(|| environment("LOGNAME"));
        Words { user: self.user.or_else(of_environment), comment: self.comment }
    }
}
