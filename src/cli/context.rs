//! What every command works with.

use std::sync::Arc;

use super::find_conf;
use super::global::Global;
use super::output::Output;
use super::progress::Progress;
use super::session::Session;
use super::stop::Stop;
use crate::conf::{Loaded, LogFormat, LogLevel};
use crate::node::logging;
use crate::service::{Event, Failure, Reply, Request};
use crate::vfs::Vfs;
use crate::vfs::os::OsVfs;

/// What every command works with.
#[derive(Debug)]
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// Where it prints to.
    pub output: Output,
    /// The commands and options, for completions and manual pages.
    pub grammar: fn() -> clap::Command,
    /// Files.
    pub vfs: Arc<dyn Vfs>,
}

impl Context {
    /// As the options say.
    pub fn new(global: Global, grammar: fn() -> clap::Command) -> Self {
        let output = Output::new(&global);
        Self { global, output, grammar, vfs: OsVfs::shared() }
    }

    /// The configuration that holds, with the options of the command line over it.
    pub fn configuration(&self) -> Result<Loaded, Stop> {
        let file = find_conf::file(&*self.vfs, &self.global);
        let mut loaded = find_conf::read(&*self.vfs, file.as_deref())?;
        find_conf::set(&mut loaded, &find_conf::overrides(&self.global))?;
        Ok(loaded)
    }

    /// Logs what a command that is soon over has to say: nothing, unless something is off.
    pub fn start_log(&self) {
        let level = match (self.global.quiet, self.global.verbose) {
            (true, _) => LogLevel::Error,
            (false, 0) => LogLevel::Warn,
            (false, 1) => LogLevel::Info,
            (false, _) => LogLevel::Debug,
        };
        let format = match self.global.log_format {
            Some(super::global::LogShape::Json) => LogFormat::Json,
            _ => LogFormat::Text,
        };
        logging::start(level, format, self.output.is_coloured());
    }

    /// A session that may write, or one that only reads.
    pub fn session(&self, request: &Request) -> Result<Session, Stop> {
        self.start_log();
        let loaded = self.configuration()?;
        Ok(Session::begin(&loaded.conf, &*self.vfs, request)?)
    }

    /// Has a request done that tells no events, or shows them as a bar of progress.
    pub fn request(&self, request: &Request) -> Result<Reply, Stop> {
        self.request_in(&mut self.session(request)?, request)
    }

    /// The same in a session that is there.
    pub fn request_in(&self, session: &mut Session, request: &Request) -> Result<Reply, Stop> {
        let mut progress = Progress::new(&self.global);
        let mut emit = |event| {
            if let Event::Progress(told) = event {
                progress.tell(&told);
            }
            true
        };
        Ok(session.request(request, &mut emit)?)
    }
}

/// A reply of another kind than the request's: the other side is not of this version.
pub fn unexpected() -> Stop {
    let hint = "stop the daemon and start it again";
    Failure::new(crate::service::Class::Fault, "protocol", "the daemon is of another version")
        .hint(hint)
        .into()
}
