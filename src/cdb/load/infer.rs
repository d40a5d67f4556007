//! The first pass: what was seen of each schema path of a source.

use std::collections::{HashMap, HashSet};

use super::distinct::{Distinct, Sets, Twice};
use super::event::{Content, Scalar, Sink, Start};
use super::number::common;
use super::position::At;
use super::problem::{LoadError, Problem};
use super::scope::Attributes;
use crate::cdb::path::Name;
use crate::cdb::record::Schema;
use crate::cdb::value::ValueType;

/// What was seen of one schema path.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each was seen or not, whatever the others")]
pub(super) struct Seen {
    pub name: Name,
    /// The prefix of the name's namespace.
    pub prefix: Option<String>,
    pub parent: usize,
    children: HashMap<Name, usize>,
    pub first_at: At,
    /// It is more than once in one parent.
    pub repeats: bool,
    pub in_array: bool,
    pub has_children: bool,
    /// The source can say, and says, that it is no entry of a list or leaf-list.
    pub single: bool,
    pub declared: Option<Schema>,
    pub candidate: Option<Candidate>,
    /// An instance without the candidate, or without any leaf.
    pub missing: Option<(At, String)>,
    /// Two instances in one parent with the same candidate.
    pub twice: Option<(At, String)>,
    /// The type of the values, when all have one in common.
    pub value_type: Option<ValueType>,
}

/// The first child leaf of a schema path.
#[derive(Debug)]
pub(super) struct Candidate {
    pub name: Name,
    pub value_type: ValueType,
}

impl Seen {
    fn new(name: Name, prefix: Option<String>, parent: usize, first_at: At) -> Self {
        Self {
            name,
            prefix,
            parent,
            children: HashMap::new(),
            first_at,
            repeats: false,
            in_array: false,
            has_children: false,
            single: false,
            declared: None,
            candidate: None,
            missing: None,
            twice: None,
            value_type: None,
        }
    }

    pub fn child(&self, name: &Name) -> Option<usize> {
        self.children.get(name).copied()
    }

    pub fn children(&self) -> impl Iterator<Item = usize> {
        self.children.values().copied()
    }
}

/// An element that is open.
#[derive(Debug)]
struct Frame {
    node: usize,
    at: At,
    children: HashSet<usize>,
    /// The text of the candidate in this instance.
    key: Option<String>,
    /// The candidates' texts of the instances below this one, for each of their schema paths.
    keys: HashMap<usize, Distinct>,
}

impl Frame {
    fn new(node: usize, at: At) -> Self {
        Self { node, at, children: HashSet::new(), key: None, keys: HashMap::new() }
    }
}

/// Learns a source.
#[derive(Debug)]
pub(super) struct Gather {
    sets: Sets,
    seen: Vec<Seen>,
    open: Vec<Frame>,
}

impl Gather {
    pub fn new(sets: Sets) -> Self {
        let mut root = Seen::new(Name::plain(""), None, 0, At::START);
        root.has_children = true;
        Self { sets, seen: vec![root], open: vec![Frame::new(0, At::START)] }
    }

    /// What was seen, parents first; the first is the root.
    pub fn finish(mut self) -> Result<Vec<Seen>, LoadError> {
        for frame in std::mem::take(&mut self.open) {
            self.keys_ended(frame.keys)?;
        }
        Ok(self.seen)
    }

    fn child(&mut self, parent: usize, start: &Start) -> usize {
        let next = self.seen.len();
        let Some(seen) = self.seen.get_mut(parent) else {
            return 0;
        };
        if let Some(known) = seen.child(&start.name) {
            return known;
        }
        seen.children.insert(start.name.clone(), next);
        self.seen.push(Seen::new(start.name.clone(), start.prefix.clone(), parent, start.at));
        next
    }

    /// A leaf ended: it may be the key of the instance it is in.
    fn leaf_ended(&mut self, leaf: &Frame, scalar: Option<&Scalar>) -> Result<(), LoadError> {
        let value_type = match scalar {
            Some(Scalar::Typed(value)) => value.value_type(),
            _ => ValueType::String,
        };
        let (Some(parent), Some(seen)) = (self.open.last_mut(), self.seen.get_mut(leaf.node))
        else {
            return Ok(());
        };
        let name = seen.name.clone();
        if seen.in_array || seen.repeats {
            let first = seen.value_type.unwrap_or(value_type);
            seen.value_type = Some(widen(&name, first, value_type, leaf.at)?);
        } else {
            seen.value_type.get_or_insert(value_type);
        }
        let Some(seen) = self.seen.get_mut(parent.node) else {
            return Ok(());
        };
        let candidate =
            seen.candidate.get_or_insert_with(|| Candidate { name: name.clone(), value_type });
        if candidate.name == name {
            candidate.value_type = widen(&name, candidate.value_type, value_type, leaf.at)?;
            parent.key = Some(scalar.map(Scalar::text).unwrap_or_default());
        }
        Ok(())
    }

    /// An instance with children ended: its candidate must be unlike its siblings'.
    fn instance_ended(&mut self, frame: Frame) -> Result<(), LoadError> {
        self.keys_ended(frame.keys)?;
        let (Some(parent), Some(seen)) = (self.open.last_mut(), self.seen.get_mut(frame.node))
        else {
            return Ok(());
        };
        let line = frame.at.line;
        let missing = match (frame.key, &seen.candidate) {
            (Some(key), Some(candidate)) => {
                let keys = parent.keys.entry(frame.node).or_default();
                if let Some(twice) = keys.insert(&self.sets, key.as_bytes(), frame.at)? {
                    let key = format!("\"{}\"", key.escape_debug());
                    let why = is_twice(candidate.name.local(), &key, twice);
                    seen.twice.get_or_insert((frame.at, why));
                }
                return Ok(());
            }
            (_, Some(candidate)) => {
                format!("the entry on line {line} has no <{}>", candidate.name.local())
            }
            (_, None) => format!("the entry on line {line} has no leaf"),
        };
        seen.missing.get_or_insert((frame.at, missing));
        Ok(())
    }

    /// All instances below an element are there.
    fn keys_ended(&mut self, keys: HashMap<usize, Distinct>) -> Result<(), LoadError> {
        for (node, keys) in keys {
            let twice = keys.finish(&self.sets).map_err(LoadError::nowhere)?.first;
            let Some((twice, seen)) = twice.zip(self.seen.get_mut(node)) else {
                continue;
            };
            let name = seen.candidate.as_ref().map_or("", |candidate| candidate.name.local());
            let why = is_twice(name, "the same", twice);
            seen.twice.get_or_insert((twice.again, why));
        }
        Ok(())
    }
}

/// The type that holds both; numbers and text have none, since a number would come back as text.
fn widen(name: &Name, first: ValueType, second: ValueType, at: At) -> Result<ValueType, LoadError> {
    common(first, second).ok_or_else(|| {
        let element = name.local().to_owned();
        LoadError::at(at, Problem::MixedTypes { element, first, second })
    })
}

fn is_twice(name: &str, key: &str, twice: Twice) -> String {
    let (first, again) = (twice.first.line, twice.again.line);
    format!("its first leaf <{name}> is {key} both on line {first} and on line {again}")
}

impl Sink for Gather {
    fn start(&mut self, start: Start) -> Result<(), LoadError> {
        let parent = self.open.last().map_or(0, |frame| frame.node);
        let node = self.child(parent, &start);
        let repeats = self.open.last_mut().is_some_and(|frame| !frame.children.insert(node));
        if let Some(seen) = self.seen.get_mut(node) {
            seen.repeats |= repeats;
            seen.in_array |= start.in_array;
            seen.single |= start.single;
            seen.has_children |= start.object || start.marks.presence;
            seen.declared = start.marks.declared.or(seen.declared.take());
        }
        self.open.push(Frame::new(node, start.at));
        Ok(())
    }

    fn end(&mut self, content: Content, _scope: Attributes) -> Result<(), LoadError> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        match content {
            Content::Children => {
                if let Some(seen) = self.seen.get_mut(frame.node) {
                    seen.has_children = true;
                }
                self.instance_ended(frame)
            }
            Content::Scalar(scalar) => self.leaf_ended(&frame, Some(&scalar)),
            Content::Nothing { .. } => self.leaf_ended(&frame, None),
        }
    }
}
