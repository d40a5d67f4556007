//! Exactly what a file says: its elements with their texts and places. Knows no setting.

use std::sync::Arc;

use super::problem::{Problem, ProblemKind};
use super::source::{Place, Source};
use crate::units::excerpt;

/// Deeper elements are refused; ncs.conf(5) has nothing below the seventh level.
const DEPTH_MAX: usize = 32;
/// More nodes (elements, texts, comments) in one file are refused.
const NODES_MAX: u32 = 100_000;
/// The namespaces of ncs.conf: NSO's examples write the first, its manual page the second.
const NAMESPACES: [&str; 2] =
    ["http://tail-f.com/yang/tailf-ncs-config", "http://tail-f.com/yang/tailf-ncs-config/1.0"];

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    /// The start tag.
    pub(super) place: Place,
    /// The text directly inside, without blanks around it.
    pub(super) text: String,
    /// The text; the start tag when there is none.
    pub(super) text_place: Place,
    pub(super) children: Vec<Element>,
}

/// The root element, if there is one to read, and what is wrong with the file as such.
pub(super) fn parse(source: &Arc<Source>) -> (Option<Element>, Vec<Problem>) {
    let options = roxmltree::ParsingOptions { nodes_limit: NODES_MAX, ..Default::default() };
    match roxmltree::Document::parse_with_options(source.text(), options) {
        Err(error) => (None, vec![not_xml(source, &error)]),
        Ok(document) => {
            let mut builder = Builder { source, problems: Vec::new() };
            let root = builder.element(document.root_element(), 1);
            (root, builder.problems)
        }
    }
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    problems: Vec<Problem>,
}

impl Builder<'_> {
    /// The element; `None`, and a problem, when it is of a foreign namespace.
    fn element(&mut self, node: roxmltree::Node<'_, '_>, depth: usize) -> Option<Element> {
        let place = self.start_tag(node);
        self.check_namespace(node, &place)?;
        self.check_attributes(node);
        let (text, text_place) = self.text(node);
        let mut children = Vec::new();
        if depth < DEPTH_MAX {
            let elements = node.children().filter(roxmltree::Node::is_element);
            children.extend(elements.filter_map(|child| self.element(child, depth + 1)));
        } else if node.children().any(|child| child.is_element()) {
            let message = format!("elements nested deeper than {DEPTH_MAX} levels");
            self.problems.push(Problem::new(ProblemKind::NotXml, message, &place));
        }
        let text_place = text_place.unwrap_or_else(|| place.clone());
        let name = node.tag_name().name().to_owned();
        Some(Element { name, place, text, text_place, children })
    }

    fn start_tag(&self, node: roxmltree::Node<'_, '_>) -> Place {
        let range = node.range();
        let tag = self.source.text().get(range.clone()).unwrap_or("");
        let name_end = tag.find(|letter: char| letter.is_whitespace() || "/>".contains(letter));
        let closed =
            name_end.filter(|end| tag.get(*end..).is_some_and(|rest| rest.starts_with('>')));
        let end = closed.map(|end| end + 1).or(name_end).unwrap_or(tag.len());
        self.source.place(range.start..range.start + end)
    }

    fn check_namespace(&mut self, node: roxmltree::Node<'_, '_>, place: &Place) -> Option<()> {
        let namespace = node.tag_name().namespace().unwrap_or(NAMESPACES[0]);
        if NAMESPACES.contains(&namespace) {
            return Some(());
        }
        let message = format!("unknown namespace \"{}\"", excerpt(namespace));
        let help = if node.tag_name().name() == "confdConfig" {
            "this is a confd.conf; write its settings with NSO's names in <ncs-config>".to_owned()
        } else {
            format!("write xmlns=\"{}\", or none", NAMESPACES[0])
        };
        let problem = Problem::new(ProblemKind::Unknown, message, place);
        self.problems.push(problem.help(Some(help)));
        None
    }

    fn check_attributes(&mut self, node: roxmltree::Node<'_, '_>) {
        for attribute in node.attributes().filter(|attribute| attribute.namespace().is_none()) {
            let message = format!(
                "unknown attribute {} on <{}>",
                excerpt(attribute.name()),
                excerpt(node.tag_name().name()),
            );
            let place = self.source.place(attribute.range());
            let help = "settings are elements; ncs.conf has no attributes".to_owned();
            let problem = Problem::new(ProblemKind::Unknown, message, &place);
            self.problems.push(problem.help(Some(help)));
        }
    }

    /// The joined texts directly inside, and the place of the first that is not blank.
    fn text(&self, node: roxmltree::Node<'_, '_>) -> (String, Option<Place>) {
        let (mut text, mut place) = (String::new(), None);
        for child in node.children().filter(roxmltree::Node::is_text) {
            let part = child.text().unwrap_or("");
            text.push_str(part);
            if place.is_none() && !part.trim().is_empty() {
                let range = child.range();
                let written = self.source.text().get(range.clone()).unwrap_or("");
                let start = range.start + written.len() - written.trim_start().len();
                place = Some(self.source.place(start..start + written.trim().len()));
            }
        }
        (text.trim().to_owned(), place)
    }
}

fn not_xml(source: &Arc<Source>, error: &roxmltree::Error) -> Problem {
    use roxmltree::Error;
    let end = source.text().trim_end().len();
    let (place, message) = match error {
        Error::DtdDetected => {
            let start = source.text().find("<!DOCTYPE").unwrap_or(0);
            let place = source.place(start..start + "<!DOCTYPE".len());
            return Problem::new(ProblemKind::NotXml, "a document type is not allowed", &place)
                .help(Some("remove it; variables are written ${NAME}".to_owned()));
        }
        Error::NodesLimitReached => {
            (source.place(0..0), format!("more than {NODES_MAX} elements, texts and comments"))
        }
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream | Error::NoRootNode => {
            (source.place(end..end), "not well-formed XML: the file ends too early".to_owned())
        }
        error => {
            let position = error.pos();
            let (line, column) = (position.row as usize, position.col as usize);
            let message = error.to_string().replace(&format!(" at {position}"), "");
            (source.place_at(line, column), format!("not well-formed XML: {message}"))
        }
    };
    Problem::new(ProblemKind::NotXml, message, &place)
}
