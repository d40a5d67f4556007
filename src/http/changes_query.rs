//! The parameters of `_changes`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::call::Call;
use super::problem::Problem;
use super::secrets;
use super::selector::Selector;
use crate::documents::{AttachmentMembers, ChangesOptions, Members, Since, Style};

/// How long a feed without heartbeat waits at most (CouchDB: `changes_timeout`).
const TIMEOUT_MS: u64 = 60_000;
/// How many changes are told when no limit is given. It counts for `seq_interval`, as in CouchDB.
const LIMIT_DEFAULT: u64 = 1_000_000_000_000_000;

/// How changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// What there is now.
    Normal,
    /// The same; when there is nothing, the first that comes.
    Longpoll,
    /// Line by line, on and on.
    Continuous,
    /// The same, as browsers take it.
    EventSource,
}

/// What is asked for.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the request")]
pub struct ChangesQuery {
    /// How changes are told.
    pub feed: Feed,
    /// Where they begin.
    pub since: Since,
    /// How many at most.
    pub limit: u64,
    /// Newest first.
    pub descending: bool,
    /// Which revisions each names.
    pub style: Style,
    /// Whether another style is asked for. CouchDB notices with the first change.
    pub unknown_style: bool,
    /// Whether documents come along.
    pub include_docs: bool,
    /// What their members are.
    pub members: Members,
    /// How often something is sent to show that somebody is there.
    pub heartbeat: Option<Duration>,
    /// How long it waits for a change.
    pub timeout: Duration,
    /// Every so many rows have a sequence.
    pub seq_interval: u64,
    /// Only these documents.
    pub doc_ids: Option<Vec<String>>,
    /// Only design documents.
    pub design_only: bool,
    /// Only documents that it fits.
    pub selector: Option<Selector>,
    /// A function of a design document that decides.
    pub function: Option<Function>,
}

impl ChangesQuery {
    /// Reads a request's query and the members of its body.
    pub fn parse(call: &Call, body: &Map<String, Value>) -> Result<Self, Problem> {
        let mut query = Self {
            feed: feed(call.parameter("feed"))?,
            since: since(call)?,
            limit: limit(call)?,
            descending: call.flag("descending"),
            style: match call.parameter("style") {
                Some("all_docs") => Style::AllDocs,
                _ => Style::MainOnly,
            },
            unknown_style: call
                .parameter("style")
                .is_some_and(|style| !["all_docs", "main_only"].contains(&style)),
            include_docs: call.flag("include_docs"),
            members: Members {
                conflicts: call.flag("conflicts"),
                att_encoding_info: call.flag("att_encoding_info"),
                attachments: match call.flag("attachments") {
                    true => AttachmentMembers::Inline,
                    false => AttachmentMembers::Stubs,
                },
                mask: secrets::mask(call),
                ..Members::default()
            },
            heartbeat: heartbeat(call.parameter("heartbeat"))?,
            timeout: timeout(call.parameter("timeout"))?,
            seq_interval: call.parameter("seq_interval").and_then(|n| n.parse().ok()).unwrap_or(1),
            doc_ids: None,
            design_only: false,
            selector: None,
            function: None,
        };
        query.set_filter(call, body)?;
        Ok(query)
    }

    fn set_filter(&mut self, call: &Call, body: &Map<String, Value>) -> Result<(), Problem> {
        match call.parameter("filter") {
            None | Some("") => {}
            Some("_doc_ids") => self.doc_ids = Some(doc_ids(call, body)?),
            Some("_design") => self.design_only = true,
            Some("_selector") => {
                let selector = body.get("selector");
                let selector = selector.ok_or_else(|| {
                    Problem::bad_request("Selector must be specified in POST payload")
                })?;
                self.selector = Some(parse_selector(selector)?);
            }
            Some("_view") => {
                let view = call.parameter("view").filter(|view| !view.is_empty());
                let view = view.ok_or_else(|| {
                    Problem::bad_request("`view` filter parameter is not provided.")
                })?;
                let form = "`view` must be of the form `designname/viewname`";
                self.function = Some(Function::of("views", view, form)?);
            }
            Some(name) if name.starts_with('_') => {
                return Err(Problem::bad_request("unknown builtin filter name"));
            }
            Some(name) => {
                let form = "`filter` must be of the form `designname/filtername`";
                self.function = Some(Function::of("filters", name, form)?);
            }
        }
        Ok(())
    }

    /// The same for one round of reading.
    pub fn options(&self) -> ChangesOptions {
        ChangesOptions {
            style: self.style,
            descending: self.descending,
            // A selector passes over rows that the limit must not count.
            limit: if self.selector.is_some() { None } else { Some(self.limit) },
            doc_ids: self.doc_ids.clone(),
            design_only: self.design_only,
            include_docs: self.include_docs || self.selector.is_some(),
        }
    }
}

fn feed(text: Option<&str>) -> Result<Feed, Problem> {
    match text {
        None | Some("normal" | "") => Ok(Feed::Normal),
        Some("longpoll") => Ok(Feed::Longpoll),
        Some("continuous" | "live") => Ok(Feed::Continuous),
        Some("eventsource") => Ok(Feed::EventSource),
        Some(_) => Err(Problem::bad_request(
            "Supported `feed` types: normal, continuous, live, longpoll, eventsource",
        )),
    }
}

fn since(call: &Call) -> Result<Since, Problem> {
    let header =
        call.header("last-event-id").filter(|_| call.parameter("feed") == Some("eventsource"));
    let text =
        header.or_else(|| call.parameter("since")).or_else(|| call.parameter("last-event-id"));
    parse_since(text.unwrap_or("0"))
}

/// `0`, `now`, or a sequence; quotes around it are taken away.
pub fn parse_since(text: &str) -> Result<Since, Problem> {
    match text.trim_matches('"') {
        "0" | "" => Ok(Since::Zero),
        "now" => Ok(Since::Now),
        text => Ok(Since::At(text.parse()?)),
    }
}

/// A negative limit is none, as in CouchDB.
fn limit(call: &Call) -> Result<u64, Problem> {
    let wrong = |_| Problem::bad_request("The limit parameter should be a non-negative integer");
    let limit = call.parameter("limit").map(str::parse::<i64>).transpose().map_err(wrong)?;
    Ok(limit.and_then(|limit| u64::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT))
}

fn parse_selector(value: &Value) -> Result<Selector, Problem> {
    if !value.is_object() {
        return Err(Problem::bad_request("Selector error: expected a JSON object"));
    }
    // `_changes` has one word for what is wrong with a selector.
    Selector::parse(value).map_err(|problem| match problem.status {
        400 => Problem::bad_request(problem.reason),
        _ => problem,
    })
}

/// A function of a design document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name of the design document.
    pub design: String,
    /// The member that holds functions of this kind.
    pub kind: &'static str,
    /// Its name there.
    pub name: String,
}

impl Function {
    /// Of `design/name`; `form` is the reason when it is something else.
    fn of(kind: &'static str, text: &str, form: &'static str) -> Result<Self, Problem> {
        match text.split_once('/') {
            Some((design, name)) if !name.contains('/') => {
                Ok(Self { design: design.to_owned(), kind, name: name.to_owned() })
            }
            _ => Err(Problem::bad_request(form)),
        }
    }
}

/// `heartbeat`, in milliseconds; `true` is a minute.
pub fn heartbeat(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    match text {
        None => Ok(None),
        Some("true") => Ok(Some(Duration::from_millis(TIMEOUT_MS))),
        Some(text) => {
            let number: i64 = text.parse().map_err(|_| {
                Problem::bad_request("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
            })?;
            let number = u64::try_from(number).ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| {
                Problem::bad_request(
                    "The heartbeat value should be a positive integer (in milliseconds).",
                )
            })?;
            Ok(Some(Duration::from_millis(number)))
        }
    }
}

/// `timeout`, in milliseconds.
pub fn timeout(text: Option<&str>) -> Result<Duration, Problem> {
    let wrong = |_| {
        Problem::bad_request(
            "Invalid timeout value. Expecting a positive integer value (in milliseconds).",
        )
    };
    let number = text.map(str::parse::<u64>).transpose().map_err(wrong)?;
    Ok(Duration::from_millis(number.unwrap_or(TIMEOUT_MS).min(TIMEOUT_MS)))
}

fn doc_ids(call: &Call, body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::bad_request("`doc_ids` filter parameter is not a list.");
    let given = match (body.get("doc_ids"), call.parameter("doc_ids")) {
        (Some(given), _) => given.clone(),
        (None, Some(text)) => serde_json::from_str(text).map_err(|_| Problem::bad_json())?,
        (None, None) => return Err(wrong()),
    };
    let list = given.as_array().ok_or_else(wrong)?;
    call.check_rows(list.len())?;
    Ok(list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
}
