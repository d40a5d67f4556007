//! How to save, and what can go wrong.

use std::io;

use crate::cdb::error::Error;
use crate::cdb::load::Format;

/// How to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveOptions {
    /// The format.
    pub format: Format,
    /// Whether types and keys are written too.
    pub types: bool,
}

impl SaveOptions {
    /// This format, without types.
    pub fn new(format: Format) -> Self {
        Self { format, types: false }
    }

    /// With types and keys.
    #[must_use]
    pub fn with_types(self) -> Self {
        Self { types: true, ..self }
    }
}

/// A tree could not be saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The tree could not be read, or the path is not one.
    #[error(transparent)]
    Tree(#[from] Error),
    /// The output could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// XML has no way to say this character.
    #[error("{path} holds the character U+{:04X}, which XML cannot hold; save as JSON", u32::from(*.character))]
    Character {
        /// The leaf.
        path: String,
        /// The character.
        character: char,
    },
}
