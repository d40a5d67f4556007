//! The library's results as rows of the protocol.

use super::protocol::{
    ChangeOperation, CompactionRow, CompactionState, LogRow, NodeChange, SnapshotRow, ThresholdRow,
};
use crate::cdb::JournalCompaction;
use crate::cdb::{
    Change, ChangeKind, Check, CompactionEntry, CompactionInfo, Diff, LogEntry, SnapshotInfo,
    Standing, Value,
};

pub fn changes(diff: &Diff) -> Vec<NodeChange> {
    diff.into_iter().map(change).collect()
}

fn change(change: &Change) -> NodeChange {
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let mut attribute = None;
    let (operation, old, new, after) = match &change.kind {
        ChangeKind::Created { value } => (ChangeOperation::Created, None, text(value), None),
        ChangeKind::Deleted { value } => (ChangeOperation::Deleted, text(value), None, None),
        ChangeKind::Modified { old, new } => {
            (ChangeOperation::Modified, Some(old.to_string()), Some(new.to_string()), None)
        }
        ChangeKind::Attribute { name, old, new } => {
            attribute = Some(name.clone());
            (ChangeOperation::Attribute, old.clone(), new.clone(), None)
        }
        ChangeKind::Moved { after } => {
            (ChangeOperation::Moved, None, None, after.as_ref().map(ToString::to_string))
        }
    };
    NodeChange { path: change.path.to_string(), operation, attribute, old, new, after }
}

/// The changes that lead the other way. Where a moved entry was before, a diff does not say.
pub fn reversed(changes: Vec<NodeChange>) -> Vec<NodeChange> {
    let reverse = |change: NodeChange| {
        let operation = match change.operation {
            ChangeOperation::Created => ChangeOperation::Deleted,
            ChangeOperation::Deleted => ChangeOperation::Created,
            same => same,
        };
        NodeChange { operation, old: change.new, new: change.old, after: None, ..change }
    };
    changes.into_iter().map(reverse).collect()
}

pub fn log(entry: LogEntry) -> LogRow {
    LogRow {
        tx: entry.transaction_id.get(),
        when_micros: entry.wall_micros,
        user: entry.user,
        nodes: entry.nodes_touched,
        bytes: entry.size_bytes,
        comment: entry.comment,
    }
}

pub fn snapshot(info: SnapshotInfo) -> SnapshotRow {
    SnapshotRow {
        name: info.name,
        path: info.path.to_string(),
        tx: info.transaction_id.get(),
        nodes: info.node_count,
        when_micros: info.taken_micros,
        user: info.user,
        comment: info.comment,
    }
}

pub fn compaction(entry: &CompactionEntry) -> CompactionRow {
    CompactionRow {
        file: entry.datastore.file_name().to_owned(),
        compaction_type: entry.cause.compaction_type().to_string(),
        cause: entry.cause.to_string(),
        start_micros: entry.start_micros,
        duration_micros: entry.duration_micros,
        size_start_bytes: entry.size_start_bytes,
        size_end_bytes: entry.size_end_bytes,
        size_last_bytes: entry.size_last_bytes,
        transactions: entry.transactions,
        blocked_micros: entry.blocked_micros,
        failure: entry.failure.clone(),
        nothing_to_do: false,
    }
}

/// The row of a compaction that was not run, because nothing was written since the last one, or not enough.
pub fn nothing_to_do(info: &CompactionInfo) -> CompactionRow {
    let size = info.growth.file_bytes;
    CompactionRow {
        file: info.datastore.file_name().to_owned(),
        compaction_type: "manual".to_owned(),
        cause: "request".to_owned(),
        start_micros: 0,
        duration_micros: 0,
        size_start_bytes: size,
        size_end_bytes: size,
        size_last_bytes: info.growth.baseline_bytes,
        transactions: info.growth.transactions,
        blocked_micros: 0,
        failure: None,
        nothing_to_do: true,
    }
}

pub fn state(info: &CompactionInfo) -> CompactionState {
    let (standing, cause, left_ms, percent) = match info.standing {
        Standing::Idle => ("idle", None, None, None),
        Standing::Waiting { cause, left_ms } => ("waiting", Some(cause), Some(left_ms), None),
        Standing::Running { cause, progress } => {
            ("running", Some(cause), None, Some(progress.percent()))
        }
    };
    CompactionState {
        file: info.datastore.file_name().to_owned(),
        fsize_previous: info.growth.baseline_bytes,
        fsize_current: info.growth.file_bytes,
        last_time_micros: info.last_start_micros,
        ntrans: info.growth.transactions,
        journal_compaction: match info.journal_compaction {
            JournalCompaction::Automatic => "automatic".to_owned(),
            JournalCompaction::Manual => "manual".to_owned(),
        },
        nodes_previous: info.growth.baseline_nodes,
        nodes_current: info.growth.nodes,
        thresholds: info.verdict.checks.iter().map(threshold).collect(),
        below_floor_bytes: info.verdict.below_floor,
        due: info.verdict.is_due(),
        estimated_bytes: info.estimated_bytes,
        standing: standing.to_owned(),
        cause: cause.map(|cause| cause.to_string()),
        left_ms,
        percent,
    }
}

fn threshold(check: &Check) -> ThresholdRow {
    ThresholdRow {
        name: check.name.to_string(),
        limit: check.limit,
        actual: check.actual,
        distance: check.distance(),
    }
}
