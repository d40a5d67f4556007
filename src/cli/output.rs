//! Where commands print to.

use std::fmt;
use std::io::{self, IsTerminal, Stdout, Write};

use serde::Serialize;

use super::global::{Colour, Global};
use super::stop::Stop;
use super::table::Table;
use crate::conf::environment;

/// Standard output: what was asked for, and, unless told to be quiet, words about it.
#[derive(Debug)]
pub struct Output {
    out: io::BufWriter<Stdout>,
    json: bool,
    quiet: bool,
    colour: bool,
}

impl Output {
    /// As the options say.
    pub fn new(global: &Global) -> Self {
        let colour = coloured(global.color, io::stdout().is_terminal());
        let out = io::BufWriter::new(io::stdout());
        Self { out, json: global.json, quiet: global.quiet, colour }
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colours are wanted.
    pub fn is_coloured(&self) -> bool {
        self.colour
    }

    /// Prints an answer: as JSON, or what `people` writes.
    pub fn answer(
        &mut self,
        json: &impl Serialize,
        people: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if self.json { self.object(json) } else { people(self) }
    }

    /// Prints one object a line, or what `people` writes.
    pub fn answers<T: Serialize>(
        &mut self,
        rows: &[T],
        people: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if !self.json {
            return people(self);
        }
        rows.iter().try_for_each(|row| self.object(row))
    }

    /// One object on a line.
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.out, object).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// A line that was asked for.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), Stop> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// A line about what was done: not for the quiet.
    pub fn note(&mut self, line: impl fmt::Display) -> Result<(), Stop> {
        if self.quiet || self.json { Ok(()) } else { self.line(line) }
    }

    /// The same, if there is anything to say.
    pub fn note_some(&mut self, line: Option<String>) -> Result<(), Stop> {
        line.map_or(Ok(()), |line| self.note(line))
    }

    /// Text as it is.
    pub fn text(&mut self, text: &str) -> Result<(), Stop> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Rows with their columns aligned.
    pub fn table(&mut self, table: &Table) -> Result<(), Stop> {
        self.text(&table.to_string())
    }

    /// Hands over what was printed so far.
    pub fn flush(&mut self) -> Result<(), Stop> {
        Ok(self.out.flush()?)
    }
}

/// Whether to colour something that goes to a terminal, or does not.
pub fn coloured(colour: Colour, terminal: bool) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal && environment("NO_COLOR").is_none_or(|set| set.is_empty()),
    }
}
