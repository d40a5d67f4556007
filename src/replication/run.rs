//! A replication from its checkpoint to the end of the changes, or on and on.

use serde::Deserialize;
use serde_json::{Value, json};

use super::batch::{Changes, number};
use super::checkpoint::{Checkpoint, Session, common, next};
use super::outcome::{Failed, Progress, Standing, escape};
use super::peer::Peer;
use super::wanted::Replication;

/// Changes that are read at a time (CouchDB: `worker_batch_size`).
pub(super) const BATCH: u64 = 500;

/// The answer of a database about itself, as far as it matters.
#[derive(Deserialize)]
struct Info {}

impl Replication {
    /// Replicates. Answers what `_replicate` answers; a continuous one does not end by itself.
    pub async fn run(&self) -> Result<Value, Failed> {
        // What an earlier run did is in its checkpoint, or is done again.
        self.stands(|standing| *standing = Standing::default());
        self.open(&self.source, false).await?;
        self.open(&self.target, self.create_target).await?;
        let (mut at_source, mut at_target) = self.checkpoints().await?;
        let (agreed, before) = common(&at_source, &at_target).unwrap_or_default();
        let agreed = Some(agreed).filter(|agreed| !agreed.is_null());
        self.stands(|standing| standing.before = before.clone());
        let start = self.since.clone().or(agreed).unwrap_or_else(|| json!(0));
        let mut session = Session {
            session_id: self.session_id.clone(),
            start_time: (self.times.0)(),
            start_last_seq: start.clone(),
            recorded_seq: start.clone(),
            end_last_seq: start,
            is_by_ids: self.filter.get("doc_ids").is_some(),
            ..Session::default()
        };
        let mut is_waiting = false;
        // What the source had when this began is what is brought over once: whoever goes on writing does not keep it from ending.
        let mut left: Option<u64> = None;
        loop {
            let changes = self.changes(&session.recorded_seq, is_waiting).await?;
            self.stands(|standing| {
                standing.source_seq = changes.last_seq.clone();
                standing.changes_pending = changes.pending;
            });
            let count = number(changes.results.len());
            left = left.or(changes.pending.map(|pending| pending + count));
            left = left.map(|left| left.saturating_sub(count));
            let is_end = count < BATCH || left == Some(0);
            let is_new = count > 0;
            self.copy(&changes).await?;
            self.stands(|standing| standing.through_seq = changes.last_seq.clone());
            session.recorded_seq = changes.last_seq.clone();
            session.end_last_seq = changes.last_seq;
            session.progress = self.standing().total();
            session.end_time = (self.times.0)();
            let did_something = self.so_far() != Progress::default();
            if is_new && did_something {
                (at_source, at_target) = self.record(&at_source, &at_target, &session).await?;
                let recorded = session.recorded_seq.clone();
                self.stands(|standing| standing.checkpointed_source_seq = recorded);
            }
            is_waiting = is_end;
            if is_end && !self.continuous {
                return Ok(Self::answer(&at_target, &session, !did_something));
            }
        }
    }

    fn answer(at_target: &Checkpoint, session: &Session, is_quiet: bool) -> Value {
        let kept = if is_quiet && !at_target.history.is_empty() {
            at_target.clone()
        } else {
            next(&Checkpoint::default(), session)
        };
        let history = if is_quiet { &kept.history } else { &at_target.history };
        let history = if history.is_empty() { &kept.history } else { history };
        let mut answer = json!({
            "ok": true, "session_id": kept.session_id, "source_last_seq": kept.source_last_seq,
            "replication_id_version": super::checkpoint::ID_VERSION, "history": history,
        });
        let summary = if is_quiet { &kept.summary } else { &at_target.summary };
        if let (Ok(Value::Object(summary)), Some(answer)) =
            (serde_json::to_value(summary), answer.as_object_mut())
        {
            answer.extend(summary);
        }
        if let (true, Some(answer)) = (is_quiet, answer.as_object_mut()) {
            answer.insert("no_changes".to_owned(), json!(true));
        }
        answer
    }

    async fn open(&self, peer: &Peer, create: bool) -> Result<(), Failed> {
        let opened = peer.json("GET", "", None).await?;
        match opened {
            (200, _) => Ok(()),
            (404, _) if create => {
                let parameters = query(&self.create_target_params).replacen('&', "?", 1);
                let (status, text) = peer.json("PUT", &parameters, None).await?;
                if matches!(status, 201 | 202 | 412) {
                    Ok(())
                } else {
                    Err(peer.refused("", status, &text))
                }
            }
            (404, _) => Err(Failed::new("db_not_found", format!("could not open {}", peer.label))),
            (status, text) => Err(peer.refused("", status, &text)),
        }
    }

    fn checkpoint_path(&self) -> String {
        format!("/_local/{}", self.id)
    }

    async fn checkpoints(&self) -> Result<(Checkpoint, Checkpoint), Failed> {
        if !self.use_checkpoints {
            return Ok((Checkpoint::default(), Checkpoint::default()));
        }
        Ok((self.checkpoint(&self.source).await?, self.checkpoint(&self.target).await?))
    }

    async fn checkpoint(&self, peer: &Peer) -> Result<Checkpoint, Failed> {
        let path = self.checkpoint_path();
        let (status, text) = peer.json("GET", &path, None).await?;
        match status {
            200 => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            // A source that may only be read keeps no checkpoint: everything is looked at again.
            401 | 403 | 404 => Ok(Checkpoint::default()),
            _ => Err(peer.refused(&path, status, &text)),
        }
    }

    /// Writes the checkpoint on both sides, after what was written is durable.
    async fn record(
        &self,
        at_source: &Checkpoint,
        at_target: &Checkpoint,
        session: &Session,
    ) -> Result<(Checkpoint, Checkpoint), Failed> {
        if !self.use_checkpoints {
            return Ok((next(at_source, session), next(at_target, session)));
        }
        let _: Info = self.target.want("POST", "/_ensure_full_commit", Some(String::new())).await?;
        let at_source = self.put(&self.source, next(at_source, session)).await?;
        let at_target = self.put(&self.target, next(at_target, session)).await?;
        Ok((at_source, at_target))
    }

    async fn put(&self, peer: &Peer, mut checkpoint: Checkpoint) -> Result<Checkpoint, Failed> {
        let path = self.checkpoint_path();
        for is_again in [false, true] {
            let body = serde_json::to_string(&checkpoint).unwrap_or_default();
            let (status, text) = peer.json("PUT", &path, Some(body)).await?;
            match status {
                200..300 => {
                    let answer: Value = serde_json::from_slice(&text).unwrap_or_default();
                    checkpoint.rev = answer.get("rev").and_then(Value::as_str).map(str::to_owned);
                    return Ok(checkpoint);
                }
                // Somebody else wrote it: on its newest revision, once.
                409 if !is_again => checkpoint.rev = self.checkpoint(peer).await?.rev,
                401 | 403 => return Ok(checkpoint),
                _ => return Err(peer.refused(&path, status, &text)),
            }
        }
        Ok(checkpoint)
    }

    async fn changes(&self, since: &Value, is_waiting: bool) -> Result<Changes, Failed> {
        let since = match since {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let style = if self.winning_revs_only { "main_only" } else { "all_docs" };
        let feed = if is_waiting && self.continuous {
            "&feed=longpoll&timeout=30000&heartbeat=10000"
        } else {
            ""
        };
        let (filter, body) = self.filter_parts();
        let path =
            format!("/_changes?style={style}&limit={BATCH}&since={}{feed}{filter}", escape(&since));
        let method = if body.is_some() { "POST" } else { "GET" };
        self.source.want(method, &path, body).await
    }

    /// The parameters and the body that a filter wants.
    fn filter_parts(&self) -> (String, Option<String>) {
        if let Some(ids) = self.filter.get("doc_ids") {
            return ("&filter=_doc_ids".to_owned(), Some(json!({ "doc_ids": ids }).to_string()));
        }
        if let Some(selector) = self.filter.get("selector") {
            return (
                "&filter=_selector".to_owned(),
                Some(json!({ "selector": selector }).to_string()),
            );
        }
        let Some(name) = self.filter.get("filter").and_then(Value::as_str) else {
            return (String::new(), None);
        };
        let parameters = self.filter.get("query_params").map(query).unwrap_or_default();
        (format!("&filter={}{parameters}", escape(name)), None)
    }
}

/// The members of an object as parameters, each behind a `&`.
fn query(members: &Value) -> String {
    let members = members.as_object().into_iter().flatten();
    let parameters = members.map(|(key, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("&{}={}", escape(key), escape(&value))
    });
    parameters.collect()
}
