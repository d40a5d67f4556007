//! `_replicate`, and what runs because of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::app::App;
use super::body::RequestBody;
use super::call::Call;
use super::database::server_uuid;
use super::inside::Inside;
use super::node::NODE;
use super::problem::Problem;
use super::replicator_settings;
use super::reply::{Answer, Reply};
use super::target::encode_segment;
use crate::auth::UserContext;
use crate::dates::http_date;
use crate::replication::{
    Endpoint, Failed, Job, JobState, Peer, Progress, Remote, Replication, Standing, Times,
    replication_id,
};

/// How long it is before a replication that failed is tried again, at first; it doubles.
const AGAIN: Duration = Duration::from_secs(5);
/// How long it is at most.
const AGAIN_MAX: Duration = Duration::from_secs(600);

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        let status = if failed.error == "unauthorized" { 401 } else { 500 };
        Self::new(status, failed.error, failed.reason)
    }
}

/// A checkpoint follows each batch of changes at once.
const CHECKPOINT_INTERVAL_MS: u64 = 0;

/// What a request or a document of `_replicator` asks for.
pub struct Asked {
    /// The replication.
    pub replication: Replication,
    /// The id of its job.
    pub job: String,
}

/// Reads what is asked for, without asking any database.
pub fn read(
    app: &Arc<App>,
    members: &Map<String, Value>,
    user: &UserContext,
) -> Result<Asked, Problem> {
    let endpoint = |name: &str| {
        let given = members.get(name).filter(|given| !given.is_null());
        let given =
            given.ok_or_else(|| Problem::new(500, "error", "Missing replicator database"))?;
        Endpoint::parse(given).map_err(|bad| Problem::bad_request(format!("{name}: {bad}")))
    };
    let (source, target) = (endpoint("source")?, endpoint("target")?);
    let flag = |name: &str| members.get(name).and_then(Value::as_bool);
    let (continuous, create_target) =
        (flag("continuous") == Some(true), flag("create_target") == Some(true));
    let kept = ["doc_ids", "selector", "filter", "query_params"];
    let filter: Map<_, _> = kept
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), members.get(*name).filter(|v| !v.is_null())?.clone()))
        })
        .collect();
    if ["doc_ids", "selector", "filter"].iter().filter(|name| filter.contains_key(**name)).count()
        > 1
    {
        let reason = "`doc_ids`, `filter`, `selector` are mutually exclusive";
        return Err(Problem::bad_request(reason));
    }
    let winning_revs_only = flag("winning_revs_only") == Some(true);
    let since = members.get("since_seq").filter(|since| !since.is_null()).cloned();
    let mut what = json!({ "filter": filter, "winning": winning_revs_only });
    if let (Some(since), Some(what)) = (&since, what.as_object_mut()) {
        // Where it is told to begin it begins anew: what others noted down is not for it.
        what.insert("since".to_owned(), since.clone());
    }
    let id = replication_id(&server_uuid(app)?, &source.label(), &target.label(), &what);
    let clock = app.clock.clone();
    let times = Times(Arc::new(move || http_date(clock.wall_micros() / 1_000_000)));
    let replication = Replication {
        source: peer(app, source, user)?,
        target: peer(app, target, user)?,
        id: id.clone(),
        session_id: format!("{:032x}", app.clock.unique_id()),
        continuous,
        create_target,
        create_target_params: members.get("create_target_params").cloned().unwrap_or_default(),
        since,
        use_checkpoints: flag("use_checkpoints") != Some(false),
        winning_revs_only,
        filter: Value::Object(filter),
        times,
        standing: Arc::new(Mutex::new(Standing::default())),
    };
    let suffixes = [(continuous, "+continuous"), (create_target, "+create_target")];
    let suffix: String =
        suffixes.iter().filter(|(is_so, _)| *is_so).map(|(_, suffix)| *suffix).collect();
    Ok(Asked { replication, job: id + &suffix })
}

fn peer(app: &Arc<App>, endpoint: Endpoint, user: &UserContext) -> Result<Peer, Problem> {
    let label = endpoint.label();
    let pause = Arc::new(|pause| Box::pin(tokio::time::sleep(pause)) as _);
    let retries = replicator_settings::retries(app, pause)?;
    Ok(match endpoint {
        Endpoint::Local(name) => {
            let inside = Inside::new(app.clone(), user.clone());
            Peer::new(Arc::new(inside), format!("/{}", encode_segment(&name)), label, retries)
        }
        Endpoint::Remote { is_tls, host, port, path, headers } => {
            let trust = is_tls.then(|| replicator_settings::trust(app)).transpose()?;
            let remote = Remote::new(host, port, headers, trust);
            Peer::new(Arc::new(remote), path, label, retries)
        }
    })
}

/// The job of a replication that is about to run.
pub fn job(app: &App, asked: &Asked, user: Option<String>, document: Option<String>) -> Job {
    let Asked { replication, job } = asked;
    Job {
        id: job.clone(),
        source: replication.source.label.clone(),
        target: replication.target.label.clone(),
        user,
        document,
        continuous: replication.continuous,
        started_s: app.now_s(),
        state: JobState::Running,
        standing: replication.standing.clone(),
        abort: None,
    }
}

/// Runs a replication until it is done: what fails is tried again, later and later. One that is to be done once is over when it
/// fails for a reason that does not pass.
pub async fn keep_running(app: &App, asked: &Asked) -> Result<Value, Failed> {
    let mut again = AGAIN;
    loop {
        let failed = match asked.replication.run().await {
            Err(failed) if asked.replication.continuous || failed.is_passing => failed,
            ended => {
                let state = ended.clone().map_or_else(JobState::Failed, |_| JobState::Completed);
                app.jobs.set_state(&asked.job, state);
                return ended;
            }
        };
        tracing::warn!(job = %asked.job, error = %failed.error, reason = %failed.reason, "a replication failed");
        app.jobs.set_state(&asked.job, JobState::Crashing(failed));
        let is_stuck = asked.replication.so_far() == Progress::default();
        again = if is_stuck { (again * 2).min(AGAIN_MAX) } else { AGAIN };
        tokio::time::sleep(again).await;
        app.jobs.set_state(&asked.job, JobState::Running);
    }
}

/// `POST /_replicate`.
pub async fn start(mut call: Call, body: &mut RequestBody) -> Answer {
    let app = call.app.clone();
    call.body = body.read(&call.headers, app.options.body_bytes_max).await?;
    let members = call.object()?;
    let is_cancel = members.get("cancel").and_then(Value::as_bool) == Some(true);
    let named =
        members.get("replication_id").or_else(|| members.get("_local_id")).and_then(Value::as_str);
    if let (true, Some(id)) = (is_cancel, named) {
        return cancel(&app, id);
    }
    let user = call.user.clone();
    let asked = app.work({
        let app = app.clone();
        move || read(&app, &members, &user)
    });
    let asked = asked.await??;
    if is_cancel {
        return cancel(&app, &asked.job);
    }
    if asked.replication.continuous {
        return go_on(&app, asked, call.user.name.clone());
    }
    let job_id = asked.job.clone();
    let listed = Listed::new(&app, job(&app, &asked, call.user.name.clone(), None));
    // It goes on when the client does not wait for it, and is listed for as long.
    let running = tokio::spawn(async move {
        let ended = asked.replication.run().await;
        drop(listed);
        ended
    });
    app.jobs.set_abort(&job_id, running.abort_handle());
    let ended = running.await.map_err(|_| Problem::internal("the replication was ended"))?;
    Ok(Reply::json(200, &ended?))
}

/// A job that is listed until this is dropped.
struct Listed {
    app: Arc<App>,
    job: Job,
}

impl Listed {
    fn new(app: &Arc<App>, job: Job) -> Self {
        app.jobs.add(job.clone());
        Self { app: app.clone(), job }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.app.jobs.forget(&self.job);
    }
}

fn cancel(app: &App, id: &str) -> Answer {
    match app.jobs.cancel(id) {
        true => Ok(Reply::text(200, format!("{{\"ok\":true,\"_local_id\":{}}}\n", json!(id)))),
        false => Err(Problem::missing()),
    }
}

fn go_on(app: &Arc<App>, asked: Asked, user: Option<String>) -> Answer {
    let id = asked.job.clone();
    if !app.jobs.is_running(&id) {
        app.jobs.add(job(app, &asked, user, None));
        let owner = app.clone();
        let running = tokio::spawn(async move { keep_running(&owner, &asked).await });
        app.jobs.set_abort(&id, running.abort_handle());
    }
    Ok(Reply::text(202, format!("{{\"ok\":true,\"_local_id\":{}}}\n", json!(id))))
}

/// What replications say of themselves in `_active_tasks`.
pub fn tasks(app: &App) -> Vec<Value> {
    let running = app.jobs.all().into_iter().filter(|job| job.state == JobState::Running);
    let tasks = running.map(|job| {
        let standing = job.standing();
        let task = json!({
            "node": NODE, "pid": "<0.0.0>", "process_status": "waiting", "type": "replication",
            "replication_id": job.id, "doc_id": job.document, "database": null, "user": job.user,
            "source": job.source, "target": job.target, "continuous": job.continuous,
            "checkpoint_interval": CHECKPOINT_INTERVAL_MS, "started_on": job.started_s,
            "updated_on": app.now_s(),
        });
        let mut members = standing.info();
        if let (Some(members), Value::Object(task)) = (members.as_object_mut(), task) {
            members.extend(task);
        }
        members
    });
    tasks.collect()
}
