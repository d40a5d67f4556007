//! `_scheduler`: what is told of replications, running ones by job and those of `_replicator` by document.

use serde_json::{Value, json};

use super::call::Call;
use super::node::NODE;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::dates::iso_date;
use crate::replication::{Job, JobState, Progress};

/// Rows of an answer that does not say how many.
const LIMIT_DEFAULT: usize = 100;

/// The states that documents can be asked by (CouchDB's words).
const STATES: [&str; 7] =
    ["initializing", "error", "pending", "running", "crashing", "completed", "failed"];

/// The part of a list that is asked for by `skip` and `limit`.
struct Page {
    total: usize,
    offset: usize,
    rows: Vec<Value>,
}

impl Page {
    fn of(call: &Call, rows: Vec<Value>) -> Result<Self, Problem> {
        let limit = count(call, "limit")?.unwrap_or(LIMIT_DEFAULT);
        let total = rows.len();
        let offset = count(call, "skip")?.unwrap_or(0).min(total);
        Ok(Self { total, offset, rows: rows.into_iter().skip(offset).take(limit).collect() })
    }
}

fn count(call: &Call, name: &str) -> Result<Option<usize>, Problem> {
    let Some(text) = call.parameter(name) else { return Ok(None) };
    let number: i64 =
        text.parse().map_err(|_| Problem::bad_request(format!("{name} must be an integer")))?;
    let out_of_range = |_| Problem::bad_request(format!("{name} not in range of [0,infinity]"));
    usize::try_from(number).map(Some).map_err(out_of_range)
}

/// Whether a state is among those of the parameter `states`.
fn is_asked_for(call: &Call) -> Result<impl Fn(&Value) -> bool, Problem> {
    let states: Vec<_> =
        call.parameter("states").into_iter().flat_map(|text| text.split(',')).collect();
    if let Some(unknown) = states.iter().find(|state| !STATES.contains(state)) {
        return Err(Problem::query_parse(format!("Unknown state {unknown}")));
    }
    Ok(move |document: &Value| {
        let state = document.get("state").and_then(Value::as_str).unwrap_or_default();
        states.is_empty() || states.contains(&state)
    })
}

fn describe(job: &Job) -> Value {
    let info = match &job.state {
        JobState::Crashing(failed) | JobState::Failed(failed) => json!({ "error": failed.reason }),
        // As in CouchDB, null until there is something to tell.
        JobState::Running | JobState::Completed => match job.standing() {
            standing if standing.total() == Progress::default() => Value::Null,
            standing => standing.info(),
        },
    };
    let started = iso_date(job.started_s);
    json!({
        "database": job.document.as_ref().map(|_| "_replicator"), "id": job.id, "pid": "<0.0.0>",
        "source": job.source, "target": job.target, "user": job.user, "doc_id": job.document,
        "info": info, "node": NODE, "start_time": started,
        "history": [
            { "timestamp": started, "type": "started" },
            { "timestamp": started, "type": "added" },
        ],
    })
}

/// `GET /_scheduler/jobs`.
pub fn jobs(call: &Call) -> Answer {
    let all = call.app.jobs.all();
    let running =
        all.iter().filter(|job| matches!(job.state, JobState::Running | JobState::Crashing(_)));
    let Page { total, offset, rows } = Page::of(call, running.map(describe).collect())?;
    Ok(Reply::json(200, &json!({ "total_rows": total, "offset": offset, "jobs": rows })))
}

/// `GET /_scheduler/jobs/{job}`.
pub fn one_job(call: &Call) -> Answer {
    let job = call.app.jobs.get(call.name("job")).ok_or_else(Problem::missing)?;
    Ok(Reply::json(200, &describe(&job)))
}

fn describe_document(job: &Job) -> Value {
    let (state, info) = match &job.state {
        JobState::Running => ("running", job.standing().info()),
        JobState::Completed => ("completed", job.standing().info()),
        JobState::Crashing(failed) => ("crashing", json!({ "error": failed.reason })),
        JobState::Failed(failed) => ("failed", json!({ "error": failed.reason })),
    };
    let errors = u8::from(matches!(job.state, JobState::Crashing(_) | JobState::Failed(_)));
    let started = iso_date(job.started_s);
    json!({
        "database": "_replicator", "doc_id": job.document, "id": job.id, "node": NODE,
        "source": job.source, "target": job.target, "state": state, "info": info,
        "error_count": errors, "last_updated": started, "start_time": started, "source_proxy": null,
        "target_proxy": null,
    })
}

/// `GET /_scheduler/docs` and `GET /_scheduler/docs/{db}`.
pub fn documents(call: &Call) -> Answer {
    let all = call.app.jobs.all();
    let is_wanted = is_asked_for(call)?;
    let documents = all.iter().filter(|job| job.document.is_some()).map(describe_document);
    let Page { total, offset, rows } = Page::of(call, documents.filter(is_wanted).collect())?;
    let rows: Vec<_> = rows.iter().map(ToString::to_string).collect();
    let first = if rows.is_empty() { "" } else { "\r\n" };
    let rows = rows.join(",\r\n");
    Ok(Reply::text(
        200,
        format!("{{\"total_rows\":{total},\"offset\":{offset},\"docs\":[{first}{rows}\r\n]}}\n"),
    ))
}

/// `GET /_scheduler/docs/{db}/{doc}`.
pub fn one_document(call: &Call) -> Answer {
    let all = call.app.jobs.all();
    let job = all.iter().find(|job| job.document.as_deref() == Some(call.name("doc")));
    Ok(Reply::json(200, &describe_document(job.ok_or_else(Problem::missing)?)))
}
