//! One edit, applied to a batch.

use super::batch::Batch;
use super::prepared::{PreparedAttachment, PreparedEdit, PreparedSource};
use crate::documents::attachment_info::AttachmentInfo;
use crate::documents::edit::Written;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::options::EditMode;
use crate::documents::record::encode_body;
use crate::documents::revision::{Revision, RevisionPath};
use crate::documents::revision_id::{AttachmentTerm, next_revision};
use crate::documents::tree::{Merged, NewBody, Tree};

impl Batch<'_> {
    /// Applies an edit. A storage error in the middle of it makes the whole batch fail.
    pub fn apply(&mut self, edit: &PreparedEdit) -> Result<Written, DocumentError> {
        if let Some(error) = edit.refused.clone() {
            return Err(error);
        }
        let written = match edit.mode {
            EditMode::Interactive => self.apply_interactive(edit),
            EditMode::Replicated => self.apply_replicated(edit),
        };
        match written {
            Ok(rev) => Ok(Written { id: edit.id.clone(), rev }),
            Err(error) => {
                if matches!(error, DocumentError::Storage(_)) {
                    self.fail(&error);
                }
                Err(error)
            }
        }
    }

    fn apply_interactive(&mut self, edit: &PreparedEdit) -> Result<Revision, DocumentError> {
        let tree = &self.doc(&edit.id)?.tree;
        let (parent, base) = parent_of(tree, edit)?;
        let grafted = parent.is_some() && edit.revisions.is_none();
        let depth = parent.as_ref().map_or(1, |parent| parent.depth + 1);
        let attachments = self.resolve(edit, &[base], depth)?;
        let rev = match edit.next.clone() {
            Some(rev) if !grafted => rev,
            _ => {
                let terms: Vec<_> = attachments.iter().map(term_of).collect();
                next_revision(parent.as_ref(), edit.deleted, &edit.body, &terms)?
            }
        };
        if self.doc(&edit.id)?.tree.find(&rev).is_some() {
            return Err(DocumentError::Conflict);
        }
        let mut path = RevisionPath::from(rev.clone());
        path.hashes.extend(parent.map(|parent| parent.hash));
        let new = self.store(edit, attachments)?;
        self.merge(&edit.id, &path, Some(new))?;
        Ok(rev)
    }

    fn apply_replicated(&mut self, edit: &PreparedEdit) -> Result<Revision, DocumentError> {
        let rev = edit.revisions.newest().ok_or_else(|| {
            let reason =
                "When `new_edits: false`, the document needs `_rev` or `_revisions` specified";
            DocumentError::BadRequest { reason: reason.to_owned() }
        })?;
        // A revision that is known may still bring ancestors that are not, or its body to an inner node that has none.
        let new = if self.has_body(&edit.id, &rev)? {
            None
        } else {
            let tree = &self.doc(&edit.id)?.tree;
            let has_stubs = edit.has_stubs();
            let bases = if has_stubs { ancestors_there(tree, &edit.revisions) } else { vec![] };
            let attachments = self.resolve(edit, &bases, rev.depth)?;
            Some(self.store(edit, attachments)?)
        };
        self.merge(&edit.id, &edit.revisions, new)?;
        Ok(rev)
    }

    /// Whether a revision's body can be read, here or in what was committed.
    fn has_body(&mut self, id: &str, rev: &Revision) -> Result<bool, DocumentError> {
        let tree = &self.doc(id)?.tree;
        let node = tree.find(rev).and_then(|index| tree.node(index));
        let Some(body) = node.and_then(|node| node.body) else {
            return Ok(false);
        };
        let is_new = body.number > self.shard.counters().bodies;
        Ok(is_new || self.snapshot.contains(&key::number(key::BODY, body.number))?)
    }

    /// Stores what a revision brings.
    fn store(
        &mut self,
        edit: &PreparedEdit,
        attachments: Vec<AttachmentInfo>,
    ) -> Result<NewBody, DocumentError> {
        let attachments = self.name_all(edit, attachments)?;
        let text = edit.body.as_str();
        let mut record = Vec::with_capacity(text.len() + 1 + 64 * attachments.len());
        encode_body(&mut record, &attachments, text);
        let body = self.put_body(attachments, &record, text.len() as u64)?;
        Ok(NewBody { deleted: edit.deleted, body })
    }

    /// Merges a revision with its ancestors into a document.
    fn merge(
        &mut self,
        id: &str,
        path: &RevisionPath,
        new: Option<NewBody>,
    ) -> Result<(), DocumentError> {
        let Merged { is_changed, superseded } = self.doc(id)?.tree.merge(path, new);
        for body in superseded {
            self.discard(&body)?;
        }
        if is_changed {
            self.touch(id);
        }
        Ok(())
    }

    /// Takes what was uploaded, and counts every content as named once more.
    fn name_all(
        &mut self,
        edit: &PreparedEdit,
        mut attachments: Vec<AttachmentInfo>,
    ) -> Result<Vec<AttachmentInfo>, DocumentError> {
        for (attachment, prepared) in attachments.iter_mut().zip(&edit.attachments) {
            if let PreparedSource::Uploaded(pending) = &prepared.source {
                attachment.content = self.claim(pending)?;
            }
            self.name(attachment)?;
        }
        Ok(attachments)
    }

    /// The attachments of a new revision; those that were uploaded have no content number yet. `bases` are the bodies
    /// that stubs may stand for, nearest first.
    fn resolve(
        &self,
        edit: &PreparedEdit,
        bases: &[Option<u64>],
        depth: u64,
    ) -> Result<Vec<AttachmentInfo>, DocumentError> {
        let resolved = edit.attachments.iter().map(|attachment| match &attachment.source {
            PreparedSource::Stub => self.resolve_stub(edit, attachment, bases),
            PreparedSource::Uploaded(pending) => {
                // An upload of another copy that does not say it has none, as in CouchDB.
                let revpos = match edit.mode {
                    EditMode::Interactive => depth,
                    EditMode::Replicated => attachment.revpos.unwrap_or_default(),
                };
                Ok(AttachmentInfo {
                    name: attachment.name.clone(),
                    content_type: attachment.content_type.clone(),
                    revpos,
                    md5: pending.stored.md5,
                    length: pending.stored.length,
                    encoding: pending.stored.encoding,
                    stored_length: pending.stored.size_bytes,
                    content: 0,
                })
            }
        });
        resolved.collect()
    }

    fn resolve_stub(
        &self,
        edit: &PreparedEdit,
        stub: &PreparedAttachment,
        bases: &[Option<u64>],
    ) -> Result<AttachmentInfo, DocumentError> {
        for base in bases.iter().flatten() {
            let known = self.attachments_of(*base)?;
            let named = known.into_iter().find(|attachment| attachment.name == stub.name);
            if let Some(found) = named
                && stub.revpos.is_none_or(|revpos| revpos == found.revpos)
            {
                return Ok(found);
            }
        }
        Err(DocumentError::MissingStub { id: edit.id.clone(), name: stub.name.clone() })
    }
}

fn term_of(attachment: &AttachmentInfo) -> AttachmentTerm<'_> {
    (&attachment.name, &attachment.content_type, attachment.md5)
}

/// What an interactive edit stands on, and the body of that.
fn parent_of(
    tree: &Tree,
    edit: &PreparedEdit,
) -> Result<(Option<Revision>, Option<u64>), DocumentError> {
    let index = match edit.revisions.newest() {
        Some(parent) => tree.find_leaf(&parent).ok_or(DocumentError::Conflict)?,
        None if tree.is_empty() => return Ok((None, None)),
        // A new document over a tombstone stands on it, so that it wins everywhere.
        None => tree.winner().ok_or(DocumentError::Conflict)?,
    };
    let node = tree.node(index).ok_or(DocumentError::Conflict)?;
    if edit.revisions.is_none() && (!node.deleted || edit.deleted) {
        return Err(DocumentError::Conflict);
    }
    Ok((Some(node.revision.clone()), node.body.map(|body| body.number)))
}

/// The bodies of a path's revisions that are there, newest first.
fn ancestors_there(tree: &Tree, path: &RevisionPath) -> Vec<Option<u64>> {
    let newest_known = path
        .hashes
        .iter()
        .zip((1..=path.start).rev())
        .find_map(|(hash, depth)| tree.find(&Revision { depth, hash: hash.clone() }));
    let nodes = newest_known.into_iter().flat_map(|index| tree.ancestors(index));
    nodes
        .filter_map(|index| tree.node(index))
        .map(|node| node.body.map(|body| body.number))
        .collect()
}
