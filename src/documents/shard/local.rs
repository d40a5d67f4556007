//! Local documents of a shard.

use super::core::Shard;
use crate::documents::body::Body;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::local::LocalDocument;
use crate::documents::varint::{Cursor, put};
use crate::journal::{Durability, KeyRange};

const PREFIX: &str = "_local/";

fn key_of(id: &str) -> Vec<u8> {
    key::bytes(key::LOCAL, id.strip_prefix(PREFIX).unwrap_or(id).as_bytes())
}

fn decode(key: &[u8], record: &[u8]) -> Option<LocalDocument> {
    let mut cursor = Cursor::new(record);
    let rev = cursor.number()?;
    let name = std::str::from_utf8(key.get(1..)?).ok()?;
    let body = String::from_utf8(cursor.rest.to_vec()).ok()?;
    Some(LocalDocument { id: format!("{PREFIX}{name}"), rev, body })
}

impl Shard {
    pub fn local_get(&self, id: &str) -> Result<LocalDocument, DocumentError> {
        let key = key_of(id);
        let record = self.snapshot().get(&key)?.ok_or(DocumentError::MISSING)?;
        decode(&key, &record).ok_or_else(|| self.damaged("local document"))
    }

    pub fn local_put(
        &self,
        id: &str,
        rev: Option<u64>,
        body: &Body,
    ) -> Result<LocalDocument, DocumentError> {
        let rev = rev.unwrap_or_default().saturating_add(1);
        let mut record = Vec::with_capacity(body.as_str().len() + 4);
        put(&mut record, rev);
        record.extend_from_slice(body.as_str().as_bytes());
        self.exclusively(Durability::Sync, |batch| Ok(batch.writes.put(&key_of(id), &record)?))?;
        Ok(LocalDocument { id: id.to_owned(), rev, body: body.as_str().to_owned() })
    }

    pub fn local_remove(&self, id: &str) -> Result<(), DocumentError> {
        let key = key_of(id);
        self.exclusively(Durability::Sync, |batch| {
            if !batch.snapshot.contains(&key)? {
                return Err(DocumentError::MISSING);
            }
            Ok(batch.writes.delete(&key)?)
        })
    }

    /// All of a range of ids, the part behind `_local/`, in order; the range is that of keys.
    pub fn local_list(&self, range: &KeyRange) -> Result<Vec<LocalDocument>, DocumentError> {
        let snapshot = self.snapshot();
        let mut scan = snapshot.scan(range);
        let mut found = Vec::new();
        while let Some((key, record)) = scan.next()? {
            found.push(decode(key, record).ok_or_else(|| self.damaged("local document"))?);
        }
        Ok(found)
    }
}
