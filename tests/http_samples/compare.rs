//! Compares an answer with the recorded one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Answer;
use crate::known;
use crate::pairs::Pair;

/// Members whose values must differ, and why. They are compared by their type.
const BY_TYPE: &[(&str, &str)] = &[
    ("git_sha", "another program"),
    ("version", "another program"),
    ("vendor", "another program"),
    ("features", "another program"),
    ("uuid", "of the server"),
    ("uuids", "random"),
    ("instance_start_time", "a time"),
    ("start_time", "a time"),
    ("end_time", "a time"),
    ("timestamp", "a time"),
    ("update_time", "a time"),
    ("started_on", "a time"),
    ("updated_on", "a time"),
    ("sizes", "another file format"),
    ("ref", "a hash of a stack"),
    ("pid", "another process"),
    ("session_id", "random"),
    ("shard_suffix", "a time"),
    ("value", ""),
];

/// Members that hold sequences: opaque but for the number in front.
const SEQUENCES: &[&str] = &[
    "seq",
    "last_seq",
    "update_seq",
    "purge_seq",
    "source_last_seq",
    "recorded_seq",
    "end_last_seq",
];

/// Headers that are compared, when the recorded answer has them.
const HEADERS: &[&str] = &[
    "Content-Type",
    "Allow",
    "Cache-Control",
    "Accept-Ranges",
    "Content-Security-Policy",
    "Pragma",
];

#[derive(Default)]
pub struct Compared {
    /// Where this server is: in the place of CouchDB's port.
    pub address: String,
    /// Whether values are compared by their types only: what was recorded is of other data, or of a moment.
    types_only: bool,
    /// What CouchDB answered and later requests repeat, and what this server answered in its place.
    pub learnt: BTreeMap<String, String>,
}

impl Compared {
    pub fn at(address: std::net::SocketAddr) -> Self {
        Self { address: address.to_string(), ..Self::default() }
    }

    /// The difference that matters, in a line; `None` when they are alike.
    pub fn check(&mut self, pair: &Pair, answer: &Answer) -> Option<String> {
        let expected = &pair.response;
        self.types_only = known::is_of_other_data(&pair.key);
        if answer.status != expected.status {
            let body: String = answer.text().chars().take(200).collect();
            return Some(format!(
                "status {} instead of {}: {}",
                answer.status,
                expected.status,
                body.trim()
            ));
        }
        self.headers(pair, answer).or_else(|| self.body(pair, answer))
    }

    fn headers(&mut self, pair: &Pair, answer: &Answer) -> Option<String> {
        for (name, value) in &pair.response.headers {
            let given = answer.header(name);
            let is_alike = match name.as_str() {
                "ETag" if is_stable_tag(value) && !self.types_only => given == Some(value),
                "ETag" => given.is_some(),
                "Location" => given.is_some_and(|given| is_location_alike(value, given)),
                "Set-Cookie" => self.cookie(value, given),
                "Content-Type" if value.contains("boundary=") => {
                    given.is_some_and(|given| given.split(';').next() == value.split(';').next())
                }
                name if HEADERS.contains(&name) => {
                    given.is_some_and(|given| given.eq_ignore_ascii_case(value))
                }
                _ => true,
            };
            if !is_alike {
                return Some(format!("{name}: {} instead of {value}", given.unwrap_or("nothing")));
            }
        }
        None
    }

    fn cookie(&mut self, theirs: &str, ours: Option<&str>) -> bool {
        let value = |cookie: &str| {
            let (pair, _) = cookie.split_once(';').unwrap_or((cookie, ""));
            pair.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let Some(ours) = ours else { return false };
        let (theirs, given) = (value(theirs), value(ours));
        if !theirs.is_empty() {
            self.learnt.insert(theirs.clone(), given.clone());
        }
        theirs.is_empty() == given.is_empty()
            && ours.starts_with("AuthSession=")
            && ["Version=1", "Expires=", "Max-Age=600", "Path=/", "HttpOnly"]
                .iter()
                .all(|part| ours.contains(part))
    }

    fn body(&mut self, pair: &Pair, answer: &Answer) -> Option<String> {
        if pair.request.method == "HEAD" || pair.response.cut {
            return None;
        }
        let theirs = pair.response.body.replace("couchdb@127.0.0.1", "pumice@127.0.0.1");
        let theirs = learnt_text(&theirs);
        let ours = learnt_text(&answer.text().replace(&self.address, "127.0.0.1:5984"));
        let content_type = answer.header("content-type").unwrap_or_default();
        if content_type.starts_with("multipart/") {
            return same_text(&without_boundary(&theirs), &without_boundary(&ours));
        }
        let lines = |text: &str| -> Option<Vec<Value>> {
            let whole = serde_json::from_str(text).ok().map(|value| vec![value]);
            whole.or_else(|| text.lines().filter(|line| !line.is_empty()).map(event).collect())
        };
        match (lines(&theirs), lines(&ours)) {
            (Some(theirs), Some(ours)) => {
                if theirs.len() != ours.len() {
                    return Some(format!(
                        "{} rows instead of {}: {}",
                        ours.len(),
                        theirs.len(),
                        short(&answer.text())
                    ));
                }
                let pairs = theirs.iter().zip(&ours);
                pairs.enumerate().find_map(|(index, (theirs, ours))| {
                    self.values(&format!("[{index}]"), "", theirs, ours)
                })
            }
            _ => same_text(theirs.trim(), ours.trim()),
        }
    }

    fn values(
        &mut self,
        place: &str,
        member: &str,
        theirs: &Value,
        ours: &Value,
    ) -> Option<String> {
        if SEQUENCES.contains(&member) {
            return self.sequences(place, theirs, ours);
        }
        if BY_TYPE.iter().any(|(name, why)| *name == member && !why.is_empty()) {
            let same = std::mem::discriminant(theirs) == std::mem::discriminant(ours);
            return (!same).then(|| format!("{place}: {ours} is of another type than {theirs}"));
        }
        if member == "_local_id" || (member == "id" && theirs.as_str().is_some_and(is_job)) {
            let same = ours.as_str().is_some_and(is_job);
            return (!same).then(|| format!("{place}: {ours} is no id of a replication"));
        }
        if self.types_only && !theirs.is_object() && !theirs.is_array() {
            let same = std::mem::discriminant(theirs) == std::mem::discriminant(ours);
            return (!same).then(|| format!("{place}: {ours} is of another type than {theirs}"));
        }
        match (theirs, ours) {
            (Value::Object(left), Value::Object(right)) => {
                let missing = left.keys().find(|key| !right.contains_key(*key));
                let extra = right.keys().find(|key| !left.contains_key(*key));
                if let Some(key) = missing {
                    return Some(format!("{place}.{key} is missing: {}", short(&ours.to_string())));
                }
                if let Some(key) = extra {
                    return Some(format!(
                        "{place}.{key} is more than CouchDB has: {}",
                        short(&ours.to_string())
                    ));
                }
                left.iter().find_map(|(key, value)| {
                    self.values(&format!("{place}.{key}"), key, value, &right[key])
                })
            }
            (Value::Array(left), Value::Array(right)) => {
                if left.len() != right.len() && !self.types_only {
                    return Some(format!(
                        "{place}: {} items instead of {}",
                        right.len(),
                        left.len()
                    ));
                }
                let pairs = left.iter().zip(right);
                pairs.enumerate().find_map(|(index, (left, right))| {
                    self.values(&format!("{place}[{index}]"), "", left, right)
                })
            }
            (Value::String(left), Value::String(right)) if member == "id" && is_split(left) => {
                (!is_split(right)).then(|| format!("{place}: {right} is no id of a split"))
            }
            (Value::String(left), Value::String(right))
                if left.starts_with("shards/") && is_same_shard(left, right) =>
            {
                None
            }
            (Value::String(left), Value::String(right)) if member == "id" && is_random_id(left) => {
                (!is_random_id(right)).then(|| format!("{place}: {right} is no random id"))
            }
            // CouchDB's job was asked about before it had done anything; ours may have read what there is.
            (Value::Null, Value::Object(done)) if place.ends_with(".jobs[0].info") => {
                let is_progress = !done.is_empty() && done.values().all(Value::is_number);
                (!is_progress).then(|| format!("{place}: {ours} is no progress"))
            }
            (left, right) if left == right => None,
            (left, right) => Some(format!(
                "{place}: {} instead of {}",
                short(&right.to_string()),
                short(&left.to_string())
            )),
        }
    }

    fn sequences(&mut self, place: &str, theirs: &Value, ours: &Value) -> Option<String> {
        let number = |value: &Value| {
            value.as_str().and_then(|text| text.split('-').next().map(str::to_owned))
        };
        if !self.types_only && number(theirs) != number(ours) {
            return Some(format!("{place}: {ours} instead of {theirs}"));
        }
        if let (Some(theirs), Some(ours)) = (theirs.as_str(), ours.as_str()) {
            self.learnt.insert(theirs.to_owned(), ours.to_owned());
        }
        None
    }
}

/// A line of a feed; the id of an event is a sequence.
fn event(line: &str) -> Option<Value> {
    if let Some(id) = line.strip_prefix("id: ") {
        return Some(serde_json::json!({ "seq": serde_json::from_str::<Value>(id).ok()? }));
    }
    serde_json::from_str(line.strip_prefix("data: ").unwrap_or(line)).ok()
}

fn learnt_text(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn without_boundary(text: &str) -> String {
    let lines = text.lines().map(|line| if line.starts_with("--") { "--boundary" } else { line });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn same_text(theirs: &str, ours: &str) -> Option<String> {
    (theirs != ours).then(|| format!("{:?} instead of {:?}", short(ours), short(theirs)))
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

/// A revision or a digest: the same everywhere.
fn is_stable_tag(tag: &str) -> bool {
    let tag = tag.trim_matches('"');
    tag.ends_with("==")
        || tag
            .split_once('-')
            .is_some_and(|(depth, hash)| depth.parse::<u64>().is_ok() && hash.len() == 32)
}

/// The id of a continuous replication, or of its checkpoint.
fn is_job(text: &str) -> bool {
    let id = text.strip_suffix("+continuous").or_else(|| text.strip_prefix("_local/"));
    id.is_some_and(is_random_id)
}

/// A job of `_reshard`.
fn is_split(text: &str) -> bool {
    let hash = text.strip_prefix("001-").unwrap_or_default();
    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Names of shards but for the second in which the database was made.
fn is_same_shard(left: &str, right: &str) -> bool {
    let (left, right) = (left.rsplit_once('.'), right.rsplit_once('.'));
    let seconds = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    left.zip(right).is_some_and(|(left, right)| left.0 == right.0 && seconds(right.1))
}

fn is_random_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_location_alike(theirs: &str, ours: &str) -> bool {
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    theirs == ours || (is_random_id(&last(theirs)) && is_random_id(&last(ours)))
}
