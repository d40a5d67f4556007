//! The prefixes that are in scope while a tree is written.

use crate::cdb::error::Error;
use crate::cdb::load::{
    CONFIG_NAMESPACE, TYPE_NAMESPACE, TYPE_PREFIX, XML_NAMESPACE, XMLNS_NAMESPACE,
};
use crate::cdb::naming::Namer;
use crate::cdb::path::prefix_for;
use crate::cdb::prefix_table::free;

use super::marks::Attributes;

/// Prefixes and their namespaces.
pub type Bindings = Vec<(String, String)>;

/// Prefixes by open element, outermost first.
pub struct Scope<'a> {
    namer: Namer<'a>,
    open: Vec<Bindings>,
}

/// An element's attributes as they are written.
pub struct Written {
    /// The declarations that the element needs.
    pub declared: Bindings,
    /// The other attributes, with prefixes.
    pub attributes: Vec<(String, String)>,
}

impl<'a> Scope<'a> {
    pub fn new(namer: Namer<'a>, outermost: Bindings) -> Self {
        Self { namer, open: vec![outermost] }
    }

    pub fn enter(&mut self, declared: Bindings) {
        self.open.push(declared);
    }

    pub fn leave(&mut self) {
        self.open.pop();
    }

    fn namespace(&self, prefix: &str) -> Option<&str> {
        let bindings = self.open.iter().rev().flat_map(|bindings| bindings.iter().rev());
        bindings.into_iter().find(|(known, _)| known == prefix).map(|(_, space)| space.as_str())
    }

    /// A prefix for a namespace on an element that declares `own`, and whether it is declared around it.
    pub fn prefix(&self, namespace: &str, own: &Bindings) -> Result<(String, bool), Error> {
        if namespace == XML_NAMESPACE {
            return Ok(("xml".to_owned(), true));
        }
        let is = |(_, known): &&(String, String)| known == namespace;
        if let Some((prefix, _)) = own.iter().find(is) {
            return Ok((prefix.clone(), true));
        }
        let is_own = |prefix: &str| own.iter().any(|(known, _)| known == prefix);
        let around = self.open.iter().rev().flat_map(|bindings| bindings.iter().rev());
        let visible = |(prefix, _): &&(String, String)| {
            !is_own(prefix) && self.namespace(prefix) == Some(namespace)
        };
        if let Some((prefix, _)) = around.filter(is).find(visible) {
            return Ok((prefix.clone(), true));
        }
        let called = match namespace {
            TYPE_NAMESPACE => Some(TYPE_PREFIX.trim_end_matches(':').to_owned()),
            _ => self.namer.prefix(namespace)?,
        };
        let first = called.unwrap_or_else(|| prefix_for(namespace));
        if !is_own(&first) {
            return Ok((first, false));
        }
        Ok((free(&first, 1, is_own).0, false))
    }

    /// The attributes of an element with the declarations they need.
    pub fn written(&self, attributes: &Attributes) -> Result<Written, Error> {
        let is_declaration =
            |name: &crate::cdb::path::Name| name.namespace() == Some(XMLNS_NAMESPACE);
        let own = attributes.iter().filter(|(name, _)| is_declaration(name));
        let own = own.map(|(name, value)| (name.local().to_owned(), value.clone()));
        let mut declared: Bindings = own.collect();
        let mut written = Vec::new();
        for (name, value) in attributes.iter().filter(|(name, _)| !is_declaration(name)) {
            let text = match name.namespace() {
                None => name.local().to_owned(),
                Some(namespace) => {
                    let (prefix, is_known) = self.prefix(namespace, &declared)?;
                    if !is_known {
                        declared.push((prefix.clone(), namespace.to_owned()));
                    }
                    format!("{prefix}:{}", name.local())
                }
            };
            written.push((text, value.clone()));
        }
        Ok(Written { declared, attributes: written })
    }
}

/// The prefixes that the wrapper of a configuration declares.
pub fn wrapper(types: bool) -> Bindings {
    let mut bindings = vec![("config".to_owned(), CONFIG_NAMESPACE.to_owned())];
    if types {
        let prefix = TYPE_PREFIX.trim_end_matches(':');
        bindings.push((prefix.to_owned(), TYPE_NAMESPACE.to_owned()));
    }
    bindings
}
