//! A service on the files of a directory.

use std::path::Path;
use std::sync::Arc;

use super::compact_database::{CompactDatabase, OpenDatabases};
use super::options;
use crate::cdb::{ByItself, Cdb, CdbOptions, CompactionOptions};
use crate::clock::{Clock, SystemClock};
use crate::conf::Conf;
use crate::journal::StoreOptions;
use crate::scheduler::{Actions, Scheduler};
use crate::service::{self, Failure, Service, Surroundings};
use crate::units::Duration;
use crate::vfs::os::OsVfs;

pub(super) fn surroundings(directory: &Path) -> Surroundings {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Surroundings { vfs: OsVfs::shared(), clock, directory: directory.to_path_buf() }
}

pub(super) fn cdb_options(conf: &Conf, around: &Surroundings) -> CdbOptions {
    let timeout = conf.cdb.client_timeout.limit().map(Duration::to_std);
    let options = Cdb::options()
        .vfs(around.vfs.clone())
        .clock(around.clock.clone())
        .store_options(store_options(conf))
        .compaction(options::compaction_options(conf))
        .rollbacks(options::rollback_limits(conf))
        .client_timeout(timeout);
    let options = conf.cdb.init_path.iter().fold(options, CdbOptions::init_dir);
    Scheduler::guard(service::guard(options), &actions(&OpenDatabases::default()))
}

/// What tasks of the scheduler can do.
fn actions(databases: &OpenDatabases) -> Actions {
    let mut actions = Actions::builtin();
    actions.add("compact-database", CompactDatabase(databases.clone()));
    actions
}

/// The database with its scheduler, which runs nothing by itself yet.
pub(super) fn service(cdb: Cdb, around: Surroundings, databases: &OpenDatabases) -> Service {
    let scheduler = Scheduler::attach_guarded(&cdb, actions(databases));
    Service::new(cdb, scheduler, around)
}

/// How journals are opened: for those who open one by itself.
pub fn store_options(conf: &Conf) -> StoreOptions {
    options::store_options(conf)
}

/// Opens the datastores of a directory for writing. Nothing is compacted unless it is asked for.
pub fn open(conf: &Conf, directory: &Path) -> Result<Service, Failure> {
    let around = surroundings(directory);
    let cdb = cdb_options(conf, &around).compaction(by_hand(conf)).open(directory)?;
    Ok(service(cdb, around, &OpenDatabases::default()))
}

/// Opens the datastores of a directory for reading; nothing in it is changed.
pub fn open_read_only(conf: &Conf, directory: &Path) -> Result<Service, Failure> {
    let around = surroundings(directory);
    let cdb = cdb_options(conf, &around).read_only().open(directory)?;
    Ok(service(cdb, around, &OpenDatabases::default()))
}

fn by_hand(conf: &Conf) -> CompactionOptions {
    CompactionOptions { by_itself: ByItself::Never, ..options::compaction_options(conf) }
}
