//! Random XML, and XML as a tree that does not depend on prefixes.

use std::fmt::Write as _;

use super::random::Random;

/// An element: namespace and name, attributes, prefixes that its value uses, text, children.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    name: (String, String),
    attributes: Vec<(String, String, String)>,
    value_prefix: Option<String>,
    text: Option<String>,
    children: Vec<Element>,
}

const SPACES: [&str; 4] = ["", "urn:a", "urn:b", "http://x.example/ns/c"];
const PREFIXES: [&str; 3] = ["p", "q", "r"];
const TEXTS: [&str; 8] =
    ["1", "on", " x ", "a&b<c>", "\u{e9}\u{1F600}", "two\nlines", "x]]", "'\""];

/// The data of a document. Siblings of different names have no order among each other: they are sorted, and those of one name stay.
pub fn parse(text: &str) -> Vec<Element> {
    let document = roxmltree::Document::parse(text).unwrap();
    let root = document.root_element();
    let is_wrapper = root.tag_name().namespace() == Some("http://tail-f.com/ns/config/1.0");
    if is_wrapper { sorted(root.children()) } else { vec![element(root)] }
}

fn sorted<'a>(nodes: impl Iterator<Item = roxmltree::Node<'a, 'a>>) -> Vec<Element> {
    let mut elements: Vec<Element> =
        nodes.filter(roxmltree::Node::is_element).map(element).collect();
    elements.sort_by(|a, b| a.name.cmp(&b.name));
    elements
}

fn element(node: roxmltree::Node<'_, '_>) -> Element {
    let space = |namespace: Option<&str>| namespace.unwrap_or_default().to_owned();
    let name = (space(node.tag_name().namespace()), node.tag_name().name().to_owned());
    let mut attributes: Vec<_> = node
        .attributes()
        .map(|a| (space(a.namespace()), a.name().to_owned(), a.value().to_owned()))
        .collect();
    attributes.sort();
    let children = sorted(node.children());
    let text = children.is_empty().then(|| node.text().unwrap_or_default().to_owned());
    let prefix = text.as_deref().and_then(|text| text.split_once(':')).map(|(prefix, _)| prefix);
    let value_prefix = prefix.and_then(|prefix| node.lookup_namespace_uri(Some(prefix)));
    let value_prefix = value_prefix.map(str::to_owned);
    Element { name, attributes, value_prefix, text, children }
}

struct Writer<'r> {
    random: &'r mut Random,
    out: String,
}

/// A document with one top element: containers, leaves, lists, leaf-lists, in several namespaces, with prefixes that mean one thing here
/// and another there.
pub fn generate(random: &mut Random) -> String {
    let mut writer = Writer { random, out: String::new() };
    let space = writer.random.below(SPACES.len());
    writer.container("top", space, 0, 0);
    writer.out
}

impl Writer<'_> {
    /// A start tag up to its attributes; returns the name as written.
    fn open(&mut self, local: &str, space: usize, around: usize) -> String {
        let prefixed = space > 0 && self.random.below(3) == 0;
        if prefixed {
            let prefix = PREFIXES[self.random.below(PREFIXES.len())];
            let name = format!("{prefix}:{local}");
            // What is inside without prefix is in the namespace around.
            let default = SPACES[around];
            write!(self.out, "<{name} xmlns:{prefix}=\"{}\" xmlns=\"{default}\"", SPACES[space])
                .unwrap();
            return name;
        }
        write!(self.out, "<{local} xmlns=\"{}\"", SPACES[space]).unwrap();
        local.to_owned()
    }

    fn attributes(&mut self) {
        if self.random.below(5) == 0 {
            write!(self.out, " plain=\"a&lt;{}\"", self.random.below(9)).unwrap();
        }
        if self.random.below(6) == 0 {
            let space = SPACES[1 + self.random.below(SPACES.len() - 1)];
            write!(self.out, " xmlns:z=\"{space}\" z:own=\"{}\"", self.random.below(9)).unwrap();
        }
    }

    fn space(&mut self, around: usize) -> usize {
        if self.random.below(3) == 0 { self.random.below(SPACES.len()) } else { around }
    }

    fn leaf(&mut self, local: &str, space: usize, around: usize, text: &str) {
        let name = self.open(local, space, around);
        self.attributes();
        write!(self.out, ">{text}</{name}>").unwrap();
    }

    fn text(&mut self) -> String {
        let text = TEXTS[self.random.below(TEXTS.len())];
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    /// A leaf whose value has a prefix, which is declared on the leaf.
    fn identity(&mut self, local: &str, space: usize) {
        let prefix = ["i", "p"][self.random.below(2)];
        let of = SPACES[1 + self.random.below(SPACES.len() - 1)];
        let (space, number) = (SPACES[space], self.random.below(3));
        write!(
            self.out,
            "<{local} xmlns=\"{space}\" xmlns:{prefix}=\"{of}\">{prefix}:v{number}</{local}>"
        )
        .unwrap();
    }

    fn container(&mut self, local: &str, space: usize, around: usize, depth: usize) {
        let name = self.open(local, space, around);
        self.attributes();
        self.out.push('>');
        self.children(space, depth);
        write!(self.out, "</{name}>").unwrap();
    }

    fn children(&mut self, space: usize, depth: usize) {
        // At least one: an empty element would be a leaf.
        self.leaf("first", space, space, "x");
        for index in 0..self.random.below(5) {
            let (local, inner) = (format!("n{index}"), self.space(space));
            match self.random.below(7) {
                0 | 1 => {
                    let text = self.text();
                    self.leaf(&local, inner, space, &text);
                }
                2 if depth < 3 => self.container(&local, inner, space, depth + 1),
                3 => self.list(&local, inner, space, depth),
                4 => self.leaf_list(&local, inner, space),
                5 => self.identity(&local, inner),
                // Two of one name, in different namespaces.
                _ => {
                    let other = (inner + 1) % SPACES.len();
                    self.leaf(&local, inner, space, "one");
                    self.leaf(&local, other, space, "two");
                }
            }
        }
    }

    fn list(&mut self, local: &str, space: usize, around: usize, depth: usize) {
        let key_space = if self.random.below(4) == 0 { self.space(space) } else { space };
        let mut left: Vec<usize> = (0..2 + self.random.below(4)).collect();
        while !left.is_empty() {
            let number = left.remove(self.random.below(left.len()));
            let name = self.open(local, space, around);
            self.attributes();
            self.out.push('>');
            self.leaf("key", key_space, space, &format!("k{number}"));
            if depth < 2 && self.random.below(2) == 0 {
                let text = self.text();
                self.leaf("v", space, space, &text);
            }
            write!(self.out, "</{name}>").unwrap();
        }
    }

    fn leaf_list(&mut self, local: &str, space: usize, around: usize) {
        let mut left: Vec<usize> = (0..2 + self.random.below(4)).collect();
        while !left.is_empty() {
            let number = left.remove(self.random.below(left.len()));
            if self.random.below(3) == 0 {
                let (of, space) = (SPACES[1 + number % 3], SPACES[space]);
                let out = &mut self.out;
                write!(out, "<{local} xmlns=\"{space}\" xmlns:x=\"{of}\">x:v{number}</{local}>")
                    .unwrap();
            } else {
                self.leaf(local, space, around, &format!("v{number}"));
            }
        }
    }
}
