//! Requests to a daemon over its socket.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::socket;
use crate::service::{Class, Emit, Failure, Message, Reply, Request};

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

/// Whether a daemon answers in a directory.
#[derive(Debug)]
pub enum Reached {
    /// One does.
    Daemon(Client),
    /// None does: there is no socket, or a dead daemon's.
    Nobody,
}

impl Client {
    /// Connects to the daemon of a directory.
    ///
    /// # Errors
    /// When there is one that does not let us in.
    pub fn connect(directory: &Path) -> Result<Reached, Failure> {
        let path = socket::path(directory);
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Reached::Daemon(Self { stream: BufReader::new(stream) })),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let reason = format!("cannot connect to {}: {error}", path.display());
                let hint = "only the user that the daemon runs as may connect";
                Err(Failure::new(Class::Unreachable, "unreachable", reason).hint(hint))
            }
            Err(_) => Ok(Reached::Nobody),
        }
    }

    /// Sends a request and hands its events on until the answer comes. When nobody listens to them any more, it ends.
    pub fn request(&mut self, request: &Request, emit: Emit<'_>) -> Result<Reply, Failure> {
        let mut line = serde_json::to_vec(request).map_err(|error| lost(&error))?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).map_err(|error| lost(&error))?;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).map_err(|error| lost(&error))? == 0 {
                return Err(lost(&"the daemon has closed the connection"));
            }
            match serde_json::from_str(&line).map_err(|error| lost(&error))? {
                Message::Event(event) => {
                    if !emit(event) {
                        return Ok(Reply::Done);
                    }
                }
                Message::Reply(reply) => return Ok(reply),
                Message::Failure(failure) => return Err(failure),
            }
        }
    }
}

fn lost(error: &dyn std::fmt::Display) -> Failure {
    let reason = format!("the connection to the daemon was lost: {error}");
    Failure::new(Class::Unreachable, "unreachable", reason)
}
