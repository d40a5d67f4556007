//! XML as a stream of starts and ends.

use std::io::{BufReader, Read};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::event::{Content, Scalar, Sink, Start, marks};
use super::names::{CONFIG_NAMESPACE, TYPE_NAMESPACE};
use super::position::{At, Counted, Place, TOO_LARGE};
use super::problem::{LoadError, Problem};
use crate::cdb::path::{MAX_DEPTH, is_name};

pub(super) fn stream(
    input: Box<dyn Read + '_>,
    limit_bytes: u64,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let place = Place::new();
    let input = Counted::new(BufReader::new(input), place.clone(), limit_bytes);
    let mut reader = Reader::from_reader(input);
    reader.config_mut().check_comments = true;
    let mut document = Document { sink, open: Vec::new(), wrapper: None, elements: 0 };
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
    /// `<config>` around everything: the name spaces it declares.
    wrapper: Option<Vec<(String, String)>>,
    elements: u64,
}

/// An element that has not ended.
struct Open {
    name: String,
    text: String,
    /// The text holds a reference or CDATA: somebody meant it, white space included.
    explicit: bool,
    has_children: bool,
    /// The wrapper, which is no node.
    peeled: bool,
}

impl Document<'_> {
    fn event(&mut self, event: &Event<'_>, at: At) -> Result<(), LoadError> {
        match event {
            Event::Start(start) => self.start(start, at),
            Event::Empty(start) => {
                self.start(start, at)?;
                self.end(at, true)
            }
            Event::End(_) => self.end(at, false),
            Event::Text(text) => self.text(&text.xml10_content(), false, at),
            Event::CData(text) => self.text(&text.xml10_content(), true, at),
            Event::GeneralRef(reference) => {
                let c = resolve(reference, at)?;
                self.text(c.encode_utf8(&mut [0; 4]), true, at)
            }
            Event::DocType(_) => Err(LoadError::at(at, Problem::Refused("a document type (DTD)"))),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, at: At) -> Result<(), LoadError> {
        let name = start.name().into_inner().to_owned();
        let mut attributes = attributes(start, at)?;
        if self.open.is_empty() {
            self.elements += 1;
            if self.elements > 1 {
                return Err(LoadError::at(at, Problem::Syntax("a second top element".into())));
            }
            if is_wrapper(&name, &attributes) {
                attributes.retain(|(name, _)| name.starts_with("xmlns:"));
                self.wrapper = Some(attributes);
                self.open.push(Open::new(name, true));
                return Ok(());
            }
        }
        let wrappers = usize::from(self.wrapper.is_some());
        if self.open.len() - wrappers >= MAX_DEPTH {
            return Err(LoadError::at(at, Problem::TooDeep { limit: MAX_DEPTH }));
        }
        if !is_name(&name) {
            return Err(LoadError::at(at, Problem::Name { name }));
        }
        self.enter_parent(at)?;
        if self.open.last().is_some_and(|parent| parent.peeled) {
            let outer = self.wrapper.iter().flatten().cloned();
            attributes.splice(0..0, outer);
        }
        self.open.push(Open::new(name.clone(), false));
        let marks = marks(attributes, at)?;
        self.sink.start(Start { name, at, in_array: false, object: false, marks })
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
        let white = !explicit && is_white(text);
        match self.open.last_mut() {
            Some(open) if open.has_children || open.peeled => {
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
            None if white || text.trim_start_matches('\u{feff}').is_empty() => Ok(()),
            None => Err(LoadError::at(at, Problem::Syntax("text outside the top element".into()))),
        }
    }

    fn end(&mut self, at: At, self_closed: bool) -> Result<(), LoadError> {
        let Some(open) = self.open.pop() else {
            return Err(LoadError::at(at, Problem::Syntax("an end without a start".into())));
        };
        if open.peeled {
            return Ok(());
        }
        self.sink.end(open.content(self_closed))
    }

    fn finish(self, at: At) -> Result<(), LoadError> {
        if let Some(open) = self.open.last() {
            let message = format!("the input ends inside <{}>", open.name);
            return Err(LoadError::at(at, Problem::Syntax(message)));
        }
        if self.elements == 0 {
            return Err(LoadError::at(at, Problem::Syntax("no element".into())));
        }
        Ok(())
    }
}

impl Open {
    fn new(name: String, peeled: bool) -> Self {
        Self { name, text: String::new(), explicit: false, has_children: false, peeled }
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

fn is_white(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn is_wrapper(name: &str, attributes: &[(String, String)]) -> bool {
    let (prefix, local) = name.rsplit_once(':').unwrap_or(("", name));
    let declares = |(attribute, value): &(String, String)| {
        let declared = attribute.strip_prefix("xmlns").map(|rest| rest.trim_start_matches(':'));
        declared == Some(prefix) && value == CONFIG_NAMESPACE
    };
    local == "config" && attributes.iter().any(declares)
}

fn attributes(start: &BytesStart<'_>, at: At) -> Result<Vec<(String, String)>, LoadError> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        let attribute =
            attribute.map_err(|error| LoadError::at(at, Problem::Syntax(error.to_string())))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| LoadError::at(at, Problem::Syntax(error.to_string())))?;
        if value != TYPE_NAMESPACE {
            found.push((attribute.key.into_inner().to_owned(), value.into_owned()));
        }
    }
    Ok(found)
}

/// Character references and the five names that XML itself defines.
fn resolve(reference: &BytesRef<'_>, at: At) -> Result<char, LoadError> {
    let refused = || {
        LoadError::at(at, Problem::Refused("an entity other than &lt; &gt; &amp; &quot; &apos;"))
    };
    let character = reference
        .resolve_char_ref()
        .map_err(|error| LoadError::at(at, Problem::Syntax(error.to_string())))?;
    if let Some(c) = character {
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
