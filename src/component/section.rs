//! A part of a subtree while it is read: the top, or an entry of a list.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use super::leaf::{Leaf, Subtree, below};
use crate::cdb::{Object, Path};

/// A mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub path: Path,
    /// What is wrong and what was expected.
    pub reason: String,
}

/// `/scheduler/task{nightly}/schedule: hour 25 is over 23 (second field)`.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// The top of a subtree, or an entry of one of its lists.
#[derive(Debug)]
pub struct Section<'a> {
    pub(super) subtree: &'static Subtree,
    /// Below the root, keys left out.
    pub(super) place: String,
    pub(super) path: Path,
    pub(super) fields: &'a [(String, Object)],
    pub(super) problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Section<'a> {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entries of a list, each with its key, in order.
    pub fn entries(&self, list: &str) -> Vec<(String, Section<'a>)> {
        let Some(Object::List(entries)) = self.object(list) else { return Vec::new() };
        let section = |entry: &'a crate::cdb::Entry| {
            let keys: Vec<_> = entry.keys.iter().map(ToString::to_string).collect();
            let section = Section {
                subtree: self.subtree,
                place: below(&self.place, list),
                path: self.path.child(list).with_keys(keys.clone()),
                fields: &entry.fields,
                problems: self.problems,
            };
            (keys.join(" "), section)
        };
        entries.iter().map(section).collect()
    }

    /// What a leaf holds: what is stored, or its default.
    pub fn text(&self, leaf: &str) -> Option<String> {
        self.stored(leaf).or_else(|| self.leaf(leaf)?.default.map(str::to_owned))
    }

    /// The same, read. What cannot be read is none, and was found wrong before.
    pub fn parse<T: FromStr>(&self, leaf: &str) -> Option<T> {
        let stored = self.stored(leaf).and_then(|text| text.parse().ok());
        stored.or_else(|| self.leaf(leaf)?.default?.parse().ok())
    }

    /// Whether a leaf says yes: `true`, or being there.
    pub fn flag(&self, leaf: &str) -> bool {
        self.text(leaf).is_some_and(|text| text != "false")
    }

    /// Whether a leaf is stored.
    pub fn is_set(&self, leaf: &str) -> bool {
        self.stored(leaf).is_some()
    }

    /// The leaves in a container, by name.
    pub fn leaves(&self, container: &str) -> BTreeMap<String, String> {
        let Some(Object::Container(container)) = self.object(container) else {
            return BTreeMap::new();
        };
        let leaf = |(name, object): &(String, Object)| match object {
            Object::Leaf(value) => Some((name.clone(), value.to_string())),
            _ => None,
        };
        container.fields.iter().filter_map(leaf).collect()
    }

    /// Notes a mistake in a leaf; `""` is the section itself.
    pub fn problem(&self, leaf: &str, reason: impl Into<String>) {
        let steps = leaf.split('/').filter(|step| !step.is_empty());
        let path = steps.fold(self.path.clone(), |path, step| path.child(step));
        self.problems.borrow_mut().push(Problem { path, reason: reason.into() });
    }

    /// Whether a mistake was found at or below it.
    pub fn has_problems(&self) -> bool {
        let (own, problems) = (self.path.steps(), self.problems.borrow());
        problems.iter().any(|problem| problem.path.steps().starts_with(own))
    }

    fn object(&self, name: &str) -> Option<&'a Object> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, object)| object)
    }

    fn leaf(&self, name: &str) -> Option<&'static Leaf> {
        self.subtree.leaf(&below(&self.place, name))
    }

    fn stored(&self, leaf: &str) -> Option<String> {
        match self.object(leaf)? {
            Object::Leaf(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Holds everything in it against the table.
    pub(super) fn check(&self) {
        self.check_fields(&self.place, &self.path, self.fields);
    }

    fn check_fields(&self, place: &str, path: &Path, fields: &'a [(String, Object)]) {
        for (name, object) in fields {
            let (here, path) = (below(place, name), path.child(name));
            let wrong = |reason: String| {
                self.problems.borrow_mut().push(Problem { path: path.clone(), reason });
            };
            match (object, self.subtree.list(&here), self.subtree.leaf(&here)) {
                (Object::List(_), Some(_), _) => {
                    let section = Section { place: place.to_owned(), fields, ..self.at(&path) };
                    section.entries(name).iter().for_each(|(_, entry)| entry.check());
                }
                (Object::Leaf(value), None, Some(leaf)) => {
                    if let Err(reason) = leaf.kind.check(&value.to_string()) {
                        wrong(reason);
                    }
                }
                (Object::Container(inside), None, None) if self.subtree.is_container(&here) => {
                    self.check_fields(&here, &path, &inside.fields);
                }
                (_, Some(list), _) => wrong(format!("it is not a list with the key {}", list.key)),
                (_, None, Some(_)) => wrong("it is not a leaf".to_owned()),
                (_, None, None) if self.subtree.is_container(&here) => {
                    wrong("it is not a container".to_owned());
                }
                (_, None, None) => wrong(self.unknown(place, name)),
            }
        }
    }

    /// The section around a path.
    fn at(&self, path: &Path) -> Section<'a> {
        Section {
            subtree: self.subtree,
            place: String::new(),
            path: path.parent().unwrap_or_else(Path::root),
            fields: &[],
            problems: self.problems,
        }
    }

    fn unknown(&self, place: &str, name: &str) -> String {
        const ALIKE: f64 = 0.8;
        let names = self.subtree.names(place);
        let alike = |known: &&str| strsim::jaro_winkler(name, known);
        let near = names.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let near = near.filter(|near| alike(near) > ALIKE);
        let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("there is no such node in {}{hint}", self.subtree.root)
    }
}
