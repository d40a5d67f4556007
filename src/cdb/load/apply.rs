//! The second pass: edits, in the order of the source.
//!
//! The keys of an entry may come after its other children. Until all are there, what is inside the entry is held back,
//! addressed from the entry; then it follows the entry in order.

use super::distinct::{Distinct, Sets, Twice};
use super::edit::{Edit, LeafContent, Target};
use super::event::{Content, Marks, Scalar, Sink, Start};
use super::infer::{Kind, Plan};
use super::options::{LoadOptions, OnDuplicate};
use super::position::At;
use super::problem::{LoadError, Problem};
use crate::cdb::key::{NodeKey, path_text};
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
    /// The entries below this element, to find one that is there twice.
    entries: Distinct,
}

/// A list entry whose keys are still coming.
#[derive(Debug)]
struct PendingEntry {
    list: Base,
    keys: Vec<Option<Value>>,
    held_back: Vec<(At, Edit)>,
}

/// Turns a source into edits.
pub(super) struct Apply<'a> {
    plan: &'a Plan,
    target: &'a mut dyn Target,
    sets: Sets,
    on_duplicate: OnDuplicate,
    open: Vec<Frame>,
    edits: u64,
    declared: bool,
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
            entries: Distinct::default(),
        };
        let on_duplicate = options.on_duplicate;
        Self { plan, target, sets, on_duplicate, open: vec![root], edits: 0, declared: false }
    }

    /// The number of edits, when the source has ended.
    pub fn finish(mut self) -> Result<u64> {
        for mut frame in std::mem::take(&mut self.open) {
            self.entries_ended(&mut frame)?;
        }
        Ok(self.edits)
    }

    /// All entries below an element are there.
    fn entries_ended(&self, frame: &mut Frame) -> Result<()> {
        let entries = std::mem::take(&mut frame.entries);
        let twice = entries.finish(&self.sets).map_err(|error| LoadError::at(frame.at, error))?;
        let Some(Twice { first, again }) = twice else {
            return Ok(());
        };
        let node = self.plan.node(frame.node);
        let around = path_text(&node.map(|node| node.schema.clone()).unwrap_or_default());
        let entry = format!("an entry below {around}");
        Err(LoadError::at(again, Problem::Duplicate { entry, first, again }))
    }

    fn declare_once(&mut self, at: At) -> Result<()> {
        if std::mem::replace(&mut self.declared, true) {
            return Ok(());
        }
        for (schema, declaration) in self.plan.declarations() {
            self.make(at, Edit::Declare { schema, declaration })?;
        }
        Ok(())
    }

    fn make(&mut self, at: At, edit: Edit) -> Result<()> {
        let is_node = !matches!(edit, Edit::Declare { .. } | Edit::Attribute { .. });
        self.edits += u64::from(is_node);
        self.target.edit(edit).map_err(|error| LoadError::at(at, error.into()))
    }

    /// Makes an edit whose key is relative to what `pending` names.
    fn emit(&mut self, pending: Option<usize>, at: At, edit: Edit) -> Result<()> {
        let Some(index) = pending else {
            return self.make(at, edit);
        };
        let entry = self.open.get_mut(index).and_then(|frame| frame.entry.as_mut());
        if let Some(entry) = entry {
            entry.held_back.push((at, edit));
        }
        Ok(())
    }

    fn emit_attributes(&mut self, at: At, base: &Base, marks: &Marks) -> Result<()> {
        for (name, value) in &marks.attributes {
            let (key, name, value) = (base.key.clone(), name.clone(), value.clone());
            self.emit(base.pending, at, Edit::Attribute { key, name, value })?;
        }
        Ok(())
    }

    fn leaf_ended(&mut self, frame: &Frame, content: Content) -> Result<()> {
        if let Some((index, value_type)) = self.key_of_parent(frame) {
            return self.key_ended(frame, index, value_type, content);
        }
        let content = self.leaf_content(frame, content)?;
        let key = frame.base.key.clone();
        self.emit(frame.base.pending, frame.at, Edit::Leaf { key, content })?;
        self.emit_attributes(frame.at, &frame.base, &frame.marks)
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
            let schema = self.plan.node(frame.node).map(|node| node.schema.clone());
            let path = path_text(&schema.unwrap_or_default());
            LoadError::at(frame.at, Problem::Value { path, problem })
        })
    }

    /// Which key of the entry around it a leaf is.
    fn key_of_parent(&self, frame: &Frame) -> Option<(usize, ValueType)> {
        let parent = self.plan.node(self.open.last()?.node)?;
        let name = &self.plan.node(frame.node)?.name;
        let Kind::List(info) = &parent.kind else {
            return None;
        };
        let index = info.keys.iter().position(|key| key.name == *name)?;
        Some((index, info.keys.get(index)?.value_type))
    }

    fn key_ended(
        &mut self,
        frame: &Frame,
        index: usize,
        value_type: ValueType,
        content: Content,
    ) -> Result<()> {
        let value = self.typed(frame, value_type, &content.into_scalar())?;
        let entry = self.open.last_mut().and_then(|parent| parent.entry.as_mut());
        if let Some(entry) = entry {
            if let Some(key) = entry.keys.get_mut(index) {
                *key = Some(value);
            }
            if entry.keys.iter().all(Option::is_some) {
                return self.entry_complete();
            }
        }
        Ok(())
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
        let at = frame.at;
        let around = self.open.len().saturating_sub(2);
        self.refuse_second(around, &base.key, at)?;
        self.emit(base.pending, at, Edit::Entry { key: base.key.clone() })?;
        for (at, edit) in entry.held_back {
            self.emit(base.pending, at, edit.below(&base.key))?;
        }
        Ok(())
    }

    /// Remembers an entry below the element at `around`; one that is there already is refused.
    fn refuse_second(&mut self, around: usize, key: &NodeKey, again: At) -> Result<()> {
        if self.on_duplicate == OnDuplicate::Merge {
            return Ok(());
        }
        let Some(frame) = self.open.get_mut(around) else {
            return Ok(());
        };
        match frame.entries.insert(&self.sets, key.as_bytes(), again)? {
            None => Ok(()),
            Some(Twice { first, again }) => {
                let entry = path_text(key);
                Err(LoadError::at(again, Problem::Duplicate { entry, first, again }))
            }
        }
    }

    fn leaf_list_ended(
        &mut self,
        frame: &Frame,
        value_type: ValueType,
        content: Content,
    ) -> Result<()> {
        let value = self.typed(frame, value_type, &content.into_scalar())?;
        let key = frame.base.key.entry(&[value]);
        self.refuse_second(self.open.len().saturating_sub(1), &key, frame.at)?;
        self.emit(frame.base.pending, frame.at, Edit::LeafListEntry { key })
    }

    fn container_ended(&mut self, frame: &Frame) -> Result<()> {
        if frame.children > 0 && !frame.marks.presence {
            return Ok(());
        }
        let key = frame.base.key.clone();
        self.emit(frame.base.pending, frame.at, Edit::Presence { key })
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
        let list = path_text(&node.map(|node| node.schema.clone()).unwrap_or_default());
        LoadError::at(frame.at, Problem::MissingKey { list, key: key.unwrap_or_default() })
    }
}

/// Layout around a number is not part of it.
fn parse_value(value_type: ValueType, text: &str) -> Result<Value, crate::cdb::value::ValueError> {
    let text = if value_type == ValueType::String { text } else { text.trim() };
    Value::parse(value_type, text)
}

impl Sink for Apply<'_> {
    fn start(&mut self, start: Start) -> Result<()> {
        self.declare_once(start.at)?;
        let index = self.open.len();
        let Some(parent) = self.open.last_mut() else {
            return Ok(());
        };
        parent.children += 1;
        let node = self.plan.child(parent.node, &start.name).unwrap_or_default();
        let mut base = parent.base.clone();
        base.key.push_name(&start.name);
        let mut entry = None;
        if let Some(Kind::List(info)) = self.plan.node(node).map(|node| &node.kind) {
            let keys = vec![None; info.keys.len()];
            entry = Some(PendingEntry { list: base, keys, held_back: Vec::new() });
            base = Base { pending: Some(index), key: NodeKey::root() };
        }
        let holds_nodes = matches!(
            self.plan.node(node).map(|node| &node.kind),
            Some(Kind::Container | Kind::List(_))
        );
        let (at, marks, entries) = (start.at, start.marks, Distinct::default());
        self.open.push(Frame {
            node,
            at,
            base: base.clone(),
            children: 0,
            marks: marks.clone(),
            entry,
            entries,
        });
        if holds_nodes { self.emit_attributes(at, &base, &marks) } else { Ok(()) }
    }

    fn end(&mut self, content: Content) -> Result<()> {
        let Some(mut frame) = self.open.pop() else {
            return Ok(());
        };
        self.entries_ended(&mut frame)?;
        let kind = self.plan.node(frame.node).map_or(Kind::Container, |node| node.kind.clone());
        match (kind, &frame.entry) {
            (Kind::Leaf, _) => self.leaf_ended(&frame, content),
            (Kind::LeafList(info), _) => self.leaf_list_ended(&frame, info.value_type, content),
            (Kind::List(_), Some(entry)) => Err(self.missing_key(&frame, entry)),
            (Kind::List(_), None) => Ok(()),
            (Kind::Container, _) => match content {
                Content::Scalar(_) => {
                    let element = self
                        .plan
                        .node(frame.node)
                        .map(|node| node.name.clone())
                        .unwrap_or_default();
                    let (found, expected) = ("text", "something with children");
                    Err(LoadError::at(frame.at, Problem::Kind { element, found, expected }))
                }
                Content::Nothing { .. } | Content::Children => self.container_ended(&frame),
            },
        }
    }
}
