//! The target of a request: a raw path whose segments are decoded once, and a query.

use std::fmt::Write as _;

/// A target that cannot be read: an escape that is none, or bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A path and a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The segments. Slashes around them do not count, nor a second one between two; an escaped slash is part of its segment.
    pub segments: Vec<String>,
    /// Whether the path ends with a slash.
    pub slash_at_end: bool,
    /// The query as it was sent.
    pub query_text: String,
    query: Vec<(String, String)>,
}

impl Target {
    /// Reads a path and a query as they stand in the request line.
    pub fn parse(path: &str, query: Option<&str>) -> Result<Self, Unreadable> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments = segments.map(|segment| decode(segment, false)).collect::<Result<_, _>>()?;
        let slash_at_end = path.len() > 1 && path.ends_with('/');
        let query_text = query.unwrap_or_default().to_owned();
        let query = parse_query(&query_text)?;
        Ok(Self { segments, slash_at_end, query_text, query })
    }

    /// The last value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All parameters in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Reads `a=1&b=2`, as a query and as a form.
pub fn parse_query(text: &str) -> Result<Vec<(String, String)>, Unreadable> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key, true)?, decode(value, true)?))
        })
        .collect()
}

/// Reads escapes; in a query a plus is a space.
pub fn decode(text: &str, is_query: bool) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (rest.next().and_then(digit), rest.next().and_then(digit));
                high.zip(low).map(|(high, low)| high * 16 + low).ok_or(Unreadable)?
            }
            b'+' if is_query => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Unreadable)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Writes a segment as it stands in a path. What CouchDB leaves as it is is left: RFC 3986's unreserved characters but `~`, and `:`.
pub fn encode_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<String> {
        Target::parse(path, None).unwrap().segments
    }

    #[test]
    fn an_escaped_slash_stays_in_its_segment() {
        assert_eq!(segments("/db/a%2Fb%20c%2B%C3%A9"), ["db", "a/b c+\u{e9}"]);
        assert_eq!(segments("/db/_design/x"), ["db", "_design", "x"]);
    }

    #[test]
    fn a_segment_is_decoded_once() {
        assert_eq!(segments("/db/a%252Fb"), ["db", "a%2Fb"]);
    }

    #[test]
    fn slashes_around_a_path_do_not_count() {
        assert_eq!(segments("//db/"), ["db"]);
        assert_eq!(segments("/db//a///b%2F%2Fc//"), ["db", "a", "b//c"]);
        assert_eq!(segments("/"), Vec::<String>::new());
        assert!(Target::parse("/_utils/", None).unwrap().slash_at_end);
    }

    #[test]
    fn bad_escapes_and_bad_utf_8_are_refused() {
        for path in ["/%", "/%2", "/%zz", "/%ff"] {
            assert_eq!(Target::parse(path, None), Err(Unreadable), "{path}");
        }
    }

    #[test]
    fn the_last_of_equal_parameters_counts_and_plus_is_a_space() {
        let target = Target::parse("/db", Some("a=1&a=2&key=%22x+y%22&flag")).unwrap();
        assert_eq!(target.parameter("a"), Some("2"));
        assert_eq!(target.parameter("key"), Some("\"x y\""));
        assert_eq!(target.parameter("flag"), Some(""));
        assert_eq!(target.parameter("none"), None);
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text = "a/b c+\u{e9}%?#";
        assert_eq!(segments(&format!("/{}", encode_segment(text))), [text]);
        assert_eq!(encode_segment("p1:a"), "p1:a");
    }
}
