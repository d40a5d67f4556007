//! The actions that come with the database: compact, check, backup.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::action::{Action, Actions, Call, Outcome};
use super::params::{ParamError, Params};
use super::zone::utc_text;
use crate::cdb::{Cdb, Datastore, ROLLBACK_FILE, RunOptions, throttle};
use crate::journal::{CompactionControl, WritePolicy};
use crate::units::{ByteSize, grouped};
use crate::vfs::{self, Vfs};

impl Actions {
    /// `compact`, `check`, `backup`, and the place of `compact-database`.
    pub fn builtin() -> Self {
        let mut actions = Self::new();
        actions.add("compact", Compact);
        actions.add("check", Check);
        actions.add("backup", Backup);
        actions.add("compact-database", NoDatabases);
        actions
    }
}

const DATASTORE: &str = "datastore";

/// The datastores that are meant: one, or all.
fn datastores(params: &Params) -> Result<Vec<Datastore>, ParamError> {
    match params.get(DATASTORE) {
        None | Some("all") => Ok(Datastore::ALL.to_vec()),
        Some(name) => name.parse().map(|one| vec![one]).map_err(|_| {
            ParamError::new(DATASTORE, format!("\"{name}\" is not config, oper, snapshot or all"))
        }),
    }
}

/// Compacts datastores now, one after the other.
struct Compact;

/// What a task says about a compaction.
struct Compaction {
    datastores: Vec<Datastore>,
    if_transactions_over: Option<u64>,
    options: RunOptions,
}

impl Compaction {
    const PARAMS: [&str; 4] = [DATASTORE, "if-transactions-over", "policy", "throttle"];

    fn read(params: &Params) -> Result<Self, ParamError> {
        params.only(&Self::PARAMS)?;
        let write_policy = match params.get("policy") {
            None => None,
            Some("blocking") => Some(WritePolicy::Blocking),
            Some("background") => Some(WritePolicy::Background),
            Some(other) => {
                let reason = format!("\"{other}\" is not blocking or background");
                return Err(ParamError::new("policy", reason));
            }
        };
        let throttle = params.parse::<ByteSize>("throttle", "a size, bytes per second")?;
        let throttle = throttle.map(|rate| self::throttle(rate.bytes())).transpose();
        let throttle_bytes_per_second =
            throttle.map_err(|low| ParamError::new("throttle", low.to_string()))?;
        Ok(Self {
            datastores: datastores(params)?,
            if_transactions_over: params.parse("if-transactions-over", "a number")?,
            options: RunOptions {
                write_policy,
                throttle_bytes_per_second,
                ..RunOptions::default()
            },
        })
    }
}

impl Action for Compact {
    fn check(&self, params: &Params) -> Result<(), ParamError> {
        Compaction::read(params).map(drop)
    }

    fn run(&self, call: &Call<'_>) -> Outcome {
        let compaction = Compaction::read(call.params)?;
        let compactions = call.cdb.compactions();
        // Counted before the first, since each writes its history into O.cdb.
        let of = |one: &Datastore| (*one, compactions.info(*one).growth.transactions);
        let counted: Vec<_> = compaction.datastores.iter().map(of).collect();
        let (mut done, mut failed) = (Vec::new(), None);
        let current = Arc::new(Mutex::new(None));
        let (cancelled, cdb) = (current.clone(), call.cdb.clone());
        call.cancel.on_cancel(move || {
            if let Some(datastore) = *cancelled.lock().unwrap_or_else(PoisonError::into_inner) {
                cdb.compactions().cancel(datastore);
            }
        });
        for (datastore, transactions) in counted {
            let file = datastore.file_name();
            let over = compaction.if_transactions_over.unwrap_or(0);
            if transactions <= over {
                done.push(format!("{file} left alone ({} tx)", grouped(transactions)));
                continue;
            }
            *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(datastore);
            if call.cancel.is_cancelled() {
                return Err("cancelled".into());
            }
            match compactions.run_scheduled(datastore, compaction.options) {
                Ok(entry) => done.push(format!(
                    "{file} {} -> {} ({} tx)",
                    ByteSize::from_bytes(entry.size_start_bytes),
                    ByteSize::from_bytes(entry.size_end_bytes),
                    grouped(transactions),
                )),
                Err(error) => failed = failed.or(Some(format!("{file}: {error}"))),
            }
        }
        failed.map_or_else(|| Ok(done.join(", ")), |failed| Err(failed.into()))
    }
}

/// Verifies what is on disk.
struct Check;

impl Action for Check {
    fn check(&self, params: &Params) -> Result<(), ParamError> {
        params.only(&[DATASTORE])?;
        datastores(params).map(drop)
    }

    fn run(&self, call: &Call<'_>) -> Outcome {
        let mut sound = Vec::new();
        for datastore in datastores(call.params)? {
            if call.cancel.is_cancelled() {
                return Err("cancelled".into());
            }
            let (file, report) = (datastore.file_name(), call.cdb.verify(datastore, &mut |_| {})?);
            if let Some(first) = report.problems.first() {
                let (places, at) = (report.problems.len(), grouped(first.position));
                let what = &first.what;
                let places = format!("{file}: {places} damaged places, the first at byte {at}");
                return Err(format!("{places}: {what}").into());
            }
            sound.push(format!("{file} sound"));
        }
        Ok(sound.join(", "))
    }
}

/// Copies all datastores into a new directory below another.
struct Backup;

/// What a backup's directory is called, before its time.
const PREFIX: &str = "backup-";

impl Backup {
    fn read(params: &Params) -> Result<(PathBuf, Option<usize>), ParamError> {
        params.only(&["directory", "keep"])?;
        let missing =
            || ParamError { name: None, reason: "the parameter directory is missing".to_owned() };
        let directory = Path::new(params.get("directory").ok_or_else(missing)?);
        if !directory.is_absolute() {
            let reason = format!("\"{}\" does not begin with /", directory.display());
            return Err(ParamError::new("directory", reason));
        }
        let keep = params.parse::<std::num::NonZeroUsize>("keep", "a number from 1")?;
        Ok((directory.to_path_buf(), keep.map(std::num::NonZeroUsize::get)))
    }
}

impl Action for Backup {
    fn check(&self, params: &Params) -> Result<(), ParamError> {
        Self::read(params).map(drop)
    }

    fn run(&self, call: &Call<'_>) -> Outcome {
        let (directory, keep) = Self::read(call.params)?;
        let control = Arc::new(CompactionControl::new());
        let told = control.clone();
        call.cancel.on_cancel(move || told.cancel());
        // Colons are no letters for names on some file systems.
        let time: String =
            utc_text(call.when_micros).chars().filter(|c| *c != ':' && *c != '-').collect();
        let target = directory.join(format!("{PREFIX}{time}"));
        let copies = call.cdb.backup(&target, &control)?;
        let size = ByteSize::from_bytes(copies.iter().map(|copy| copy.size_bytes).sum());
        let mut done = format!("{} ({size})", target.display());
        if let Some(keep) = keep {
            match retire(call.cdb, &directory, keep) {
                Ok(0) => {}
                Ok(retired) => done = format!("{done}, {retired} older removed"),
                Err(error) => done = format!("{done}, older ones stay: {error}"),
            }
        }
        Ok(done)
    }
}

/// Removes all backups but the newest.
fn retire(cdb: &Cdb, directory: &Path, keep: usize) -> vfs::Result<usize> {
    let vfs = &**cdb.vfs();
    // Sorted by name, which is by time.
    let mut names = vfs.list(directory)?;
    names.retain(|name| name.starts_with(PREFIX) && name.ends_with('Z'));
    let old = names.len().saturating_sub(keep);
    for name in names.iter().take(old) {
        remove(vfs, &directory.join(name))?;
    }
    vfs.sync_dir(directory)?;
    Ok(old)
}

/// The configuration goes first: without it a directory is no database.
fn remove(vfs: &dyn Vfs, backup: &Path) -> vfs::Result<()> {
    let files = Datastore::ALL.map(Datastore::file_name).into_iter();
    for name in files.chain([ROLLBACK_FILE, crate::journal::LOCK_FILE]) {
        let file = backup.join(name);
        if vfs.exists(&file)? {
            vfs.remove(&file)?;
        }
    }
    vfs.remove_dir(backup)
}

/// In the place of the document databases' compaction where there are none: the name and its parameters are taken, and refused. Whoever has
/// databases puts an action of that name in its place.
struct NoDatabases;

impl Action for NoDatabases {
    fn check(&self, params: &Params) -> Result<(), ParamError> {
        params.only(&["database", "shard"])?;
        Err(ParamError { name: None, reason: "no document databases yet".to_owned() })
    }

    fn run(&self, _call: &Call<'_>) -> Outcome {
        Err("no document databases yet".into())
    }
}
