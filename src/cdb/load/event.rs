//! The one shape in which both formats arrive.

use super::names::{NUMBER_MARK, TYPE_NAMESPACE, TYPE_PREFIX};
use super::position::At;
use super::problem::{LoadError, Problem};
use super::scope::Attributes;
use crate::cdb::path::Name;
use crate::cdb::record::{LeafListInfo, ListInfoError, OrderedBy, Schema};
use crate::cdb::value::{Value, ValueType};

/// The start of an element or member.
#[derive(Debug)]
pub(super) struct Start {
    pub name: Name,
    /// The prefix that the source has for the name's namespace.
    pub prefix: Option<String>,
    pub at: At,
    /// An element of a JSON array.
    pub in_array: bool,
    /// A JSON object: has children even when it is empty.
    pub object: bool,
    /// The source can say that it is no entry of a list or leaf-list.
    pub single: bool,
    pub marks: Marks,
}

/// What an element says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Attributes that are kept.
    pub attributes: Attributes,
    /// `pumice:keys` or `pumice:leaf-list`.
    pub declared: Option<Schema>,
    /// `pumice:type`.
    pub leaf_type: Option<ValueType>,
    /// `pumice:presence`.
    pub presence: bool,
    /// `pumice:single`.
    pub single: bool,
}

/// What was between start and end.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing; `<a/>` when `self_closed`, else `<a></a>` or `{}`.
    Nothing {
        self_closed: bool,
    },
    Scalar(Scalar),
    Children,
}

impl Content {
    /// The value, an empty text where there is none.
    pub fn into_scalar(self) -> Scalar {
        match self {
            Self::Scalar(scalar) => scalar,
            Self::Nothing { .. } | Self::Children => Scalar::Text(String::new()),
        }
    }
}

/// A leaf's value as the format has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    /// JSON has types of its own.
    Typed(Value),
}

impl Scalar {
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Typed(value) => value.to_string(),
        }
    }
}

/// Takes the stream.
pub(super) trait Sink {
    fn start(&mut self, start: Start) -> Result<(), LoadError>;
    /// `scope`: the declarations of prefixes that the content uses.
    fn end(&mut self, content: Content, scope: Attributes) -> Result<(), LoadError>;
}

/// Sorts attributes into what is kept and what is about types.
pub(super) fn marks(attributes: Attributes, at: At) -> Result<Marks, LoadError> {
    let mut marks = Marks::default();
    let mut ordered_by = OrderedBy::User;
    for (name, value) in attributes {
        if name.namespace() != Some(TYPE_NAMESPACE) {
            marks.attributes.push((name, value));
            continue;
        }
        let wrong = |problem| {
            let name = format!("{TYPE_PREFIX}{}", name.local());
            LoadError::at(at, Problem::TypeAttribute { name, problem })
        };
        match name.local() {
            "keys" => marks.declared = Some(Schema::List(value.parse().map_err(wrong)?)),
            "leaf-list" => {
                let value_type = value.parse().map_err(|error| wrong(Into::into(error)))?;
                marks.declared = Some(Schema::LeafList(LeafListInfo { value_type, ordered_by }));
            }
            "type" => {
                marks.leaf_type = Some(value.parse().map_err(|error| wrong(Into::into(error)))?);
            }
            "presence" => marks.presence = true,
            "single" => marks.single = true,
            "ordered-by" => ordered_by = value.parse().map_err(wrong)?,
            NUMBER_MARK => marks.attributes.push((name, value)),
            _ => return Err(wrong(ListInfoError::Mark)),
        }
    }
    match &mut marks.declared {
        Some(Schema::List(info)) => info.ordered_by = ordered_by,
        Some(Schema::LeafList(info)) => info.ordered_by = ordered_by,
        Some(Schema::Once) | None => {}
    }
    Ok(marks)
}

/// NETCONF's edit operations would change what the data means; keeping them as text would be a lie.
pub(super) fn is_edit_operation(name: &str) -> bool {
    name.rsplit(':').next() == Some("operation")
}
