//! A source loaded in steps: a transaction is committed every so many nodes, so that memory stays small however
//! large the source is. What one transaction would promise for the whole, each step promises for itself.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::apply_load::LoadTarget;
use super::commit::{Commit, CommitError};
use super::datastore::{OpenDatastore, Words};
use super::edit::Editor;
use super::error::Error;
use super::key::NodeKey;
use super::load::{Edit, Outcome, Standing, Target};
use super::record::Schema;
use crate::journal::{Durability, Snapshot};
use crate::vfs::Scratch;

/// Makes the edits of one source, and commits on the way.
pub(crate) struct Stepwise<'a> {
    datastore: &'a Arc<OpenDatastore>,
    words: &'a Words,
    nodes_per_step: NonZeroU64,
    /// Called after each step: what was committed is in memory until a compaction has taken it in.
    after_step: &'a dyn Fn(),
    editor: Editor,
    nodes: u64,
    failure: Option<CommitError>,
    /// The state before the source's first leaf.
    before: Option<Snapshot>,
}

impl<'a> Stepwise<'a> {
    pub fn begin(
        datastore: &'a Arc<OpenDatastore>,
        words: &'a Words,
        nodes_per_step: NonZeroU64,
        after_step: &'a dyn Fn(),
    ) -> Result<Self, CommitError> {
        let editor = datastore.begin()?;
        Ok(Self {
            datastore,
            words,
            nodes_per_step,
            after_step,
            editor,
            nodes: 0,
            failure: None,
            before: None,
        })
    }

    /// Commits what is left.
    pub fn finish(self) -> Result<Commit, CommitError> {
        self.datastore.commit(self.editor, self.words.clone(), Durability::Sync)
    }

    /// Why an edit could not be committed, if that is why the load stopped.
    pub fn failure(&mut self) -> Option<CommitError> {
        self.failure.take()
    }

    fn target(&mut self) -> LoadTarget<'_> {
        let scratch = self.datastore.scratch();
        LoadTarget::going_on(&mut self.editor, scratch, self.before.clone())
    }

    fn step(&mut self) -> Result<(), CommitError> {
        let next = self.datastore.begin()?;
        let full = std::mem::replace(&mut self.editor, next);
        self.datastore.commit(full, self.words.clone(), Durability::Sync)?;
        (self.after_step)();
        // Begun again, on what was just committed.
        self.editor = self.datastore.begin()?;
        self.nodes = 0;
        Ok(())
    }
}

impl Target for Stepwise<'_> {
    fn known(&mut self, schema: &NodeKey) -> Result<Option<Schema>, Error> {
        self.target().known(schema)
    }

    fn standing(&mut self, schema: &NodeKey) -> Result<Standing, Error> {
        self.target().standing(schema)
    }

    fn namespaces(&mut self) -> Result<HashMap<String, String>, Error> {
        self.target().namespaces()
    }

    fn text(&mut self, key: &NodeKey) -> String {
        self.target().text(key)
    }

    fn is_lasting(&self) -> bool {
        true
    }

    fn scratch(&self) -> Scratch {
        self.datastore.scratch()
    }

    fn edit(&mut self, edit: Edit) -> Result<Outcome, Error> {
        let is_node = edit.key().is_some();
        let mut target = self.target();
        let outcome = target.edit(edit)?;
        self.before = target.before().cloned();
        self.nodes += u64::from(is_node);
        if self.nodes < self.nodes_per_step.get() || outcome != Outcome::Done {
            return Ok(outcome);
        }
        self.step().map(|()| Outcome::Done).map_err(|error| {
            let reason = Error::Stopped { reason: error.to_string() };
            self.failure = Some(error);
            reason
        })
    }
}
