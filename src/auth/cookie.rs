//! The `AuthSession` cookie: base64url of `name:time:mac`, the time in hexadecimal seconds, the mac an HMAC-SHA256 over
//! `name:time` with the server's secret and the user's salt, so that a changed password ends the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::password::same;

/// What a cookie claims, before anybody has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub name: String,
    made_s: u64,
    signed: Vec<u8>,
    mac: Vec<u8>,
}

/// The cookie's value is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Malformed AuthSession cookie. Please clear your cookies.")]
pub struct Malformed;

/// A session that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Good as it is.
    Good,
    /// Good, and a tenth of its time is over: a new cookie is due.
    Aging,
}

/// Makes a cookie's value.
pub fn issue(name: &str, now_s: u64, secret: &[u8], salt: &str) -> String {
    let mut bytes = format!("{name}:{now_s:X}").into_bytes();
    let mac = sign(&bytes, secret, salt);
    bytes.push(b':');
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cookie's value.
pub fn parse(value: &str) -> Result<Claim, Malformed> {
    let bytes = URL_SAFE_NO_PAD.decode(value.trim_end_matches('=')).map_err(|_| Malformed)?;
    let mut parts = bytes.splitn(3, |byte| *byte == b':');
    let (Some(name), Some(time), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Malformed);
    };
    let name = String::from_utf8(name.to_vec()).map_err(|_| Malformed)?;
    let time = std::str::from_utf8(time).map_err(|_| Malformed)?;
    let made_s = u64::from_str_radix(time, 16).map_err(|_| Malformed)?;
    let signed = format!("{name}:{time}").into_bytes();
    Ok(Claim { name, made_s, signed, mac: mac.to_vec() })
}

impl Claim {
    /// Checks the mac and the time; `None` when it is forged, or over because it was not renewed for `timeout_s`.
    pub fn check(&self, now_s: u64, timeout_s: u64, secret: &[u8], salt: &str) -> Option<Session> {
        if !same(&sign(&self.signed, secret, salt), &self.mac) {
            return None;
        }
        let left =
            self.made_s.saturating_add(timeout_s).checked_sub(now_s).filter(|left| *left > 0)?;
        Some(if left < timeout_s - timeout_s / 10 { Session::Aging } else { Session::Good })
    }
}

fn sign(signed: &[u8], secret: &[u8], salt: &str) -> Vec<u8> {
    let key = [secret, salt.as_bytes()].concat();
    // HMAC takes keys of every length.
    Hmac::<Sha256>::new_from_slice(&key)
        .map(|mac| mac.chain_update(signed).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT_S: u64 = 600;
    const SECRET: &[u8] = b"anchorsecret";

    #[test]
    fn a_session_ends_when_its_time_is_over() {
        let claim = parse(&issue("ann", 1_000, SECRET, "salt")).unwrap();
        assert_eq!(claim.name, "ann");
        assert_eq!(claim.check(1_001, TIMEOUT_S, SECRET, "salt"), Some(Session::Good));
        assert_eq!(claim.check(1_000 + 61, TIMEOUT_S, SECRET, "salt"), Some(Session::Aging));
        assert_eq!(claim.check(1_000 + TIMEOUT_S, TIMEOUT_S, SECRET, "salt"), None);
    }

    #[test]
    fn a_changed_password_or_another_secret_ends_it() {
        let claim = parse(&issue("ann", 1_000, SECRET, "salt")).unwrap();
        assert_eq!(claim.check(1_001, TIMEOUT_S, SECRET, "other"), None);
        assert_eq!(claim.check(1_001, TIMEOUT_S, b"other", "salt"), None);
    }

    #[test]
    fn a_changed_name_or_time_is_seen() {
        let good = URL_SAFE_NO_PAD.decode(issue("ann", 0x1000, SECRET, "s")).unwrap();
        let forged = |from: &[u8], to: &[u8]| {
            let at = good.windows(from.len()).position(|window| window == from).unwrap();
            let mut bytes = good.clone();
            bytes.splice(at..at + from.len(), to.iter().copied());
            parse(&URL_SAFE_NO_PAD.encode(bytes)).unwrap().check(0x1001, TIMEOUT_S, SECRET, "s")
        };
        assert_eq!(forged(b"ann", b"bob"), None);
        assert_eq!(forged(b"1000", b"1001"), None);
    }

    #[test]
    fn what_is_no_session_is_malformed() {
        for value in ["garbage", "", "YWRtaW4", "YWRtaW46eHl6OmFhYQ"] {
            assert_eq!(parse(value), Err(Malformed), "{value}");
        }
    }
}
