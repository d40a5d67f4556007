//! Trees from XML and JSON, without a schema.
//!
//! The source is read twice, as a stream. The first pass learns what each schema path is ([`infer`]); the second turns
//! the source into [`Edit`]s ([`apply`]). What is kept in memory between is one record for each schema path, and while
//! a list is being read the fingerprints of its last entries, to find one that is there twice ([`distinct`]).
//!
//! What a schema path is, in this order: what the source says itself (`pumice:` attributes, which `save` writes when asked),
//! a hint, what the store knows, else: an element that repeats and has children (or a JSON array of objects) is a list, one that repeats
//! without (or a JSON array) a leaf-list, one that has children a container, else a leaf. A list nobody declared takes its
//! first child leaf as key when that is unique among siblings ([`plan`]). What XML has once may be one of many: a value that it would put
//! over another is a doubt, and a load with a doubt fails ([`doubts`]).
//!
//! Refused: DTDs and entities, what is not well-formed ([`wellformed`]), more than [`super::MAX_DEPTH`] levels, sources and texts over their
//! limits, text beside child elements, an object key that is there twice. Attributes are kept, and declarations of prefixes that values
//! use ([`scope`]); other declarations are spelling.

mod apply;
mod distinct;
mod doubts;
mod edit;
mod event;
mod fingerprint;
mod infer;
mod json;
mod names;
mod number;
mod options;
mod plan;
mod position;
mod problem;
mod read;
mod scope;
mod source;
mod summary;
mod wellformed;
mod xml;

#[cfg(test)]
mod tests;

pub(crate) use edit::{Edit, LeafContent, Outcome, Standing, Target};
pub(crate) use fingerprint::Fingerprints;
pub(crate) use names::{
    CONFIG_NAMESPACE, NUMBER_MARK, TYPE_NAMESPACE, TYPE_PREFIX, XML_NAMESPACE, XMLNS_NAMESPACE,
    has_own_prefix,
};
pub(crate) use number::{integer, is_quoted_number};
pub use options::{
    Format, KeyHint, KeyHintError, KindHint, LoadMode, LoadOptions, OnDuplicate, SaidKind,
};
pub use position::At;
pub use problem::{AmbiguousPlace, LoadError, Problem};
pub(crate) use read::read;
pub use source::{BytesSource, FileSource, Source};
pub use summary::Read;
