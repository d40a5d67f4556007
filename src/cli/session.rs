//! Who executes requests: the daemon that holds the directory, or this process on the files.

use std::path::Path;
use std::time::Duration;

use crate::cdb::Datastore;
use crate::clock::{Clock, Signal, SystemClock};
use crate::conf::Conf;
use crate::node::{self, Client, Reached};
use crate::service::{Cancel, Class, Emit, Failure, LOCKED, Reply, Request, Schedule, Service};
use crate::vfs::Vfs;

/// How long a directory that somebody else has is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is tried meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who executes requests.
#[derive(Debug)]
pub enum Session {
    /// The daemon.
    Daemon(Client),
    /// This process, with the files open.
    Files(Box<Service>),
}

/// What a request needs of the files, when there is no daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Read,
    Write,
    /// Others that write meanwhile.
    Daemon,
}

fn need(request: &Request) -> Need {
    match request {
        Request::Change(_)
        | Request::Load(_)
        | Request::Rollback(_)
        | Request::SnapshotTake(_)
        | Request::SnapshotRestore(_)
        | Request::SnapshotRemove(_)
        | Request::Compact(_) => Need::Write,
        Request::Schedule(asked) => match asked {
            Schedule::List | Schedule::Next(_) | Schedule::History(_) => Need::Read,
            _ => Need::Write,
        },
        Request::Watch(_) | Request::Status => Need::Daemon,
        _ => Need::Read,
    }
}

impl Session {
    /// Reaches the daemon of the configuration's directory, or opens the files as the request needs them.
    pub fn begin(conf: &Conf, vfs: &dyn Vfs, request: &Request) -> Result<Self, Failure> {
        let clock = SystemClock::new();
        let give_up = clock.monotonic().saturating_add(PATIENCE);
        loop {
            match Self::try_begin(conf, vfs, request) {
                // Another command is at work, or a daemon is about to listen.
                Err(failure) if failure.error == LOCKED && clock.monotonic() < give_up => {
                    let again = clock.monotonic().saturating_add(LOOK_EVERY);
                    clock.wait(&Signal::new(), Some(again));
                }
                done => return done,
            }
        }
    }

    fn try_begin(conf: &Conf, vfs: &dyn Vfs, request: &Request) -> Result<Self, Failure> {
        let directory = &conf.cdb.db_dir;
        if let Reached::Daemon(client) = Client::connect(directory)? {
            return Ok(Self::Daemon(client));
        }
        require_database(vfs, directory)?;
        let service = match need(request) {
            Need::Read => node::open_read_only(conf, directory)?,
            Need::Write => {
                node::survive_file_size_limit()?;
                node::open(conf, directory)?
            }
            Need::Daemon => return Err(no_daemon(directory)),
        };
        Ok(Self::Files(Box::new(service)))
    }

    /// The daemon of the configuration's directory, if one runs.
    pub fn daemon(conf: &Conf) -> Result<Option<Self>, Failure> {
        match Client::connect(&conf.cdb.db_dir)? {
            Reached::Daemon(client) => Ok(Some(Self::Daemon(client))),
            Reached::Nobody => Ok(None),
        }
    }

    /// Whether a daemon executes.
    pub fn is_daemon(&self) -> bool {
        matches!(self, Self::Daemon(_))
    }

    /// Has a request done; its events come first. What was written is durable on return.
    pub fn request(&mut self, request: &Request, emit: Emit<'_>) -> Result<Reply, Failure> {
        match self {
            Self::Daemon(client) => client.request(request, emit),
            Self::Files(service) => {
                let reply = service.execute(request.clone(), &Cancel::new(), emit)?;
                if need(request) == Need::Write {
                    service.compact_what_is_due();
                    service.close()?;
                }
                Ok(reply)
            }
        }
    }
}

/// A typing error must not make a database somewhere.
fn require_database(vfs: &dyn Vfs, directory: &Path) -> Result<(), Failure> {
    if vfs.exists(&directory.join(Datastore::Config.file_name()))? {
        return Ok(());
    }
    let reason = format!("there is no database in {}", directory.display());
    let hint = "pumice init DIR makes one; --dir DIR names one; pumice start makes and serves ./pumice-data";
    Err(Failure::new(Class::NotFound, "not_found", reason).hint(hint))
}

fn no_daemon(directory: &Path) -> Failure {
    let reason = format!("no daemon runs on {}", directory.display());
    let hint = "pumice start begins one; without it nobody else can change anything";
    Failure::new(Class::Unreachable, "unreachable", reason).hint(hint)
}
