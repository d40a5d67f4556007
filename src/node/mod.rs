//! The program around the library: opens everything from a configuration, runs the daemon, and reaches a daemon that runs.
//!
//! - `options`: from the settings of `ncs.conf` to the options of the library.
//! - [`open()`], [`open_read_only`]: a [`Service`](crate::service::Service) on the files of a directory.
//! - [`Daemon`]: the same for as long as it runs, with a Unix socket, HTTP and signals.
//! - [`Client`]: requests to a daemon over its socket.
//! - [`logging`]: the program's log.
//!
//! The socket is `pumice.sock` in the data directory, mode 0600. One request a line, then the answer's lines: see
//! [`crate::service::Message`]. Whoever has the directory's lock owns the name of the socket.

mod client;
mod compact_database;
mod connection;
mod daemon;
mod descriptors;
mod documents;
pub mod logging;
mod open;
mod options;
mod reload;
mod signals;
mod socket;

pub use client::{Client, Reached};
pub use daemon::{Daemon, Listening, Setup};
pub use open::{open, open_read_only, store_options};
pub use signals::survive_file_size_limit;
