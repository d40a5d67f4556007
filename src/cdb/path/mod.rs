//! Key paths in NSO's syntax.
//!
//! | written | means |
//! |---|---|
//! | `/devices/device{ce0}/address` | a leaf in the list entry whose key is `ce0` |
//! | `/route{10.0.0.0 255.0.0.0}` | an entry with two keys |
//! | `/note{"a b"}` | quoted key; escapes `\"` `\\` `\n` `\r` `\t` `\0` `\u{e9}` (hexadecimal) |
//! | `/note{""}` | the empty key |
//! | `/tags{red}` | an entry of a leaf-list |
//! | `/if:interface` | a name in the namespace that the prefix stands for |
//! | `/"urn:x":interface` | a name in this namespace; `""` is none |
//! | `/devices/device[3]` | the fourth entry, for reading |
//! | `/devices/device{*}/address` | every entry, for subscriptions; a key that is a star is `{"*"}` |
//! | `address` | relative: joined to a base by [`Path::join`] |
//!
//! A key stands without quotes when it is not empty, not `*`, and holds no white space, braces, quotes, backslashes
//! or characters that cannot be seen. Every path prints so that it parses to itself.
//!
//! A name without prefix means the child in the namespace of its parent if there is one, else the only child of that name in
//! another namespace; where there are several, the path is refused with the names that can be typed. Where there is none, it
//! is in its parent's namespace. A prefix that nobody has told is a JSON module name. A path that a
//! datastore prints has prefixes where it needs them to be found again.
//!
//! A path holds key *texts*; their types come from the list, when the path is used (NSO: `confd_lib_cdb(3)`, PATHS).

mod into;
mod matches;
mod name;
mod parse;
mod print;
mod types;

#[cfg(test)]
pub(crate) mod tests;

pub use into::IntoPath;
pub(crate) use matches::{is_below, is_same, touches};
pub use name::{MAX_NAME_BYTES, MAX_NAMESPACE_BYTES, Name};
pub(crate) use name::{is_local, is_namespace, module_namespace, prefix_for};
pub use parse::PathError;
pub(crate) use parse::is_name;
pub use types::{KeyText, MAX_DEPTH, MAX_PATH_BYTES, Path, Selector, Step};
