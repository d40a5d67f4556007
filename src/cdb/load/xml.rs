//! XML as a stream of starts and ends.

use std::io::{BufReader, Read};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::event::{Content, Scalar, Sink, Start, is_edit_operation, marks};
use super::names::{XML_NAMESPACE, XMLNS_NAMESPACE, wrapper};
use super::position::{At, Counted, Place, TOO_LARGE};
use super::problem::{LoadError, Problem};
use super::scope::{Attributes, Scope};
use super::wellformed;
use crate::cdb::path::{MAX_DEPTH, Name, is_name, is_namespace};

pub(super) fn stream(
    input: Box<dyn Read + '_>,
    limit_bytes: u64,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let place = Place::new();
    let input = Counted::new(BufReader::new(input), place.clone(), limit_bytes);
    let mut reader = Reader::from_reader(input);
    reader.config_mut().check_comments = true;
    let mut document = Document::new(sink);
    let mut buffer = Vec::new();
    loop {
        let at = place.get();
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let event = event.map_err(|error| syntax(&error, at, limit_bytes))?;
        if matches!(event, Event::Eof) {
            return document.finish(at);
        }
        document.event(&event, at)?;
    }
}

fn syntax(error: &quick_xml::Error, at: At, limit_bytes: u64) -> LoadError {
    let problem = match error {
        quick_xml::Error::Io(error) if error.to_string() == TOO_LARGE => {
            Problem::TooLarge { limit_bytes }
        }
        quick_xml::Error::Io(error) => Problem::Read(error.to_string()),
        error => Problem::Syntax(error.to_string()),
    };
    LoadError::at(at, problem)
}

struct Document<'a> {
    sink: &'a mut dyn Sink,
    open: Vec<Open>,
    scope: Scope,
    /// How many of the open elements are wrappers.
    wrappers: usize,
    elements: u64,
    /// Something came already: a declaration comes too late.
    begun: bool,
}

/// An element that has not ended.
struct Open {
    name: String,
    namespace: String,
    text: String,
    /// The text holds a reference or CDATA: somebody meant it, white space included.
    explicit: bool,
    has_children: bool,
    role: Role,
}

/// What an element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Node,
    /// It wraps data and is no node.
    Wrapper,
    /// It is around a wrapper.
    Envelope,
}

fn not_well_formed(at: At, what: impl Into<String>) -> LoadError {
    LoadError::at(at, Problem::Syntax(what.into()))
}

impl<'a> Document<'a> {
    fn new(sink: &'a mut dyn Sink) -> Self {
        let (open, scope) = (Vec::new(), Scope::default());
        Self { sink, open, scope, wrappers: 0, elements: 0, begun: false }
    }

    fn event(&mut self, event: &Event<'_>, at: At) -> Result<(), LoadError> {
        let begun = std::mem::replace(&mut self.begun, true);
        match event {
            Event::Start(start) => self.start(start, at),
            Event::Empty(start) => {
                self.start(start, at)?;
                self.end(at, true)
            }
            Event::End(_) => self.end(at, false),
            Event::Text(text) => {
                if text.contains("]]>") {
                    return Err(not_well_formed(at, "]]> in a text: expected ]]&gt;"));
                }
                self.text(&text.xml10_content(), false, at)
            }
            Event::CData(_) if self.open.is_empty() => {
                Err(not_well_formed(at, "CDATA outside the top element"))
            }
            Event::CData(text) => self.text(&text.xml10_content(), true, at),
            Event::GeneralRef(reference) => {
                let c = resolve(reference, at)?;
                self.text(c.encode_utf8(&mut [0; 4]), true, at)
            }
            Event::DocType(_) => Err(LoadError::at(at, Problem::Refused("a document type (DTD)"))),
            Event::Decl(_) if begun => {
                Err(not_well_formed(at, "an XML declaration that is not at the start"))
            }
            Event::Decl(declaration) => {
                let raw = declaration.get("xml".len()..).unwrap_or_default();
                wellformed::declaration(raw).map_err(|problem| not_well_formed(at, problem))
            }
            Event::PI(instruction) => {
                if instruction.target().eq_ignore_ascii_case("xml") {
                    return Err(not_well_formed(at, "an XML declaration that is not at the start"));
                }
                allowed(instruction.content(), at)
            }
            Event::Comment(comment) => allowed(comment, at),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, at: At) -> Result<(), LoadError> {
        let written = start.name().into_inner().to_owned();
        if !is_name(&written) {
            return Err(LoadError::at(at, Problem::Name { name: written }));
        }
        if self.open.is_empty() {
            self.elements += 1;
            if self.elements > 1 {
                return Err(not_well_formed(at, "a second top element"));
            }
        }
        wellformed::attributes(start.attributes_raw()).map_err(|what| not_well_formed(at, what))?;
        let attributes = self.declare(attributes(start, at)?, at)?;
        let (prefix, local) = written.split_once(':').unwrap_or(("", &written));
        let namespace = self.namespace(prefix, at)?;
        if self.open.last().is_none_or(|parent| parent.role == Role::Envelope) {
            let found = wrapper(local, &namespace);
            if found.is_some() {
                // Nothing is kept of its attributes, but what would change what the data means is refused.
                self.named(attributes, at)?;
                return self.peel(written, namespace, found == Some(true), at);
            }
            if let Some(parent) = self.open.last() {
                let (outer, found) = (parent.name.clone(), written);
                return Err(LoadError::at(at, Problem::Wrapper { outer, found }));
            }
        }
        if self.open.len() - self.wrappers >= MAX_DEPTH {
            return Err(LoadError::at(at, Problem::TooDeep { limit: MAX_DEPTH }));
        }
        self.enter_parent(at)?;
        let around = self.open.last().filter(|parent| parent.role == Role::Node);
        let around = around.map_or("", |parent| &parent.namespace);
        let name = Name::below(around, local, &namespace);
        let prefix = self.scope.prefix(&namespace).map(str::to_owned);
        let mut kept = self.named(attributes, at)?;
        self.keep_used(&mut kept);
        self.open.push(Open::new(written, namespace));
        let marks = marks(kept, at)?;
        let single = marks.single || marks.leaf_type.is_some() || marks.presence;
        self.sink.start(Start { name, prefix, at, in_array: false, object: false, single, marks })
    }

    /// What is inside a wrapper is data; what it inherits as default namespace is the wrapper's and not the data's.
    fn peel(
        &mut self,
        name: String,
        namespace: String,
        holds_wrapper: bool,
        at: At,
    ) -> Result<(), LoadError> {
        if let Some(parent) = self.open.last() {
            self.enter_parent_of_wrapper(parent.has_children, at)?;
        }
        if !holds_wrapper && self.scope.namespace("") == Some(&namespace) {
            self.scope.declare("", "");
        }
        let role = if holds_wrapper { Role::Envelope } else { Role::Wrapper };
        self.wrappers += 1;
        self.open.push(Open { role, ..Open::new(name, namespace) });
        Ok(())
    }

    fn enter_parent_of_wrapper(&mut self, again: bool, at: At) -> Result<(), LoadError> {
        if again {
            return Err(LoadError::at(at, Problem::Refused("a second wrapper of data")));
        }
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        Ok(())
    }

    /// Takes the declarations among attributes into scope and hands on the others.
    fn declare(
        &mut self,
        attributes: Vec<(String, String)>,
        at: At,
    ) -> Result<Vec<(String, String)>, LoadError> {
        self.scope.enter();
        let mut others = Vec::new();
        for (name, value) in attributes {
            let Some(prefix) = declared(&name) else {
                others.push((name, value));
                continue;
            };
            // `xml` stands for one namespace, and nothing else for it; `xmlns` is declared by nobody.
            let is_reserved = match (prefix, value.as_str()) {
                ("xml", namespace) => namespace != XML_NAMESPACE,
                ("xmlns", _) | (_, XML_NAMESPACE | XMLNS_NAMESPACE) => true,
                _ => false,
            };
            let is_undone = value.is_empty() && !prefix.is_empty();
            if is_reserved || is_undone || !is_namespace(&value) {
                return Err(LoadError::at(at, Problem::Namespace { name, namespace: value }));
            }
            self.scope.declare(prefix, &value);
        }
        Ok(others)
    }

    fn namespace(&self, prefix: &str, at: At) -> Result<String, LoadError> {
        let unknown = || LoadError::at(at, Problem::Prefix { prefix: prefix.to_owned() });
        self.scope.namespace(prefix).map(str::to_owned).ok_or_else(unknown)
    }

    /// Attributes with their namespaces; no two of one name.
    fn named(&self, attributes: Vec<(String, String)>, at: At) -> Result<Attributes, LoadError> {
        let mut named: Attributes = Vec::new();
        for (written, value) in attributes {
            if is_edit_operation(&written) {
                return Err(LoadError::at(at, Problem::Refused("the attribute operation")));
            }
            if !is_name(&written) {
                return Err(LoadError::at(at, Problem::AttributeName { name: written }));
            }
            let name = match written.split_once(':') {
                Some((prefix, local)) => Name::in_namespace(local, self.namespace(prefix, at)?),
                None => Name::plain(&*written),
            };
            if named.iter().any(|(other, _)| *other == name) {
                return Err(not_well_formed(at, format!("the attribute {written} is there twice")));
            }
            named.push((name, value));
        }
        Ok(named)
    }

    /// The values of attributes keep the prefixes that they use.
    fn keep_used(&self, attributes: &mut Attributes) {
        let mut used = Attributes::new();
        for (_, value) in &*attributes {
            for declaration in self.scope.used_in(value) {
                if !used.contains(&declaration) {
                    used.push(declaration);
                }
            }
        }
        attributes.extend(used);
    }

    fn enter_parent(&mut self, at: At) -> Result<(), LoadError> {
        let Some(parent) = self.open.last_mut() else {
            return Ok(());
        };
        parent.has_children = true;
        if !parent.explicit && is_white(&parent.text) {
            parent.text.clear();
            return Ok(());
        }
        Err(LoadError::at(at, Problem::Mixed { element: parent.name.clone() }))
    }

    fn text(&mut self, text: &str, explicit: bool, at: At) -> Result<(), LoadError> {
        allowed(text, at)?;
        let white = !explicit && is_white(text);
        match self.open.last_mut() {
            Some(open) if open.has_children || open.role != Role::Node => {
                if white {
                    return Ok(());
                }
                Err(LoadError::at(at, Problem::Mixed { element: open.name.clone() }))
            }
            Some(open) => {
                open.text.push_str(text);
                open.explicit |= explicit;
                Ok(())
            }
            None if white => Ok(()),
            None => Err(not_well_formed(at, "text outside the top element")),
        }
    }

    fn end(&mut self, at: At, self_closed: bool) -> Result<(), LoadError> {
        let Some(open) = self.open.pop() else {
            return Err(not_well_formed(at, "an end without a start"));
        };
        if open.role != Role::Node {
            self.wrappers -= 1;
            self.scope.leave();
            return Ok(());
        }
        let content = open.content(self_closed);
        let used = match &content {
            Content::Scalar(Scalar::Text(text)) => self.scope.used_in(text),
            _ => Attributes::new(),
        };
        self.scope.leave();
        self.sink.end(content, used)
    }

    fn finish(self, at: At) -> Result<(), LoadError> {
        if let Some(open) = self.open.last() {
            let message = format!("the input ends inside <{}>", open.name);
            return Err(not_well_formed(at, message));
        }
        if self.elements == 0 {
            return Err(not_well_formed(at, "no element"));
        }
        Ok(())
    }
}

impl Open {
    fn new(name: String, namespace: String) -> Self {
        let text = String::new();
        let (explicit, has_children, role) = (false, false, Role::Node);
        Self { name, namespace, text, explicit, has_children, role }
    }

    fn content(self, self_closed: bool) -> Content {
        // A line break and nothing else is layout; blanks on one line are a value.
        let layout = !self.explicit && is_white(&self.text) && self.text.contains('\n');
        if self.has_children {
            Content::Children
        } else if self.text.is_empty() || layout {
            Content::Nothing { self_closed }
        } else {
            Content::Scalar(Scalar::Text(self.text))
        }
    }
}

/// The prefix that an attribute declares, empty for the default; `None` when it declares none.
fn declared(name: &str) -> Option<&str> {
    if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") }
}

/// Refuses characters that no XML document holds.
fn allowed(text: &str, at: At) -> Result<(), LoadError> {
    match wellformed::forbidden(text) {
        Some(c) => {
            let what = format!("the character U+{:04X}, which XML cannot hold", u32::from(c));
            Err(not_well_formed(at, what))
        }
        None => Ok(()),
    }
}

fn is_white(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn attributes(start: &BytesStart<'_>, at: At) -> Result<Vec<(String, String)>, LoadError> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| not_well_formed(at, error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| not_well_formed(at, error.to_string()))?;
        allowed(&value, at)?;
        found.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(found)
}

/// Character references and the five names that XML itself defines.
fn resolve(reference: &BytesRef<'_>, at: At) -> Result<char, LoadError> {
    let refused = || {
        LoadError::at(at, Problem::Refused("an entity other than &lt; &gt; &amp; &quot; &apos;"))
    };
    let character =
        reference.resolve_char_ref().map_err(|error| not_well_formed(at, error.to_string()))?;
    if let Some(c) = character {
        allowed(c.encode_utf8(&mut [0; 4]), at)?;
        return Ok(c);
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(refused()),
    }
}
