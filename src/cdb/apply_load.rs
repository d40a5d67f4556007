//! A source's edits, made in a transaction.

use std::collections::{HashMap, HashSet};

use super::edit::{Editor, Place};
use super::error::{Error, NodeKind};
use super::instances::some_instance;
use super::key::{NodeKey, Space, address_in, is_entry};
use super::load::{
    Edit, Fingerprints, LeafContent, LoadMode, LoadOptions, Outcome, Standing, Target,
};
use super::naming::{Namer, prefixes};
use super::record::{NodeRecord, Schema};
use super::tree::Tree;
use super::value::{Value, ValueType};
use crate::journal::{KeyRange, Snapshot};
use crate::vfs::Scratch;

/// Makes the edits of one source.
pub(crate) struct LoadTarget<'a> {
    editor: &'a mut Editor,
    scratch: Scratch,
    /// For [`LoadMode::Replace`]: what the source names stays.
    kept: Option<Kept>,
    /// The state before the source's first leaf: what is there came from elsewhere.
    before: Option<Snapshot>,
}

#[derive(Default)]
struct Kept {
    fingerprints: Fingerprints,
    /// Fingerprints of the keys.
    nodes: HashSet<u128>,
    /// The same for attributes.
    attributes: HashSet<u128>,
    /// The top nodes that the source named something of.
    tops: HashSet<NodeKey>,
    /// Those that stay where it names nothing of them, with their names.
    preserved: Vec<(NodeKey, String)>,
    /// The rank of the last entry that the source named, by list: the source's order is the list's.
    last_ranks: HashMap<NodeKey, Vec<u8>>,
}

impl Kept {
    fn preserving(names: &[String]) -> Self {
        let top = |name: &String| (NodeKey::root().child(name), name.clone());
        Self { preserved: names.iter().map(top).collect(), ..Self::default() }
    }

    /// Whether a node is preserved: the source names nothing of the top node around it.
    fn stays(&self, key: &NodeKey) -> bool {
        let preserved =
            |(top, _): &(NodeKey, String)| top.contains(key) && !self.tops.contains(top);
        self.preserved.iter().any(preserved)
    }

    /// The names of what is there and stays.
    fn staying(&self, editor: &Editor) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for (top, name) in &self.preserved {
            let range = KeyRange::prefix(&top.in_space(Space::Nodes));
            if !self.tops.contains(top) && editor.view().count(&range)?.entries > 0 {
                names.push(name.clone());
            }
        }
        Ok(names)
    }
}

impl<'a> LoadTarget<'a> {
    pub fn new(editor: &'a mut Editor, scratch: Scratch, options: &LoadOptions) -> Self {
        let kept =
            (options.mode == LoadMode::Replace).then(|| Kept::preserving(&options.preserved));
        Self { editor, scratch, kept, before: None }
    }

    /// The same in the middle of a source.
    pub fn going_on(editor: &'a mut Editor, scratch: Scratch, before: Option<Snapshot>) -> Self {
        Self { editor, scratch, kept: None, before }
    }

    /// The state before the source's first leaf, once that came.
    pub fn before(&self) -> Option<&Snapshot> {
        self.before.as_ref()
    }

    /// Removes what the source did not name, when it replaces. Answers the names of what it did not name and stays all the same.
    pub fn finish(self) -> Result<Vec<String>, Error> {
        let Some(kept) = self.kept else {
            return Ok(Vec::new());
        };
        let staying = kept.staying(self.editor)?;
        for key in strangers(self.editor, &kept)? {
            match self.editor.tree().record(&key)? {
                // What is inside may stay.
                Some(NodeRecord::Presence) => self.editor.delete_presence(&key)?,
                Some(_) => drop(self.editor.delete(&key)?),
                // The entry around it is gone already.
                None => {}
            }
        }
        let mut stale = Vec::new();
        let attributes = KeyRange::prefix(&[Space::Attributes as u8]);
        self.editor.tree().note_range(attributes.clone());
        let mut scan = self.editor.view().scan(&attributes);
        while let Some((stored, _)) = scan.next()? {
            let named = kept.attributes.contains(&kept.fingerprints.of(stored));
            if !named && !kept.stays(&address_in(stored)) {
                stale.push(stored.to_vec());
            }
        }
        drop(scan);
        stale.iter().try_for_each(|stored| self.editor.remove_attribute(stored))?;
        Ok(staying)
    }

    /// While replacing, what contradicts the source gives way: declarations come before everything else.
    fn declare(
        &mut self,
        schema: &NodeKey,
        declaration: &Schema,
        convert: bool,
    ) -> Result<(), Error> {
        if convert && self.kept.is_none() && self.editor.become_list(schema, declaration)? {
            return Ok(());
        }
        match (self.editor.declare(schema, declaration), &self.kept) {
            (Err(Error::AlreadyDeclared { .. }), Some(_)) => {
                if let Some(top) = schema.prefixes().next() {
                    self.editor.delete(&top)?;
                }
                self.editor.declare(schema, declaration)
            }
            (result, _) => result,
        }
    }

    fn keep(&mut self, key: &NodeKey) {
        if let Some(kept) = &mut self.kept {
            kept.nodes.insert(kept.fingerprints.of(key.as_bytes()));
            if !kept.preserved.is_empty() {
                kept.tops.extend(key.prefixes().next());
            }
        }
    }

    fn entry(&mut self, key: &NodeKey) -> Result<(), Error> {
        self.editor.ensure_entry(key)?;
        self.keep(key);
        self.keep_order(key)
    }

    /// While replacing, an entry that stands before one that the source named earlier moves to the end.
    fn keep_order(&mut self, key: &NodeKey) -> Result<(), Error> {
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let Some((list, _)) = key.split_last() else {
            return Ok(());
        };
        let rank = |editor: &Editor| match editor.tree().record(key) {
            Ok(Some(NodeRecord::Entry { rank } | NodeRecord::LeafListEntry { rank })) => Ok(rank),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let mut own = rank(self.editor)?;
        if own.is_empty() {
            return Ok(());
        }
        if kept.last_ranks.get(&list).is_some_and(|last| own < *last) {
            self.editor.move_entry(&self.editor.path_of(key)?, key, Place::Last)?;
            own = rank(self.editor)?;
        }
        kept.last_ranks.insert(list, own);
        Ok(())
    }

    fn leaf(&mut self, key: &NodeKey, content: LeafContent, sure: bool) -> Result<Outcome, Error> {
        if let LeafContent::Nothing { self_closed } = content {
            return self.nothing(key, self_closed, sure);
        }
        let old = self.editor.leaf(key)?;
        let known = old.as_ref().map(Value::value_type);
        let value = match (content, known) {
            (LeafContent::Typed(value), _) | (LeafContent::Soft(value), None) => value,
            (LeafContent::Soft(value), Some(known)) if value.value_type() == known => value,
            (LeafContent::Soft(value), Some(known)) => self.read(key, known, &value.to_string())?,
            (LeafContent::Text(text), Some(known)) => self.read(key, known, &text)?,
            (LeafContent::Text(text), None) => Value::String(text),
            (LeafContent::Nothing { .. }, _) => Value::Empty,
        };
        self.set_leaf(key, old, value, sure)
    }

    /// Sets a leaf, unless it has another value and nobody is sure that it is to go.
    fn set_leaf(
        &mut self,
        key: &NodeKey,
        old: Option<Value>,
        value: Value,
        sure: bool,
    ) -> Result<Outcome, Error> {
        let is_other = |old: &Value| *old != value && !sure && self.kept.is_none();
        if let Some(old) = old.filter(is_other)
            && self.was_before(key, &old)?
        {
            return Ok(Outcome::Other { old, new: value });
        }
        self.editor.set_leaf(key, value)?;
        self.keep(key);
        Ok(Outcome::Done)
    }

    /// Whether a leaf had this value before the source was read: a value of the source's own may be folded.
    fn was_before(&self, key: &NodeKey, value: &Value) -> Result<bool, Error> {
        let Some(before) = &self.before else {
            return Ok(true);
        };
        let record = Tree::new(before).record(key)?;
        Ok(matches!(record, Some(NodeRecord::Leaf(old)) if old == *value))
    }

    /// An element without content: what the store has there decides what it means.
    fn nothing(&mut self, key: &NodeKey, self_closed: bool, sure: bool) -> Result<Outcome, Error> {
        match self.editor.tree().kind(key)? {
            Some(NodeKind::Container | NodeKind::PresenceContainer) => {
                self.editor.ensure_presence(key)?;
                self.keep(key);
                Ok(Outcome::Done)
            }
            Some(_) => {
                let old = self.editor.leaf(key)?;
                let known = old.as_ref().map_or(ValueType::String, Value::value_type);
                let value = self.read(key, known, "")?;
                self.set_leaf(key, old, value, sure)
            }
            None if self_closed => self.set_leaf(key, None, Value::Empty, sure),
            None => self.set_leaf(key, None, Value::String(String::new()), sure),
        }
    }

    /// Layout around a value that is not a string is not part of it.
    fn read(&self, key: &NodeKey, value_type: ValueType, text: &str) -> Result<Value, Error> {
        let text = if value_type == ValueType::String { text } else { text.trim() };
        match Value::parse(value_type, text) {
            Ok(value) => Ok(value),
            Err(problem) => Err(Error::BadValue { path: self.editor.path_of(key)?, problem }),
        }
    }
}

/// Nodes that a replacing source did not name, outermost first.
fn strangers(editor: &Editor, kept: &Kept) -> Result<Vec<NodeKey>, Error> {
    let everything = KeyRange::prefix(&[Space::Nodes as u8]);
    editor.tree().note_range(everything.clone());
    let mut strangers: Vec<NodeKey> = Vec::new();
    let mut scan = editor.view().scan(&everything);
    while let Some((stored, _)) = scan.next()? {
        let key = address_in(stored);
        let inside_entry = |outer: &NodeKey| {
            outer.contains(&key) && outer.split_last().is_some_and(|(_, step)| is_entry(step))
        };
        if !kept.nodes.contains(&kept.fingerprints.of(key.as_bytes()))
            && !kept.stays(&key)
            && !strangers.last().is_some_and(inside_entry)
        {
            strangers.push(key);
        }
    }
    Ok(strangers)
}

impl Target for LoadTarget<'_> {
    fn known(&mut self, schema: &NodeKey) -> Result<Option<Schema>, Error> {
        self.editor.tree().declaration(schema)
    }

    fn standing(&mut self, schema: &NodeKey) -> Result<Standing, Error> {
        let found = some_instance(&self.editor.tree(), schema)?;
        Ok(if found { Standing::Something } else { Standing::Nothing })
    }

    fn namespaces(&mut self) -> Result<HashMap<String, String>, Error> {
        let known = prefixes(self.editor.view())?;
        Ok(known.into_iter().map(|(namespace, prefix)| (prefix, namespace)).collect())
    }

    fn text(&mut self, key: &NodeKey) -> String {
        Namer::new(self.editor.view()).text(key)
    }

    fn scratch(&self) -> Scratch {
        self.scratch.clone()
    }

    fn is_lasting(&self) -> bool {
        false
    }

    fn edit(&mut self, edit: Edit) -> Result<Outcome, Error> {
        match edit {
            Edit::Declare { schema, declaration, convert } => {
                self.declare(&schema, &declaration, convert)?;
            }
            Edit::Settle { schema } => self.editor.settle(&schema)?,
            Edit::Prefix { namespace, prefix } => {
                self.editor.name_namespace(&namespace, Some(&prefix))?;
            }
            Edit::Entry { key } | Edit::LeafListEntry { key } => self.entry(&key)?,
            Edit::Leaf { key, content, sure } => {
                if self.before.is_none() && self.kept.is_none() {
                    self.before = Some(self.editor.view().clone());
                }
                return self.leaf(&key, content, sure);
            }
            Edit::Presence { key } => {
                self.editor.ensure_presence(&key)?;
                self.keep(&key);
            }
            Edit::Attribute { key, name, value } => {
                if let Some(kept) = &mut self.kept {
                    kept.attributes.insert(kept.fingerprints.of(&key.attribute(&name)));
                }
                self.editor.set_attribute(&key, &name, &value)?;
            }
        }
        Ok(Outcome::Done)
    }
}
