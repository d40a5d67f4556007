//! What to make of each schema path of a source.

use std::collections::HashMap;

use super::edit::{Edit, Standing, Target};
use super::infer::{Candidate, Seen};
use super::options::{LoadOptions, OnDuplicate, SaidKind};
use super::position::At;
use super::problem::{LoadError, Problem};
use crate::cdb::key::NodeKey;
use crate::cdb::path::{Name, Path, Step, is_same, prefix_for};
use crate::cdb::record::{KeyLeaf, LeafListInfo, ListInfo, OrderedBy, Schema};
use crate::cdb::value::ValueType;

/// What to make of each schema path; node 0 is the root.
#[derive(Debug)]
pub(super) struct Plan {
    nodes: Vec<PlanNode>,
}

#[derive(Debug)]
pub(super) struct PlanNode {
    pub name: Name,
    pub schema: NodeKey,
    /// What people call it.
    pub path: Path,
    pub kind: Kind,
    /// Whether it is certain that it is no entry of a list or leaf-list.
    pub sure: bool,
    /// The first leaf in it: what would tell entries apart.
    pub first_leaf: Option<Name>,
    pub parent: usize,
    note: Note,
    children: HashMap<Name, usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `pieces`: the source has it more than once in one parent.
    Container {
        pieces: bool,
    },
    Leaf {
        pieces: bool,
    },
    List(ListInfo),
    LeafList(LeafListInfo),
}

/// What the datastore is to remember of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Nothing,
    /// The list or leaf-list; what stands there alone becomes its first entry.
    Declare {
        convert: bool,
    },
    /// Nobody knows whether it is one or one of many.
    Once,
    /// It is one.
    Settle,
}

impl Plan {
    /// Decides; `target` is asked for what the store knows.
    pub fn decide(
        seen: Vec<Seen>,
        options: &LoadOptions,
        known: &HashMap<String, String>,
        target: &mut dyn Target,
    ) -> Result<Self, LoadError> {
        let mut seen = seen;
        for one in &mut seen {
            one.prefix = called(one, known);
        }
        let mut plan = Self { nodes: Vec::with_capacity(seen.len()) };
        for index in 0..seen.len() {
            let node = plan.node_of(index, &seen, options, target)?;
            plan.nodes.push(node);
        }
        plan.check_used(options)?;
        for (index, one) in seen.into_iter().enumerate().skip(1) {
            if let Some(parent) = plan.nodes.get_mut(one.parent) {
                parent.children.insert(one.name, index);
            }
        }
        Ok(plan)
    }

    /// Refuses hints about what is not there.
    fn check_used(&self, options: &LoadOptions) -> Result<(), LoadError> {
        let is_there = |point: &Path| self.nodes.iter().any(|node| is_same(&node.path, point));
        let keys = options.keys.iter().map(|hint| ("key", &hint.path));
        let kinds = options.kinds.iter().map(|hint| (hint.kind.option(), &hint.path));
        match keys.chain(kinds).find(|(_, path)| !is_there(path)) {
            Some((option, path)) => {
                let path = path.to_string();
                Err(LoadError::nowhere(Problem::UnusedHint { option, path }))
            }
            None => Ok(()),
        }
    }

    pub fn node(&self, index: usize) -> Option<&PlanNode> {
        self.nodes.get(index)
    }

    pub fn child(&self, parent: usize, name: &Name) -> Option<usize> {
        self.nodes.get(parent)?.children.get(name).copied()
    }

    /// The node at a schema address.
    pub fn at_schema(&self, schema: &NodeKey) -> Option<&PlanNode> {
        self.nodes.iter().find(|node| node.schema == *schema)
    }

    /// What the datastore is to remember, outermost first.
    pub fn notes(&self) -> impl Iterator<Item = Edit> {
        self.nodes.iter().filter_map(|node| {
            let schema = node.schema.clone();
            match (node.note, &node.kind) {
                (Note::Declare { convert }, Kind::List(info)) => {
                    let declaration = Schema::List(info.clone());
                    Some(Edit::Declare { schema, declaration, convert })
                }
                (Note::Declare { convert }, Kind::LeafList(info)) => {
                    let declaration = Schema::LeafList(info.clone());
                    Some(Edit::Declare { schema, declaration, convert })
                }
                (Note::Once, _) => {
                    let declaration = Schema::Once;
                    Some(Edit::Declare { schema, declaration, convert: false })
                }
                (Note::Settle, _) => Some(Edit::Settle { schema }),
                (Note::Nothing | Note::Declare { .. }, _) => None,
            }
        })
    }

    fn node_of(
        &self,
        index: usize,
        all: &[Seen],
        options: &LoadOptions,
        target: &mut dyn Target,
    ) -> Result<PlanNode, LoadError> {
        let Some(seen) = all.get(index).filter(|_| index > 0) else {
            return Ok(PlanNode::root());
        };
        let parent = self.nodes.get(seen.parent);
        let schema = parent.map(|parent| parent.schema.clone()).unwrap_or_default();
        let schema = schema.named(&seen.name);
        let path = parent.map_or_else(Path::root, |parent| parent.path.clone());
        let path = path.with_step(step(seen, all));
        let stored = Stored::ask(target, &schema, seen.first_at)?;
        let said = Said::about(&path, seen, options);
        let decision = Decision { seen, all, path: &path, stored: &stored, said: &said, options };
        let kind = decision.kind()?;
        let is_key = |parent: &PlanNode| match &parent.kind {
            Kind::List(info) => info.keys.iter().any(|key| key.name == seen.name.to_string()),
            _ => false,
        };
        let (sure, note) = if parent.is_some_and(is_key) {
            (true, Note::Nothing)
        } else {
            decision.certainty(&kind)
        };
        let first_leaf = seen.candidate.as_ref().map(|candidate| candidate.name.clone());
        let (name, parent) = (seen.name.clone(), seen.parent);
        let children = HashMap::new();
        Ok(PlanNode { name, schema, path, kind, sure, first_leaf, parent, note, children })
    }
}

impl PlanNode {
    fn root() -> Self {
        Self {
            name: Name::plain(""),
            schema: NodeKey::root(),
            path: Path::root(),
            kind: Kind::Container { pieces: false },
            sure: true,
            first_leaf: None,
            parent: 0,
            note: Note::Nothing,
            children: HashMap::new(),
        }
    }
}

/// The prefix of a node's namespace: that of the source, else of the datastore, else the one that it would get there.
fn called(seen: &Seen, known: &HashMap<String, String>) -> Option<String> {
    let namespace = seen.name.namespace()?;
    let is = |(_, known): &(&String, &String)| known.as_str() == namespace;
    let stored = || known.iter().find(is).map(|(prefix, _)| prefix.clone());
    seen.prefix.clone().or_else(stored).or_else(|| Some(prefix_for(namespace)))
}

/// How people call a node of the source: with a prefix where another child has its local name.
fn step(seen: &Seen, all: &[Seen]) -> Step {
    if seen.name.namespace().is_none() {
        return Step::new(seen.name.local());
    }
    let siblings = all.get(seen.parent).into_iter().flat_map(Seen::children);
    let is_same = |index: &usize| {
        all.get(*index).is_some_and(|other| other.name.local() == seen.name.local())
    };
    let is_homonym = siblings.filter(is_same).count() > 1;
    Step::spelled(&seen.name, seen.prefix.as_deref(), is_homonym)
}

/// What the datastore has.
struct Stored {
    declaration: Option<Schema>,
    standing: Standing,
}

impl Stored {
    fn ask(target: &mut dyn Target, schema: &NodeKey, at: At) -> Result<Self, LoadError> {
        let wrap = |error: crate::cdb::error::Error| LoadError::at(at, error.into());
        let declaration = target.known(schema).map_err(wrap)?;
        let standing = match declaration {
            Some(_) => Standing::Nothing,
            None => target.standing(schema).map_err(wrap)?,
        };
        Ok(Self { declaration, standing })
    }
}

/// What the caller says about a node.
struct Said<'a> {
    keys: Vec<&'a ListInfo>,
    kind: Option<SaidKind>,
}

impl<'a> Said<'a> {
    fn about(path: &Path, seen: &Seen, options: &'a LoadOptions) -> Self {
        let keys = options.keys.iter().chain(&options.known_keys);
        let keys = keys.filter(|hint| is_same(path, &hint.path));
        let kind = options.kinds.iter().find(|hint| is_same(path, &hint.path));
        let single = options.single && !seen.repeats && !seen.in_array;
        let otherwise = if seen.has_children { SaidKind::Container } else { SaidKind::Leaf };
        Self {
            keys: keys.map(|hint| &hint.info).collect(),
            kind: kind.map(|hint| hint.kind).or(single.then_some(otherwise)),
        }
    }
}

struct Decision<'a> {
    seen: &'a Seen,
    all: &'a [Seen],
    path: &'a Path,
    stored: &'a Stored,
    said: &'a Said<'a>,
    options: &'a LoadOptions,
}

impl Decision<'_> {
    fn kind(&self) -> Result<Kind, LoadError> {
        let seen = self.seen;
        let known = match (&seen.declared, self.hinted()) {
            (Some(Schema::List(info)), _) => Some(Schema::List(self.with_key_names(info))),
            (Some(declared), _) => Some(declared.clone()),
            (None, Some(info)) => Some(Schema::List(info)),
            (None, None) => self.stored.declaration.clone(),
        };
        match known {
            Some(Schema::List(info)) => return Ok(Kind::List(info)),
            Some(Schema::LeafList(info)) if !seen.has_children => return Ok(Kind::LeafList(info)),
            Some(Schema::LeafList(_)) => {
                return Err(self.wrong("something with children", "a leaf-list"));
            }
            Some(Schema::Once) | None => {}
        }
        match self.said.kind {
            Some(kind) => self.said_kind(kind),
            None => self.inferred(),
        }
    }

    fn said_kind(&self, kind: SaidKind) -> Result<Kind, LoadError> {
        let Seen { has_children, in_array, repeats, .. } = *self.seen;
        match kind {
            SaidKind::Container if in_array => Err(self.wrong("an array", "a container")),
            SaidKind::Leaf if in_array => Err(self.wrong("an array", "a leaf")),
            SaidKind::Leaf | SaidKind::LeafList if has_children => {
                Err(self.wrong("something with children", "a leaf or leaf-list"))
            }
            SaidKind::Container => Ok(Kind::Container { pieces: repeats }),
            SaidKind::Leaf => Ok(Kind::Leaf { pieces: repeats }),
            SaidKind::LeafList => Ok(self.leaf_list()),
        }
    }

    fn inferred(&self) -> Result<Kind, LoadError> {
        match (self.seen.repeats || self.seen.in_array, self.seen.has_children) {
            (true, true) => self.list_or_pieces(),
            (true, false) => Ok(self.leaf_list()),
            (false, true) => Ok(Kind::Container { pieces: false }),
            (false, false) => Ok(Kind::Leaf { pieces: false }),
        }
    }

    fn ordered_by(&self) -> OrderedBy {
        if self.options.sort { OrderedBy::System } else { OrderedBy::User }
    }

    fn leaf_list(&self) -> Kind {
        let value_type = self.seen.value_type.unwrap_or(ValueType::String);
        Kind::LeafList(LeafListInfo { value_type, ordered_by: self.ordered_by() })
    }

    fn list_or_pieces(&self) -> Result<Kind, LoadError> {
        let (seen, merge) = (self.seen, self.options.on_duplicate == OnDuplicate::Merge);
        let Some(Candidate { name, value_type }) = &seen.candidate else {
            if seen.in_array {
                return Err(self.unknown_keys(seen.first_at, "its entries have no leaf".into()));
            }
            // Without a leaf there is nothing to tell entries apart: it is one container, in pieces.
            return Ok(Kind::Container { pieces: true });
        };
        let key = seen.child(name).and_then(|index| self.all.get(index));
        if key.is_some_and(|key| key.repeats || key.in_array || key.has_children) {
            let why = format!("its first leaf <{}> is not a single one", name.local());
            return Err(self.unknown_keys(seen.first_at, why));
        }
        match (&seen.missing, &seen.twice) {
            (Some(_), _) if merge && !seen.in_array => return Ok(Kind::Container { pieces: true }),
            (Some((at, why)), _) => return Err(self.unknown_keys(*at, why.clone())),
            (None, Some((at, why))) if !merge => return Err(self.unknown_keys(*at, why.clone())),
            (None, _) => {}
        }
        let key = KeyLeaf { name: name.to_string(), value_type: *value_type };
        Ok(Kind::List(ListInfo { keys: vec![key], ordered_by: self.ordered_by() }))
    }

    /// What a hint says. A hint names keys; the order is that of the list where one with these keys is known.
    fn hinted(&self) -> Option<ListInfo> {
        let first = *self.said.keys.first()?;
        let has_keys = |info: &&ListInfo| info.keys == first.keys;
        let is_sorted = |info: &&&ListInfo| has_keys(info) && info.ordered_by == OrderedBy::System;
        let mut info = self.with_key_names(self.said.keys.iter().find(is_sorted).unwrap_or(&first));
        match &self.stored.declaration {
            Some(Schema::List(stored)) if stored.keys == info.keys => {
                info.ordered_by = stored.ordered_by;
            }
            _ if self.options.sort => info.ordered_by = OrderedBy::System,
            _ => {}
        }
        Some(info)
    }

    /// The list with the names that its key leaves have in the source.
    fn with_key_names(&self, info: &ListInfo) -> ListInfo {
        let mut info = info.clone();
        for key in &mut info.keys {
            key.name = self.key_name(&key.name);
        }
        info
    }

    /// The name of a key leaf that a hint or the source calls so.
    fn key_name(&self, written: &str) -> String {
        let step = Step::new(written);
        let children = self.seen.children().filter_map(|index| self.all.get(index));
        let mut called = children.filter(|child| {
            child.name.local() == step.local()
                && step.prefix().is_none_or(|prefix| child.prefix.as_deref() == Some(prefix))
        });
        match (called.next(), called.next()) {
            (Some(only), None) => only.name.to_string(),
            _ => written.to_owned(),
        }
    }

    /// Whether it is certain that it is one, and what is to be remembered.
    fn certainty(&self, kind: &Kind) -> (bool, Note) {
        let is_once = self.stored.declaration == Some(Schema::Once);
        match kind {
            Kind::List(_) | Kind::LeafList(_) => {
                let said = !self.said.keys.is_empty() || self.said.kind.is_some();
                let convert = is_once || said || self.seen.declared.is_some();
                (true, Note::Declare { convert })
            }
            Kind::Container { .. } | Kind::Leaf { .. } => {
                if self.said.kind.is_some() || self.seen.single {
                    return (true, Note::Settle);
                }
                match self.stored.standing {
                    _ if is_once => (false, Note::Nothing),
                    Standing::Nothing => (false, Note::Once),
                    Standing::Something => (true, Note::Nothing),
                }
            }
        }
    }

    fn wrong(&self, found: &'static str, expected: &'static str) -> LoadError {
        let element = self.seen.name.local().to_owned();
        LoadError::at(self.seen.first_at, Problem::Kind { element, found, expected })
    }

    fn unknown_keys(&self, at: At, why: String) -> LoadError {
        let (element, schema_path) = (self.seen.name.local().to_owned(), self.path.to_string());
        let can_be_one = !self.seen.in_array;
        let merge = match (&self.seen.missing, can_be_one) {
            (Some(_), true) => "",
            _ => ". To fold entries with the same key in order: --on-duplicate merge",
        };
        let container = if can_be_one {
            format!(". If it is one container in pieces: --container {schema_path}")
        } else {
            String::new()
        };
        LoadError::at(at, Problem::UnknownKeys { element, schema_path, why, merge, container })
    }
}
