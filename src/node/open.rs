//! A service on the files of a directory.

use std::path::Path;
use std::sync::Arc;

use super::options;
use crate::cdb::{Cdb, CdbOptions, CompactionOptions, JournalCompaction, OnStart};
use crate::clock::{Clock, SystemClock};
use crate::conf::Conf;
use crate::journal::StoreOptions;
use crate::service::{Failure, Service, Surroundings};
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
        .client_timeout(timeout)
        .compaction(options::compaction_options(conf));
    conf.cdb.init_path.iter().fold(options, CdbOptions::init_dir)
}

/// How journals are opened: for those who open one by itself.
pub fn store_options(conf: &Conf) -> StoreOptions {
    options::store_options(conf)
}

/// Opens the datastores of a directory for writing. Nothing is compacted unless it is asked for: that is the daemon's.
pub fn open(conf: &Conf, directory: &Path) -> Result<Service, Failure> {
    let around = surroundings(directory);
    let by_hand = CompactionOptions {
        journal_compaction: JournalCompaction::Manual,
        on_start: OnStart::Disabled,
        ..options::compaction_options(conf)
    };
    let cdb = cdb_options(conf, &around).compaction(by_hand).open(directory)?;
    Ok(Service::new(cdb, around))
}

/// Opens the datastores of a directory for reading; nothing in it is changed.
pub fn open_read_only(conf: &Conf, directory: &Path) -> Result<Service, Failure> {
    let around = surroundings(directory);
    let cdb = cdb_options(conf, &around).read_only().open(directory)?;
    Ok(Service::new(cdb, around))
}
