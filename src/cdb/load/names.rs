//! The names that loading and saving agree on.

/// What `save` and `load` use for types: attributes with this prefix are about the data and not part of it.
pub(crate) const TYPE_PREFIX: &str = "pumice:";
/// The name space of [`TYPE_PREFIX`].
pub(crate) const TYPE_NAMESPACE: &str = "urn:pumice:types";
/// The element that wraps a configuration (NSO: init files).
pub(crate) const CONFIG_NAMESPACE: &str = "http://tail-f.com/ns/config/1.0";
