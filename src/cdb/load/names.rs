//! The names that loading and saving agree on.

/// What `save` and `load` use for types: attributes with this prefix are about the data and not part of it.
pub(crate) const TYPE_PREFIX: &str = "pumice:";
/// The namespace of [`TYPE_PREFIX`].
pub(crate) const TYPE_NAMESPACE: &str = "urn:pumice:types";
/// The attribute of a leaf that JSON had as a number, where RFC 7951 would have a string.
pub(crate) const NUMBER_MARK: &str = "number";
/// The element that wraps a configuration (NSO: init files).
pub(crate) const CONFIG_NAMESPACE: &str = "http://tail-f.com/ns/config/1.0";
/// The namespace of declarations of prefixes.
pub(crate) const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";
/// The namespace of the prefix `xml`.
pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Whether attributes of a namespace have the same prefix everywhere.
pub(crate) fn has_own_prefix(namespace: &str) -> bool {
    matches!(namespace, XMLNS_NAMESPACE | XML_NAMESPACE | TYPE_NAMESPACE)
}

const NETCONF: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// What wraps data and is no node, outermost first: name, namespace, and whether other wrappers may be inside.
const WRAPPERS: [(&str, &str, bool); 6] = [
    ("config", CONFIG_NAMESPACE, false),
    ("config", NETCONF, false),
    ("data", NETCONF, false),
    ("data", "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda", false),
    ("data", "urn:ietf:params:xml:ns:yang:ietf-restconf", false),
    ("rpc-reply", NETCONF, true),
];

/// Whether an element wraps data; then, whether a wrapper must be inside.
pub(super) fn wrapper(local: &str, namespace: &str) -> Option<bool> {
    let is = |(name, space, _): &&(&str, &str, bool)| *name == local && *space == namespace;
    WRAPPERS.iter().find(is).map(|(_, _, outer)| *outer)
}
