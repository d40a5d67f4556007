//! The first few rows of a feed over several shards. Which shard's rows come first is undefined, so two servers may take
//! different ones; defined is how many they are, how many are left, and what each row says.

use std::net::SocketAddr;

use serde_json::Value;

use crate::client::{Answer, ask};
use crate::pairs::Pair;

/// The key of a pair, and the same feed to its end.
const UNORDERED: &[(&str, &str)] = &[(
    "GET /sample_db/_changes?limit=3&style=all_docs \u{2014} q=2",
    "/sample_db/_changes?style=all_docs",
)];

/// All rows that the feed of a pair could have taken; `None` for any other pair.
pub fn all_rows(address: SocketAddr, pair: &Pair) -> Option<Vec<Value>> {
    let (_, target) = UNORDERED.iter().find(|(key, _)| *key == pair.key)?;
    Some(rows(&ask(address, "GET", target, "").json()))
}

/// The difference that matters, in a line.
pub fn check(pair: &Pair, answer: &Answer, all: &[Value]) -> Option<String> {
    if answer.status != pair.response.status {
        return Some(format!("status {} instead of {}", answer.status, pair.response.status));
    }
    let theirs: Value = serde_json::from_str(&pair.response.body).unwrap();
    let ours = answer.json();
    if ours["pending"] != theirs["pending"] {
        return Some(format!("{} are left instead of {}", ours["pending"], theirs["pending"]));
    }
    let last = ours["results"].as_array().and_then(|rows| rows.last());
    if last.is_none_or(|last| last["seq"] != ours["last_seq"]) {
        return Some("the feed ends elsewhere than its last row".to_owned());
    }
    let (theirs, ours) = (rows(&theirs), rows(&ours));
    if theirs.len() != ours.len() {
        return Some(format!("{} rows instead of {}", ours.len(), theirs.len()));
    }
    let strange = theirs.iter().chain(&ours).find(|row| !all.contains(row));
    strange.map(|row| format!("{row} is no row of the whole feed"))
}

/// Rows without their sequences.
fn rows(feed: &Value) -> Vec<Value> {
    let mut rows = feed["results"].as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("seq");
    }
    rows
}
