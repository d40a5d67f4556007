//! What is set for a whole shard: limits and the security object.

use std::sync::atomic::Ordering;

pub(super) use super::core::META_UNOWNED;
use super::core::Shard;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::journal::{Durability, KeyRange, ReadError, Snapshot};

pub(super) const META_SECURITY: &[u8] = b"\x01security";
pub(super) const META_REVS_LIMIT: &[u8] = b"\x01revs_limit";
pub(super) const META_PURGED_INFOS_LIMIT: &[u8] = b"\x01purged_infos_limit";

/// Whether a journal that no database has may be removed: it was noted so, or never held anything.
pub(in crate::documents) fn is_abandoned(snapshot: &Snapshot) -> Result<bool, ReadError> {
    Ok(snapshot.contains(META_UNOWNED)? || snapshot.count(&KeyRange::all())?.entries == 0)
}

/// CouchDB's default of both limits.
const LIMIT_DEFAULT: u64 = 1000;

impl Shard {
    pub(super) fn load_limits(&self, snapshot: &Snapshot) -> Result<(), DocumentError> {
        let read = |name: &[u8]| -> Result<u64, DocumentError> {
            let value = snapshot.get(name)?;
            let bytes = value.and_then(|value| (*value).try_into().ok());
            Ok(bytes.map_or(LIMIT_DEFAULT, u64::from_be_bytes))
        };
        self.revs_limit.store(read(META_REVS_LIMIT)?, Ordering::Release);
        self.purged_infos_limit.store(read(META_PURGED_INFOS_LIMIT)?, Ordering::Release);
        Ok(())
    }

    pub fn revs_limit(&self) -> u64 {
        self.revs_limit.load(Ordering::Acquire)
    }

    pub fn purged_infos_limit(&self) -> u64 {
        self.purged_infos_limit.load(Ordering::Acquire)
    }

    pub fn set_revs_limit(&self, limit: u64) -> Result<(), DocumentError> {
        self.put_setting(META_REVS_LIMIT, &limit.to_be_bytes())?;
        self.revs_limit.store(limit, Ordering::Release);
        Ok(())
    }

    pub fn set_purged_infos_limit(&self, limit: u64) -> Result<(), DocumentError> {
        self.put_setting(META_PURGED_INFOS_LIMIT, &limit.to_be_bytes())?;
        self.purged_infos_limit.store(limit, Ordering::Release);
        Ok(())
    }

    /// The security object, if one was set.
    pub fn security(&self) -> Result<Option<String>, DocumentError> {
        let Some(value) = self.snapshot().get(META_SECURITY)? else {
            return Ok(None);
        };
        String::from_utf8(value.to_vec()).map(Some).map_err(|_| self.damaged("security"))
    }

    /// The security object of a new database: none of its changes.
    pub fn begin_with_security(&self, text: &str) -> Result<(), DocumentError> {
        self.put_meta(META_SECURITY, text.as_bytes())
    }

    pub fn set_security(&self, text: &str) -> Result<(), DocumentError> {
        self.put_setting(META_SECURITY, text.as_bytes())
    }

    /// Another shard keeps what was set.
    pub fn note_setting(&self) -> Result<(), DocumentError> {
        self.exclusively(Durability::Sync, |batch| {
            batch.counters.update_seq += 1;
            Ok(())
        })
    }

    /// Notes that no database has it: the file may go, should nobody know it. New shards begin so.
    pub fn disown(&self) -> Result<(), DocumentError> {
        self.put_meta(META_UNOWNED, &[])
    }

    /// Notes that a database has it.
    pub fn own(&self) -> Result<(), DocumentError> {
        if !self.snapshot().contains(META_UNOWNED)? {
            return Ok(());
        }
        self.exclusively(Durability::Sync, |batch| Ok(batch.writes.delete(META_UNOWNED)?))
    }

    /// A setting takes an update sequence in each shard, as CouchDB's does, though it is no row of the changes.
    fn put_setting(&self, name: &[u8], value: &[u8]) -> Result<(), DocumentError> {
        self.exclusively(Durability::Sync, |batch| {
            batch.counters.update_seq += 1;
            Ok(batch.writes.put(name, value)?)
        })
    }

    fn put_meta(&self, name: &[u8], value: &[u8]) -> Result<(), DocumentError> {
        debug_assert!(name.first() == Some(&key::META));
        self.exclusively(Durability::Sync, |batch| Ok(batch.writes.put(name, value)?))
    }
}
