//! The first pass: what each schema path of a source is.

use std::collections::{HashMap, HashSet};

use super::distinct::{Distinct, Sets, Twice};
use super::edit::Target;
use super::event::{Content, Scalar, Sink, Start};
use super::options::LoadOptions;
use super::position::At;
use super::problem::{LoadError, Problem};
use crate::cdb::key::{NodeKey, path_text};
use crate::cdb::path::Path;
use crate::cdb::record::{KeyLeaf, LeafListInfo, ListInfo, OrderedBy, Schema};
use crate::cdb::value::ValueType;

/// What to make of each schema path; node 0 is the root.
#[derive(Debug)]
pub(super) struct Plan {
    nodes: Vec<PlanNode>,
}

#[derive(Debug)]
pub(super) struct PlanNode {
    pub name: String,
    pub schema: NodeKey,
    pub kind: Kind,
    children: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Container,
    Leaf,
    List(ListInfo),
    LeafList(LeafListInfo),
}

impl Plan {
    pub fn node(&self, index: usize) -> Option<&PlanNode> {
        self.nodes.get(index)
    }

    pub fn child(&self, parent: usize, name: &str) -> Option<usize> {
        self.nodes.get(parent)?.children.get(name).copied()
    }

    /// The lists and leaf-lists, outermost first.
    pub fn declarations(&self) -> impl Iterator<Item = (NodeKey, Schema)> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            Kind::List(info) => Some((node.schema.clone(), Schema::List(info.clone()))),
            Kind::LeafList(info) => Some((node.schema.clone(), Schema::LeafList(info.clone()))),
            Kind::Container | Kind::Leaf => None,
        })
    }
}

/// What was seen of one schema path.
#[derive(Debug, Default)]
struct Seen {
    name: String,
    parent: usize,
    children: HashMap<String, usize>,
    first_at: Option<At>,
    repeats: bool,
    in_array: bool,
    has_children: bool,
    declared: Option<Schema>,
    candidate: Option<Candidate>,
    /// Why the candidate will not do as key.
    unfit: Option<(At, String)>,
}

/// The first child leaf of a schema path.
#[derive(Debug)]
struct Candidate {
    name: String,
    value_type: ValueType,
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
        let root = Seen { has_children: true, ..Seen::default() };
        Self { sets, seen: vec![root], open: vec![Frame::new(0, At::START)] }
    }

    fn child(&mut self, parent: usize, name: &str, at: At) -> usize {
        let next = self.seen.len();
        let Some(seen) = self.seen.get_mut(parent) else {
            return 0;
        };
        if let Some(known) = seen.children.get(name) {
            return *known;
        }
        seen.children.insert(name.to_owned(), next);
        let first_at = Some(at);
        self.seen.push(Seen { name: name.to_owned(), parent, first_at, ..Seen::default() });
        next
    }

    /// A leaf ended: it may be the key of the instance it is in.
    fn leaf_ended(&mut self, leaf: usize, scalar: Option<&Scalar>) {
        let Some(name) = self.seen.get(leaf).map(|seen| seen.name.clone()) else {
            return;
        };
        let Some(parent) = self.open.last_mut() else {
            return;
        };
        let Some(seen) = self.seen.get_mut(parent.node) else {
            return;
        };
        let value_type = match scalar {
            Some(Scalar::Typed(value)) => value.value_type(),
            _ => ValueType::String,
        };
        let candidate =
            seen.candidate.get_or_insert_with(|| Candidate { name: name.clone(), value_type });
        if candidate.name == name {
            if candidate.value_type != value_type {
                candidate.value_type = ValueType::String;
            }
            parent.key = Some(scalar.map(Scalar::text).unwrap_or_default());
        }
    }

    /// An instance with children ended: its candidate must be unlike its siblings'.
    fn instance_ended(&mut self, frame: Frame) -> Result<(), LoadError> {
        self.keys_ended(frame.keys)?;
        let (Some(parent), Some(seen)) = (self.open.last_mut(), self.seen.get_mut(frame.node))
        else {
            return Ok(());
        };
        let name = seen.candidate.as_ref().map(|candidate| candidate.name.as_str());
        let unfit = match (frame.key, name) {
            (Some(key), Some(name)) => {
                let keys = parent.keys.entry(frame.node).or_default();
                let twice = keys.insert(&self.sets, key.as_bytes(), frame.at)?;
                let key = format!("\"{}\"", key.escape_debug());
                twice.map(|twice| is_twice(name, &key, twice))
            }
            (_, Some(name)) => Some(format!("the entry on line {} has no <{name}>", frame.at.line)),
            (_, None) => Some(format!("the entry on line {} has no leaf", frame.at.line)),
        };
        if let Some(why) = unfit {
            seen.unfit.get_or_insert((frame.at, why));
        }
        Ok(())
    }

    /// All instances below an element are there.
    fn keys_ended(&mut self, keys: HashMap<usize, Distinct>) -> Result<(), LoadError> {
        for (node, keys) in keys {
            let twice = keys.finish(&self.sets).map_err(LoadError::nowhere)?;
            let Some((twice, seen)) = twice.zip(self.seen.get_mut(node)) else {
                continue;
            };
            let name = seen.candidate.as_ref().map_or("", |candidate| &candidate.name);
            let why = is_twice(name, "the same", twice);
            seen.unfit.get_or_insert((twice.again, why));
        }
        Ok(())
    }

    /// Decides; `target` is asked for what the store knows.
    pub fn finish(
        mut self,
        options: &LoadOptions,
        target: &mut dyn Target,
    ) -> Result<Plan, LoadError> {
        for frame in std::mem::take(&mut self.open) {
            self.keys_ended(frame.keys)?;
        }
        let mut nodes: Vec<PlanNode> = Vec::with_capacity(self.seen.len());
        for (index, seen) in self.seen.into_iter().enumerate() {
            let parent = nodes.get(seen.parent).map(|parent| parent.schema.clone());
            let schema = match parent {
                Some(parent) if index > 0 => parent.child(&seen.name),
                _ => NodeKey::root(),
            };
            let kind = decide(&seen, &schema, options, target)?;
            nodes.push(PlanNode { name: seen.name, schema, kind, children: seen.children });
        }
        Ok(Plan { nodes })
    }
}

fn is_twice(name: &str, key: &str, twice: Twice) -> String {
    let (first, again) = (twice.first.line, twice.again.line);
    format!("its first leaf <{name}> is {key} both on line {first} and on line {again}")
}

fn decide(
    seen: &Seen,
    schema: &NodeKey,
    options: &LoadOptions,
    target: &mut dyn Target,
) -> Result<Kind, LoadError> {
    let at = seen.first_at.unwrap_or(At::START);
    let stored = match schema.is_root() {
        true => None,
        false => target.known(schema).map_err(|error| LoadError::at(at, error.into()))?,
    };
    let said = seen.declared.clone().or_else(|| hinted(schema, options, stored.as_ref()));
    let known = said.or(stored);
    match known {
        Some(Schema::List(info)) => return Ok(Kind::List(info)),
        Some(Schema::LeafList(info)) if !seen.has_children => return Ok(Kind::LeafList(info)),
        Some(Schema::LeafList(_)) => {
            let (found, expected) = ("something with children", "a leaf-list");
            let element = seen.name.clone();
            return Err(LoadError::at(at, Problem::Kind { element, found, expected }));
        }
        None => {}
    }
    let ordered_by = if options.sort { OrderedBy::System } else { OrderedBy::User };
    match (seen.repeats || seen.in_array, seen.has_children) {
        (true, true) => infer_list(seen, schema, ordered_by).map(Kind::List),
        (true, false) => {
            Ok(Kind::LeafList(LeafListInfo { value_type: ValueType::String, ordered_by }))
        }
        (false, true) => Ok(Kind::Container),
        (false, false) => Ok(Kind::Leaf),
    }
}

/// What a hint says. A hint names keys; the order is that of the list where one with these keys is known.
fn hinted(schema: &NodeKey, options: &LoadOptions, stored: Option<&Schema>) -> Option<Schema> {
    let path: Path = schema.path().ok()?;
    let mut hints = options.keys.iter().filter(|hint| hint.path == path).map(|hint| &hint.info);
    let first = hints.next()?;
    let has_keys = |info: &&ListInfo| info.keys == first.keys;
    let sorted = hints.find(|info| has_keys(info) && info.ordered_by == OrderedBy::System);
    let mut info = sorted.unwrap_or(first).clone();
    match stored {
        Some(Schema::List(stored)) if has_keys(&stored) => info.ordered_by = stored.ordered_by,
        _ if options.sort => info.ordered_by = OrderedBy::System,
        _ => {}
    }
    Some(Schema::List(info))
}

fn infer_list(seen: &Seen, schema: &NodeKey, ordered_by: OrderedBy) -> Result<ListInfo, LoadError> {
    let unknown = |at: At, why: String| {
        let (element, schema_path) = (seen.name.clone(), path_text(schema));
        LoadError::at(at, Problem::UnknownKeys { element, schema_path, why })
    };
    if let Some((at, why)) = &seen.unfit {
        return Err(unknown(*at, why.clone()));
    }
    let Some(Candidate { name, value_type }) = &seen.candidate else {
        return Err(unknown(seen.first_at.unwrap_or(At::START), "its entries have no leaf".into()));
    };
    let key = KeyLeaf { name: name.clone(), value_type: *value_type };
    Ok(ListInfo { keys: vec![key], ordered_by })
}

impl Sink for Gather {
    fn start(&mut self, start: Start) -> Result<(), LoadError> {
        let parent = self.open.last().map_or(0, |frame| frame.node);
        let node = self.child(parent, &start.name, start.at);
        let repeats = self.open.last_mut().is_some_and(|frame| !frame.children.insert(node));
        if let Some(seen) = self.seen.get_mut(node) {
            seen.repeats |= repeats;
            seen.in_array |= start.in_array;
            seen.has_children |= start.object || start.marks.presence;
            seen.declared = start.marks.declared.or(seen.declared.take());
        }
        self.open.push(Frame::new(node, start.at));
        Ok(())
    }

    fn end(&mut self, content: Content) -> Result<(), LoadError> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        match content {
            Content::Children => {
                if let Some(seen) = self.seen.get_mut(frame.node) {
                    seen.has_children = true;
                }
                self.instance_ended(frame)?;
            }
            Content::Scalar(scalar) => self.leaf_ended(frame.node, Some(&scalar)),
            Content::Nothing { .. } => self.leaf_ended(frame.node, None),
        }
        Ok(())
    }
}
