//! JSON text, read once: to text as CouchDB prints it and, in the same pass, to the Erlang term that revision ids are
//! computed of.
//!
//! `serde_json` reads documents into numbers of 64 bits, and would need a second pass over a kept text; CouchDB's
//! integers have any size and its revision ids depend on each byte of them. So this room reads JSON by itself. Its tests
//! hold it against `serde_json`: what one takes, the other takes.

mod number;
mod reader;
mod term;
mod transcode;
mod write;

#[cfg(test)]
mod tests;

pub(super) use self::reader::{Kind, Number, Reader};
pub(super) use self::term::{finish_list, put_binary, put_integer, start_list};
pub(super) use self::transcode::{Transcoded, Transcoder};
pub(super) use self::write::put_string;

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// Objects and arrays may be nested so deep.
const DEPTH_MAX: u32 = 256;
