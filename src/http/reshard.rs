//! `/_reshard`: shards are split into halves, in the background.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::node::NODE;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::dates::iso_date;
use crate::documents::{DatabaseError, SplitEvent, SplitJob, SplitRefused, SplitState, Splitting};

/// A job as CouchDB shows it; its members in this order.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    target: [String; 2],
    job_state: &'static str,
    split_state: &'static str,
    state_info: Value,
    node: &'static str,
    start_time: String,
    update_time: String,
    history: Vec<ShownEvent<'a>>,
}

#[derive(Serialize)]
struct ShownEvent<'a> {
    timestamp: String,
    #[serde(rename = "type")]
    kind: &'static str,
    detail: Option<&'a str>,
}

/// A job's answer to being asked for.
#[derive(Serialize)]
struct Started {
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    node: &'static str,
    shard: String,
}

#[derive(Serialize)]
struct Listed<'a> {
    total_rows: usize,
    offset: u32,
    jobs: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Summary {
    state: &'static str,
    state_reason: Option<String>,
    completed: usize,
    failed: usize,
    running: usize,
    stopped: usize,
    total: usize,
}

#[derive(Serialize)]
struct State {
    state: &'static str,
    reason: Option<String>,
}

fn event(event: &SplitEvent) -> ShownEvent<'_> {
    let (timestamp, kind) = (iso_date(event.at_s), event.state.word());
    ShownEvent { timestamp, kind, detail: event.detail.as_deref() }
}

fn shown(job: &SplitJob) -> Shown<'_> {
    Shown {
        id: &job.id,
        kind: "split",
        source: job.source(),
        target: job.targets(),
        job_state: job.state.word(),
        split_state: job.phase.word(),
        state_info: job.reason.as_ref().map_or_else(|| json!({}), |it| json!({ "reason": it })),
        node: NODE,
        start_time: iso_date(job.started_s),
        update_time: iso_date(job.updated_s),
        history: job.history.iter().map(event).collect(),
    }
}

fn word(splitting: &Splitting) -> &'static str {
    if splitting.running { "running" } else { "stopped" }
}

/// `GET /_reshard`: how many jobs stand how.
pub fn summary(call: &Call) -> Answer {
    let (splitting, jobs) = (call.app.databases.splitting(), call.app.databases.split_jobs());
    let count = |state| jobs.iter().filter(|job| job.state == state).count();
    let summary = Summary {
        state: word(&splitting),
        completed: count(SplitState::Completed),
        failed: count(SplitState::Failed),
        running: count(SplitState::Running) + count(SplitState::New),
        stopped: count(SplitState::Stopped),
        total: jobs.len(),
        state_reason: splitting.reason,
    };
    Ok(Reply::json(200, &summary))
}

/// `GET /_reshard/state`.
pub fn state(call: &Call) -> Answer {
    let splitting = call.app.databases.splitting();
    Ok(Reply::json(200, &State { state: word(&splitting), reason: splitting.reason }))
}

/// What a body asks for: whether to run, and why.
fn asked_state(call: &Call) -> Result<(bool, Option<String>), Problem> {
    let body = call.object()?;
    let running = match body.get("state").and_then(Value::as_str) {
        Some("running") => true,
        Some("stopped") => false,
        Some(_) => return Err(Problem::bad_request("State must be `running` or `stopped`")),
        None => return Err(Problem::bad_request("Expected a `state` field")),
    };
    match body.get("state_reason").or_else(|| body.get("reason")) {
        None | Some(Value::Null) => Ok((running, None)),
        Some(Value::String(reason)) => Ok((running, Some(reason.clone()))),
        Some(_) => Err(Problem::bad_request("`state_reason` must be a string")),
    }
}

/// `PUT /_reshard/state`.
pub fn set_state(call: &Call) -> Answer {
    let (running, reason) = asked_state(call)?;
    call.app.databases.set_splitting(Splitting { running, reason })?;
    Ok(Reply::ok(200))
}

/// `GET /_reshard/jobs`.
pub fn jobs(call: &Call) -> Answer {
    let jobs = call.app.databases.split_jobs();
    let jobs = Listed { total_rows: jobs.len(), offset: 0, jobs: jobs.iter().map(shown).collect() };
    Ok(Reply::json(200, &jobs))
}

fn no_job() -> Problem {
    Problem::missing()
}

/// `GET /_reshard/jobs/{job}`.
pub fn job(call: &Call) -> Answer {
    let job = call.app.databases.split_job(call.name("job")).ok_or_else(no_job)?;
    Ok(Reply::json(200, &shown(&job)))
}

/// `DELETE /_reshard/jobs/{job}`: one that runs is stopped.
pub fn remove(call: &Call) -> Answer {
    if call.app.databases.remove_split_job(call.name("job"))? {
        return Ok(Reply::ok(200));
    }
    Err(no_job())
}

/// `GET /_reshard/jobs/{job}/state`.
pub fn job_state(call: &Call) -> Answer {
    let job = call.app.databases.split_job(call.name("job")).ok_or_else(no_job)?;
    Ok(Reply::json(200, &State { state: job.state.word(), reason: job.reason }))
}

/// `PUT /_reshard/jobs/{job}/state`.
pub fn set_job_state(call: &Call) -> Answer {
    let (running, reason) = asked_state(call)?;
    if call.app.databases.set_split_job(call.name("job"), running, reason.as_ref())? {
        return Ok(Reply::ok(200));
    }
    Err(no_job())
}

/// A text of the body; an error when it is something else.
fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Problem> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::bad_request(format!("`{name}` must be a string"))),
    }
}

/// `xxxxxxxx-xxxxxxxx` as CouchDB writes it.
fn range_of(text: &str) -> Option<(u32, u32)> {
    let hash = |text: &str| u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8);
    let (first, last) = text.split_once('-')?;
    Some((hash(first)?, hash(last)?))
}

/// The database of a shard's name, and its range.
fn shard_of(name: &str) -> Option<(&str, (u32, u32))> {
    let (range, file) = name.strip_prefix("shards/")?.split_once('/')?;
    Some((file.rsplit_once('.')?.0, range_of(range)?))
}

/// `POST /_reshard/jobs`: a job for a shard, or for every shard of a database.
pub fn start(call: &Call) -> Answer {
    let body = call.object()?;
    if text(&body, "type")? != Some("split") {
        return Err(Problem::bad_request("Job type must be `split`"));
    }
    if text(&body, "node")?.is_some_and(|node| node != NODE) {
        return Err(Problem::bad_request("Not a valid node name"));
    }
    let range = text(&body, "range")?;
    let range = range.map(|text| range_of(text).ok_or("Invalid `range`")).transpose();
    let range = range.map_err(Problem::bad_request)?;
    let (database, ranges) = match (text(&body, "db")?, text(&body, "shard")?) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("`db` and `shard` are mutually exclusive"));
        }
        (None, None) => return Err(Problem::bad_request("Must specify `db` or `shard`")),
        (Some(database), None) => (database, ranges_of(call, database, range)?),
        (None, Some(shard)) => {
            let (database, range) =
                shard_of(shard).ok_or_else(|| Problem::bad_request("Invalid `shard`"))?;
            (database, named(call, database, shard, range)?)
        }
    };
    let started: Vec<_> =
        ranges.into_iter().map(|(range, shard)| start_one(call, database, range, shard)).collect();
    Ok(Reply::json(201, &started.into_iter().collect::<Result<Vec<_>, _>>()?))
}

/// The shards of a database, the last range first, with their names.
type Ranges = Vec<((u32, u32), String)>;

fn ranges_of(call: &Call, name: &str, asked: Option<(u32, u32)>) -> Result<Ranges, Problem> {
    let database = call.app.databases.get(name).map_err(|error| match error {
        DatabaseError::NotFound => Problem::bad_request("Invalid `db`"),
        error => error.into(),
    });
    let shards = database?.shards();
    let ranges = shards.into_iter().rev().filter_map(|it| Some((range_of(&it.range)?, it.name)));
    let ranges: Vec<_> =
        ranges.filter(|(range, _)| asked.is_none_or(|asked| asked == *range)).collect();
    if ranges.is_empty() {
        return Err(Problem::not_found("Range not found"));
    }
    Ok(ranges)
}

fn named(call: &Call, name: &str, shard: &str, range: (u32, u32)) -> Result<Ranges, Problem> {
    let mut ranges = ranges_of(call, name, Some(range))?;
    ranges.retain(|(_, name)| name == shard);
    if ranges.is_empty() {
        return Err(Problem::not_found("Shard not found"));
    }
    Ok(ranges)
}

fn start_one(
    call: &Call,
    database: &str,
    range: (u32, u32),
    shard: String,
) -> Result<Started, Problem> {
    let node = NODE;
    match call.app.databases.start_split(database, range) {
        Ok(job) => Ok(Started { ok: Some(true), id: Some(job.id), error: None, node, shard }),
        Err(SplitRefused::NoDatabase) => Err(Problem::no_database()),
        Err(SplitRefused::Database(error)) => Err(error.into()),
        Err(refused) => {
            let error = Some(refused.to_string());
            Ok(Started { ok: None, id: None, error, node, shard })
        }
    }
}
