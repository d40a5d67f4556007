//! Password hashes, in the line form of CouchDB's `[admins]` section.

use hmac::digest::Output;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Rounds for a new password (CouchDB 3.4: 600,000 of SHA-256).
pub const ITERATIONS_DEFAULT: u32 = 600_000;

/// More rounds than this would let one login occupy a processor for minutes.
const ITERATIONS_MAX: u32 = 10_000_000;

/// A derived key and what it was derived with.
///
/// ```
/// # use pumice::auth::PasswordHash;
/// let hash = PasswordHash::derive("secret", "5a17".to_owned(), 10);
/// let line = hash.line();
/// assert!(line.starts_with("-pbkdf2:sha256-"));
/// assert!(PasswordHash::parse_line(&line).unwrap().matches("secret"));
/// assert!(!hash.matches("Secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    derived: Vec<u8>,
    salt: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// CouchDB before 1.3: SHA-1 of password and salt.
    Simple,
    /// CouchDB before 3.4.
    Sha1 {
        iterations: u32,
    },
    Sha256 {
        iterations: u32,
    },
}

/// Shows what it was derived with, not the key.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordHash").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl PasswordHash {
    /// Derives a key with `PBKDF2` over SHA-256. The salt is text, and its bytes are the salt, as in CouchDB.
    pub fn derive(password: &str, salt: String, iterations: u32) -> Self {
        let scheme = Scheme::Sha256 { iterations };
        Self { scheme, derived: derive(scheme, password, &salt), salt }
    }

    /// Reads `-pbkdf2:sha256-<hex>,<salt>,<rounds>`, and the older `-pbkdf2-<hex>,<salt>,<rounds>` and
    /// `-hashed-<hex>,<salt>`. `None` for anything else, a clear password included.
    pub fn parse_line(line: &str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("-pbkdf2:sha256-") {
            return Self::from_parts(rest, |iterations| Scheme::Sha256 { iterations });
        }
        let sha1 = line.strip_prefix("-pbkdf2:sha-").or_else(|| line.strip_prefix("-pbkdf2-"));
        if let Some(rest) = sha1 {
            return Self::from_parts(rest, |iterations| Scheme::Sha1 { iterations });
        }
        let (key, salt) = line.strip_prefix("-hashed-")?.split_once(',')?;
        Self::checked(Scheme::Simple, key, salt)
    }

    fn from_parts(rest: &str, scheme: impl Fn(u32) -> Scheme) -> Option<Self> {
        let mut parts = rest.split(',');
        let (key, salt) = (parts.next()?, parts.next()?);
        let iterations = parts.next()?.parse().ok().filter(|n| (1..=ITERATIONS_MAX).contains(n))?;
        parts.next().is_none().then(|| Self::checked(scheme(iterations), key, salt))?
    }

    /// From the members of a document in `_users`: `password_scheme`, `pbkdf2_prf`, `iterations`, `derived_key`
    /// (`password_sha` for `simple`), `salt`.
    pub fn from_members(
        scheme: &str,
        prf: Option<&str>,
        iterations: Option<u32>,
        key: &str,
        salt: &str,
    ) -> Option<Self> {
        let iterations = iterations.unwrap_or(10);
        if iterations == 0 || iterations > ITERATIONS_MAX {
            return None;
        }
        let scheme = match (scheme, prf) {
            ("simple", _) => Scheme::Simple,
            ("pbkdf2", None | Some("sha")) => Scheme::Sha1 { iterations },
            ("pbkdf2", Some("sha256")) => Scheme::Sha256 { iterations },
            _ => return None,
        };
        Self::checked(scheme, key, salt)
    }

    fn checked(scheme: Scheme, key: &str, salt: &str) -> Option<Self> {
        let wanted = match scheme {
            Scheme::Simple | Scheme::Sha1 { .. } => 20,
            Scheme::Sha256 { .. } => 32,
        };
        let derived = unhex(key).filter(|derived| derived.len() == wanted)?;
        Some(Self { scheme, derived, salt: salt.to_owned() })
    }

    /// The line form; see [`parse_line`](Self::parse_line).
    pub fn line(&self) -> String {
        let (key, salt) = (hex(&self.derived), &self.salt);
        match self.scheme {
            Scheme::Simple => format!("-hashed-{key},{salt}"),
            Scheme::Sha1 { iterations } => format!("-pbkdf2-{key},{salt},{iterations}"),
            Scheme::Sha256 { iterations } => format!("-pbkdf2:sha256-{key},{salt},{iterations}"),
        }
    }

    /// The key in hexadecimal digits.
    pub fn key_hex(&self) -> String {
        hex(&self.derived)
    }

    /// The salt.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// Its rounds; of the oldest scheme, which has none, 1.
    pub fn iterations(&self) -> u32 {
        match self.scheme {
            Scheme::Simple => 1,
            Scheme::Sha1 { iterations } | Scheme::Sha256 { iterations } => iterations,
        }
    }

    /// Whether it is easier to guess than one that is derived now with so many rounds.
    pub fn is_weaker_than(&self, iterations: u32) -> bool {
        !matches!(self.scheme, Scheme::Sha256 { .. }) || self.iterations() < iterations
    }

    /// Does as much work as this hash lacks to one of so many rounds: so that a wrong password is refused as late for every name.
    pub(super) fn make_up(&self, password: &str, iterations: u32) {
        // A round of SHA-1 takes about half of what one of SHA-256 takes.
        let done = match self.scheme {
            Scheme::Simple => 0,
            Scheme::Sha1 { iterations } => iterations / 2,
            Scheme::Sha256 { iterations } => iterations,
        };
        let missing = iterations.saturating_sub(done);
        if missing > 0 {
            let scheme = Scheme::Sha256 { iterations: missing };
            std::hint::black_box(derive(scheme, password, &self.salt));
        }
    }

    /// Whether a password gives the same key. Takes as long as deriving it, and the comparison the same time wherever the
    /// keys differ.
    pub fn matches(&self, password: &str) -> bool {
        same(&derive(self.scheme, password, &self.salt), &self.derived)
    }
}

fn derive(scheme: Scheme, password: &str, salt: &str) -> Vec<u8> {
    match scheme {
        Scheme::Simple => Sha1::new().chain_update(password).chain_update(salt).finalize().to_vec(),
        Scheme::Sha1 { iterations } => {
            let mut key = Output::<Sha1>::default();
            pbkdf2_hmac::<Sha1>(password.as_bytes(), salt.as_bytes(), iterations, &mut key);
            key.to_vec()
        }
        Scheme::Sha256 { iterations } => {
            let mut key = Output::<Sha256>::default();
            pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), iterations, &mut key);
            key.to_vec()
        }
    }
}

/// Compares in a time that does not depend on where they differ.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |seen, (l, r)| seen | (l ^ r));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| {
        digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_6070_come_out() {
        let line = "-pbkdf2-4b007901b765489abead49d926f721d065a429c1,salt,4096";
        let hash = PasswordHash::parse_line(line).unwrap();
        assert!(hash.matches("password"));
        assert!(!hash.matches("passwore"));
        assert_eq!(hash.line(), line);
    }

    #[test]
    fn sha_256_gives_the_known_key() {
        // The widely published vector for PBKDF2-HMAC-SHA256, "password", "salt", 4096 rounds.
        let key = "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a";
        assert_eq!(PasswordHash::derive("password", "salt".to_owned(), 4096).key_hex(), key);
    }

    #[test]
    fn lines_that_would_cost_too_much_or_are_cut_are_refused() {
        let key = "4b007901b765489abead49d926f721d065a429c1";
        for line in [
            format!("-pbkdf2-{key},salt,0"),
            format!("-pbkdf2-{key},salt,4000000000"),
            format!("-pbkdf2-{key},salt"),
            format!("-pbkdf2-{key}00,salt,1"),
            format!("-pbkdf2:sha256-{key},salt,1"),
            "password".to_owned(),
        ] {
            assert_eq!(PasswordHash::parse_line(&line), None, "{line}");
        }
    }

    #[test]
    fn weaker_is_what_has_fewer_rounds_or_an_older_scheme() {
        let sha1 = "-pbkdf2-4b007901b765489abead49d926f721d065a429c1,salt,4096";
        let simple = "-hashed-4b007901b765489abead49d926f721d065a429c1,salt";
        let new = PasswordHash::derive("x", "s".to_owned(), 10);
        assert!(new.is_weaker_than(11) && !new.is_weaker_than(10));
        assert!(PasswordHash::parse_line(sha1).unwrap().is_weaker_than(1));
        assert!(PasswordHash::parse_line(simple).unwrap().is_weaker_than(1));
    }

    #[test]
    fn keys_of_different_length_differ() {
        assert!(!same(b"ab", b"abc"));
        assert!(!same(b"", b"abc"));
        assert!(same(b"abc", b"abc"));
    }
}
