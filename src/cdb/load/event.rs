//! The one shape in which both formats arrive.

use super::names::TYPE_PREFIX;
use super::position::At;
use super::problem::{LoadError, Problem};
use crate::cdb::path::is_name;
use crate::cdb::record::{LeafListInfo, ListInfo, ListInfoError, OrderedBy, Schema};
use crate::cdb::value::{Value, ValueType};

/// The start of an element or member.
#[derive(Debug)]
pub(super) struct Start {
    pub name: String,
    pub at: At,
    /// An element of a JSON array.
    pub in_array: bool,
    /// A JSON object: has children even when it is empty.
    pub object: bool,
    pub marks: Marks,
}

/// What an element says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Attributes that are kept.
    pub attributes: Vec<(String, String)>,
    /// `pumice:keys` or `pumice:leaf-list`.
    pub declared: Option<Schema>,
    /// `pumice:type`.
    pub leaf_type: Option<ValueType>,
    /// `pumice:presence`.
    pub presence: bool,
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
    fn end(&mut self, content: Content) -> Result<(), LoadError>;
}

/// Sorts attributes into what is kept and what is about types.
pub(super) fn marks(attributes: Vec<(String, String)>, at: At) -> Result<Marks, LoadError> {
    let mut marks = Marks::default();
    let mut ordered_by = OrderedBy::User;
    for (name, value) in attributes {
        let wrong =
            |problem| LoadError::at(at, Problem::TypeAttribute { name: name.clone(), problem });
        match name.strip_prefix(TYPE_PREFIX) {
            Some("keys") => {
                let info: ListInfo = value.parse().map_err(wrong)?;
                marks.declared = Some(Schema::List(info));
            }
            Some("leaf-list") => {
                let value_type = value.parse().map_err(|error| wrong(Into::into(error)))?;
                marks.declared = Some(Schema::LeafList(LeafListInfo { value_type, ordered_by }));
            }
            Some("type") => {
                marks.leaf_type = Some(value.parse().map_err(|error| wrong(Into::into(error)))?);
            }
            Some("presence") => marks.presence = true,
            Some("ordered-by") => ordered_by = value.parse().map_err(wrong)?,
            Some(_) => return Err(wrong(ListInfoError::Mark)),
            None if is_edit_operation(&name) => {
                return Err(LoadError::at(at, Problem::Refused("the attribute operation")));
            }
            None if !is_name(&name) => {
                return Err(LoadError::at(at, Problem::AttributeName { name }));
            }
            None => marks.attributes.push((name, value)),
        }
    }
    match &mut marks.declared {
        Some(Schema::List(info)) => info.ordered_by = ordered_by,
        Some(Schema::LeafList(info)) => info.ordered_by = ordered_by,
        None => {}
    }
    Ok(marks)
}

/// NETCONF's edit operations would change what the data means; keeping them as text would be a lie.
fn is_edit_operation(name: &str) -> bool {
    name.rsplit(':').next() == Some("operation")
}
