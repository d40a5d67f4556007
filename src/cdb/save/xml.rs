//! The XML writer.

use std::io::Write;

use super::marks::{Attributes, leaf_attributes, leaf_list_marks, list_marks, presence_mark};
use super::options::SaveError;
use crate::cdb::key::{NodeKey, path_text};
use crate::cdb::load::{CONFIG_NAMESPACE, TYPE_NAMESPACE, TYPE_PREFIX};
use crate::cdb::record::ListInfo;
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};
use crate::cdb::walk::WalkEvent;

pub(super) struct Writer<'a> {
    tree: Tree<'a>,
    types: bool,
    out: &'a mut dyn Write,
    open: Vec<String>,
    /// The innermost start tag still lacks its `>`.
    unfinished: bool,
    /// The list whose entries are being written, by its depth: its keys are said once.
    list: Option<(usize, String)>,
}

type Result<T = ()> = std::result::Result<T, SaveError>;

impl<'a> Writer<'a> {
    pub fn new(tree: Tree<'a>, types: bool, out: &'a mut dyn Write) -> Self {
        Self { tree, types, out, open: Vec::new(), unfinished: false, list: None }
    }

    pub fn begin(&mut self) -> Result {
        write!(self.out, "<config xmlns=\"{CONFIG_NAMESPACE}\"")?;
        if self.types {
            let prefix = TYPE_PREFIX.trim_end_matches(':');
            write!(self.out, " xmlns:{prefix}=\"{TYPE_NAMESPACE}\"")?;
        }
        writeln!(self.out, ">")?;
        Ok(())
    }

    pub fn end(&mut self) -> Result {
        writeln!(self.out, "</config>")?;
        Ok(())
    }

    pub fn event(&mut self, key: &NodeKey, event: &WalkEvent<'_>) -> Result {
        match event {
            WalkEvent::Container { name, presence } => self.container(key, name, *presence),
            WalkEvent::Entry { list, info, keys } => self.entry(key, list, info, keys),
            WalkEvent::Leaf { name, value } => {
                let (types, obvious) = (self.types, obvious(value));
                let attributes = leaf_attributes(&self.tree, key, value, types, obvious)?;
                self.leaf(key, name, value, &attributes)
            }
            WalkEvent::LeafListEntry { name, info, value } => {
                let marks = if self.is_first(name) { leaf_list_marks(info) } else { Vec::new() };
                self.leaf(key, name, value, &marks)
            }
            WalkEvent::Leave => self.leave(),
        }
    }

    /// Whether this is the first entry of a list; types are on.
    fn is_first(&mut self, list: &str) -> bool {
        let here = (self.open.len(), list.to_owned());
        let first = self.list.as_ref() != Some(&here);
        self.list = Some(here);
        first && self.types
    }

    fn container(&mut self, key: &NodeKey, name: &str, presence: bool) -> Result {
        let mut attributes = self.tree.attributes(key)?;
        if presence && self.types {
            attributes.push(presence_mark());
        }
        self.enter(key, name, &attributes)
    }

    fn entry(&mut self, key: &NodeKey, list: &str, info: &ListInfo, keys: &[Value]) -> Result {
        let mut attributes = self.tree.attributes(key)?;
        if self.is_first(list) {
            attributes.extend(list_marks(info));
        }
        self.enter(key, list, &attributes)?;
        info.keys
            .iter()
            .zip(keys)
            .try_for_each(|(leaf, value)| self.leaf(key, &leaf.name, value, &[]))
    }

    fn enter(&mut self, key: &NodeKey, name: &str, attributes: &[(String, String)]) -> Result {
        self.start(key, name, attributes)?;
        self.open.push(name.to_owned());
        self.unfinished = true;
        Ok(())
    }

    fn leave(&mut self) -> Result {
        let Some(name) = self.open.pop() else {
            return Ok(());
        };
        // A list that was inside is over; the one that this entry belongs to goes on.
        self.list = Some((self.open.len(), name.clone()));
        if std::mem::replace(&mut self.unfinished, false) {
            writeln!(self.out, "/>")?;
            return Ok(());
        }
        self.indent()?;
        writeln!(self.out, "</{name}>")?;
        Ok(())
    }

    fn leaf(
        &mut self,
        key: &NodeKey,
        name: &str,
        value: &Value,
        attributes: &[(String, String)],
    ) -> Result {
        self.start(key, name, attributes)?;
        if *value == Value::Empty {
            writeln!(self.out, "/>")?;
            return Ok(());
        }
        let text = escape(key, &value.to_string(), false)?;
        writeln!(self.out, ">{text}</{name}>")?;
        Ok(())
    }

    /// `<name attributes`, on a line of its own.
    fn start(&mut self, key: &NodeKey, name: &str, attributes: &[(String, String)]) -> Result {
        if std::mem::replace(&mut self.unfinished, false) {
            writeln!(self.out, ">")?;
        }
        self.indent()?;
        write!(self.out, "<{name}")?;
        let attributes: &Attributes = &attributes.to_vec();
        for (name, value) in attributes {
            write!(self.out, " {name}=\"{}\"", escape(key, value, true)?)?;
        }
        Ok(())
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
