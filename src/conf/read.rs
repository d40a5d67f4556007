//! Finds the setting for every element.

use std::collections::BTreeMap;

use super::leaf::nearest;
use super::nso;
use super::problem::{Problem, ProblemKind, Warning};
use super::raw::Element;
use super::settings::{ALIASES, Setting, setting, settings};
use super::source::Place;
use crate::units::excerpt;

/// A value as it was given.
#[derive(Debug)]
pub(super) struct Given {
    /// The text, variables not yet replaced.
    pub(super) text: String,
    /// The text, or the start tag when it is empty.
    pub(super) place: Place,
}

/// What the files say: the given values by the paths of their settings.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) given: BTreeMap<&'static str, Vec<Given>>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Reading {
    /// Takes in a file: `ncs-config`, or (in a fragment) also a single section of it.
    pub(super) fn file(&mut self, root: &Element, is_fragment: bool) {
        if root.name == "ncs-config" {
            self.section("", root);
        } else if is_fragment && (is_section(&root.name) || nso::skipped(&root.name).is_some()) {
            self.child("", root, &mut Skipped::default());
        } else {
            self.problems.push(wrong_root(root, is_fragment));
        }
    }

    fn section(&mut self, path: &str, element: &Element) {
        if !element.text.is_empty() {
            let message = format!("text in <{}>, which holds elements", excerpt(&element.name));
            let problem = Problem::new(ProblemKind::Unknown, message, &element.text_place);
            self.problems.push(problem);
        }
        let mut skipped = Skipped::default();
        for child in &element.children {
            self.child(path, child, &mut skipped);
        }
        self.warnings.extend(skipped.warning(&element.name));
    }

    fn child(&mut self, parent: &str, element: &Element, skipped: &mut Skipped) {
        let path = join(parent, &element.name);
        if let Some(setting) = setting(&path) {
            self.leaf(setting, element);
        } else if let Some(&(_, target, reason)) = ALIASES.iter().find(|(from, ..)| *from == path) {
            self.warnings.push(Warning::new(
                format!("<{}> is read as /ncs-config/{target} ({reason})", element.name),
                &element.place,
            ));
            if let Some(setting) = setting(target) {
                self.leaf(setting, element);
            }
        } else if is_section(&path) {
            self.section(&path, element);
        } else if let Some(note) = nso::skipped(&path) {
            if parent.is_empty() {
                let warning = skipped_section(element, note);
                if self.warnings.iter().all(|known| known.message != warning.message) {
                    self.warnings.push(warning);
                }
            } else {
                skipped.add(element, note);
            }
        } else {
            self.problems.push(unknown(parent, element));
        }
    }

    fn leaf(&mut self, setting: &'static Setting, element: &Element) {
        if let Some(child) = element.children.first() {
            let message = format!("{}: an element where a value belongs", setting.full_path());
            let problem = Problem::new(ProblemKind::WrongValue, message, &child.place);
            self.problems.push(problem.expected(setting.expectation()));
            return;
        }
        let given = self.given.entry(setting.path).or_default();
        if let Some(first) = given.first().filter(|_| !setting.is_repeatable()) {
            let message = format!("{} is given twice", setting.full_path());
            let problem = Problem::new(ProblemKind::Twice, message, &element.place);
            let help = format!("it was first given at {}; keep one of the two", first.place);
            self.problems.push(problem.help(Some(help)));
            return;
        }
        given.push(Given { text: element.text.clone(), place: element.text_place.clone() });
    }
}

/// NSO's elements of one section that are skipped, for one warning.
#[derive(Default)]
struct Skipped {
    names: Vec<String>,
    first: Option<Place>,
}

impl Skipped {
    fn add(&mut self, element: &Element, note: &str) {
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        let name = format!("<{}>{note}", element.name);
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self.first.get_or_insert_with(|| element.place.clone());
    }

    fn warning(self, section: &str) -> Option<Warning> {
        let place = self.first?;
        let names = self.names.join(", ");
        let message = format!("in <{section}>, ignored as NSO's without counterpart here: {names}");
        Some(Warning::new(message, &place))
    }
}

fn skipped_section(element: &Element, note: &str) -> Warning {
    let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
    let message = format!("NSO's <{}> has no counterpart here: ignored{note}", element.name);
    Warning::new(message, &element.place)
}

fn wrong_root(root: &Element, is_fragment: bool) -> Problem {
    let message = format!("the root element is <{}>", excerpt(&root.name));
    let expected = if is_fragment {
        "<ncs-config>, or a section of it such as <compaction>"
    } else {
        "<ncs-config>"
    };
    Problem::new(ProblemKind::Unknown, message, &root.place).expected(expected)
}

fn unknown(parent: &str, element: &Element) -> Problem {
    let message = format!(
        "unknown element <{}> in {}",
        excerpt(&element.name),
        join("/ncs-config", parent).trim_end_matches('/'),
    );
    let problem = Problem::new(ProblemKind::Unknown, message, &element.place);
    problem.help(advice(parent, &element.name))
}

/// The name that was perhaps meant here, or the place where this name belongs.
fn advice(parent: &str, name: &str) -> Option<String> {
    let known = known_paths();
    let here = known.iter().filter_map(|path| {
        let below =
            if parent.is_empty() { path } else { path.strip_prefix(parent)?.strip_prefix('/')? };
        below.split('/').next()
    });
    if let Some(near) = nearest(name, here) {
        return Some(format!("did you mean <{near}>?"));
    }
    let elsewhere = known.iter().find(|path| path.rsplit('/').next() == Some(name))?;
    let (section, _) = elsewhere.rsplit_once('/')?;
    Some(format!("it belongs in /ncs-config/{section}"))
}

fn known_paths() -> Vec<&'static str> {
    let settings = settings().iter().map(|setting| setting.path);
    settings.chain(nso::skipped_paths()).collect()
}

/// Whether settings stand below a path.
fn is_section(path: &str) -> bool {
    let below = |setting: &Setting| {
        setting.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    };
    settings().iter().any(below)
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
