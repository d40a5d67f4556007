//! The `Authorization: Basic` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A header that cannot be read. The texts are CouchDB's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// Not base64.
    #[error("Authorization header has invalid base64 value")]
    Base64,
    /// No colon, or not UTF-8.
    #[error("Authorization header has invalid value")]
    Shape,
}

/// The name and password of a header's value; `None` for another scheme than `Basic`.
pub fn parse_basic(value: &str) -> Option<Result<(String, String), BasicError>> {
    let (scheme, encoded) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| decode(encoded.trim()))
}

fn decode(encoded: &str) -> Result<(String, String), BasicError> {
    let bytes = STANDARD.decode(encoded).map_err(|_| BasicError::Base64)?;
    let text = String::from_utf8(bytes).map_err(|_| BasicError::Shape)?;
    let (name, password) = text.split_once(':').ok_or(BasicError::Shape)?;
    Ok((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_colons() {
        let read = parse_basic(&format!("Basic {}", STANDARD.encode("ann:a:b"))).unwrap();
        assert_eq!(read, Ok(("ann".to_owned(), "a:b".to_owned())));
    }

    #[test]
    fn what_is_not_base64_is_named_as_such() {
        assert_eq!(parse_basic("Basic !!!"), Some(Err(BasicError::Base64)));
        assert_eq!(parse_basic("Bearer x"), None);
    }
}
