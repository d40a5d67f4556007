//! Paths to text.

use std::fmt;

use super::name::{is_visible, write_quoted};
use super::parse::is_plain;
use super::types::{KeyText, Path, Selector, Step};

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("/");
        }
        for (index, step) in self.steps().iter().enumerate() {
            if index > 0 || self.is_absolute() {
                f.write_str("/")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.selector {
            None => Ok(()),
            Some(Selector::Position(index)) => write!(f, "[{index}]"),
            Some(Selector::Keys(keys)) => {
                for (index, key) in keys.iter().enumerate() {
                    f.write_str(if index == 0 { "{" } else { " " })?;
                    key.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Text(text) if stands_alone(text) => f.write_str(text),
            Self::Text(text) => write_quoted(text, f),
        }
    }
}

fn stands_alone(text: &str) -> bool {
    !text.is_empty() && text != "*" && text.chars().all(|c| is_plain(c) && is_visible(c))
}
