//! Jobs in the journal of events: `J` and the number of the job to its record, `R` to whether jobs run.

use super::job::{SplitEvent, SplitJob, SplitPhase, SplitState, Splitting};
use crate::documents::error::{DatabaseError, StorageError};
use crate::documents::varint::{Cursor, put, put_bytes};
use crate::journal::{Durability, KeyRange, Store, WriteBatch};

const JOB: u8 = b'J';
const RUNNING: &[u8] = b"R";
/// The layout of a record.
const VERSION: u8 = 1;

fn job_key(number: u64) -> Vec<u8> {
    let mut key = vec![JOB];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

fn place_of<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let place = all.iter().position(|other| other == one).unwrap_or_default();
    u8::try_from(place).unwrap_or_default()
}

fn put_text(out: &mut Vec<u8>, text: Option<&String>) {
    out.push(u8::from(text.is_some()));
    put_bytes(out, text.map_or(&[], |text| text.as_bytes()));
}

/// What [`put_text`] wrote; `None` means that it does not read.
fn take_text(cursor: &mut Cursor<'_>, to: &mut Option<String>) -> Option<()> {
    let is_there = cursor.byte()? == 1;
    let text = cursor.text()?;
    *to = is_there.then_some(text);
    Some(())
}

fn encode(job: &SplitJob) -> Vec<u8> {
    let mut out = vec![VERSION];
    for text in [&job.id, &job.database, &job.uuid] {
        put_bytes(&mut out, text.as_bytes());
    }
    let (first, last) = job.range;
    for number in [job.created_s, first.into(), last.into(), job.started_s, job.updated_s] {
        put(&mut out, number);
    }
    out.push(place_of(&SplitState::ALL, &job.state));
    out.push(place_of(&SplitPhase::ALL, &job.phase));
    put_text(&mut out, job.reason.as_ref());
    for event in &job.history {
        put(&mut out, event.at_s);
        out.push(place_of(&SplitState::ALL, &event.state));
        put_text(&mut out, event.detail.as_ref());
    }
    out
}

fn decode(record: &[u8]) -> Option<SplitJob> {
    let mut cursor = Cursor::new(record);
    if cursor.byte()? != VERSION {
        return None;
    }
    let (id, database, uuid) = (cursor.text()?, cursor.text()?, cursor.text()?);
    let created_s = cursor.number()?;
    let mut hash = || u32::try_from(cursor.number()?).ok();
    let range = (hash()?, hash()?);
    let (started_s, updated_s) = (cursor.number()?, cursor.number()?);
    let state = *SplitState::ALL.get(usize::from(cursor.byte()?))?;
    let phase = *SplitPhase::ALL.get(usize::from(cursor.byte()?))?;
    let mut reason = None;
    take_text(&mut cursor, &mut reason)?;
    let mut history = Vec::new();
    while !cursor.rest.is_empty() {
        let at_s = cursor.number()?;
        let state = *SplitState::ALL.get(usize::from(cursor.byte()?))?;
        let mut event = SplitEvent { at_s, state, detail: None };
        take_text(&mut cursor, &mut event.detail)?;
        history.push(event);
    }
    Some(SplitJob {
        id,
        database,
        uuid,
        created_s,
        range,
        state,
        phase,
        reason,
        started_s,
        updated_s,
        history,
    })
}

/// The jobs with their numbers, oldest first.
pub(super) fn jobs(store: &Store) -> Result<Vec<(u64, SplitJob)>, DatabaseError> {
    let snapshot = store.snapshot();
    let range = KeyRange::prefix(&[JOB]);
    let mut scan = snapshot.scan(&range);
    let mut jobs = Vec::new();
    while let Some((key, record)) = scan.next()? {
        let number = key.get(1..).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let (Some(number), Some(job)) = (number, decode(record)) else {
            let path = store.path().display().to_string();
            return Err(StorageError::Record { what: "split job", path }.into());
        };
        jobs.push((number, job));
    }
    Ok(jobs)
}

pub(super) fn splitting(store: &Store) -> Result<Splitting, DatabaseError> {
    let Some(record) = store.snapshot().get(RUNNING)? else {
        return Ok(Splitting { running: true, reason: None });
    };
    let mut cursor = Cursor::new(&record);
    let running = cursor.byte() != Some(0);
    let mut splitting = Splitting { running, reason: None };
    if take_text(&mut cursor, &mut splitting.reason).is_none() {
        let path = store.path().display().to_string();
        return Err(StorageError::Record { what: "state of splitting", path }.into());
    }
    Ok(splitting)
}

pub(super) fn keep(
    store: &Store,
    number: u64,
    job: &SplitJob,
    durability: Durability,
) -> Result<(), DatabaseError> {
    let mut batch = WriteBatch::new();
    batch.put(&job_key(number), &encode(job))?;
    store.write(batch, durability)?;
    Ok(())
}

pub(super) fn forget(store: &Store, number: u64) -> Result<(), DatabaseError> {
    let mut batch = WriteBatch::new();
    batch.delete(&job_key(number))?;
    store.write(batch, Durability::Sync)?;
    Ok(())
}

pub(super) fn keep_splitting(store: &Store, splitting: &Splitting) -> Result<(), DatabaseError> {
    let mut record = vec![u8::from(splitting.running)];
    put_text(&mut record, splitting.reason.as_ref());
    let mut batch = WriteBatch::new();
    batch.put(RUNNING, &record)?;
    store.write(batch, Durability::Sync)?;
    Ok(())
}
