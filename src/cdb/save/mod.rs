//! Trees to XML and JSON, as a stream: what `load` reads back.
//!
//! XML comes in a `<config:config>` wrapper, key leaves first; an element whose namespace is not its parent's declares it as default. JSON has
//! the shape of RFC 7951, with attributes as RFC 7952 has them. With [`SaveOptions::types`] the types of
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
