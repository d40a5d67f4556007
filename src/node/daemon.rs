//! The daemon: an open database with a socket, HTTP and signals, until it is told to end.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::compact_database::OpenDatabases;
use super::connection;
use super::documents;
use super::logging::LevelHandle;
use super::open::{self, cdb_options, surroundings};
use super::reload::{Reread, reload};
use super::signals::{Asked, Signals};
use super::socket::{self, SocketName};
use crate::conf::Loaded;
use crate::heap;
use crate::http::{self, App, Tls};
use crate::service::{Class, Failure, Service};

/// Threads for requests; each watcher has one for as long as it watches.
const REQUEST_THREADS_MAX: usize = 256;

/// How long it is before clients are accepted again after one could not be.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// How long the end waits for HTTP clients; their requests change nothing.
const HTTP_PATIENCE: Duration = Duration::from_secs(5);

/// What a daemon is made of.
pub struct Setup {
    /// The configuration, options of the command line included.
    pub loaded: Loaded,
    /// The data directory.
    pub directory: PathBuf,
    /// Reads the configuration again.
    pub reread: Reread,
    /// Changes the log's level; `None` leaves it as it is.
    pub level: Option<LevelHandle>,
}

/// A daemon that is about to run: everything is open and listens.
pub struct Daemon {
    runtime: Runtime,
    service: Arc<Service>,
    setup: Setup,
    socket: UnixListener,
    socket_name: SocketName,
    http: TcpListener,
    app: Arc<App>,
    tls: Option<Tls>,
    end: watch::Sender<bool>,
    signals: Signals,
    listening: Listening,
}

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// HTTP.
    pub http: SocketAddr,
    /// Requests of the command line.
    pub socket: PathBuf,
}

impl Daemon {
    /// Opens the database and listens. The order: the directory's lock, which opening takes, before the socket's name.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        heap::keep_little();
        let conf = &setup.loaded.conf;
        let bind = conf.daemon.bind;
        let runtime = runtime()?;
        let context = runtime.enter();
        let signals = Signals::listen().map_err(|error| fault(&error))?;
        let around = surroundings(&setup.directory);
        let tls = documents::tls(&conf.daemon, &*around.vfs)?;
        let cdb = cdb_options(conf, &around).open(&setup.directory)?;
        let for_tasks = OpenDatabases::default();
        let service = Arc::new(open::service(cdb, around.clone(), &for_tasks));
        service.hash_clear_admins()?;
        refuse_strangers(bind, &service)?;
        let http = runtime.block_on(TcpListener::bind(bind)).map_err(|e| taken(bind, &e))?;
        let (socket, socket_name) = socket::listen(&around.vfs, &setup.directory)?;
        let listening = Listening {
            http: http.local_addr().map_err(|error| fault(&error))?,
            socket: socket::path(&setup.directory),
        };
        let shares = documents::shares(&conf.daemon, &service)?;
        let databases = Arc::new(documents::open(conf, &service, &around, shares)?);
        service.set_databases(&databases);
        for_tasks.get_or_init(|| Arc::downgrade(&databases));
        service.scheduler().start()?;
        let (end, ending) = watch::channel(false);
        let app = documents::app(&conf.daemon, &service, databases, &around, ending, shares)?;
        drop(context);
        if !service.has_admins()? {
            tracing::warn!(
                "no admin yet: whoever is on this machine may read and write documents; \
                 pumice user add --admin NAME makes one"
            );
        }
        let daemon = Self {
            runtime,
            service,
            setup,
            socket,
            socket_name,
            http,
            app,
            tls,
            end,
            signals,
            listening,
        };
        Ok(daemon)
    }

    /// Where it listens.
    pub fn listening(&self) -> &Listening {
        &self.listening
    }

    /// Serves until SIGTERM or SIGINT; then requests that run are finished and everything is closed. A second signal ends
    /// the process at once.
    pub fn run(self) -> Result<(), Failure> {
        let Self { runtime, service, mut setup, socket, socket_name, mut signals, .. } = self;
        let (app, end, listener) = (self.app, self.end, self.http);
        let databases = app.databases.clone();
        runtime.block_on(async {
            let ending = end.subscribe();
            let http = tokio::spawn(http::serve(listener, app, self.tls, ending.clone()));
            let mut clients = JoinSet::new();
            loop {
                tokio::select! {
                    asked = signals.next() => match asked {
                        Asked::End(signal) => {
                            tracing::info!(signal, clients = clients.len(), "ending");
                            break;
                        }
                        Asked::Reload => {
                            reload(&setup.reread, &mut setup.loaded, &service, setup.level.as_ref());
                        }
                    },
                    accepted = socket.accept() => match accepted {
                        Ok((stream, _)) => {
                            clients.spawn(connection::serve(service.clone(), stream, ending.clone()));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "a client could not be accepted");
                            // Out of descriptors, most likely: the client still waits, and so do we.
                            tokio::time::sleep(ACCEPT_AGAIN).await;
                        }
                    },
                    Some(_) = clients.join_next() => {}
                }
            }
            drop((socket, socket_name));
            end.send_replace(true);
            tokio::spawn(end_at_once(signals));
            while clients.join_next().await.is_some() {}
            if tokio::time::timeout(HTTP_PATIENCE, http).await.is_err() {
                tracing::warn!("an HTTP client did not let go; it was left behind");
            }
        });
        if let Err(error) = databases.close() {
            tracing::error!(%error, "the document databases could not be closed");
        }
        let closed = service.close();
        drop(runtime);
        closed
    }
}

/// The second signal does not wait.
async fn end_at_once(mut signals: Signals) {
    loop {
        if let Asked::End(signal) = signals.next().await {
            tracing::warn!(
                signal,
                "ended at once; what was not finished is recovered at the next start"
            );
            std::process::exit(128 + signal);
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(REQUEST_THREADS_MAX)
        .thread_name("pumice")
        .enable_all()
        .build()
        .map_err(|error| fault(&error))
}

fn fault(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Class::Fault, "internal", format!("the daemon cannot be set up: {error}"))
}

/// Without an admin, whoever reaches the address is let in: so it must be one that only this machine reaches.
fn refuse_strangers(bind: SocketAddr, service: &Service) -> Result<(), Failure> {
    if service.has_admins()? {
        return Ok(());
    }
    if bind.ip().is_loopback() {
        return Ok(());
    }
    let reason =
        format!("will not listen on {bind}: there is no admin yet, and others could reach it");
    let hint = "make one: pumice user add --admin NAME; or use 127.0.0.1 or [::1]";
    Err(Failure::usage(reason).hint(hint))
}

fn taken(bind: SocketAddr, error: &std::io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => format!("cannot listen on {bind}: another program does"),
        _ => format!("cannot listen on {bind}: {error}"),
    };
    Failure::new(Class::Usage, "bind", reason)
        .hint("choose another with --bind ADDR:PORT (port 0: any that is free), or daemon/bind in ncs.conf")
}
