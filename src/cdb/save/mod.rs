//! Trees to XML and JSON, as a stream: what `load` reads back.
//!
//! XML comes in a `<config>` wrapper, key leaves first, with the name spaces that were loaded. JSON has the shape of RFC 7951;
//! of attributes it keeps those of containers, leaves and the first entry of a list. With [`SaveOptions::types`] the types of
//! leaves and the keys of lists are written as `pumice:` attributes, and `load` into an empty store gives every value
//! back with its type; without, a store that knows the leaves gives their types back.

mod json;
mod marks;
mod options;
mod scope;
mod view;
mod xml;

#[cfg(test)]
mod tests;

pub use options::{SaveError, SaveOptions};
