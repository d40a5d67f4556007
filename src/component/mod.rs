//! A component that is configured in `A.cdb`: it owns a subtree, says what may stand there, and is told when it changes.
//!
//! What a component writes down is a [`Subtree`] (its lists and leaves, each with type, default and meaning) and a [`Component`], which
//! reads a [`Section`] into a configuration of its own. The rest is here:
//! - [`guard`]: every commit is held against the table and against what the component says besides; a mistake is refused with the
//!   path, what is wrong and what was expected. Options carry it, so that init files are held against it as well.
//! - [`follow`]: the component is handed its configuration now and after every commit that changes it.
//! - [`settings`]: every value with its origin, for `pumice config show --origin`; [`key_hints`]: the lists, for loading XML.
//!
//! What is stored has whatever type it was written with (a file that was loaded has strings), so values are read from their text.
//! A stored configuration with a mistake in it (written past the guard) costs the entry that it is in, not the component.
//!
//! ```
//! use std::sync::Arc;
//! use pumice::Datastore;
//! use pumice::cdb::Cdb;
//! use pumice::component::{self, Component, Kind, Leaf, Section, Subtree};
//!
//! struct Greeter;
//! static GREETER: Subtree = Subtree {
//!     root: "/greeter",
//!     lists: &[],
//!     leaves: &[
//!         Leaf { path: "text", kind: Kind::Text, default: Some("hello"), about: "What it says." },
//!         Leaf { path: "times", kind: Kind::Number { min: 1, max: 9 }, default: Some("1"), about: "How often." },
//!     ],
//! };
//! impl Component for Greeter {
//!     type Config = String;
//!     fn subtree(&self) -> &'static Subtree {
//!         &GREETER
//!     }
//!     fn read(&self, top: &Section<'_>) -> String {
//!         top.text("text").unwrap_or_default().repeat(top.parse("times").unwrap_or(1))
//!     }
//! }
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("data");
//! let greeter = Arc::new(Greeter);
//! let cdb = component::guard(Cdb::options(), &greeter).open(dir)?;
//! let (sender, told) = std::sync::mpsc::channel();
//! let _following = component::follow(&cdb, &greeter, move |read| drop(sender.send(read.config)))?;
//! cdb.write(Datastore::Config, |tx| tx.set("/greeter/times", 2_u8))?;
//! assert_eq!(told.try_iter().collect::<Vec<_>>(), ["hello", "hellohello"]);
//! let refused = cdb.write(Datastore::Config, |tx| tx.set("/greeter/times", 10_u8));
//! assert_eq!(
//!     refused.unwrap_err().to_string(),
//!     "refused: /greeter/times: \"10\" is not a number from 1 to 9"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod leaf;
mod owner;
mod section;
mod settings;

#[cfg(test)]
mod tests;

pub use leaf::{Kind, Leaf, List, Subtree};
pub use owner::{Component, Read, follow, guard, guard_open, read};
pub use section::{Problem, Section};
pub use settings::{Setting, key_hints, settings};
