//! The second pass: edits, in the order of the source.
//!
//! The keys of an entry may come after its other children. Until all are there, what is inside the entry is held back,
//! addressed from the entry; then it follows the entry in order.

use std::collections::HashSet;

use super::distinct::{Distinct, Late, Sets, Twice};
use super::doubts::Doubts;
use super::edit::{Edit, LeafContent, Outcome, Target};
use super::event::{Content, Marks, Scalar, Sink, Start};
use super::names::{NUMBER_MARK, TYPE_NAMESPACE};
use super::number::is_quoted_number;
use super::options::{LoadOptions, OnDuplicate};
use super::plan::{Kind, Plan, PlanNode};
use super::position::At;
use super::problem::{LoadError, Problem};
use super::scope::Attributes;
use super::summary::Read;
use crate::cdb::key::NodeKey;
use crate::cdb::path::Name;
use crate::cdb::value::{Value, ValueType};

/// Where something goes: below an entry whose keys are not known yet (by its place on the stack), or below the root.
#[derive(Clone, Debug)]
struct Base {
    pending: Option<usize>,
    key: NodeKey,
}

#[derive(Debug)]
struct Frame {
    node: usize,
    at: At,
    base: Base,
    children: u64,
    marks: Marks,
    entry: Option<PendingEntry>,
    /// It or something around it comes in pieces: what is in one piece may be in another, too.
    in_pieces: bool,
    /// The entries below this element, to find one that is there twice.
    entries: Distinct,
}

/// A list entry whose keys are still coming.
#[derive(Debug)]
struct PendingEntry {
    list: Base,
    keys: Vec<Option<Value>>,
    held_back: Vec<Asked>,
}

/// An edit and where it comes from.
#[derive(Clone, Debug)]
struct Asked {
    at: At,
    edit: Edit,
    /// The same address may not come again.
    once: bool,
}

/// Turns a source into edits.
pub(super) struct Apply<'a> {
    plan: &'a Plan,
    target: &'a mut dyn Target,
    sets: Sets,
    on_duplicate: OnDuplicate,
    open: Vec<Frame>,
    read: Read,
    noted: bool,
    /// Namespaces that the target has heard of.
    named: HashSet<String>,
    /// The addresses that came in pieces.
    pieces: Distinct,
    doubts: Doubts,
}

type Result<T, E = LoadError> = std::result::Result<T, E>;

impl<'a> Apply<'a> {
    pub fn new(
        plan: &'a Plan,
        options: &LoadOptions,
        sets: Sets,
        target: &'a mut dyn Target,
    ) -> Self {
        let root = Frame {
            node: 0,
            at: At::START,
            base: Base { pending: None, key: NodeKey::root() },
            children: 0,
            marks: Marks::default(),
            entry: None,
            in_pieces: false,
            entries: Distinct::default(),
        };
        Self {
            plan,
            target,
            sets,
            on_duplicate: options.on_duplicate,
            open: vec![root],
            read: Read::default(),
            noted: false,
            named: HashSet::new(),
            pieces: Distinct::default(),
            doubts: Doubts::default(),
        }
    }

    /// What was read, when the source has ended.
    pub fn finish(mut self) -> Result<Read> {
        for mut frame in std::mem::take(&mut self.open) {
            self.entries_ended(&mut frame)?;
        }
        let pieces = std::mem::take(&mut self.pieces);
        self.came_again(pieces, At::START, "a node of a container in pieces".to_owned())?;
        self.doubts.end()?;
        Ok(self.read)
    }

    /// All entries below an element are there.
    fn entries_ended(&mut self, frame: &mut Frame) -> Result<()> {
        let entries = std::mem::take(&mut frame.entries);
        let around = self.plan.node(frame.node).map(|node| node.path.to_string());
        let entry = format!("an entry below {}", around.unwrap_or_default());
        self.came_again(entries, frame.at, entry)
    }

    /// A set has ended: what came twice in it is refused, or counted as folded.
    fn came_again(&mut self, set: Distinct, at: At, entry: String) -> Result<()> {
        let Late { first, count } =
            set.finish(&self.sets).map_err(|error| LoadError::at(at, error))?;
        if let (Some(Twice { first, again }), OnDuplicate::Refuse) = (first, self.on_duplicate) {
            return Err(LoadError::at(again, Problem::Duplicate { entry, first, again }));
        }
        self.read.folded += count;
        Ok(())
    }

    /// The same for one address.
    fn is_again(&mut self, key: &NodeKey, Twice { first, again }: Twice) -> Result<()> {
        let entry = self.target.text(key);
        match self.on_duplicate {
            OnDuplicate::Refuse => {
                Err(LoadError::at(again, Problem::Duplicate { entry, first, again }))
            }
            OnDuplicate::Merge => {
                self.read.fold(entry);
                Ok(())
            }
        }
    }

    fn note_once(&mut self, at: At) -> Result<()> {
        if std::mem::replace(&mut self.noted, true) {
            return Ok(());
        }
        for edit in self.plan.notes() {
            self.make(Asked { at, edit, once: false })?;
        }
        Ok(())
    }

    /// Tells the target what the source calls a namespace.
    fn name_namespace(&mut self, at: At, name: &Name, prefix: Option<&String>) -> Result<()> {
        let (Some(namespace), Some(prefix)) = (name.namespace(), prefix) else {
            return Ok(());
        };
        if !self.named.insert(namespace.to_owned()) {
            return Ok(());
        }
        let (namespace, prefix) = (namespace.to_owned(), prefix.clone());
        self.make(Asked { at, edit: Edit::Prefix { namespace, prefix }, once: false })
    }

    fn make(&mut self, Asked { at, mut edit, once }: Asked) -> Result<()> {
        let is_node = !matches!(edit, Edit::Attribute { .. }) && edit.key().is_some();
        if let Some(key) = edit.key().filter(|_| once && is_node).cloned()
            && let Some(twice) = self.pieces.insert(&self.sets, key.as_bytes(), at)?
        {
            self.is_again(&key, twice)?;
            if let Edit::Leaf { sure, .. } = &mut edit {
                // The other value is the source's own, and to be folded.
                *sure = true;
            }
        }
        self.read.nodes += u64::from(is_node);
        let key = edit.key().cloned();
        match self.target.edit(edit).map_err(|error| LoadError::at(at, error.into()))? {
            Outcome::Done => Ok(()),
            Outcome::Other { old, new } => {
                let key = key.unwrap_or_default();
                let path = self.target.text(&key);
                self.doubts.note(self.plan, at, &key, path, (&old, &new));
                if self.target.is_lasting() { self.doubts.end() } else { Ok(()) }
            }
        }
    }

    /// Makes an edit whose key is relative to what `pending` names.
    fn emit(&mut self, pending: Option<usize>, asked: Asked) -> Result<()> {
        let Some(index) = pending else {
            return self.make(asked);
        };
        let entry = self.open.get_mut(index).and_then(|frame| frame.entry.as_mut());
        if let Some(entry) = entry {
            entry.held_back.push(asked);
        }
        Ok(())
    }

    fn emit_attributes(&mut self, at: At, base: &Base, attributes: &Attributes) -> Result<()> {
        for (name, value) in attributes {
            let (key, name, value) = (base.key.clone(), name.clone(), value.clone());
            let edit = Edit::Attribute { key, name, value };
            self.emit(base.pending, Asked { at, edit, once: false })?;
        }
        Ok(())
    }

    fn leaf_ended(&mut self, frame: &Frame, pieces: bool, content: Content) -> Result<()> {
        if let Some((index, value_type)) = self.key_of_parent(frame) {
            return self.key_ended(frame, index, value_type, content);
        }
        let mut attributes = frame.marks.attributes.clone();
        if let Content::Scalar(Scalar::Typed(value)) = &content {
            mark_number(&mut attributes, value.value_type());
        }
        let content = self.leaf_content(frame, content)?;
        let (at, key, sure) = (frame.at, frame.base.key.clone(), self.is_sure(frame));
        let once = pieces || frame.in_pieces;
        self.emit(frame.base.pending, Asked { at, edit: Edit::Leaf { key, content, sure }, once })?;
        self.emit_attributes(frame.at, &frame.base, &attributes)
    }

    /// Whether a leaf may be replaced without asking: it is one, and does not tell apart what may be entries.
    fn is_sure(&self, frame: &Frame) -> bool {
        let node = self.plan.node(frame.node);
        let parent = self.open.last().and_then(|parent| self.plan.node(parent.node));
        let tells_apart = |node: &PlanNode, parent: &PlanNode| {
            matches!(parent.kind, Kind::Container { .. })
                && !parent.sure
                && parent.first_leaf.as_ref() == Some(&node.name)
        };
        node.is_some_and(|node| node.sure)
            && !node.zip(parent).is_some_and(|(node, parent)| tells_apart(node, parent))
    }

    fn leaf_content(&self, frame: &Frame, content: Content) -> Result<LeafContent> {
        let scalar = match content {
            Content::Nothing { self_closed } if frame.marks.leaf_type.is_none() => {
                return Ok(LeafContent::Nothing { self_closed });
            }
            content => content.into_scalar(),
        };
        match (frame.marks.leaf_type, scalar) {
            (Some(value_type), scalar) => {
                self.typed(frame, value_type, &scalar).map(LeafContent::Typed)
            }
            (None, Scalar::Text(text)) => Ok(LeafContent::Text(text)),
            (None, Scalar::Typed(value)) => Ok(LeafContent::Soft(value)),
        }
    }

    fn typed(&self, frame: &Frame, value_type: ValueType, scalar: &Scalar) -> Result<Value> {
        if let Scalar::Typed(value) = scalar
            && value.value_type() == value_type
        {
            return Ok(value.clone());
        }
        parse_value(value_type, &scalar.text()).map_err(|problem| {
            let path = self.plan.node(frame.node).map(|node| node.path.to_string());
            let path = path.unwrap_or_default();
            LoadError::at(frame.at, Problem::Value { path, problem })
        })
    }

    /// Which key of the entry around it a leaf is.
    fn key_of_parent(&self, frame: &Frame) -> Option<(usize, ValueType)> {
        let parent = self.plan.node(self.open.last()?.node)?;
        let Kind::List(info) = &parent.kind else {
            return None;
        };
        let name = self.plan.node(frame.node)?.name.to_string();
        let index = info.keys.iter().position(|key| key.name == name)?;
        Some((index, info.keys.get(index)?.value_type))
    }

    fn key_ended(
        &mut self,
        frame: &Frame,
        index: usize,
        value_type: ValueType,
        content: Content,
    ) -> Result<()> {
        let scalar = content.into_scalar();
        let mut attributes = frame.marks.attributes.clone();
        if let Scalar::Typed(_) = scalar {
            mark_number(&mut attributes, value_type);
        }
        let value = self.typed(frame, value_type, &scalar)?;
        let entry = self.open.last_mut().and_then(|parent| parent.entry.as_mut());
        let slot = entry.and_then(|entry| entry.keys.get_mut(index));
        let Some(slot) = slot.filter(|slot| slot.is_none()) else {
            return Err(self.key_again(frame));
        };
        *slot = Some(value);
        self.emit_attributes(frame.at, &frame.base, &attributes)?;
        let entry = self.open.last().and_then(|parent| parent.entry.as_ref());
        let complete = entry.is_some_and(|entry| entry.keys.iter().all(Option::is_some));
        if complete { self.entry_complete() } else { Ok(()) }
    }

    fn key_again(&self, frame: &Frame) -> LoadError {
        let element = self.plan.node(frame.node).map(|node| node.name.local().to_owned());
        let (found, expected) = ("there twice", "the key of one entry");
        let element = element.unwrap_or_default();
        LoadError::at(frame.at, Problem::Kind { element, found, expected })
    }

    /// All keys of the innermost open entry are there.
    fn entry_complete(&mut self) -> Result<()> {
        let Some(frame) = self.open.last_mut() else {
            return Ok(());
        };
        let Some(entry) = frame.entry.take() else {
            return Ok(());
        };
        let keys: Vec<Value> = entry.keys.into_iter().flatten().collect();
        let base = Base { pending: entry.list.pending, key: entry.list.key.entry(&keys) };
        frame.base = base.clone();
        let (at, once) = (frame.at, frame.in_pieces);
        let around = self.open.len().saturating_sub(2);
        self.note_entry(around, &base.key, at, once)?;
        self.emit(base.pending, Asked { at, edit: Edit::Entry { key: base.key.clone() }, once })?;
        for Asked { at, edit, once } in entry.held_back {
            self.emit(base.pending, Asked { at, edit: edit.below(&base.key), once })?;
        }
        Ok(())
    }

    /// Remembers an entry below the element at `around`; one that is there already is refused, or folded. `elsewhere`: it is looked
    /// for among all pieces.
    fn note_entry(
        &mut self,
        around: usize,
        key: &NodeKey,
        again: At,
        elsewhere: bool,
    ) -> Result<()> {
        let Some(frame) = self.open.get_mut(around).filter(|_| !elsewhere) else {
            return Ok(());
        };
        match frame.entries.insert(&self.sets, key.as_bytes(), again)? {
            None => Ok(()),
            Some(twice) => self.is_again(key, twice),
        }
    }

    fn leaf_list_ended(
        &mut self,
        frame: &Frame,
        value_type: ValueType,
        content: Content,
    ) -> Result<()> {
        let scalar = content.into_scalar();
        let mut attributes = frame.marks.attributes.clone();
        if let Scalar::Typed(_) = scalar {
            mark_number(&mut attributes, value_type);
        }
        let value = self.typed(frame, value_type, &scalar)?;
        let key = frame.base.key.entry(&[value]);
        let (at, once) = (frame.at, frame.in_pieces);
        self.note_entry(self.open.len().saturating_sub(1), &key, at, once)?;
        let base = Base { pending: frame.base.pending, key: key.clone() };
        self.emit(base.pending, Asked { at, edit: Edit::LeafListEntry { key }, once })?;
        self.emit_attributes(at, &base, &attributes)
    }

    fn container_ended(&mut self, frame: &Frame) -> Result<()> {
        if frame.children > 0 && !frame.marks.presence {
            return Ok(());
        }
        let key = frame.base.key.clone();
        let asked = Asked { at: frame.at, edit: Edit::Presence { key }, once: false };
        self.emit(frame.base.pending, asked)
    }

    fn missing_key(&self, frame: &Frame, entry: &PendingEntry) -> LoadError {
        let node = self.plan.node(frame.node);
        let key = match node.map(|node| &node.kind) {
            Some(Kind::List(info)) => {
                let missing = entry.keys.iter().position(Option::is_none);
                missing.and_then(|index| info.keys.get(index)).map(|key| key.name.clone())
            }
            _ => None,
        };
        let list = node.map(|node| node.path.to_string()).unwrap_or_default();
        LoadError::at(frame.at, Problem::MissingKey { list, key: key.unwrap_or_default() })
    }
}

/// Notes that JSON had a number where it would come back as a string.
fn mark_number(attributes: &mut Attributes, value_type: ValueType) {
    let mark = Name::in_namespace(NUMBER_MARK, TYPE_NAMESPACE);
    if is_quoted_number(value_type) && !attributes.iter().any(|(name, _)| *name == mark) {
        attributes.push((mark, String::new()));
    }
}

/// Layout around a number is not part of it.
fn parse_value(value_type: ValueType, text: &str) -> Result<Value, crate::cdb::value::ValueError> {
    let text = if value_type == ValueType::String { text } else { text.trim() };
    Value::parse(value_type, text)
}

impl Sink for Apply<'_> {
    fn start(&mut self, start: Start) -> Result<()> {
        self.note_once(start.at)?;
        self.name_namespace(start.at, &start.name, start.prefix.as_ref())?;
        let index = self.open.len();
        let Some(parent) = self.open.last_mut() else {
            return Ok(());
        };
        parent.children += 1;
        let node = self.plan.child(parent.node, &start.name).unwrap_or_default();
        let mut base = parent.base.clone();
        let is_piece = |node: &PlanNode| matches!(node.kind, Kind::Container { pieces: true });
        let in_pieces = parent.in_pieces || self.plan.node(node).is_some_and(is_piece);
        base.key.push_name(&start.name);
        let mut entry = None;
        if let Some(Kind::List(info)) = self.plan.node(node).map(|node| &node.kind) {
            let keys = vec![None; info.keys.len()];
            entry = Some(PendingEntry { list: base, keys, held_back: Vec::new() });
            base = Base { pending: Some(index), key: NodeKey::root() };
        }
        let holds_nodes = matches!(
            self.plan.node(node).map(|node| &node.kind),
            Some(Kind::Container { .. } | Kind::List(_))
        );
        let (at, marks, entries) = (start.at, start.marks, Distinct::default());
        self.open.push(Frame {
            node,
            at,
            base: base.clone(),
            children: 0,
            marks: marks.clone(),
            entry,
            in_pieces,
            entries,
        });
        if holds_nodes { self.emit_attributes(at, &base, &marks.attributes) } else { Ok(()) }
    }

    fn end(&mut self, content: Content, scope: Attributes) -> Result<()> {
        let Some(mut frame) = self.open.pop() else {
            return Ok(());
        };
        self.entries_ended(&mut frame)?;
        for used in scope {
            if !frame.marks.attributes.contains(&used) {
                frame.marks.attributes.push(used);
            }
        }
        let container = Kind::Container { pieces: false };
        let kind = self.plan.node(frame.node).map_or(container, |node| node.kind.clone());
        match (kind, &frame.entry) {
            (Kind::Leaf { pieces }, _) => self.leaf_ended(&frame, pieces, content),
            (Kind::LeafList(info), _) => self.leaf_list_ended(&frame, info.value_type, content),
            (Kind::List(_), Some(entry)) => Err(self.missing_key(&frame, entry)),
            (Kind::List(_), None) => Ok(()),
            (Kind::Container { .. }, _) => match content {
                Content::Scalar(_) => {
                    let node = self.plan.node(frame.node);
                    let element = node.map(|node| node.name.local().to_owned());
                    let element = element.unwrap_or_default();
                    let (found, expected) = ("text", "something with children");
                    Err(LoadError::at(frame.at, Problem::Kind { element, found, expected }))
                }
                Content::Nothing { .. } | Content::Children => self.container_ended(&frame),
            },
        }
    }
}
