//! `_changes`: what happened to documents, once or for as long as somebody listens.
//!
//! A feed reads in rounds, each on a snapshot and each piece on a thread that may block; between rounds it waits for the
//! database's bell without a thread. It ends by its limit, its timeout, when the database is removed or the server ends.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};

use super::app::{App, told};
use super::body::RequestBody;
use super::call::Call;
use super::changes_query::{ChangesQuery, Feed, Function};
use super::changes_rows::{Rows, Style};
use super::design;
use super::local::tag;
use super::problem::Problem;
use super::reply::{Answer, Cut, Reply};
use crate::documents::{ChangesOptions, Database, Hook, Since};

/// Pieces that wait for a client to take them.
const PIECES_WAITING_MAX: usize = 4;

/// `GET` and `POST _changes`.
pub async fn feed(mut call: Call, body: &mut RequestBody) -> Answer {
    call.body = body.read(&call.headers, call.app.options.body_bytes_max).await?;
    let members: Map<String, Value> = match call.body.is_empty() {
        true => Map::new(),
        false => call.object()?,
    };
    let mut query = ChangesQuery::parse(&call, &members)?;
    let app = call.app.clone();
    let (opened, call) = app.work(move || (call.database(), call)).await?;
    let database = opened?;
    check_filter(&app, &database, &query).await?;
    match query.feed {
        Feed::Normal => normal(&app, database, query).await,
        _ => {
            query.since = settled(&app, &database, query.since).await?;
            listen(&call, database, query)
        }
    }
}

/// Where `now` is, before the answer begins: what its reader does after that must come.
async fn settled(app: &Arc<App>, database: &Arc<Database>, since: Since) -> Result<Since, Problem> {
    if since != Since::Now {
        return Ok(since);
    }
    let database = database.clone();
    let now = move || Ok(database.changes(&Since::Now, &ChangesOptions::default())?.last_seq());
    app.work(now).await?.map(Since::At)
}

/// A filter in a design document: missing is told first.
async fn check_filter(
    app: &Arc<App>,
    database: &Arc<Database>,
    query: &ChangesQuery,
) -> Result<(), Problem> {
    let Some(function) = query.function.clone() else { return Ok(()) };
    let database = database.clone();
    app.work(move || {
        let Function { design, kind, name } = function;
        design::check_function(&design::open(&database, &design)?, kind, &name)
    })
    .await??;
    Err(Problem::not_implemented(
        "Filters by functions come later: use filter=_selector or filter=_doc_ids.",
    ))
}

async fn normal(app: &Arc<App>, database: Arc<Database>, query: ChangesQuery) -> Answer {
    let reading = app.clone();
    let opened = app.work(move || {
        let tag = tag(&database.info().update_seq.to_string());
        Ok::<_, Problem>((tag, Rows::open(reading, database, query, Style::Listed)?))
    });
    let (tag, rows) = opened.await??;
    Ok(app.stream(rows).await?.etag(&tag))
}

/// What wakes a feed.
struct Bells {
    rung: watch::Receiver<u64>,
    _hooks: [crate::documents::HookHandle; 2],
}

impl Bells {
    /// For updates of a database, and for its removal.
    fn of(app: &App, database: &Database) -> Self {
        let (ring, rung) = watch::channel(0u64);
        let hook: Arc<Hook> =
            Arc::new(move |_| ring.send_modify(|count| *count = count.wrapping_add(1)));
        let updates = database.watch().on_update(hook.clone());
        let events = app.databases.watch_events().on_update(hook);
        Self { rung, _hooks: [updates, events] }
    }
}

struct Listening {
    app: Arc<App>,
    name: String,
    database: Arc<Database>,
    query: ChangesQuery,
    bells: Bells,
    pieces: mpsc::Sender<Result<Bytes, Cut>>,
    /// Rows that were sent.
    sent: u64,
}

fn listen(call: &Call, database: Arc<Database>, query: ChangesQuery) -> Answer {
    let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let app = call.app.clone();
    let room = if call.user.is_admin() { None } else { Some(app.feed(call.body.len())?) };
    let bells = Bells::of(&app, &database);
    let feed = query.feed;
    let name = call.name("db").to_owned();
    let listening = Listening { app, name, database, query, bells, pieces, sent: 0 };
    let counted = call.app.clone();
    tokio::spawn(async move {
        counted.stats.feeds.one();
        // The end of a feed whose client is gone concerns nobody.
        let _gone = listening.run().await;
        counted.stats.feeds.one_less();
        drop(room);
    });
    let reply = Reply::pieces(200, receiver);
    Ok(match feed {
        Feed::EventSource => {
            reply.header("Content-Type", "text/event-stream").header("Cache-Control", "no-cache")
        }
        _ => reply,
    })
}

/// A feed is over.
enum Over {
    /// Its client took everything.
    Ended,
    /// Its client is gone.
    Gone,
}

/// What a feed waited for.
enum Woken {
    Rung,
    TimedOut,
    Ending,
}

impl Listening {
    async fn run(mut self) -> Over {
        match self.rounds().await {
            Ok(()) => Over::Ended,
            Err(None) => Over::Gone,
            Err(Some(problem)) => {
                let cut = super::app::cut(&problem);
                if self.pieces.send(Err(cut)).await.is_ok() { Over::Ended } else { Over::Gone }
            }
        }
    }

    /// Rounds until the end. The error is a problem, or nothing when the client is gone.
    async fn rounds(&mut self) -> Result<(), Option<Problem>> {
        let longpoll = self.query.feed == Feed::Longpoll;
        if longpoll {
            self.send(b"{\"results\":[\n".to_vec()).await?;
        }
        loop {
            self.bells.rung.mark_unchanged();
            let (last_seq, pending) = self.round().await?;
            let limit_is_reached = self.query.limit == 0;
            let is_done = limit_is_reached || (longpoll && self.sent > 0) || self.query.descending;
            if is_done || !matches!(self.wait().await?, Woken::Rung) || self.is_removed().await {
                let end = match self.query.feed {
                    Feed::EventSource => return Ok(()),
                    Feed::Longpoll => {
                        format!("\n],\n\"last_seq\":{last_seq},\"pending\":{pending}}}\n")
                    }
                    _ => format!("{{\"last_seq\":{last_seq},\"pending\":{pending}}}\n"),
                };
                return self.send(end.into_bytes()).await;
            }
        }
    }

    /// Everything up to now; where that is, and how much is left.
    async fn round(&mut self) -> Result<(Value, u64), Option<Problem>> {
        let style = match self.query.feed {
            Feed::Longpoll => Style::Items { sent: self.sent },
            Feed::EventSource => Style::Events,
            _ => Style::Lines,
        };
        let (app, database, query) = (self.app.clone(), self.database.clone(), self.query.clone());
        let opened = self.app.work(move || Rows::open(app, database, query, style)).await;
        let mut rows = opened.and_then(|opened| opened).map_err(Some)?;
        loop {
            let made = self.app.work(move || (rows.piece(), rows)).await.map_err(Some)?;
            let piece;
            (piece, rows) = made;
            match piece.map_err(Some)? {
                Some(piece) => self.send(piece).await?,
                None => break,
            }
        }
        let (made, rows) = self.app.work(move || (rows.end(), rows)).await.map_err(Some)?;
        let (last, pending) = made.map_err(Some)?;
        self.sent += rows.written();
        self.query.limit = self.query.limit.saturating_sub(rows.written());
        let text = json!(last.to_string());
        self.query.since = Since::At(last);
        Ok((text, pending))
    }

    async fn send(&mut self, piece: Vec<u8>) -> Result<(), Option<Problem>> {
        self.pieces.send(Ok(piece.into())).await.map_err(|_| None)
    }

    /// Waits for the bell; sends heartbeats meanwhile.
    async fn wait(&mut self) -> Result<Woken, Option<Problem>> {
        let mut ending = self.app.ending.clone();
        let is_over = tokio::time::sleep(self.query.timeout);
        let mut is_over = std::pin::pin!(is_over);
        loop {
            let heartbeat = self.query.heartbeat.unwrap_or(Duration::MAX / 4);
            tokio::select! {
                changed = self.bells.rung.changed() => {
                    return Ok(if changed.is_ok() { Woken::Rung } else { Woken::Ending });
                }
                () = told(&mut ending) => return Ok(Woken::Ending),
                () = self.pieces.closed() => return Err(None),
                () = &mut is_over, if self.query.heartbeat.is_none() => return Ok(Woken::TimedOut),
                () = tokio::time::sleep(heartbeat), if self.query.heartbeat.is_some() => {
                    let beat: &[u8] = match self.query.feed {
                        Feed::EventSource => b"event: heartbeat\ndata: \n\n",
                        _ => b"\n",
                    };
                    self.send(beat.to_vec()).await?;
                }
            }
        }
    }

    /// Whether the database is gone, or another one has its name.
    async fn is_removed(&self) -> bool {
        let (app, name, database) = (self.app.clone(), self.name.clone(), self.database.clone());
        let same = move || app.databases.get(&name).is_ok_and(|now| Arc::ptr_eq(&now, &database));
        !self.app.work(same).await.unwrap_or(false)
    }
}
