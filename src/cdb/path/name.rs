//! Names of nodes: a local name, and its namespace where that is not the parent's.
//!
//! A node is what its namespace and its name say. A prefix is a spelling; it is in no address.
//!
//! A JSON module name whose namespace nobody has told stands for one that is made from it: `urn:ietf:params:xml:ns:yang:` and the
//! name for modules of the IETF and IANA (their registered namespaces begin so, RFC 6020, section 14), and [`MODULE`] and the name for
//! all others.

use std::fmt;

/// The most bytes that the local name of a node may have.
pub const MAX_NAME_BYTES: usize = 256;
/// The most bytes that a namespace may have.
pub const MAX_NAMESPACE_BYTES: usize = 1024;

/// What a namespace begins with that is made from a module name.
const MODULE: &str = "urn:pumice:module:";
/// What the namespaces of the IETF's and IANA's modules begin with.
const IETF: &str = "urn:ietf:params:xml:ns:yang:";
/// The prefix of what is in no namespace, below a parent that is in one.
pub(crate) const NO_NAMESPACE: &str = "no-namespace";

/// A name as an address has it.
///
/// As text: `name`, or `"namespace":name` with the escapes of quoted keys.
///
/// ```
/// use pumice::cdb::Name;
///
/// assert_eq!(Name::plain("port").to_string(), "port");
/// assert_eq!(Name::in_namespace("port", "urn:a").to_string(), "\"urn:a\":port");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    local: String,
    namespace: Option<String>,
}

impl Name {
    /// A name in the namespace of its parent.
    pub fn plain(local: impl Into<String>) -> Self {
        Self { local: local.into(), namespace: None }
    }

    /// A name in a namespace that is not the parent's; the empty one is none.
    pub fn in_namespace(local: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self { local: local.into(), namespace: Some(namespace.into()) }
    }

    /// A name in a namespace, below a parent in `around`.
    pub(crate) fn below(around: &str, local: &str, namespace: &str) -> Self {
        if around == namespace {
            return Self::plain(local);
        }
        Self::in_namespace(local, namespace)
    }

    /// The name without its namespace.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The namespace, when it is not the parent's.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The namespace of a node of this name, below a parent in `around`.
    pub(crate) fn namespace_in<'a>(&'a self, around: &'a str) -> &'a str {
        self.namespace().unwrap_or(around)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write_quoted(namespace, f)?;
            f.write_str(":")?;
        }
        f.write_str(&self.local)
    }
}

impl From<&str> for Name {
    /// The plain name.
    fn from(local: &str) -> Self {
        Self::plain(local)
    }
}

/// Whether a node can have this local name: one that XML can have, too (*Namespaces in XML*, `NCName`).
pub(crate) fn is_local(name: &str) -> bool {
    let mut chars = name.chars();
    name.len() <= MAX_NAME_BYTES && chars.next().is_some_and(starts_name) && chars.all(is_in_name)
}

/// XML 1.0, production 4, without the colon.
fn starts_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Production 4a.
fn is_in_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether something can be a namespace. The empty one is: it is none.
pub(crate) fn is_namespace(text: &str) -> bool {
    text.len() <= MAX_NAMESPACE_BYTES && !text.chars().any(char::is_control)
}

/// The namespace of a module that nobody has told.
pub(crate) fn module_namespace(module: &str) -> String {
    if module == NO_NAMESPACE {
        return String::new();
    }
    let registered = module.starts_with("ietf-") || module.starts_with("iana-");
    format!("{}{module}", if registered { IETF } else { MODULE })
}

/// A prefix that a person would think of for a namespace: its last part.
pub(crate) fn prefix_for(namespace: &str) -> String {
    if namespace.is_empty() {
        return NO_NAMESPACE.to_owned();
    }
    let last = namespace.trim_end_matches('/').rsplit(['/', ':', '#', '?']).next();
    match last.filter(|last| is_local(last)) {
        Some(last) => last.to_owned(),
        None => "ns".to_owned(),
    }
}

/// Whether a person can see (and so type) the character.
pub(super) fn is_visible(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

/// The text in quotes, with escapes for what a person could not see or type.
pub(super) fn write_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            '\0' => f.write_str("\\0"),
            c if is_visible(c) => write!(f, "{c}"),
            c => write!(f, "\\u{{{:x}}}", u32::from(c)),
        }?;
    }
    f.write_str("\"")
}
