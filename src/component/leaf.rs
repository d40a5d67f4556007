//! What may stand in a subtree: a table.

use std::str::FromStr;

use crate::units::{Duration, grouped};

/// What a component owns.
#[derive(Debug)]
pub struct Subtree {
    /// Its root: `/scheduler`.
    pub root: &'static str,
    /// Its lists.
    pub lists: &'static [List],
    /// Its leaves.
    pub leaves: &'static [Leaf],
}

/// A list of a subtree. Its keys are text.
#[derive(Debug)]
pub struct List {
    /// Below the root, keys left out: `task`.
    pub path: &'static str,
    /// Its key leaf: `name`.
    pub key: &'static str,
}

/// A leaf of a subtree.
#[derive(Debug)]
pub struct Leaf {
    /// Below the root, keys left out: `task/schedule`. `task/params/*` is any leaf there.
    pub path: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What holds when it is not there, as text.
    pub default: Option<&'static str>,
    /// What it is for, in a sentence or two.
    pub about: &'static str,
}

/// What a leaf may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// Being there is enough; `true` and `false` say it, too.
    Flag,
    /// A whole number.
    Number {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A duration, `PT5S` or `5s`.
    Duration,
    /// What this function takes. Its error is a whole message; the name is for the documentation.
    Checked(&'static str, fn(&str) -> Result<(), String>),
}

impl Kind {
    /// What is wrong with a text.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        let fits = match self {
            Self::Text => true,
            Self::Boolean => bool::from_str(text).is_ok(),
            Self::Flag => text.is_empty() || bool::from_str(text).is_ok(),
            Self::Number { min, max } => {
                text.parse::<u64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Self::Choice(words) => words.contains(&text),
            Self::Duration => return text.parse::<Duration>().map(drop).map_err(|e| e.to_string()),
            Self::Checked(_, check) => return check(text),
        };
        if fits {
            return Ok(());
        }
        Err(format!("\"{}\" is not {}", crate::units::excerpt(text), self.expected()))
    }

    /// What it may hold, ready to stand after "is not".
    fn expected(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Flag => "empty, true or false".to_owned(),
            Self::Number { min, max } => {
                format!("a number from {} to {}", grouped(min), grouped(max))
            }
            Self::Choice(words) => words.join(" or "),
            Self::Duration => "a duration".to_owned(),
            Self::Checked(name, _) => name.to_owned(),
        }
    }

    /// Its name in the documentation.
    pub fn name(self) -> String {
        match self {
            Self::Choice(words) => words.join(" \\| "),
            Self::Duration => "xs:duration".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Flag => "empty or boolean".to_owned(),
            Self::Number { min, max } => format!("{min}..{max}"),
            Self::Text | Self::Checked(..) => self.expected(),
        }
    }
}

impl Subtree {
    /// The leaf at a place; a name that the table has not may be one of any.
    pub(super) fn leaf(&self, place: &str) -> Option<&'static Leaf> {
        let exact = self.leaves.iter().find(|leaf| leaf.path == place);
        exact.or_else(|| {
            let (above, _) = place.rsplit_once('/')?;
            self.leaves.iter().find(|leaf| leaf.path.strip_suffix("/*") == Some(above))
        })
    }

    pub(super) fn list(&self, place: &str) -> Option<&'static List> {
        self.lists.iter().find(|list| list.path == place)
    }

    /// Whether something may stand below a place that is no list: what leaves have in front.
    pub(super) fn is_container(&self, place: &str) -> bool {
        let inside =
            |path: &str| path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
        self.leaves.iter().any(|leaf| inside(leaf.path))
    }

    /// The names that may stand at a place (empty: at the top).
    pub(super) fn names(&self, place: &str) -> Vec<&'static str> {
        let below = |path: &'static str| {
            let rest = match place {
                "" => Some(path),
                _ => path.strip_prefix(place)?.strip_prefix('/'),
            };
            rest?.split('/').next()
        };
        let lists = self.lists.iter().filter_map(|list| below(list.path));
        let mut names = Vec::new();
        for name in lists.chain(self.leaves.iter().filter_map(|leaf| below(leaf.path))) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// A name below a place: `task/schedule`.
pub(super) fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") }
}
