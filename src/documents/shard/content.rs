//! Contents of attachments in a batch: how often each is named, by bodies and by bodies of leaves.

use std::sync::Arc;

use super::batch::Batch;
use crate::documents::attachment_info::AttachmentInfo;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::record::ContentRecord;
use crate::documents::stored::Pending;

impl Batch<'_> {
    /// The content that an upload becomes: one that is there already, or its own.
    pub fn claim(&mut self, pending: &Arc<Pending>) -> Result<u64, DocumentError> {
        let claimed = self.claimed.iter().find(|(other, _)| Arc::ptr_eq(other, pending));
        if let Some((_, content)) = claimed {
            return Ok(*content);
        }
        if let Some(content) = pending.taken() {
            if self.content_record(pending, content)?.is_some() {
                return Ok(content);
            }
            let reason = "The attachment was removed meanwhile.".to_owned();
            return Err(DocumentError::BadRequest { reason });
        }
        if let Some(twin) = pending.stored.twin
            && self.content_record(pending, twin)?.is_some()
        {
            self.claimed.push((pending.clone(), twin));
            return Ok(twin);
        }
        let record =
            ContentRecord { references: 0, live: 0, chunk_bytes: pending.stored.chunk_bytes };
        let number = pending.stored.number;
        let key = key::content(&pending.stored.md5, pending.stored.size_bytes, number);
        self.contents.insert(number, (key, record));
        self.writes.delete(&key::number(key::PENDING, number))?;
        self.claimed.push((pending.clone(), number));
        Ok(number)
    }

    fn content_record(
        &self,
        pending: &Pending,
        number: u64,
    ) -> Result<Option<ContentRecord>, DocumentError> {
        let key = key::content(&pending.stored.md5, pending.stored.size_bytes, number);
        self.read_content(&key, number)
    }

    fn read_content(
        &self,
        key: &[u8],
        number: u64,
    ) -> Result<Option<ContentRecord>, DocumentError> {
        if let Some((_, record)) = self.contents.get(&number) {
            return Ok(Some(*record).filter(|record| record.references > 0));
        }
        let Some(value) = self.snapshot.get(key)? else {
            return Ok(None);
        };
        ContentRecord::decode(&value).map(Some).ok_or_else(|| self.shard.damaged("content"))
    }

    /// A body of a leaf names it.
    pub fn name(&mut self, attachment: &AttachmentInfo) -> Result<(), DocumentError> {
        let record = self.content_of(attachment)?;
        let revived = record.live == 0 && record.references > 0;
        record.references += 1;
        record.live += 1;
        let bytes = record.chunk_bytes;
        if revived {
            self.counters.garbage_bytes = self.counters.garbage_bytes.saturating_sub(bytes);
        }
        Ok(())
    }

    /// A body that names it is no longer that of a leaf.
    pub fn release_live(&mut self, attachment: &AttachmentInfo) -> Result<(), DocumentError> {
        let record = self.content_of(attachment)?;
        record.live = record.live.saturating_sub(1);
        let bytes = record.chunk_bytes;
        if record.live == 0 {
            self.counters.garbage_bytes += bytes;
        }
        Ok(())
    }

    /// A body that names it, and was released before, is removed.
    pub fn release(&mut self, attachment: &AttachmentInfo) -> Result<(), DocumentError> {
        let record = self.content_of(attachment)?;
        record.references = record.references.saturating_sub(1);
        let bytes = record.chunk_bytes;
        if record.references == 0 {
            self.counters.garbage_bytes = self.counters.garbage_bytes.saturating_sub(bytes);
        }
        Ok(())
    }

    fn content_of(
        &mut self,
        attachment: &AttachmentInfo,
    ) -> Result<&mut ContentRecord, DocumentError> {
        let number = attachment.content;
        if !self.contents.contains_key(&number) {
            let key = key::content(&attachment.md5, attachment.stored_length, number);
            let record = self.read_content(&key, number)?;
            let record = record.ok_or_else(|| self.shard.damaged("content"))?;
            self.contents.insert(number, (key, record));
        }
        let entry = self.contents.get_mut(&number).map(|(_, record)| record);
        entry.ok_or_else(|| self.shard.damaged("content"))
    }

    /// Writes the counts that changed; what nobody names any more goes with its chunks.
    pub fn write_contents(&mut self) -> Result<(), DocumentError> {
        for (number, (key, record)) in std::mem::take(&mut self.contents) {
            if record.references > 0 {
                self.writes.put(&key, &record.encode())?;
            } else {
                self.writes.delete(&key)?;
                self.writes.delete_range(&key::chunks(number))?;
            }
        }
        Ok(())
    }
}
