//! Where a database is: a URL or a name on this server, as `_replicate` takes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A database as a request names it.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A database of this server.
    Local(String),
    /// Somewhere else.
    Remote {
        /// Whether TLS is spoken.
        is_tls: bool,
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The path of the database, without a slash at its end.
        path: String,
        /// Headers of every request; who asks is among them.
        headers: Vec<(String, String)>,
    },
}

/// Shows where it is, never who asks.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label())
    }
}

/// The text is no URL of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is neither a URL (http://host:port/database) nor the name of a database")]
pub struct BadEndpoint(String);

impl Endpoint {
    /// Reads `"name"`, `"http://..."`, or `{"url": ..., "headers": {...}, "auth": {"basic": {...}}}`.
    pub fn parse(value: &Value) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(hidden(value));
        let url = value.as_str().or_else(|| value.get("url")?.as_str()).ok_or_else(bad)?;
        let Some((scheme, rest)) = url.split_once("://") else {
            let is_name = !url.is_empty() && !url.contains([':', '?', '#']);
            return is_name.then(|| Self::Local(url.trim_matches('/').to_owned())).ok_or_else(bad);
        };
        let is_tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(bad()),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(bad)?;
        let (user, place) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(user, place)| (Some(user), place));
        let (host, port) = split_port(place, if is_tls { 443 } else { 80 }).ok_or_else(bad)?;
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
        if host.is_empty() || path.is_empty() {
            return Err(bad());
        }
        let mut headers = given_headers(value);
        let basic = value.pointer("/auth/basic");
        let member = |name: &str| basic.and_then(|basic| basic.get(name)).and_then(Value::as_str);
        let credentials = match (user, member("username"), member("password")) {
            (Some(user), ..) => Some(unescape(user)),
            (None, Some(name), Some(password)) => Some(format!("{name}:{password}")),
            _ => None,
        };
        if let Some(credentials) = credentials {
            headers.push((
                "Authorization".to_owned(),
                format!("Basic {}", STANDARD.encode(credentials)),
            ));
        }
        Ok(Self::Remote { is_tls, host, port, path: format!("/{path}"), headers })
    }

    /// The URL without who asks, as CouchDB shows it; the name of a database here.
    pub fn label(&self) -> String {
        match self {
            Self::Local(name) => name.clone(),
            Self::Remote { is_tls, host, port, path, .. } => {
                let scheme = if *is_tls { "https" } else { "http" };
                let usual = if *is_tls { 443 } else { 80 };
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let port = if *port == usual { String::new() } else { format!(":{port}") };
                format!("{scheme}://{host}{port}{path}/")
            }
        }
    }
}

/// What a message may show of an endpoint that cannot be read: no password.
fn hidden(value: &Value) -> String {
    let text = value.as_str().or_else(|| value.get("url")?.as_str()).unwrap_or("what is given");
    match text.rsplit_once('@') {
        Some((_, place)) => format!("...@{place}"),
        None => text.to_owned(),
    }
}

fn split_port(place: &str, usual: u16) -> Option<(String, u16)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').map_or(Some(usual), |port| port.parse().ok())?;
        return Some((host.to_owned(), port));
    }
    match place.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((place.to_owned(), usual)),
    }
}

fn given_headers(value: &Value) -> Vec<(String, String)> {
    let headers = value.get("headers").and_then(Value::as_object).into_iter().flatten();
    headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, others)) = rest.split_first() {
        let escaped = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if *byte == b'%' => {
                bytes.push(value);
                rest = others.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_password_is_not_shown() {
        let endpoint = Endpoint::parse(&json!("https://ann:p%40ss@[::1]:6984/a%2Fb/")).unwrap();
        assert_eq!(endpoint.label(), "https://[::1]:6984/a%2Fb/");
        let Endpoint::Remote { headers, port, .. } = endpoint else { panic!() };
        let credentials = STANDARD.encode("ann:p@ss");
        assert_eq!(headers, [("Authorization".to_owned(), format!("Basic {credentials}"))]);
        assert_eq!(port, 6984);
    }

    #[test]
    fn an_object_brings_headers_and_credentials() {
        let value = json!({"url": "http://h/db", "headers": {"X": "y"}, "auth": {"basic": {"username": "a", "password": "b"}}});
        let Endpoint::Remote { headers, port, path, .. } = Endpoint::parse(&value).unwrap() else {
            panic!()
        };
        assert_eq!((port, path.as_str(), headers.len()), (80, "/db", 2));
        assert_eq!(Endpoint::parse(&json!("plain")).unwrap(), Endpoint::Local("plain".to_owned()));
    }

    #[test]
    fn what_is_no_place_is_refused_without_its_password() {
        for value in
            [json!("ftp://a/b"), json!("http://host"), json!("http:///db"), json!(5), json!("")]
        {
            assert!(Endpoint::parse(&value).is_err(), "{value}");
        }
        let error = Endpoint::parse(&json!("ftp://ann:secret@h/db")).unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
