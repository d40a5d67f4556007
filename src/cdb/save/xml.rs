//! The XML writer.

use std::io::Write;

use super::marks::{
    Attributes, attributes_of, leaf_attributes, leaf_list_marks, list_marks, presence_mark,
};
use super::options::SaveError;
use super::scope::{Scope, Written, wrapper};
use crate::cdb::key::{NodeKey, path_text};
use crate::cdb::naming::Namer;
use crate::cdb::path::Name;
use crate::cdb::record::ListInfo;
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};
use crate::cdb::walk::WalkEvent;

/// Elements are written without prefixes: one whose namespace is not its parent's declares it as default. So the wrapper has a prefix: what is
/// in no namespace stays there.
pub(super) struct Writer<'a> {
    tree: Tree<'a>,
    types: bool,
    out: &'a mut dyn Write,
    scope: Scope<'a>,
    open: Vec<Name>,
    /// The innermost start tag still lacks its `>`.
    unfinished: bool,
    /// The list whose entries are being written, by its depth: its keys are said once.
    list: Option<(usize, Name)>,
}

type Result<T = ()> = std::result::Result<T, SaveError>;

impl<'a> Writer<'a> {
    pub fn new(tree: Tree<'a>, types: bool, out: &'a mut dyn Write) -> Self {
        let scope = Scope::new(Namer::new(tree.snapshot()), wrapper(types));
        Self { tree, types, out, scope, open: Vec::new(), unfinished: false, list: None }
    }

    pub fn begin(&mut self) -> Result {
        write!(self.out, "<config:config")?;
        for (prefix, namespace) in wrapper(self.types) {
            write!(self.out, " xmlns:{prefix}=\"{namespace}\"")?;
        }
        writeln!(self.out, ">")?;
        Ok(())
    }

    pub fn end(&mut self) -> Result {
        writeln!(self.out, "</config:config>")?;
        Ok(())
    }

    pub fn event(&mut self, key: &NodeKey, event: &WalkEvent<'_>) -> Result {
        match event {
            WalkEvent::Container { name, presence } => self.container(key, name, *presence),
            WalkEvent::Entry { list, info, keys } => self.entry(key, list, info, keys),
            WalkEvent::Leaf { name, value } => {
                let (attributes, _) = attributes_of(&self.tree, key, self.types)?;
                let attributes = leaf_attributes(attributes, value, self.types, obvious(value));
                self.leaf(key, name, value, &attributes)
            }
            WalkEvent::LeafListEntry { name, info, value } => {
                let (mut attributes, _) = attributes_of(&self.tree, key, self.types)?;
                if self.is_first(name) {
                    attributes.extend(leaf_list_marks(info));
                }
                self.leaf(key, name, value, &attributes)
            }
            WalkEvent::Leave => self.leave(),
        }
    }

    /// Whether this is the first entry of a list; types are on.
    fn is_first(&mut self, list: &Name) -> bool {
        let here = (self.open.len(), list.clone());
        let first = self.list.as_ref() != Some(&here);
        self.list = Some(here);
        first && self.types
    }

    fn container(&mut self, key: &NodeKey, name: &Name, presence: bool) -> Result {
        let (mut attributes, _) = attributes_of(&self.tree, key, self.types)?;
        if presence && self.types {
            attributes.push(presence_mark());
        }
        self.enter(key, name, &attributes)
    }

    fn entry(&mut self, key: &NodeKey, list: &Name, info: &ListInfo, keys: &[Value]) -> Result {
        let (mut attributes, _) = attributes_of(&self.tree, key, self.types)?;
        if self.is_first(list) {
            attributes.extend(list_marks(info));
        }
        self.enter(key, list, &attributes)?;
        info.keys.iter().zip(keys).try_for_each(|(leaf, value)| {
            let name = leaf.parsed();
            let (attributes, _) = attributes_of(&self.tree, &key.named(&name), self.types)?;
            self.leaf(key, &name, value, &attributes)
        })
    }

    fn enter(&mut self, key: &NodeKey, name: &Name, attributes: &Attributes) -> Result {
        let written = self.start(key, name, attributes)?;
        self.scope.enter(written.declared);
        self.open.push(name.clone());
        self.unfinished = true;
        Ok(())
    }

    fn leave(&mut self) -> Result {
        let Some(name) = self.open.pop() else {
            return Ok(());
        };
        self.scope.leave();
        // A list that was inside is over; the one that this entry belongs to goes on.
        self.list = Some((self.open.len(), name.clone()));
        if std::mem::replace(&mut self.unfinished, false) {
            writeln!(self.out, "/>")?;
            return Ok(());
        }
        self.indent()?;
        writeln!(self.out, "</{}>", name.local())?;
        Ok(())
    }

    fn leaf(
        &mut self,
        key: &NodeKey,
        name: &Name,
        value: &Value,
        attributes: &Attributes,
    ) -> Result {
        self.start(key, name, attributes)?;
        if *value == Value::Empty {
            writeln!(self.out, "/>")?;
            return Ok(());
        }
        let text = escape(key, &value.to_string(), false)?;
        writeln!(self.out, ">{text}</{}>", name.local())?;
        Ok(())
    }

    /// `<name attributes`, on a line of its own.
    fn start(&mut self, key: &NodeKey, name: &Name, attributes: &Attributes) -> Result<Written> {
        if std::mem::replace(&mut self.unfinished, false) {
            writeln!(self.out, ">")?;
        }
        self.indent()?;
        write!(self.out, "<{}", name.local())?;
        if let Some(namespace) = name.namespace() {
            write!(self.out, " xmlns=\"{}\"", escape(key, namespace, true)?)?;
        }
        let written = self.scope.written(attributes)?;
        for (prefix, namespace) in &written.declared {
            write!(self.out, " xmlns:{prefix}=\"{}\"", escape(key, namespace, true)?)?;
        }
        for (name, value) in &written.attributes {
            write!(self.out, " {name}=\"{}\"", escape(key, value, true)?)?;
        }
        Ok(written)
    }

    fn indent(&mut self) -> Result {
        write!(self.out, "{:width$}", "", width = 2 * (self.open.len() + 1))?;
        Ok(())
    }
}

/// The type that an element without a type attribute gets in an empty store.
fn obvious(value: &Value) -> ValueType {
    if *value == Value::Empty { ValueType::Empty } else { ValueType::String }
}

/// Text for an element or, with quotes and layout escaped, for an attribute.
fn escape(key: &NodeKey, text: &str, attribute: bool) -> Result<String> {
    // Layout alone would be taken for layout.
    let all_white = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n'));
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' if attribute => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' if attribute || all_white => escaped.push_str("&#10;"),
            '\t' if attribute || all_white => escaped.push_str("&#9;"),
            ' ' if all_white && !attribute => escaped.push_str("&#32;"),
            '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                escaped.push(c);
            }
            character => {
                return Err(SaveError::Character { path: path_text(key), character });
            }
        }
    }
    Ok(escaped)
}
