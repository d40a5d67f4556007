//! The program's log: to standard error, as text or as one JSON object a line.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::conf::{LogFormat, LogLevel};

/// Changes the level while the program runs.
#[derive(Clone, Debug)]
pub struct LevelHandle {
    handle: reload::Handle<LevelFilter, Registry>,
}

impl LevelHandle {
    /// Logs what is at least as severe from now on.
    pub fn set(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then nothing is logged anyway.
        drop(self.handle.reload(filter(level)));
    }
}

/// Begins to log. Called once; a second call changes nothing.
pub fn start(level: LogLevel, format: LogFormat, colour: bool) -> LevelHandle {
    let (filter, handle) = reload::Layer::new(filter(level));
    let plain = fmt::layer().with_writer(io::stderr).with_target(false);
    let layer: Box<dyn Layer<_> + Send + Sync> = match format {
        LogFormat::Json => Box::new(plain.json().flatten_event(true)),
        LogFormat::Text => Box::new(plain.with_ansi(colour && io::stderr().is_terminal())),
    };
    drop(tracing_subscriber::registry().with(filter).with(layer).try_init());
    LevelHandle { handle }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
