//! Which request is done where.

use super::failure::Failure;
use super::open::{Emit, Service};
use super::protocol::{Reply, Request};
use super::{backup, check, compact, components, history, read, schedule, snapshots, watch, write};
use crate::scheduler::Cancel;

impl Service {
    /// Executes a request on this thread, until it is done or `cancel` is set.
    pub fn execute(
        &self,
        request: Request,
        cancel: &Cancel,
        emit: Emit<'_>,
    ) -> Result<Reply, Failure> {
        match request {
            Request::Get(node) => read::get(self, &node),
            Request::Exists(node) => read::exists(self, &node),
            Request::List(node) => read::list(self, &node),
            Request::Change(change) => write::change(self, &change),
            Request::Load(load) => write::load(self, &load),
            Request::Save(save) => read::save(self, &save, emit),
            Request::Log(log) => history::log(self, &log),
            Request::Diff(diff) => history::diff(self, &diff),
            Request::Rollback(rollback) => write::rollback(self, &rollback),
            Request::SnapshotTake(take) => snapshots::take(self, take),
            Request::SnapshotList => snapshots::list(self),
            Request::SnapshotDiff(name) => snapshots::diff(self, &name),
            Request::SnapshotRestore(restore) => snapshots::restore(self, restore),
            Request::SnapshotRemove(name) => snapshots::remove(self, &name),
            Request::Watch(node) => watch::watch(self, &node, cancel, emit),
            Request::Compact(compact) => compact::compact(self, &compact, cancel, emit),
            Request::CompactionInfo(which) => Ok(compact::info(self, &which)),
            Request::CompactionHistory(history) => compact::history(self, &history),
            Request::Check(which) => check::check(self, &which, emit),
            Request::CheckDatabases => check::databases(self, emit),
            Request::Schedule(asked) => schedule::schedule(self, asked, cancel),
            Request::Backup(asked) => backup::backup(self, &asked, cancel, emit),
            Request::Settings => components::settings(self),
            Request::Status => Ok(Reply::Status(self.status())),
        }
    }
}
