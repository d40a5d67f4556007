//! A subtree from its first node to its last, in document order, as a stream of events.
//!
//! One scan, except that the entries of a user-ordered list are fetched one by one in their order.

use std::rc::Rc;

use super::error::{Error, corrupt};
use super::key::{Component, NodeKey, RawSteps, Space, between, decode_step, is_entry};
use super::path::Name;
use super::record::{LeafListInfo, ListInfo, NodeRecord, Schema};
use super::tree::Tree;
use super::value::Value;
use crate::journal::KeyRange;

/// One thing that a walk comes by.
#[derive(Debug)]
pub(crate) enum WalkEvent<'a> {
    /// A container begins; ends with [`WalkEvent::Leave`].
    Container { name: &'a Name, presence: bool },
    /// A list entry begins, its key leaves left out; ends with [`WalkEvent::Leave`].
    Entry { list: &'a Name, info: &'a ListInfo, keys: &'a [Value] },
    /// A leaf.
    Leaf { name: &'a Name, value: &'a Value },
    /// An entry of a leaf-list.
    LeafListEntry { name: &'a Name, info: &'a LeafListInfo, value: &'a Value },
    /// The innermost container or entry ends.
    Leave,
}

/// Walks what is at and below `root`, with the containers and entries around it.
///
/// # Errors
/// What `visit` returns, or what reading does.
pub(crate) fn walk<E: From<Error>>(
    tree: &Tree<'_>,
    root: &NodeKey,
    visit: &mut dyn FnMut(&NodeKey, WalkEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    tree.note_range(KeyRange::prefix(&root.in_space(Space::Nodes)));
    let mut walker = Walker { tree, visit, open: Vec::new(), at: NodeKey::root() };
    walker.subtree(root)?;
    walker.close_to(0)
}

struct Walker<'t, 'v, E> {
    tree: &'t Tree<'t>,
    visit: &'v mut dyn FnMut(&NodeKey, WalkEvent<'_>) -> Result<(), E>,
    open: Vec<Open>,
    /// The innermost open address.
    at: NodeKey,
}

struct Open {
    /// How long the address was before this step.
    len_before: usize,
    kind: OpenKind,
}

enum OpenKind {
    /// Was announced and will be left.
    Node,
    /// A list or leaf-list: its entries are announced, it is not.
    List { name: Name, schema: Rc<Schema> },
}

impl<E: From<Error>> Walker<'_, '_, E> {
    /// Everything at and below `root`; an entry of a user-ordered list that is itself the root has its turn.
    fn subtree(&mut self, root: &NodeKey) -> Result<(), E> {
        let whole = KeyRange::prefix(&root.in_space(Space::Nodes));
        let mut start = whole.start().to_vec();
        loop {
            let list = self.run(root, start, whole.end())?;
            let Some(list) = list else {
                return Ok(());
            };
            self.ordered(&list)?;
            let passed = KeyRange::prefix(&list.in_space(Space::Nodes));
            start = passed.end().unwrap_or_default().to_vec();
        }
    }

    /// Walks on until the end, or to the first entry of a user-ordered list, which is returned.
    fn run(
        &mut self,
        root: &NodeKey,
        start: Vec<u8>,
        end: Option<&[u8]>,
    ) -> Result<Option<NodeKey>, E> {
        let snapshot = self.tree.snapshot();
        let mut scan = snapshot.scan(&between(start, end));
        while let Some((stored, value)) = scan.next().map_err(Error::from)? {
            let address = stored.get(1..).unwrap_or_default();
            let key = NodeKey::from_bytes(address);
            let record = NodeRecord::decode(value).map_err(|problem| corrupt(&key, problem))?;
            let ordered = match &record {
                NodeRecord::Entry { rank } | NodeRecord::LeafListEntry { rank } => !rank.is_empty(),
                NodeRecord::Leaf(_) | NodeRecord::Presence => false,
            };
            if ordered && key != *root {
                return Ok(key.split_last().map(|(list, _)| list));
            }
            self.node(&key, &record)?;
        }
        Ok(None)
    }

    fn ordered(&mut self, list: &NodeKey) -> Result<(), E> {
        let snapshot = self.tree.snapshot();
        let mut scan = snapshot.scan(&KeyRange::prefix(&list.order_prefix()));
        while let Some((_, step)) = scan.next().map_err(Error::from)? {
            let mut entry = list.clone();
            entry.push_bytes(step);
            self.subtree(&entry)?;
        }
        Ok(())
    }

    fn node(&mut self, key: &NodeKey, record: &NodeRecord) -> Result<(), E> {
        while !self.at_is_above(key) {
            self.close()?;
        }
        let steps: Vec<&[u8]> =
            RawSteps(key.as_bytes().get(self.at.len()..).unwrap_or_default()).collect();
        let Some((last, around)) = steps.split_last() else {
            return Ok(());
        };
        for (index, step) in around.iter().enumerate() {
            let next = around.get(index + 1).unwrap_or(last);
            self.enter(step, is_entry(next))?;
        }
        match (decode(key, last)?, record) {
            (Component::Name(name), NodeRecord::Leaf(value)) => {
                (self.visit)(key, WalkEvent::Leaf { name: &name, value })
            }
            (Component::Name(name), _) => {
                self.open_node(last, WalkEvent::Container { name: &name, presence: true })
            }
            (Component::Entry(keys), NodeRecord::LeafListEntry { .. }) => {
                self.leaf_list_entry(key, &keys)
            }
            (Component::Entry(keys), _) => self.entry(last, &keys),
        }
    }

    /// Goes into a container, list or entry that has no record of its own in this walk.
    fn enter(&mut self, step: &[u8], is_list: bool) -> Result<(), E> {
        match decode(&self.at, step)? {
            Component::Name(name) if is_list => {
                let mut key = self.at.clone();
                key.push_bytes(step);
                let known = self.tree.schema(&key)?;
                let schema =
                    Rc::new(known.unwrap_or_else(|| Schema::List(ListInfo::undeclared(1))));
                self.push(step, OpenKind::List { name, schema });
                Ok(())
            }
            Component::Name(name) => {
                self.open_node(step, WalkEvent::Container { name: &name, presence: false })
            }
            Component::Entry(keys) => self.entry(step, &keys),
        }
    }

    fn entry(&mut self, step: &[u8], keys: &[Value]) -> Result<(), E> {
        let Some((name, schema)) = self.list() else {
            return Ok(());
        };
        let undeclared;
        let info = match &*schema {
            Schema::List(info) => info,
            Schema::LeafList(_) | Schema::Once => {
                undeclared = ListInfo::undeclared(keys.len());
                &undeclared
            }
        };
        self.open_node(step, WalkEvent::Entry { list: &name, info, keys })
    }

    fn leaf_list_entry(&mut self, key: &NodeKey, keys: &[Value]) -> Result<(), E> {
        let (Some((name, schema)), Some(value)) = (self.list(), keys.first()) else {
            return Ok(());
        };
        let undeclared;
        let info = match &*schema {
            Schema::LeafList(info) => info,
            Schema::List(_) | Schema::Once => {
                undeclared = LeafListInfo::undeclared(value.value_type());
                &undeclared
            }
        };
        (self.visit)(key, WalkEvent::LeafListEntry { name: &name, info, value })
    }

    fn list(&self) -> Option<(Name, Rc<Schema>)> {
        match &self.open.last()?.kind {
            OpenKind::List { name, schema } => Some((name.clone(), schema.clone())),
            OpenKind::Node => None,
        }
    }

    fn open_node(&mut self, step: &[u8], event: WalkEvent<'_>) -> Result<(), E> {
        self.push(step, OpenKind::Node);
        (self.visit)(&self.at, event)
    }

    fn push(&mut self, step: &[u8], kind: OpenKind) {
        self.open.push(Open { len_before: self.at.len(), kind });
        self.at.push_bytes(step);
    }

    fn close(&mut self) -> Result<(), E> {
        let Some(open) = self.open.pop() else {
            self.at = NodeKey::root();
            return Ok(());
        };
        self.at.truncate(open.len_before);
        match open.kind {
            OpenKind::Node => (self.visit)(&self.at, WalkEvent::Leave),
            OpenKind::List { .. } => Ok(()),
        }
    }

    fn close_to(&mut self, depth: usize) -> Result<(), E> {
        while self.open.len() > depth {
            self.close()?;
        }
        Ok(())
    }

    /// Whether the innermost open address is strictly above `key`.
    fn at_is_above(&self, key: &NodeKey) -> bool {
        self.open.is_empty() || (self.at.contains(key) && self.at.len() < key.len())
    }
}

fn decode(key: &NodeKey, step: &[u8]) -> Result<Component, Error> {
    decode_step(step).map_err(|problem| corrupt(key, problem))
}
