//! Where in a text.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// A line and a column, both counted from 1; the column counts bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The line, from 1.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: u64,
}

impl At {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The place that a reader has reached; shared with whoever reports errors.
#[derive(Clone, Debug)]
pub(super) struct Place(Rc<Cell<At>>);

impl Place {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(At::START)))
    }

    pub fn get(&self) -> At {
        self.0.get()
    }

    fn pass(&self, bytes: &[u8]) {
        let mut at = self.0.get();
        for byte in bytes {
            if *byte == b'\n' {
                at = At { line: at.line + 1, column: 1 };
            } else {
                at.column += 1;
            }
        }
        self.0.set(at);
    }
}

/// Said by [`Counted`] when there is more than allowed.
pub(super) const TOO_LARGE: &str = "the source is larger than the limit";

/// Counts lines and refuses to go over a limit.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    place: Place,
    left_bytes: u64,
}

impl<R> Counted<R> {
    pub fn new(inner: R, place: Place, limit_bytes: u64) -> Self {
        Self { inner, place, left_bytes: limit_bytes }
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.inner.fill_buf()?;
        if self.left_bytes == 0 && !buffer.is_empty() {
            return Err(io::Error::other(TOO_LARGE));
        }
        let allowed = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(buffer.len());
        Ok(buffer.get(..allowed).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        if let Ok(buffer) = self.inner.fill_buf() {
            self.place.pass(buffer.get(..count).unwrap_or_default());
        }
        self.left_bytes = self.left_bytes.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), buffer.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}
