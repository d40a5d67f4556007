//! The settings in force: what is set and can be, and the defaults of the rest.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::check::{check, has_effect};
use super::kind::{INFINITY, number};
use super::table::{ALIASES, SETTINGS, find};

/// Sections of keys and values.
pub type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// The settings in force. A stored value that the table does not take (it was written before there was a guard, or past it) is not:
/// the default is.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    set: Sections,
    ill: Vec<String>,
}

impl InForce {
    /// Of what is stored.
    pub fn of(stored: Sections) -> Self {
        let (mut set, mut ill) = (Sections::new(), Vec::new());
        for (section, keys) in stored {
            for (key, value) in keys {
                match check(&section, &key, &value) {
                    Ok(()) => {
                        set.entry(section.clone()).or_default().insert(key, value);
                    }
                    Err(reason) => ill.push(format!("{section}/{key}: {reason}")),
                }
            }
        }
        Self { set, ill }
    }

    /// The value of a setting.
    pub fn text(&self, section: &str, key: &str) -> Option<String> {
        let set = |section: &str, key: &str| self.set.get(section).and_then(|keys| keys.get(key));
        let found =
            in_force(section, key, |section, key| Ok::<_, Infallible>(set(section, key).cloned()));
        found.unwrap_or_else(|never| match never {})
    }

    /// A number; `infinity` is the largest there is. `None` for a setting without a value.
    pub fn number(&self, section: &str, key: &str) -> Option<u64> {
        as_number(&self.text(section, key)?)
    }

    /// All of them, by section and key.
    pub fn sections(&self) -> Sections {
        let mut sections = self.set.clone();
        for row in SETTINGS {
            if let Some(value) = self.text(row.section, row.key) {
                let section = sections.entry(row.section.to_owned()).or_default();
                section.insert(row.key.to_owned(), value);
            }
        }
        sections
    }

    /// The stored values that are not in force, each with the reason.
    pub fn ill(&self) -> &[String] {
        &self.ill
    }

    /// The names of stored settings that change nothing.
    pub fn without_effect(&self) -> impl Iterator<Item = String> {
        self.set.iter().flat_map(|(section, keys)| {
            let idle = keys.keys().filter(|key| !has_effect(section, key));
            idle.map(move |key| format!("{section}/{key}"))
        })
    }
}

/// The number that a valid value stands for.
pub fn as_number(text: &str) -> Option<u64> {
    if text == INFINITY { Some(u64::MAX) } else { number(text) }
}

/// The value in force of one setting: what is set there, what is set under its older name, or the default. `set` answers valid values.
pub fn in_force<E>(
    section: &str,
    key: &str,
    set: impl Fn(&str, &str) -> Result<Option<String>, E>,
) -> Result<Option<String>, E> {
    if let Some(value) = set(section, key)? {
        return Ok(Some(value));
    }
    let older = ALIASES.iter().find(|(name, _)| *name == section).map(|(_, older)| *older);
    if let Some(older) = older.filter(|older| find(older, key).is_some())
        && let Some(value) = set(older, key)?
    {
        return Ok(Some(value));
    }
    Ok(find(section, key).and_then(|row| row.default).map(str::to_owned))
}
