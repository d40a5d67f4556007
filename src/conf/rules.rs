//! What holds between settings: a default that follows another setting, contradictions, and settings without effect.

use super::problem::{Problem, ProblemKind, Warning};
use super::read::Reading;
use super::source::Place;
use super::types::{CompactionSettings, Conf, ImageRead, JournalCompaction};
use crate::units::{ByteSize, Duration, Timeout};

/// Completes a configuration whose single values are right.
pub(super) fn apply(conf: &mut Conf, reading: &mut Reading) {
    zero_turns_off(&mut conf.compaction);
    max_wait(&mut conf.compaction, reading);
    tls_pair(conf, reading);
    without_effect(conf, reading);
}

/// The counters' thresholds have no use for 0: NSO leaves its meaning open, here it is "off", as for the percentages.
pub(super) fn zero_turns_off(compaction: &mut CompactionSettings) {
    compaction.file_size_absolute =
        compaction.file_size_absolute.filter(|size| *size != ByteSize::default());
    compaction.num_transactions = compaction.num_transactions.filter(|count| *count != 0);
}

fn max_wait(compaction: &mut CompactionSettings, reading: &mut Reading) {
    let delay = compaction.delayed_compaction_timeout;
    let Some(place) = place(reading, "compaction/delayed-compaction-max-wait") else {
        let micros = delay.micros().saturating_mul(CompactionSettings::MAX_WAIT_DELAYS);
        compaction.delayed_compaction_max_wait = Timeout::After(Duration::from_micros(micros));
        return;
    };
    let Some(wait) = compaction.delayed_compaction_max_wait.limit().filter(|wait| *wait < delay)
    else {
        return;
    };
    let message = format!(
        "/ncs-config/compaction/delayed-compaction-max-wait: {} is shorter than the delay of {}",
        wait.to_xs(),
        delay.to_xs(),
    );
    let problem = Problem::new(ProblemKind::Contradiction, message, &place)
        .expected("at least delayed-compaction-timeout, which it bounds")
        .help(Some(format!("write {} or more, or shorten the delay", delay.to_xs())));
    reading.problems.push(problem);
}

/// A certificate needs its key, and a key its certificate: a daemon with one of them does not start.
fn tls_pair(conf: &Conf, reading: &mut Reading) {
    let daemon = &conf.daemon;
    let (given, missing) = match (&daemon.tls_certificate, &daemon.tls_key) {
        (Some(_), None) => ("tls-certificate", "tls-key"),
        (None, Some(_)) => ("tls-key", "tls-certificate"),
        _ => return,
    };
    if let Some(place) = place(reading, &format!("daemon/{given}")) {
        let message = format!("/ncs-config/daemon/{given} stands without {missing}");
        let problem = Problem::new(ProblemKind::Contradiction, message, &place)
            .expected("both tls-certificate and tls-key, or neither")
            .help(Some(format!("write {missing} too")));
        reading.problems.push(problem);
    }
}

fn without_effect(conf: &Conf, reading: &mut Reading) {
    let compaction = &conf.compaction;
    let manual = compaction.journal_compaction == JournalCompaction::Manual;
    for path in [
        "compaction/file-size-relative",
        "compaction/num-node-relative",
        "compaction/file-size-absolute",
        "compaction/num-transactions",
    ] {
        if let Some(place) = place(reading, path).filter(|_| manual) {
            let message =
                format!("/ncs-config/{path} has no effect while journal-compaction is manual");
            reading.warnings.push(Warning::new(message, &place));
        }
    }
    let off = compaction.file_size_relative.value() == 0
        && compaction.num_node_relative.value() == 0
        && compaction.file_size_absolute.is_none()
        && compaction.num_transactions.is_none();
    if let Some(place) = place(reading, "compaction/file-size-relative").filter(|_| off && !manual)
    {
        let message =
            "every threshold is off: no file is compacted by itself, and files grow without bound";
        reading.warnings.push(Warning::new(message, &place));
    }
    let unused = conf.cdb.image_read == ImageRead::Mapped
        && conf.cdb.block_cache != Conf::default().cdb.block_cache;
    if let Some(place) = place(reading, "cdb/block-cache").filter(|_| unused) {
        let message = "/ncs-config/cdb/block-cache has no effect while image-read is mapped";
        reading.warnings.push(Warning::new(message, &place));
    }
}

fn place(reading: &Reading, path: &str) -> Option<Place> {
    Some(reading.given.get(path)?.first()?.place.clone())
}
