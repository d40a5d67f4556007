//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was given nowhere.
    Default,
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A configuration file that names environment variables.
    Environment {
        /// The variables, with commas between.
        variables: String,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An option of the command line.
    CommandLine {
        /// The option, such as `--bind`.
        option: String,
    },
}

/// `default`, `ncs.conf:14`, `environment DATA (ncs.conf:14)`, `--bind`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variables, path, line } => {
                write!(f, "environment {variables} ({}:{line})", path.display())
            }
            Self::CommandLine { option } => f.write_str(option),
        }
    }
}
