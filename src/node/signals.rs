//! Signals: what ends the daemon, what makes it read its configuration again, what must not kill the program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::service::{Class, Failure};

/// SIGXFSZ, which has the same number on every system that pumice runs on but MIPS.
const FILE_SIZE_LIMIT: i32 = 25;

/// The signals that the daemon listens to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    _file_size: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end: SIGTERM or SIGINT, with its number.
    End(i32),
    /// To read the configuration again: SIGHUP.
    Reload,
}

impl Signals {
    /// Begins to listen. On a runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            _file_size: signal(SignalKind::from_raw(FILE_SIZE_LIMIT))?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End(SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => Asked::End(SignalKind::interrupt().as_raw_value()),
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}

/// Makes a write over the file-size limit fail instead of killing the program. Holds until the program ends.
pub fn survive_file_size_limit() -> Result<(), Failure> {
    let survive = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // The handler stays when the runtime goes.
        let _context = runtime.enter();
        signal(SignalKind::from_raw(FILE_SIZE_LIMIT)).map(drop)
    };
    survive().map_err(|error: io::Error| {
        Failure::new(Class::Fault, "internal", format!("cannot handle signals: {error}"))
    })
}
