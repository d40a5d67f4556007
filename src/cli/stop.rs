//! Why a command ends before its end, and how that is told.

use std::io::{self, Write};

use serde_json::json;

use crate::conf::Problems;
use crate::service::{Class, Failure};

/// Why a command ends.
#[derive(Debug)]
pub enum Stop {
    /// It was not done.
    Failure(Failure),
    /// The configuration has problems.
    Problems(Problems),
    /// The answer is "no", and was given.
    No,
    /// Nobody reads the output any more.
    BrokenPipe,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Problems> for Stop {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<crate::vfs::Error> for Stop {
    fn from(error: crate::vfs::Error) -> Self {
        Self::Failure(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Failure(Failure::new(Class::Disk, "io", format!("cannot write the output: {error}")))
    }
}

impl Stop {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Failure(failure) => failure.code,
            Self::Problems(_) => Class::Usage.code(),
            Self::No => Class::No.code(),
            Self::BrokenPipe => 0,
        }
    }

    /// Tells people: a line, and what to do.
    pub fn tell(&self, to: &mut dyn Write, colour: bool) -> io::Result<()> {
        let (red, plain) = if colour { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        match self {
            Self::Failure(failure) => {
                writeln!(to, "{red}error:{plain} {}", failure.reason)?;
                match &failure.hint {
                    Some(hint) => writeln!(to, "help: {hint}"),
                    None => Ok(()),
                }
            }
            Self::Problems(problems) => writeln!(to, "{problems}"),
            Self::No | Self::BrokenPipe => Ok(()),
        }
    }

    /// Tells programs: one object on one line.
    pub fn tell_json(&self, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Failure(failure) => serde_json::to_writer(&mut *to, failure)?,
            Self::Problems(problems) => write!(to, "{}", problems_object(problems))?,
            Self::No | Self::BrokenPipe => return Ok(()),
        }
        writeln!(to)
    }
}

fn problems_object(problems: &Problems) -> serde_json::Value {
    let list = problems.list().iter().map(|problem| {
        json!({
            "message": problem.message,
            "place": problem.place.as_ref().map(ToString::to_string),
            "expected": problem.expected,
            "help": problem.help,
        })
    });
    let list: Vec<_> = list.collect();
    let reason = problems.list().first().map(|problem| problem.message.clone());
    json!({ "error": "configuration", "reason": reason, "code": Class::Usage.code(), "problems": list })
}
