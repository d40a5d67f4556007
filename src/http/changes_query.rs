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
pub struct ChangesQuery {
    /// How changes are told.
    pub feed: Feed,
    /// Where they begin.
    pub since: Since,
    /// How many at most.
    pub limit: Option<u64>,
    /// Newest first.
    pub descending: bool,
    /// Which revisions each names.
    pub style: Style,
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
    /// The design document of a filter that it has.
    pub design_filter: Option<String>,
}

impl ChangesQuery {
    /// Reads a request's query and the members of its body.
    pub fn parse(call: &Call, body: &Map<String, Value>) -> Result<Self, Problem> {
        let mut query = Self {
            feed: feed(call.parameter("feed"))?,
            since: since(call)?,
            limit: limit(call)?,
            descending: call.flag("descending"),
            style: style(call.parameter("style"))?,
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
            design_filter: None,
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
                self.selector = Some(Selector::parse(selector)?);
            }
            Some("_view") => {
                return Err(Problem::not_implemented("Views come later, and filters by them."));
            }
            Some(name) if name.starts_with('_') => {
                return Err(Problem::bad_request("unknown builtin filter name"));
            }
            Some(name) => {
                let (design, _) = name.split_once('/').ok_or_else(|| {
                    Problem::bad_request(
                        "filter parameter must be of the form `designname/filtername`",
                    )
                })?;
                self.design_filter = Some(design.to_owned());
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
            limit: if self.selector.is_some() { None } else { self.limit },
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

fn limit(call: &Call) -> Result<Option<u64>, Problem> {
    let wrong = |_| Problem::bad_request("The limit parameter should be a non-negative integer");
    call.parameter("limit").map(str::parse).transpose().map_err(wrong)
}

fn style(text: Option<&str>) -> Result<Style, Problem> {
    match text {
        None | Some("main_only") => Ok(Style::MainOnly),
        Some("all_docs") => Ok(Style::AllDocs),
        Some(_) => Err(Problem::fault("badarg")),
    }
}

/// `heartbeat`, in milliseconds; `true` is a minute.
pub fn heartbeat(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    match text {
        None => Ok(None),
        Some("true") => Ok(Some(Duration::from_millis(TIMEOUT_MS))),
        Some(text) => {
            let number = text.parse().ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| {
                Problem::bad_request("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
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
