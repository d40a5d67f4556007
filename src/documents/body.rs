//! The members of a document that are not special: kept as text, never as a tree.

use super::error::DocumentError;
use super::json::{Invalid, Kind, Reader, Transcoded, Transcoder};

/// A JSON object as CouchDB prints it: no spaces, members in order, of members with the same name only the last.
///
/// ```
/// use pumice::documents::Body;
///
/// let body = Body::parse(br#"{ "a": 1, "b": 1e3, "a": [] }"#)?;
/// assert_eq!(body.as_str(), r#"{"b":1000.0,"a":[]}"#);
/// # Ok::<(), pumice::documents::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// `{...}`.
    text: String,
    /// The same in Erlang's external term format, which revision ids are computed of.
    term: Vec<u8>,
}

impl Body {
    /// `{}`.
    pub fn empty() -> Self {
        Self { text: "{}".to_owned(), term: vec![104, 1, 106] }
    }

    /// Reads a JSON object. Names with an underscore in front are members like others.
    ///
    /// # Errors
    /// [`DocumentError::InvalidJson`], [`DocumentError::NotAnObject`]; [`DocumentError::TooLarge`] for more than a million members of
    /// objects within each other.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        let mut reader = Reader::new(text)?;
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            reader.end()?;
            return Err(DocumentError::NotAnObject);
        }
        reader.enter()?;
        let mut transcoder = Transcoder::default();
        let object = transcoder.open_object();
        let mut first = true;
        while reader.more(first, b'}')? {
            first = false;
            let name = reader.key()?;
            transcoder.member(&object, &name, &mut reader)?;
        }
        reader.end()?;
        transcoder.close_object(&object)?;
        if transcoder.is_full() {
            return Err(DocumentError::TooLarge { id: String::new() });
        }
        Ok(Self::of(transcoder.take())?)
    }

    pub(super) fn of(transcoded: Transcoded) -> Result<Self, Invalid> {
        let text = String::from_utf8(transcoded.text).map_err(|_| Invalid)?;
        Ok(Self { text, term: transcoded.term })
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.text.len() == 2
    }

    /// The external term.
    pub(super) fn term(&self) -> &[u8] {
        &self.term
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Invalid> for DocumentError {
    fn from(_: Invalid) -> Self {
        Self::InvalidJson
    }
}
