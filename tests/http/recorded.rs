//! What a CouchDB 3.5.0 replicator asked of a source and a target, and what a CouchDB answered, pair by pair
//! (tests/data/couchdb-replication.json).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Answer;

/// A request and its answer.
#[derive(Clone)]
pub struct Pair {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub answer: Answer,
}

pub fn pairs() -> Vec<Pair> {
    let text = include_str!("../data/couchdb-replication.json");
    let pairs: Vec<Value> = serde_json::from_str(text).unwrap();
    pairs.iter().map(pair).collect()
}

fn pair(value: &Value) -> Pair {
    let (request, response) = (&value["request"], &value["response"]);
    Pair {
        method: request["method"].as_str().unwrap().to_owned(),
        target: request["target"].as_str().unwrap().to_owned(),
        headers: headers(request),
        body: body(request),
        answer: Answer {
            status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
            phrase: String::new(),
            headers: headers(response),
            body: body(response),
        },
    }
}

fn headers(message: &Value) -> Vec<(String, String)> {
    let headers: Vec<(String, String)> =
        serde_json::from_value(message["headers"].clone()).unwrap();
    headers
}

fn body(message: &Value) -> Vec<u8> {
    let text = message["body"].as_str().unwrap();
    if message["base64"] == true { STANDARD.decode(text).unwrap() } else { text.as_bytes().into() }
}

impl Pair {
    /// The path below the database.
    pub fn below(&self) -> &str {
        self.target.splitn(3, '/').nth(2).unwrap_or_default()
    }

    /// Whether it writes documents that are replicated.
    pub fn is_write(&self) -> bool {
        let below = self.below();
        below == "_bulk_docs" || (self.method == "PUT" && below.ends_with("new_edits=false"))
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn boundary(text: &[u8]) -> Option<Vec<u8>> {
    let name = b"boundary=\"";
    let at = text.windows(name.len()).position(|window| window == name)? + name.len();
    let end = text[at..].iter().position(|byte| *byte == b'"')?;
    Some(text[at..at + end].to_vec())
}

/// A body in parts with names of its own for the boundaries, the inner ones by number.
pub fn with_plain_boundaries(content_type: &str, body: &[u8]) -> String {
    let outer = boundary(content_type.as_bytes()).unwrap();
    let mut body = replaced(body, &outer, b"OUTER");
    for number in 0.. {
        let Some(inner) = boundary(&body) else { break };
        let named = format!("INNER{number}");
        body = replaced(&body, [b"\"", &inner[..], b"\""].concat().as_slice(), named.as_bytes());
        body = replaced(&body, &inner, named.as_bytes());
    }
    body.escape_ascii().to_string()
}

/// The documents that were read in bulk, by id and revision.
pub fn bulk_documents(pairs: &[Pair]) -> Vec<Value> {
    let read = pairs.iter().filter(|pair| pair.below().starts_with("_bulk_get"));
    let items = read.flat_map(|pair| pair.answer.json()["results"].as_array().unwrap().clone());
    let documents = items.flat_map(|item| item["docs"].as_array().unwrap().clone());
    let read = documents.map(|document| document["ok"].clone());
    // Design documents are read one by one.
    let designs = documents_in_parts(pairs).into_iter();
    let designs =
        designs.filter(|(named, _)| named["_id"].as_str().unwrap().starts_with("_design/"));
    read.chain(designs.map(|(_, answer)| first_document(&answer.body))).collect()
}

/// The first JSON object in a body.
pub fn first_document(body: &[u8]) -> Value {
    let start = body.iter().position(|byte| *byte == b'{').unwrap();
    let mut documents = serde_json::Deserializer::from_slice(&body[start..]).into_iter();
    documents.next().unwrap().unwrap()
}

/// The documents with attachments as they were read, `{"_id", "_rev"}` and the answer.
pub fn documents_in_parts(pairs: &[Pair]) -> Vec<(Value, Answer)> {
    let read = pairs.iter().filter(|pair| pair.target.contains("open_revs="));
    let named = read.map(|pair| {
        let id = pair.below().split('?').next().unwrap().replace("%2F", "/");
        let rev = pair.target.split("%22").nth(1).unwrap();
        (json!({ "_id": id, "_rev": rev }), pair.answer.clone())
    });
    named.collect()
}
