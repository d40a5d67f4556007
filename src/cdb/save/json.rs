//! The JSON writer.

use std::io::Write;

use super::marks::{leaf_attributes, leaf_list_marks, list_marks, presence_mark};
use super::options::SaveError;
use crate::cdb::key::NodeKey;
use crate::cdb::record::ListInfo;
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};
use crate::cdb::walk::WalkEvent;

pub(super) struct Writer<'a> {
    tree: Tree<'a>,
    types: bool,
    out: &'a mut dyn Write,
    open: Vec<Object>,
}

/// An object that has not ended.
#[derive(Default)]
struct Object {
    has_members: bool,
    /// The array being written in it.
    array: Option<String>,
}

type Result<T = ()> = std::result::Result<T, SaveError>;

impl<'a> Writer<'a> {
    pub fn new(tree: Tree<'a>, types: bool, out: &'a mut dyn Write) -> Self {
        Self { tree, types, out, open: Vec::new() }
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
                let marks = if self.types { leaf_list_marks(info) } else { Vec::new() };
                self.element(name, &marks)?;
                let text = literal(value);
                write!(self.out, "{text}")?;
                Ok(())
            }
            WalkEvent::Leave => self.leave(),
        }
    }

    fn container(&mut self, key: &NodeKey, name: &str, presence: bool) -> Result {
        let mut attributes = self.tree.attributes(key)?;
        if presence && self.types {
            attributes.push(presence_mark());
        }
        self.annotation(name, &attributes, false)?;
        self.member(name)?;
        write!(self.out, "{{")?;
        self.open.push(Object::default());
        Ok(())
    }

    fn entry(&mut self, key: &NodeKey, list: &str, info: &ListInfo, keys: &[Value]) -> Result {
        let marks = if self.types { list_marks(info) } else { Vec::new() };
        self.element(list, &marks)?;
        write!(self.out, "{{")?;
        self.open.push(Object::default());
        // Inside of the entry, since not only the first may have some (RFC 7952, section 5.2.1).
        self.annotation("", &self.tree.attributes(key)?, false)?;
        for (leaf, value) in info.keys.iter().zip(keys) {
            self.member(&leaf.name)?;
            write!(self.out, "{}", literal(value))?;
        }
        Ok(())
    }

    fn leaf(&mut self, key: &NodeKey, name: &str, value: &Value) -> Result {
        let (types, obvious) = (self.types, obvious(value));
        let attributes = leaf_attributes(&self.tree, key, value, types, obvious)?;
        self.annotation(name, &attributes, false)?;
        self.member(name)?;
        write!(self.out, "{}", literal(value))?;
        Ok(())
    }

    /// Begins an element of the array `name`, which is begun when it is not the one being written.
    fn element(&mut self, name: &str, marks: &[(String, String)]) -> Result {
        let goes_on = self.open.last().is_some_and(|object| object.array.as_deref() == Some(name));
        if goes_on {
            write!(self.out, ",")?;
        } else {
            self.annotation(name, marks, true)?;
            self.member(name)?;
            write!(self.out, "[")?;
            if let Some(object) = self.open.last_mut() {
                object.array = Some(name.to_owned());
            }
        }
        self.line()
    }

    fn annotation(&mut self, name: &str, attributes: &[(String, String)], array: bool) -> Result {
        if attributes.is_empty() {
            return Ok(());
        }
        self.member(&format!("@{name}"))?;
        write!(self.out, "{}", if array { "[{" } else { "{" })?;
        for (index, (name, value)) in attributes.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(self.out, "{comma}{}: {}", quoted(name), quoted(value))?;
        }
        write!(self.out, "{}", if array { "}]" } else { "}" })?;
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

/// A value as RFC 7951 writes it: 64-bit numbers are strings, an empty leaf is `[null]`.
fn literal(value: &Value) -> String {
    match value {
        Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Uint8(_)
        | Value::Uint16(_)
        | Value::Uint32(_)
        | Value::Boolean(_) => value.to_string(),
        Value::Empty => "[null]".to_owned(),
        other => quoted(&other.to_string()),
    }
}

/// The type that a literal without an annotation gets in an empty store.
fn obvious(value: &Value) -> ValueType {
    match value {
        Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Uint8(_)
        | Value::Uint16(_)
        | Value::Uint32(_) => ValueType::Int64,
        Value::Boolean(_) => ValueType::Boolean,
        Value::Empty => ValueType::Empty,
        _ => ValueType::String,
    }
}
