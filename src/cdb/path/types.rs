//! Paths as values.

use super::name::Name;

/// The most bytes that a path may have as text.
pub const MAX_PATH_BYTES: usize = 64 * 1024;
/// The most steps that a path may have.
pub const MAX_DEPTH: usize = 128;

/// Where a node is.
///
/// ```
/// use pumice::cdb::Path;
///
/// let base: Path = "/devices".parse()?;
/// let address = base.join(&"device{ce0}/address".parse()?);
/// assert_eq!(address.to_string(), "/devices/device{ce0}/address");
/// assert_eq!(base.child("note").with_keys(["two words", ""]).to_string(), r#"/devices/note{"two words" ""}"#);
/// # Ok::<(), pumice::cdb::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    absolute: bool,
    steps: Vec<Step>,
}

/// One name of a path and what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The node's name as written: `name`, `prefix:name` or `"namespace":name`.
    pub name: String,
    /// Which entry, when one is chosen.
    pub selector: Option<Selector>,
    /// Which node is meant, where the text alone does not say it.
    pub(super) known: Option<Known>,
}

/// What is known of a step's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    name: Name,
    /// What the datastore calls the namespace.
    prefix: Option<String>,
}

impl Step {
    /// The step with this name, as a person writes it.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), selector: None, known: None }
    }

    /// The step to the node with this name, without a search.
    pub fn exact(name: &Name) -> Self {
        let known = name.namespace().map(|_| Known { name: name.clone(), prefix: None });
        Self { name: name.to_string(), selector: None, known }
    }

    /// The same with another spelling.
    pub(crate) fn spelled(name: &Name, prefix: Option<&str>, with_prefix: bool) -> Self {
        let text = match prefix {
            _ if !with_prefix => name.local().to_owned(),
            Some(prefix) => format!("{prefix}:{}", name.local()),
            None => name.to_string(),
        };
        let known = Known { name: name.clone(), prefix: prefix.map(str::to_owned) };
        Self { name: text, selector: None, known: Some(known) }
    }

    /// The name without prefix and namespace.
    pub fn local(&self) -> &str {
        match &self.known {
            Some(known) => known.name.local(),
            None => self.name.split_once(':').map_or(&*self.name, |(_, local)| local),
        }
    }

    /// The prefix, where nothing else says the namespace.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match &self.known {
            Some(_) => None,
            None => self.name.split_once(':').map(|(prefix, _)| prefix),
        }
    }

    /// The name, when the step says by itself which node is meant.
    pub(crate) fn known_name(&self) -> Option<&Name> {
        self.known.as_ref().map(|known| &known.name)
    }

    /// What the datastore calls the namespace that this step of one of its paths goes to.
    pub(crate) fn known_prefix(&self) -> Option<&str> {
        self.known.as_ref()?.prefix.as_deref()
    }
}

/// What chooses an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// `{a b}`.
    Keys(Vec<KeyText>),
    /// `[3]`, counted from 0.
    Position(u64),
}

/// One key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyText {
    /// The text of a key value.
    Text(String),
    /// `*`: every value.
    Any,
}

impl Path {
    /// The path `/`.
    pub fn root() -> Self {
        Self { absolute: true, steps: Vec::new() }
    }

    pub(crate) fn from_steps(absolute: bool, steps: Vec<Step>) -> Self {
        Self { absolute, steps }
    }

    /// Whether it starts at the root.
    pub fn is_absolute(&self) -> bool {
        self.absolute
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.absolute && self.steps.is_empty()
    }

    /// Its steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// `relative` below this path; an absolute path stays as it is.
    #[must_use]
    pub fn join(&self, relative: &Self) -> Self {
        if relative.absolute {
            return relative.clone();
        }
        let mut joined = self.clone();
        joined.steps.extend(relative.steps.iter().cloned());
        joined
    }

    /// The path of the child `name`. A name that no path can hold is refused where the path is used.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut child = self.clone();
        child.steps.push(Step::new(name));
        child
    }

    pub(crate) fn with_step(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.steps.push(step);
        path
    }

    /// The path of the child with this name, whatever else is called so.
    #[must_use]
    pub fn named(&self, name: &Name) -> Self {
        let mut child = self.clone();
        child.steps.push(Step::exact(name));
        child
    }

    /// The entry with these key texts in the list that this path names; a selector that is there is replaced.
    #[must_use]
    pub fn with_keys<T: Into<String>>(&self, keys: impl IntoIterator<Item = T>) -> Self {
        let keys = keys.into_iter().map(|key| KeyText::Text(key.into())).collect();
        self.with_selector(Some(Selector::Keys(keys)))
    }

    pub(crate) fn with_selector(&self, selector: Option<Selector>) -> Self {
        let mut path = self.clone();
        if let Some(last) = path.steps.last_mut() {
            last.selector = selector;
        }
        path
    }

    /// The path one step up: the list for an entry, the parent for everything else; `None` for the top.
    pub fn parent(&self) -> Option<Self> {
        let last = self.steps.last()?;
        if last.selector.is_some() {
            return Some(self.with_selector(None));
        }
        let mut parent = self.clone();
        parent.steps.pop();
        Some(parent)
    }
}
