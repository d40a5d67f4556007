//! The `_replicator` database: each of its documents is a replication that is to run, and hears what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::app::App;
use super::problem::Problem;
use super::replicate::{Asked, job, keep_running, read};
use crate::auth::UserContext;
use crate::dates::iso_date;
use crate::documents::{
    AllDocsRange, Database, DatabaseError, EditMode, Hook, HookHandle, OpenOptions, RevisionPath,
    parse_document,
};
use crate::replication::Failed;

/// The name of the database.
const REPLICATOR: &str = "_replicator";

/// A document that asks for a replication: its revision and its members.
type Wanted = BTreeMap<String, (String, Map<String, Value>)>;

/// Starts and ends replications as documents come and go, until it is aborted.
pub async fn watch(app: Arc<App>) {
    let (ring, mut rung) = watch::channel(0u64);
    let hook: Arc<Hook> =
        Arc::new(move |_| ring.send_modify(|count| *count = count.wrapping_add(1)));
    let _events = app.databases.watch_events().on_update(hook.clone());
    let mut listening: Option<Listening> = None;
    // Which revision of a document its job was made of.
    let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
    loop {
        rung.mark_unchanged();
        listen(&app, &mut listening, &hook);
        let wanted = app.work({
            let app = app.clone();
            move || wanted(&app)
        });
        match wanted.await.and_then(|wanted| wanted) {
            Ok(wanted) => reconcile(&app, &mut known, wanted).await,
            Err(problem) => tracing::warn!(reason = %problem.reason, "_replicator cannot be read"),
        }
        if rung.changed().await.is_err() {
            return;
        }
    }
}

/// The database that is listened to, and what keeps the hook on it.
type Listening = (Arc<Database>, HookHandle);

/// Listens to the updates of the database, once it is there; to those of the new one when it was replaced.
fn listen(app: &App, listening: &mut Option<Listening>, hook: &Arc<Hook>) {
    let now = app.databases.get(REPLICATOR).ok();
    let same = match (&now, &listening) {
        (Some(now), Some((old, _))) => Arc::ptr_eq(now, old),
        (None, None) => true,
        _ => false,
    };
    if !same {
        *listening = now.map(|database| {
            let handle = database.watch().on_update(hook.clone());
            (database, handle)
        });
    }
}

fn wanted(app: &App) -> Result<Wanted, Problem> {
    let database = match app.databases.get(REPLICATOR) {
        Ok(database) => database,
        Err(DatabaseError::NotFound) => return Ok(Wanted::new()),
        Err(error) => return Err(error.into()),
    };
    let range = AllDocsRange { include_docs: true, ..AllDocsRange::default() };
    let mut rows = database.all_docs(&range)?;
    let mut wanted = Wanted::new();
    while let Some(row) = rows.next()? {
        let members = row
            .document
            .and_then(|document| serde_json::from_str::<Map<_, _>>(document.body()).ok());
        if let Some(members) = members.filter(|_| !row.id.starts_with("_design/")) {
            wanted.insert(row.id, (row.rev.to_string(), members));
        }
    }
    Ok(wanted)
}

fn is_over(members: &Map<String, Value>) -> bool {
    matches!(
        members.get("_replication_state").and_then(Value::as_str),
        Some("completed" | "failed")
    )
}

async fn reconcile(app: &Arc<App>, known: &mut BTreeMap<String, (String, String)>, wanted: Wanted) {
    let gone = |id: &str| wanted.get(id).is_none_or(|(_, members)| is_over(members));
    let over: Vec<_> = known.keys().filter(|id| gone(id)).cloned().collect();
    for id in over {
        if let Some((_, job)) = known.remove(&id)
            && !wanted.contains_key(&id)
        {
            app.jobs.cancel(&job);
        }
    }
    for (id, (rev, members)) in wanted {
        let is_known = known.get(&id).is_some_and(|(old, _)| *old == rev);
        if is_known || is_over(&members) {
            continue;
        }
        if let Some((_, job)) = known.remove(&id) {
            app.jobs.cancel(&job);
        }
        if let Some(job) = begin(app, &id, &members).await {
            known.insert(id, (rev, job));
        }
    }
}

/// Starts the replication of a document; answers its job.
async fn begin(app: &Arc<App>, id: &str, members: &Map<String, Value>) -> Option<String> {
    let user = UserContext::admin(REPLICATOR);
    let asked = app.work({
        let (app, members) = (app.clone(), members.clone());
        move || read(&app, &members, &user)
    });
    let asked = match asked.await.and_then(|asked| asked) {
        Ok(asked) => asked,
        Err(problem) => {
            let reason = json!({ "_replication_state": "failed", "_replication_state_reason": problem.reason });
            tell(app, id, reason).await;
            return None;
        }
    };
    let name = asked.job.clone();
    if app.jobs.is_running(&name) {
        let reason = "Another document asks for the same replication";
        tell(
            app,
            id,
            json!({ "_replication_state": "failed", "_replication_state_reason": reason }),
        )
        .await;
        return None;
    }
    let owner = members.get("owner").and_then(Value::as_str).map(str::to_owned);
    app.jobs.add(job(app, &asked, owner, Some(id.to_owned())));
    let running = tokio::spawn(run(app.clone(), asked, id.to_owned()));
    app.jobs.set_abort(&name, running.abort_handle());
    Some(name)
}

async fn run(app: Arc<App>, asked: Asked, document: String) {
    let ended = keep_running(&app, &asked).await;
    let told = match &ended {
        Ok(_) => json!({
            "_replication_state": "completed", "_replication_id": asked.replication.id,
            "_replication_stats": asked.replication.standing().info(),
        }),
        Err(Failed { reason, .. }) => json!({
            "_replication_state": "failed", "_replication_state_reason": reason,
            "_replication_id": asked.replication.id,
        }),
    };
    tell(&app, &document, told).await;
}

/// Writes into a document what became of its replication.
async fn tell(app: &Arc<App>, id: &str, news: Value) {
    let (owner, id) = (app.clone(), id.to_owned());
    let told = app.work(move || {
        let database: Arc<Database> = owner.databases.get(REPLICATOR)?;
        let document = database.open(&id, &OpenOptions::default())?;
        let mut members: Map<String, Value> =
            serde_json::from_str(document.body()).map_err(|_| Problem::bad_json())?;
        members.extend(news.as_object().cloned().unwrap_or_default());
        members.insert("_replication_state_time".to_owned(), json!(iso_date(owner.now_s())));
        let text = serde_json::to_vec(&members).map_err(|_| Problem::bad_json())?;
        let mut edit = parse_document(&text)?.into_edit(id);
        edit.revisions = RevisionPath::from(document.revision().clone());
        for written in database.update(vec![edit], EditMode::Interactive) {
            written?;
        }
        Ok::<_, Problem>(())
    });
    if let Err(problem) = told.await.and_then(|told| told) {
        tracing::warn!(reason = %problem.reason, "a document of _replicator could not be told");
    }
}
