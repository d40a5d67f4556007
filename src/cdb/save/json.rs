//! The JSON writer.

use std::io::Write;

use super::marks::{
    Attributes, attributes_of, leaf_attributes, leaf_list_marks, list_marks, presence_mark,
};
use super::options::SaveError;
use super::scope::{Bindings, Scope};
use crate::cdb::key::NodeKey;
use crate::cdb::load::{integer, is_quoted_number};
use crate::cdb::naming::Namer;
use crate::cdb::path::{Name, module_namespace};
use crate::cdb::record::{LeafListInfo, ListInfo};
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};
use crate::cdb::walk::WalkEvent;

pub(super) struct Writer<'a> {
    tree: Tree<'a>,
    types: bool,
    out: &'a mut dyn Write,
    scope: Scope<'a>,
    open: Vec<Object>,
}

/// An object that has not ended.
#[derive(Default)]
struct Object {
    has_members: bool,
    /// The array being written in it, and the name of its member.
    array: Option<(Name, String)>,
}

/// Attributes as members of an annotation.
type Annotation = Vec<(String, String)>;

type Result<T = ()> = std::result::Result<T, SaveError>;

impl<'a> Writer<'a> {
    pub fn new(tree: Tree<'a>, types: bool, out: &'a mut dyn Write) -> Self {
        let scope = Scope::new(Namer::new(tree.snapshot()), Bindings::new());
        Self { tree, types, out, scope, open: Vec::new() }
    }

    pub fn begin(&mut self) -> Result {
        write!(self.out, "{{")?;
        self.open.push(Object::default());
        Ok(())
    }

    pub fn end(&mut self) -> Result {
        self.leave()?;
        writeln!(self.out)?;
        Ok(())
    }

    pub fn event(&mut self, key: &NodeKey, event: &WalkEvent<'_>) -> Result {
        match event {
            WalkEvent::Container { name, presence } => self.container(key, name, *presence),
            WalkEvent::Entry { list, info, keys } => self.entry(key, list, info, keys),
            WalkEvent::Leaf { name, value } => self.leaf(key, name, value),
            WalkEvent::LeafListEntry { name, info, value } => {
                self.leaf_list_entry(key, name, info, value)
            }
            WalkEvent::Leave => {
                self.scope.leave();
                self.leave()
            }
        }
    }

    fn container(&mut self, key: &NodeKey, name: &Name, presence: bool) -> Result {
        let (mut attributes, _) = attributes_of(&self.tree, key, self.types)?;
        if presence && self.types {
            attributes.push(presence_mark());
        }
        let (member, annotation, declared) = self.spelled(name, &attributes)?;
        self.annotation(&member, &annotation)?;
        self.member(&member)?;
        self.enter(declared)
    }

    fn entry(&mut self, key: &NodeKey, list: &Name, info: &ListInfo, keys: &[Value]) -> Result {
        if !self.goes_on(list) {
            let marks = if self.types { list_marks(info) } else { Vec::new() };
            let (member, annotation, _) = self.spelled(list, &marks)?;
            self.begin_array(list, &member, &[annotation])?;
        }
        self.element()?;
        // Inside of the entry, since not only the first may have some (RFC 7952, section 5.2.1).
        let (attributes, _) = attributes_of(&self.tree, key, self.types)?;
        let (annotation, declared) = self.attributes(&attributes)?;
        self.enter(declared)?;
        self.annotation("", &annotation)?;
        for (leaf, value) in info.keys.iter().zip(keys) {
            let name = leaf.parsed();
            let (attributes, bare) = attributes_of(&self.tree, &key.named(&name), self.types)?;
            self.scalar(&name, value, bare, &attributes)?;
        }
        Ok(())
    }

    fn leaf(&mut self, key: &NodeKey, name: &Name, value: &Value) -> Result {
        let (attributes, bare) = attributes_of(&self.tree, key, self.types)?;
        let obvious = obvious(value, bare);
        self.scalar(name, value, bare, &leaf_attributes(attributes, value, self.types, obvious))
    }

    fn scalar(
        &mut self,
        name: &Name,
        value: &Value,
        bare: bool,
        attributes: &Attributes,
    ) -> Result {
        let (member, annotation, _) = self.spelled(name, attributes)?;
        self.annotation(&member, &annotation)?;
        self.member(&member)?;
        write!(self.out, "{}", literal(value, bare))?;
        Ok(())
    }

    fn leaf_list_entry(
        &mut self,
        key: &NodeKey,
        name: &Name,
        info: &LeafListInfo,
        value: &Value,
    ) -> Result {
        if !self.goes_on(name) {
            let (member, annotations) = self.leaf_list(key, name, info)?;
            self.begin_array(name, &member, &annotations)?;
        }
        self.element()?;
        let (_, bare) = attributes_of(&self.tree, key, self.types)?;
        write!(self.out, "{}", literal(value, bare))?;
        Ok(())
    }

    /// The member of a leaf-list, and the annotations of its entries as far as there are any (RFC 7952, section 5.2.3).
    fn leaf_list(
        &self,
        entry: &NodeKey,
        name: &Name,
        info: &LeafListInfo,
    ) -> Result<(String, Vec<Annotation>)> {
        let list = entry.split_last().map(|(list, _)| list).unwrap_or_default();
        let mut all: Vec<Attributes> = Vec::new();
        if self.tree.has_attributes_below(&list)? {
            self.tree.entries(&list, &mut |step| {
                let mut key = list.clone();
                key.push_bytes(step);
                all.push(attributes_of(&self.tree, &key, self.types)?.0);
                Ok(true)
            })?;
        }
        if self.types {
            match all.first_mut() {
                Some(first) => first.extend(leaf_list_marks(info)),
                None => all.push(leaf_list_marks(info)),
            }
        }
        let mut all = all.into_iter();
        let (member, first, _) = self.spelled(name, &all.next().unwrap_or_default())?;
        let mut annotations = vec![first];
        for attributes in all {
            annotations.push(self.attributes(&attributes)?.0);
        }
        while annotations.last().is_some_and(Vec::is_empty) {
            annotations.pop();
        }
        Ok((member, annotations))
    }

    /// A name as a member, what its annotation holds, and what that declares.
    fn spelled(
        &self,
        name: &Name,
        attributes: &Attributes,
    ) -> Result<(String, Annotation, Bindings)> {
        let (mut annotation, mut declared) = self.attributes(attributes)?;
        let Some(namespace) = name.namespace() else {
            return Ok((name.local().to_owned(), annotation, declared));
        };
        let (prefix, is_declared) = self.scope.prefix(namespace, &declared)?;
        if !is_declared && module_namespace(&prefix) != namespace {
            annotation.insert(0, (format!("xmlns:{prefix}"), namespace.to_owned()));
            declared.push((prefix.clone(), namespace.to_owned()));
        }
        Ok((format!("{prefix}:{}", name.local()), annotation, declared))
    }

    fn attributes(&self, attributes: &Attributes) -> Result<(Annotation, Bindings)> {
        let written = self.scope.written(attributes)?;
        let is_needed = |(prefix, namespace): &&(String, String)| {
            !(prefix == "pumice" && namespace == crate::cdb::load::TYPE_NAMESPACE)
        };
        let declared = written.declared.iter().filter(is_needed);
        let declared = declared.map(|(prefix, space)| (format!("xmlns:{prefix}"), space.clone()));
        let annotation = declared.chain(written.attributes).collect();
        Ok((annotation, written.declared))
    }

    fn enter(&mut self, declared: Bindings) -> Result {
        write!(self.out, "{{")?;
        self.scope.enter(declared);
        self.open.push(Object::default());
        Ok(())
    }

    /// Whether the array of this name is being written.
    fn goes_on(&self, name: &Name) -> bool {
        let array = self.open.last().and_then(|object| object.array.as_ref());
        array.is_some_and(|(known, _)| known == name)
    }

    fn begin_array(&mut self, name: &Name, member: &str, annotations: &[Annotation]) -> Result {
        if !annotations.iter().all(Vec::is_empty) {
            self.member(&format!("@{member}"))?;
            write!(self.out, "[")?;
            for (index, annotation) in annotations.iter().enumerate() {
                write!(self.out, "{}", if index == 0 { "" } else { ", " })?;
                self.members(annotation)?;
            }
            write!(self.out, "]")?;
        }
        self.member(member)?;
        write!(self.out, "[")?;
        if let Some(object) = self.open.last_mut() {
            object.array = Some((name.clone(), String::new()));
        }
        Ok(())
    }

    /// Begins an element of the array that is being written.
    fn element(&mut self) -> Result {
        let array = self.open.last_mut().and_then(|object| object.array.as_mut());
        if let Some((_, separator)) = array {
            write!(self.out, "{separator}")?;
            separator.clear();
            separator.push(',');
        }
        self.line()
    }

    fn annotation(&mut self, member: &str, annotation: &Annotation) -> Result {
        if annotation.is_empty() {
            return Ok(());
        }
        self.member(&format!("@{member}"))?;
        self.members(annotation)
    }

    fn members(&mut self, annotation: &Annotation) -> Result {
        if annotation.is_empty() {
            write!(self.out, "null")?;
            return Ok(());
        }
        write!(self.out, "{{")?;
        for (index, (name, value)) in annotation.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(self.out, "{comma}{}: {}", quoted(name), quoted(value))?;
        }
        write!(self.out, "}}")?;
        Ok(())
    }

    /// `"name": `, after closing the array that was being written.
    fn member(&mut self, name: &str) -> Result {
        self.close_array()?;
        let first = self
            .open
            .last_mut()
            .is_none_or(|object| !std::mem::replace(&mut object.has_members, true));
        write!(self.out, "{}", if first { "" } else { "," })?;
        self.line()?;
        write!(self.out, "{}: ", quoted(name))?;
        Ok(())
    }

    fn close_array(&mut self) -> Result {
        if self.open.last_mut().and_then(|object| object.array.take()).is_some() {
            self.line()?;
            write!(self.out, "]")?;
        }
        Ok(())
    }

    fn leave(&mut self) -> Result {
        self.close_array()?;
        let Some(object) = self.open.pop() else {
            return Ok(());
        };
        if object.has_members {
            self.line()?;
        }
        write!(self.out, "}}")?;
        Ok(())
    }

    /// How deep the next member of the innermost object stands.
    fn depth(&self) -> usize {
        let arrays = self.open.iter().filter(|object| object.array.is_some()).count();
        self.open.len() + arrays
    }

    fn line(&mut self) -> Result {
        write!(self.out, "\n{:width$}", "", width = 2 * self.depth())?;
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as RFC 7951 writes it: 64-bit numbers are strings, an empty leaf is `[null]`. `bare`: the number came as one.
fn literal(value: &Value, bare: bool) -> String {
    match value {
        Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Uint8(_)
        | Value::Uint16(_)
        | Value::Uint32(_)
        | Value::Boolean(_) => value.to_string(),
        Value::Empty => "[null]".to_owned(),
        other if bare && is_quoted_number(other.value_type()) => other.to_string(),
        other => quoted(&other.to_string()),
    }
}

/// The type that a literal without an annotation gets in an empty store.
fn obvious(value: &Value, bare: bool) -> ValueType {
    let number = match value {
        Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Uint8(_)
        | Value::Uint16(_)
        | Value::Uint32(_) => true,
        Value::Boolean(_) => return ValueType::Boolean,
        Value::Empty => return ValueType::Empty,
        other => bare && is_quoted_number(other.value_type()),
    };
    match value.to_string().parse() {
        Ok(number_value) if number => integer(number_value).value_type(),
        Err(_) if number => value.value_type(),
        _ => ValueType::String,
    }
}
