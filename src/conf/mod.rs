//! The configuration file `ncs.conf`, in types.
//!
//! A file's life: `raw` says exactly what it holds, with positions; `read` finds the setting for every element
//! and the value for every setting; `rules` refuses settings that contradict each other; `load` does this
//! for the file and its fragments and hands out a [`Conf`] with the origin of each value. [`settings`] is the
//! one table of settings: reading, `config show`, `ncs.conf.example` and docs/operations.md all come from it.
//!
//! Invariants: all problems are reported, not only the first, each with its place; nothing of a file with a
//! problem is used; what is not understood is never silently skipped (NSO's own sections that have no
//! counterpart here are named in a warning, anything else unknown is an error: docs/decisions/0001).
//!
//! This is the only room that reads environment variables, and it does so through a function that the
//! caller hands in; [`environment`] is the real one.
//!
//! ```
//! use pumice::conf::Conf;
//! use pumice::vfs::mem::MemVfs;
//! use std::path::Path;
//!
//! let vfs = MemVfs::new();
//! let text = "<ncs-config><cdb><db-dir>${DATA:-/var/lib/pumice}</db-dir></cdb></ncs-config>";
//! vfs.put(Path::new("/etc/ncs.conf"), text.as_bytes().to_vec());
//! let loaded = Conf::load(&vfs, Path::new("/etc/ncs.conf"), &|_| None)?;
//! assert_eq!(loaded.conf.cdb.db_dir, Path::new("/var/lib/pumice"));
//! # Ok::<(), pumice::conf::Problems>(())
//! ```

mod expand;
mod leaf;
mod load;
mod nso;
mod origin;
mod problem;
mod raw;
mod read;
mod render;
mod rules;
mod settings;
mod source;
mod types;

#[cfg(test)]
mod tests;

pub use load::{Loaded, Shown, environment};
pub use origin::Origin;
pub use problem::{Problem, ProblemKind, Problems, Warning};
pub use render::{example, settings_table};
pub use settings::{Applies, Author, Setting, setting, settings};
pub use source::Place;
pub use types::{
    BlockCompression, CdbSettings, CompactionSettings, Conf, DaemonSettings, ImageRead,
    JournalCompaction, LogFormat, LogLevel, LogSettings, RollbackSettings, ServerName, WritePolicy,
};
