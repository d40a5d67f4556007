//! The recorded pairs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Pair {
    pub section: String,
    pub title: String,
    pub request: Request,
    pub response: Response,
    /// The title; with a number when several have it.
    #[serde(skip)]
    pub key: String,
}

#[derive(Debug, Deserialize)]
pub struct Request {
    #[serde(default)]
    pub method: String,
    #[serde(default)]
    pub target: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub chunked: bool,
    pub raw: Option<String>,
    pub body: Option<String>,
    pub body_base64: Option<String>,
    pub body_repeat: Option<Repeat>,
}

#[derive(Debug, Deserialize)]
pub struct Repeat {
    before: String,
    character: String,
    count: usize,
    after: String,
}

#[derive(Debug, Deserialize)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The body was longer than what was recorded of it.
    #[serde(default)]
    pub cut: bool,
}

pub fn read() -> Vec<Pair> {
    let text = include_str!("../data/couchdb-http-samples.json");
    let mut pairs: Vec<Pair> = serde_json::from_str(text).unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for pair in &mut pairs {
        let title = pair.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let count = seen.entry(title.clone()).or_default();
        *count += 1;
        pair.key = if *count == 1 { title } else { format!("{title} #{count}") };
    }
    pairs
}

impl Pair {
    /// The request's bytes, what was learnt from earlier answers put in the place of what CouchDB answered.
    pub fn bytes(&self, address: SocketAddr, learnt: &BTreeMap<String, String>) -> Vec<u8> {
        let request = &self.request;
        if let Some(raw) = &request.raw {
            return raw.clone().into_bytes();
        }
        let replace = |text: &str| {
            learnt.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
        };
        let mut head =
            format!("{} {} HTTP/{}\r\n", request.method, replace(&request.target), request.version);
        let is_raw = self.title.starts_with("raw:");
        if !is_raw {
            head.push_str("Host: 127.0.0.1:5984\r\n");
        }
        let has = |wanted: &str| {
            request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        if !is_raw && !has("Accept") {
            head.push_str("Accept: application/json\r\n");
        }
        for (name, value) in &request.headers {
            let value = value.replace("(admin:pass)", &STANDARD.encode("admin:pass"));
            head.push_str(&format!("{name}: {}\r\n", replace(&value)));
        }
        let mut body = self.body();
        if self.request.target == "/_replicate" {
            let text = String::from_utf8(body).unwrap();
            body = text.replace("127.0.0.1:5984", &address.to_string()).into_bytes();
        }
        if request.chunked {
            body = format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len(), String::from_utf8(body).unwrap())
                .into_bytes();
        } else if !has("Content-Length")
            && (!body.is_empty() || matches!(request.method.as_str(), "PUT" | "POST"))
        {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        [head.as_bytes(), b"\r\n", &body].concat()
    }

    fn body(&self) -> Vec<u8> {
        let request = &self.request;
        if let Some(encoded) = &request.body_base64 {
            return STANDARD.decode(encoded).unwrap();
        }
        if let Some(Repeat { before, character, count, after }) = &request.body_repeat {
            return format!("{before}{}{after}", character.repeat(*count)).into_bytes();
        }
        request.body.clone().unwrap_or_default().into_bytes()
    }
}
