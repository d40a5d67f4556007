//! Requests that commit a transaction, or show what it would change.

use std::cell::Cell;

use super::failure::{Class, Failure};
use super::open::Service;
use super::protocol::{
    Action, Change, Committed, Load, NodeChange, Operation, Place, Reply, Rollback, Source, Words,
};
use super::{components, read, rows, system};
use crate::cdb::{
    Author, BytesSource, Commit, Datastore, Error, FileSource, KeyHint, KindHint, LoadMode,
    LoadOptions, MoveTo, OnDuplicate, Path, PathError, Read, SaidKind, TransactionId, ValueType,
    WriteTransaction,
};

/// The name of a text that came without a file.
const STDIN: &str = "stdin";

impl From<Words> for Author {
    fn from(words: Words) -> Self {
        Self { user: words.user, comment: words.comment }
    }
}

/// What is answered about a transaction: measured from before it to after it.
pub struct Measure<'a> {
    service: &'a Service,
    datastore: Datastore,
    size_before_bytes: u64,
    started: std::time::Duration,
}

impl<'a> Measure<'a> {
    pub fn begin(service: &'a Service, datastore: Datastore) -> Self {
        let size_before_bytes = service.cdb.stats(datastore).file_bytes;
        let started = service.around.clock.monotonic();
        Self { service, datastore, size_before_bytes, started }
    }

    pub fn committed(&self, commit: &Commit) -> Committed {
        Committed {
            tx: commit.transaction_id.get(),
            changed: commit.changed,
            nodes: commit.nodes_touched,
            ..self.nothing_written()
        }
    }

    /// The answer to a dry run: the diff is there, also when it is empty.
    pub fn dry_reply(&self, diff: Vec<NodeChange>) -> Reply {
        let nodes = diff.len() as u64;
        Reply::Committed(Committed { nodes, diff: Some(diff), ..self.nothing_written() })
    }

    fn nothing_written(&self) -> Committed {
        let stats = self.service.cdb.stats(self.datastore);
        let took = self.service.around.clock.monotonic().saturating_sub(self.started);
        Committed {
            tx: stats.sequence.get(),
            changed: false,
            nodes: 0,
            loaded_nodes: None,
            folded: 0,
            first_folded: Vec::new(),
            preserved: Vec::new(),
            file: self.datastore.file_name().to_owned(),
            size_before_bytes: self.size_before_bytes,
            size_after_bytes: stats.file_bytes,
            duration_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            diff: None,
        }
    }
}

pub fn change(service: &Service, change: &Change) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, change.datastore);
    if change.dry_run {
        let mut tx = service.cdb.begin_write(change.datastore)?;
        for operation in &change.operations {
            apply(&mut tx, change.datastore, operation)
                .map_err(|error| on_line(error.into(), operation.line))?;
        }
        return Ok(measure.dry_reply(rows::changes(&tx.diff()?)));
    }
    let line = Cell::new(None);
    let result = service.cdb.write(change.datastore, |tx| {
        name_author(tx, &change.words);
        for operation in &change.operations {
            line.set(operation.line);
            apply(tx, change.datastore, operation)?;
        }
        line.set(None);
        Ok(())
    });
    let ((), commit) = result.map_err(|error| on_line(error.into(), line.get()))?;
    Ok(Reply::Committed(measure.committed(&commit)))
}

fn on_line(failure: Failure, line: Option<u64>) -> Failure {
    match line {
        Some(line) => failure.within(format_args!("line {line}")),
        None => failure,
    }
}

pub fn name_author(tx: &mut WriteTransaction, words: &Words) {
    if let Some(user) = &words.user {
        tx.set_user(user);
    }
    if let Some(comment) = &words.comment {
        tx.set_comment(comment);
    }
}

fn apply(
    tx: &mut WriteTransaction,
    datastore: Datastore,
    operation: &Operation,
) -> Result<(), Error> {
    system::check(tx, datastore, &operation.action)?;
    match &operation.action {
        Action::Set { path, value, value_type: None } => tx.set_text(path, value),
        Action::Set { path, value, value_type: Some(name) } => {
            let value_type: ValueType = name.parse().map_err(|error| refusal(&error))?;
            tx.set_typed(path, value_type, value)
        }
        Action::Create { path } => tx.create(path),
        Action::Delete { path } => tx.delete(path),
        Action::Move { path, to } => {
            let to = match to {
                Place::First => MoveTo::First,
                Place::Last => MoveTo::Last,
                Place::Before(other) => MoveTo::Before(other.parse::<Path>()?),
                Place::After(other) => MoveTo::After(other.parse::<Path>()?),
            };
            tx.move_entry(path, to)
        }
    }
}

fn refusal(error: &dyn std::error::Error) -> Error {
    Error::Refused { reason: error.to_string() }
}

pub fn load(service: &Service, load: &Load) -> Result<Reply, Failure> {
    match &load.source {
        Source::Text(text) => load_from(service, load, &BytesSource::new(STDIN, text.as_bytes())),
        Source::File { path, name } => {
            let path = std::path::Path::new(path);
            if !service.around.vfs.exists(path)? {
                let reason = format!("{name} does not exist");
                return Err(Failure::new(Class::NotFound, "not_found", reason));
            }
            load_from(
                service,
                load,
                &NamedFile { name, file: FileSource::new(service.around.vfs.clone(), path) },
            )
        }
    }
}

/// A file that messages call what its user called it.
struct NamedFile<'a> {
    name: &'a str,
    file: FileSource,
}

impl crate::cdb::Source for NamedFile<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        self.file.open()
    }
}

fn load_from(
    service: &Service,
    load: &Load,
    source: &dyn crate::cdb::Source,
) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, load.datastore);
    let options = load_options(load)?;
    system::check_source(service, load.datastore, source, &options)?;
    if load.dry_run {
        let mut tx = service.cdb.begin_write(load.datastore)?;
        let read = tx.load(source, &options)?;
        let reply = measure.dry_reply(rows::changes(&tx.diff()?));
        return Ok(with_read(reply, read));
    }
    let author = load.words.clone().into();
    let loaded = match load.nodes_per_step {
        Some(step) => service.cdb.load_in_steps(load.datastore, source, &options, &author, step)?,
        None => service.cdb.load(load.datastore, source, &options, &author)?,
    };
    let reply = Reply::Committed(measure.committed(&loaded.commit));
    Ok(with_read(reply, loaded.read))
}

fn with_read(reply: Reply, read: Read) -> Reply {
    match reply {
        Reply::Committed(committed) => Reply::Committed(Committed {
            loaded_nodes: Some(read.nodes),
            folded: read.folded,
            first_folded: read.first_folded,
            preserved: read.preserved,
            ..committed
        }),
        other => other,
    }
}

/// What the request says of single nodes.
fn kinds(load: &Load) -> Result<Vec<KindHint>, Failure> {
    let said = [
        (&load.containers, SaidKind::Container),
        (&load.leaves, SaidKind::Leaf),
        (&load.leaf_lists, SaidKind::LeafList),
    ];
    let mut kinds = Vec::new();
    for (paths, kind) in said {
        for text in paths {
            let path: Path =
                text.parse().map_err(|error: PathError| Failure::usage(error.to_string()))?;
            if !path.is_absolute() || path.steps().iter().any(|step| step.selector.is_some()) {
                let reason = format!("\"{text}\": expected a path from the root without keys");
                return Err(Failure::usage(reason));
            }
            kinds.push(KindHint { path, kind });
        }
    }
    Ok(kinds)
}

fn load_options(load: &Load) -> Result<LoadOptions, Failure> {
    let keys: Result<Vec<KeyHint>, _> = load.keys.iter().map(|hint| hint.parse()).collect();
    let keys = keys.map_err(|error: crate::cdb::KeyHintError| Failure::usage(error.to_string()))?;
    let known_keys = match load.datastore {
        Datastore::Config => components::key_hints(),
        Datastore::Operational | Datastore::Snapshot => Vec::new(),
    };
    let format = load.format.map(read::format);
    Ok(LoadOptions {
        format,
        preserved: system::names(load.datastore).iter().map(|name| (*name).to_owned()).collect(),
        mode: if load.replace { LoadMode::Replace } else { LoadMode::Merge },
        on_duplicate: if load.merge_duplicates { OnDuplicate::Merge } else { OnDuplicate::Refuse },
        keys,
        known_keys,
        kinds: kinds(load)?,
        single: load.single,
        sort: load.sort,
        ..LoadOptions::default()
    })
}

pub fn rollback(service: &Service, rollback: &Rollback) -> Result<Reply, Failure> {
    let (datastore, to) = (rollback.datastore, TransactionId::new(rollback.to));
    system::check_rollback(service, datastore, to)?;
    let measure = Measure::begin(service, datastore);
    if rollback.dry_run {
        let now = service.cdb.transaction_id(datastore);
        let diff = service.cdb.diff_transactions(datastore, now, to)?;
        return Ok(measure.dry_reply(rows::changes(&diff)));
    }
    let commit = service.cdb.rollback(datastore, to, &rollback.words.clone().into())?;
    Ok(Reply::Committed(measure.committed(&commit)))
}
