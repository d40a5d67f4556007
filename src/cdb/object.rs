//! A subtree as a value.

use super::error::{Error, corrupt};
use super::key::{Component, NodeKey};
use super::naming::Namer;
use super::tree::Tree;
use super::value::Value;
use super::walk::{WalkEvent, walk};

/// A node with everything below it.
///
/// ```
/// use pumice::cdb::{Container, Object, Value};
///
/// let device = Container::new().with("address", "10.0.0.1").with("port", Value::Uint16(830));
/// assert_eq!(device.leaf("port"), Some(&Value::Uint16(830)));
/// assert!(matches!(device.field("address"), Some(Object::Leaf(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A leaf.
    Leaf(Value),
    /// The entries of a leaf-list, in order.
    LeafList(Vec<Value>),
    /// A container.
    Container(Container),
    /// The entries of a list, in order.
    List(Vec<Entry>),
}

/// The inside of a container, or of the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Whether it is there by itself, without anything inside.
    pub presence: bool,
    /// What is in it, by name (`prefix:name` where the namespace is another than this node's), in document order.
    pub fields: Vec<(String, Object)>,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its keys; they are not among the fields.
    pub keys: Vec<Value>,
    /// What is in it, by name (`prefix:name` where the namespace is another than this node's), in document order.
    pub fields: Vec<(String, Object)>,
}

impl Container {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more leaf.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.with_object(name, Object::Leaf(value.into()))
    }

    /// With one more node.
    #[must_use]
    pub fn with_object(mut self, name: &str, object: Object) -> Self {
        self.fields.push((name.to_owned(), object));
        self
    }

    /// The node with this name.
    pub fn field(&self, name: &str) -> Option<&Object> {
        field(&self.fields, name)
    }

    /// The value of the leaf with this name.
    pub fn leaf(&self, name: &str) -> Option<&Value> {
        match self.field(name)? {
            Object::Leaf(value) => Some(value),
            _ => None,
        }
    }
}

fn field<'a>(fields: &'a [(String, Object)], name: &str) -> Option<&'a Object> {
    fields.iter().find(|(other, _)| other == name).map(|(_, object)| object)
}

/// Reads what is at an address and below it. An entry comes as a list of one.
pub(crate) fn read_object(tree: &Tree<'_>, key: &NodeKey) -> Result<Option<Object>, Error> {
    let namer = Namer::new(tree.snapshot());
    let mut builder = Builder { namer, open: vec![(Frame::Root, Container::new())] };
    walk(tree, key, &mut |_, event| builder.event(&event))?;
    let top = builder.open.pop().map(|(_, top)| top).unwrap_or_default();
    let steps = key.components().map_err(|problem| corrupt(key, problem))?;
    Ok(descend(Object::Container(top), &steps))
}

/// From the root's object to the one at `steps`; above it there is one of everything.
fn descend(mut object: Object, steps: &[Component]) -> Option<Object> {
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        object = match (object, step) {
            (Object::Container(container), Component::Name(_)) => {
                container.fields.into_iter().next()?.1
            }
            (Object::List(entries), Component::Entry(_)) if steps.peek().is_some() => {
                let fields = entries.into_iter().next()?.fields;
                Object::Container(Container { presence: false, fields })
            }
            (object @ (Object::List(_) | Object::LeafList(_)), Component::Entry(_)) => object,
            _ => return None,
        };
    }
    Some(object)
}

enum Frame {
    Root,
    Container(String),
    Entry(String, Vec<Value>),
}

struct Builder<'a> {
    namer: Namer<'a>,
    open: Vec<(Frame, Container)>,
}

impl Builder<'_> {
    fn event(&mut self, event: &WalkEvent<'_>) -> Result<(), Error> {
        match event {
            WalkEvent::Container { name, presence } => {
                let container = Container { presence: *presence, ..Container::new() };
                self.open.push((Frame::Container(self.namer.spelling(name)?), container));
            }
            WalkEvent::Entry { list, keys, .. } => {
                let list = self.namer.spelling(list)?;
                self.open.push((Frame::Entry(list, keys.to_vec()), Container::new()));
            }
            WalkEvent::Leaf { name, value } => {
                self.put(self.namer.spelling(name)?, Object::Leaf((*value).clone()));
            }
            WalkEvent::LeafListEntry { name, value, .. } => {
                let name = self.namer.spelling(name)?;
                let fields = self.open.last_mut().map(|(_, container)| &mut container.fields);
                match fields.and_then(|fields| fields.last_mut()) {
                    Some((last, Object::LeafList(values))) if *last == name => {
                        values.push((*value).clone());
                    }
                    _ => self.put(name, Object::LeafList(vec![(*value).clone()])),
                }
            }
            WalkEvent::Leave => self.leave(),
        }
        Ok(())
    }

    fn put(&mut self, name: String, object: Object) {
        if let Some((_, container)) = self.open.last_mut() {
            container.fields.push((name, object));
        }
    }

    fn leave(&mut self) {
        match self.open.pop() {
            Some((Frame::Container(name), container)) => {
                self.put(name, Object::Container(container));
            }
            Some((Frame::Entry(list, keys), Container { fields, .. })) => {
                let entry = Entry { keys, fields };
                let siblings = self.open.last_mut().map(|(_, container)| &mut container.fields);
                match siblings.and_then(|fields| fields.last_mut()) {
                    Some((last, Object::List(entries))) if *last == list => entries.push(entry),
                    _ => self.put(list, Object::List(vec![entry])),
                }
            }
            Some((Frame::Root, _)) | None => {}
        }
    }
}
