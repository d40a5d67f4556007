//! Revision ids: `depth-hash`, and the path of them from a revision to its oldest known ancestor.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The part of a revision id behind the dash. Ordered by its bytes, as the winner rule wants.
///
/// 32 hexadecimal digits are kept as the 16 bytes they stand for; anything else that another implementation may have
/// chosen is kept as it is.
#[derive(Clone)]
pub struct RevisionHash(Repr);

#[derive(Clone)]
enum Repr {
    Md5([u8; 16]),
    Other(Arc<[u8]>),
}

impl RevisionHash {
    /// Of 16 bytes.
    pub const fn md5(bytes: [u8; 16]) -> Self {
        Self(Repr::Md5(bytes))
    }

    /// From the text behind the dash.
    pub fn parse(text: &str) -> Self {
        let mut bytes = [0; 16];
        if text.len() == 32 && decode_hex(text.as_bytes(), &mut bytes) {
            return Self::md5(bytes);
        }
        Self(Repr::Other(Arc::from(text.as_bytes())))
    }

    /// The bytes that it is ordered by: 16, or those of the text.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Md5(bytes) => bytes,
            Repr::Other(bytes) => bytes,
        }
    }

    /// Whether it is 16 bytes.
    pub fn is_md5(&self) -> bool {
        matches!(self.0, Repr::Md5(_))
    }

    /// Text that is not 32 hexadecimal digits, as it was stored.
    pub(super) fn other(bytes: &[u8]) -> Self {
        Self(Repr::Other(Arc::from(bytes)))
    }
}

fn decode_hex(text: &[u8], bytes: &mut [u8; 16]) -> bool {
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let mut value = 0;
        for digit in pair {
            let Some(digit) = char::from(*digit).to_digit(16) else {
                return false;
            };
            value = value << 4 | digit;
        }
        *byte = u8::try_from(value).unwrap_or_default();
    }
    true
}

impl PartialEq for RevisionHash {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for RevisionHash {}

impl std::hash::Hash for RevisionHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for RevisionHash {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RevisionHash {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Display for RevisionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Md5(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Repr::Other(bytes) => f.write_str(std::str::from_utf8(bytes).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for RevisionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A revision id: how deep it is in the tree of revisions, and its hash. Ordered by depth, then by hash.
///
/// ```
/// use pumice::documents::Revision;
///
/// let revision: Revision = "1-967a00dff5e02add41819138abb3284d".parse()?;
/// assert_eq!(revision.depth, 1);
/// assert_eq!(revision.to_string(), "1-967a00dff5e02add41819138abb3284d");
/// assert!("zzz".parse::<Revision>().is_err());
/// # Ok::<(), pumice::documents::InvalidRevision>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// From 1 on; 0 only for local documents.
    pub depth: u64,
    /// What tells it from others of that depth.
    pub hash: RevisionHash,
}

/// The text is not a revision id (CouchDB: 400 `bad_request`, "Invalid rev format").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid rev format")]
pub struct InvalidRevision;

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let (depth, hash) = text.split_once('-').ok_or(InvalidRevision)?;
        // `parse` alone would take a sign.
        if !depth.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidRevision);
        }
        let depth = depth.parse().map_err(|_| InvalidRevision)?;
        Ok(Self { depth, hash: RevisionHash::parse(hash) })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.depth, self.hash)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A revision with its ancestors as far as they are known, newest first (CouchDB: `_revisions`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevisionPath {
    /// The depth of the first hash.
    pub start: u64,
    /// The hashes, newest first. Empty means no revision.
    pub hashes: Vec<RevisionHash>,
}

impl RevisionPath {
    /// No revision: what a new document has.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is no revision in it.
    pub fn is_none(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The newest revision.
    pub fn newest(&self) -> Option<Revision> {
        let hash = self.hashes.first()?.clone();
        Some(Revision { depth: self.start, hash })
    }
}

impl From<Revision> for RevisionPath {
    fn from(revision: Revision) -> Self {
        Self { start: revision.depth, hashes: vec![revision.hash] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_prints_as_it_was_read() {
        for text in ["1-abc", "12-00ffAA", "7-", "3-a1ca38b7435e89d2f480b26a8fac4303", "2-a-b"] {
            assert_eq!(text.parse::<Revision>().unwrap().to_string(), text);
        }
        for text in ["", "abc", "-1-a", "+1-a", "x-1", "99999999999999999999-a"] {
            assert_eq!(text.parse::<Revision>(), Err(InvalidRevision), "{text}");
        }
    }

    #[test]
    fn revisions_are_ordered_by_depth_then_by_hash() {
        let order = ["1-bb", "2-00000000000000000000000000000000", "2-0f", "2-aaaa", "10-0"];
        let read = order.map(|text| text.parse::<Revision>().unwrap());
        assert!(read.is_sorted());
    }
}
