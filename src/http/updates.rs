//! `_db_updates`: what happens to databases. The feed is there while the database `_global_changes` is, as in CouchDB; nothing is
//! kept in it here.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::app::{App, told};
use super::body::RequestBody;
use super::call::Call;
use super::changes_query::{heartbeat, timeout};
use super::databases::open;
use super::problem::Problem;
use super::reply::{Answer, Cut, Reply};
use crate::documents::{DatabaseEvent, Hook};

/// The database that says whether there is a feed.
const SWITCH: &str = "_global_changes";
/// Events that are read at a time.
const AT_A_TIME: usize = 1_000;

struct Listening {
    app: Arc<App>,
    since: u64,
    limit: u64,
    feed: String,
    heartbeat: Option<Duration>,
    timeout: Duration,
    sent: u64,
}

/// `GET /_db_updates`.
pub async fn feed(call: Call, _body: &mut RequestBody) -> Answer {
    let app = call.app.clone();
    let switch = app.clone();
    app.work(move || open(&switch, SWITCH)).await??;
    let wrong = |_| Problem::bad_request("`limit` must be a non-negative integer");
    let limit = call.parameter("limit").map(str::parse).transpose().map_err(wrong)?;
    let since = match call.parameter("since").map(|since| since.trim_matches('"')) {
        None | Some("0" | "") => 0,
        Some("now") => app.databases.last_event()?,
        Some(text) => text.parse().map_err(|_| {
            Problem::bad_request("Malformed sequence supplied in 'since' parameter.")
        })?,
    };
    let listening = Listening {
        app,
        since,
        limit: limit.unwrap_or(u64::MAX),
        feed: call.parameter("feed").unwrap_or("normal").to_owned(),
        heartbeat: heartbeat(call.parameter("heartbeat"))?,
        timeout: timeout(call.parameter("timeout"))?,
        sent: 0,
    };
    let (pieces, receiver) = mpsc::channel(4);
    let is_event_source = listening.feed == "eventsource";
    tokio::spawn(listening.run(pieces));
    let reply = Reply::pieces(200, receiver);
    Ok(match is_event_source {
        true => {
            reply.header("Content-Type", "text/event-stream").header("Cache-Control", "no-cache")
        }
        false => reply,
    })
}

type Sender = mpsc::Sender<Result<Bytes, Cut>>;

impl Listening {
    async fn run(mut self, pieces: Sender) {
        // The end of a feed whose client is gone concerns nobody.
        let _gone = self.rounds(&pieces).await;
    }

    async fn rounds(&mut self, pieces: &Sender) -> Result<(), ()> {
        let is_list = matches!(self.feed.as_str(), "normal" | "longpoll");
        let (ring, mut rung) = watch::channel(0);
        let hook: Arc<Hook> = Arc::new(move |number| {
            ring.send_replace(number);
        });
        let _handle = self.app.databases.watch_events().on_update(hook);
        if is_list {
            put(pieces, "{\"results\":[\n".to_owned()).await?;
        }
        loop {
            rung.mark_unchanged();
            self.round(pieces).await?;
            let is_done = self.limit == 0
                || self.feed == "normal"
                || (self.feed == "longpoll" && self.sent > 0);
            if is_done || !self.wait(pieces, &mut rung).await? {
                break;
            }
        }
        let end = match self.feed.as_str() {
            "eventsource" => return Ok(()),
            "continuous" => format!("{{\"last_seq\":\"{}\"}}\n", self.since),
            _ => format!("\n],\n\"last_seq\":\"{}\"}}\n", self.since),
        };
        put(pieces, end).await
    }

    async fn round(&mut self, pieces: &Sender) -> Result<(), ()> {
        loop {
            let (app, since) = (self.app.clone(), self.since);
            let limit = usize::try_from(self.limit).unwrap_or(usize::MAX).min(AT_A_TIME);
            let read = self.app.work(move || app.databases.events(since, limit)).await;
            let events = read.map_err(|_| ())?.map_err(|_| ())?;
            if events.is_empty() {
                return Ok(());
            }
            let text: String = events.iter().map(|event| self.row(event)).collect();
            put(pieces, text).await?;
            self.limit -= u64::try_from(events.len()).unwrap_or(0).min(self.limit);
            if self.limit == 0 {
                return Ok(());
            }
        }
    }

    fn row(&mut self, event: &DatabaseEvent) -> String {
        self.since = event.sequence;
        self.sent += 1;
        let (name, kind, seq) = (json!(event.name), event.kind.word(), event.sequence);
        let row = format!("{{\"db_name\":{name},\"type\":\"{kind}\",\"seq\":\"{seq}\"}}");
        match self.feed.as_str() {
            "eventsource" => format!("data: {row}\nid: \"{seq}\"\n\n"),
            "continuous" => row + "\n",
            _ if self.sent == 1 => row,
            _ => format!(",\n{row}"),
        }
    }

    /// Whether there is something new; `false` when it is time to end.
    async fn wait(&self, pieces: &Sender, rung: &mut watch::Receiver<u64>) -> Result<bool, ()> {
        let mut ending = self.app.ending.clone();
        loop {
            tokio::select! {
                changed = rung.changed() => return Ok(changed.is_ok()),
                () = told(&mut ending) => return Ok(false),
                () = pieces.closed() => return Err(()),
                () = tokio::time::sleep(self.heartbeat.unwrap_or(self.timeout)) => {
                    if self.heartbeat.is_none() {
                        return Ok(false);
                    }
                    put(pieces, "\n".to_owned()).await?;
                }
            }
        }
    }
}

async fn put(pieces: &Sender, text: String) -> Result<(), ()> {
    if text.is_empty() {
        return Ok(());
    }
    pieces.send(Ok(text.into())).await.map_err(|_| ())
}
