//! From argv to the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::commands::Line;
use super::context::Context;
use super::output::coloured;
use super::stop::Stop;
use crate::service::{Class, Failure};

/// The program: reads argv, does what it says, answers the exit code.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(tell_panic));
    ExitCode::from(guarded(|| run(std::env::args_os().collect())))
}

/// A panic is our fault, and has an exit code of its own.
fn guarded(run: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Class::Fault.code())
}

fn run(arguments: Vec<OsString>) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => return tell_usage(&error, json),
    };
    let colour = coloured(line.global.color, io::stderr().is_terminal());
    let mut context = Context::new(line.global, Line::command);
    let done = line.command.run(&mut context).and_then(|()| context.output.flush());
    let Err(stop) = done else { return 0 };
    // What was answered before comes first; when nobody reads it, there is nobody to tell either.
    drop(context.output.flush());
    let told = if json {
        stop.tell_json(&mut io::stderr().lock())
    } else {
        stop.tell(&mut io::stderr().lock(), colour)
    };
    drop(told);
    stop.code()
}

/// What clap has to say: help and version are no errors.
fn tell_usage(error: &clap::Error, json: bool) -> u8 {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !json || is_help {
        drop(error.print());
        return if is_help { 0 } else { Class::Usage.code() };
    }
    let text = error.to_string();
    // What is wrong is said before the first empty line; usage and advice come after it.
    let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let reason = lines.join(" ");
    let reason = reason.trim_start_matches("error: ");
    let failure = Failure::new(Class::Usage, "usage", reason);
    drop(Stop::Failure(failure).tell_json(&mut io::stderr().lock()));
    Class::Usage.code()
}

fn tell_panic(info: &panic::PanicHookInfo<'_>) {
    let payload = info.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let message = owned.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let told = writeln!(
        io::stderr().lock(),
        "error: our fault: {message} (at {place})\n\
         help: please report this with the command and the output of: pumice version\n\
         help: acknowledged transactions are safe; see: pumice check"
    );
    drop(told);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_exit_70() {
        assert_eq!(guarded(|| panic!("a planted one")), 70);
        assert_eq!(guarded(|| 3), 3);
    }
}
