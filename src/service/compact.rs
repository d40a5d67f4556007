//! Requests about compaction.

use std::time::Duration;

use super::failure::Failure;
use super::open::{Emit, Service};
use super::protocol::{
    Compact, CompactionHistory, CompactionRow, Datastores, Event, Policy, Progress, Reply,
};
use super::rows;
use crate::cdb::{CompactionEvent, Datastore, RunOptions, throttle};
use crate::journal::{self, WritePolicy};
use crate::scheduler::Cancel;

/// How often it is looked whether a compaction is over or to be cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub fn compact(
    service: &Service,
    compact: &Compact,
    cancel: &Cancel,
    emit: Emit<'_>,
) -> Result<Reply, Failure> {
    let compactions = service.compactions();
    let over = compact.if_transactions_over.unwrap_or(0);
    if !compact.wait {
        for datastore in &compact.datastores {
            if compactions.info(*datastore).growth.transactions > over {
                compactions.initiate(*datastore);
            }
        }
        let states = compact.datastores.iter();
        let states = states.map(|datastore| rows::state(&compactions.info(*datastore)));
        return Ok(Reply::Requested(states.collect()));
    }
    let throttle = compact.throttle_bytes_per_second.map(throttle).transpose();
    let options = RunOptions {
        write_policy: compact.policy.map(|policy| match policy {
            Policy::Blocking => WritePolicy::Blocking,
            Policy::Background => WritePolicy::Background,
        }),
        throttle_bytes_per_second: throttle.map_err(|low| Failure::usage(low.to_string()))?,
        ..RunOptions::default()
    };
    // Before the first, since each writes its history into O.cdb.
    let infos: Vec<_> = compact.datastores.iter().map(|one| compactions.info(*one)).collect();
    let mut done = Vec::new();
    for info in &infos {
        if cancel.is_cancelled() {
            break;
        }
        done.push(if info.growth.transactions <= over {
            rows::nothing_to_do(info)
        } else {
            run(service, info.datastore, options, cancel, emit)?
        });
    }
    Ok(Reply::Compacted(done))
}

/// Runs one on a thread beside this one, which hands its progress on.
fn run(
    service: &Service,
    datastore: Datastore,
    options: RunOptions,
    cancel: &Cancel,
    emit: Emit<'_>,
) -> Result<CompactionRow, Failure> {
    let compactions = service.compactions();
    let events = compactions.subscribe();
    let outcome = std::thread::scope(|scope| {
        let running = scope.spawn(|| compactions.run(datastore, options));
        // One that cannot begin tells nothing, so its end is looked for as well.
        while !running.is_finished() {
            let further = match events.recv_timeout(LOOK_EVERY) {
                Ok(CompactionEvent::Progress { datastore: of, progress }) if of == datastore => {
                    emit(Event::Progress(progress_row(datastore, &progress)))
                }
                _ => true,
            };
            if !further || cancel.is_cancelled() {
                compactions.cancel(datastore);
            }
        }
        running.join()
    });
    match outcome {
        Ok(outcome) => Ok(rows::compaction(&outcome?)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn progress_row(datastore: Datastore, progress: &journal::Progress) -> Progress {
    Progress {
        file: datastore.file_name().to_owned(),
        percent: progress.percent(),
        written_bytes: progress.written_bytes,
    }
}

pub fn info(service: &Service, which: &Datastores) -> Reply {
    let states = which.datastores.iter();
    let states = states.map(|datastore| rows::state(&service.compactions().info(*datastore)));
    Reply::CompactionInfo(states.collect())
}

pub fn history(service: &Service, history: &CompactionHistory) -> Result<Reply, Failure> {
    let past = service.cdb.compaction_history(history.limit)?;
    Ok(Reply::CompactionHistory(past.iter().map(|past| rows::compaction(&past.entry)).collect()))
}
