//! `command --name value --name value ...`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use crate::store::Outcome;

/// The words of a command line.
#[derive(Clone, Debug, Default)]
pub struct Args {
    pub command: String,
    values: BTreeMap<String, String>,
}

impl Args {
    pub fn parse(words: impl IntoIterator<Item = String>) -> Outcome<Self> {
        let mut words = words.into_iter();
        let command = words.next().unwrap_or_default();
        let mut values = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("{word}: not an option"))?;
            let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
            values.insert(name.to_owned(), value);
        }
        Ok(Self { command, values })
    }

    pub fn text(&self, name: &str, default: &str) -> String {
        self.values.get(name).cloned().unwrap_or_else(|| default.to_owned())
    }

    pub fn get<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        match self.values.get(name) {
            None => Ok(default),
            Some(text) => Ok(text.parse().map_err(|_| format!("--{name} {text}: not a value"))?),
        }
    }

    /// The words of a list, or all of the default.
    pub fn list(&self, name: &str, default: &[&str]) -> Vec<String> {
        match self.values.get(name) {
            None => default.iter().map(|&word| word.to_owned()).collect(),
            Some(text) => text.split(',').map(str::to_owned).collect(),
        }
    }

    pub fn dir(&self) -> PathBuf {
        PathBuf::from(self.text("dir", "target/peers-data"))
    }
}
