//! JSON as a stream of starts and ends, in the shape of RFC 7951 with the annotations of RFC 7952.
//!
//! Numbers without a fraction are int32, uint32, int64 or uint64, the first that holds them, others decimal64; those that cannot be kept exactly are
//! refused. `[null]` is an empty leaf. Objects and arrays may nest to the depth that `serde_json` allows, 128 together.
//!
//! A name `module:name` is in the namespace of the module, and so is what is in it, up to the next such name. The namespace is what an annotation
//! of the member or around it says (`"@m:name": {"xmlns:m": "..."}`), else what the datastore knows the prefix for, else made from the module name.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::event::{Content, Marks, Scalar, Sink, Start, is_edit_operation, marks};
use super::names::TYPE_NAMESPACE;
use super::number::{integer, real};
use super::position::{At, Counted, Place, TOO_LARGE};
use super::problem::{LoadError, Problem};
use super::scope::{Attributes, Scope};
use crate::cdb::path::{MAX_DEPTH, Name, is_name, is_namespace, module_namespace};
use crate::cdb::value::Value;

pub(super) fn stream(
    input: Box<dyn Read + '_>,
    limit_bytes: u64,
    known: &HashMap<String, String>,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let place = Place::new();
    let input = Counted::new(BufReader::new(input), place.clone(), limit_bytes);
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let mut context = Context { sink, place, known, scope: Scope::default(), failed: None };
    let top = Item { context: &mut context, member: None };
    let result = top.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (context.failed, result) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(syntax(&error, limit_bytes)),
        (None, Ok(())) => Ok(()),
    }
}

fn syntax(error: &serde_json::Error, limit_bytes: u64) -> LoadError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let problem = if message == TOO_LARGE {
        Problem::TooLarge { limit_bytes }
    } else if message.starts_with("recursion limit") {
        Problem::TooDeep { limit: MAX_DEPTH }
    } else if error.is_io() {
        Problem::Read(message)
    } else {
        Problem::Syntax(message)
    };
    LoadError::at(At { line: error.line() as u64, column: error.column() as u64 }, problem)
}

struct Context<'a> {
    sink: &'a mut dyn Sink,
    place: Place,
    /// The namespaces of the prefixes that the datastore knows.
    known: &'a HashMap<String, String>,
    scope: Scope,
    /// The error behind the one that went through serde.
    failed: Option<LoadError>,
}

impl Context<'_> {
    fn keep<T, E: serde::de::Error>(&mut self, result: Result<T, LoadError>) -> Result<T, E> {
        result.map_err(|error| {
            self.failed.get_or_insert(error);
            E::custom("")
        })
    }

    fn refuse<T, E: serde::de::Error>(&mut self, problem: Problem) -> Result<T, E> {
        let at = self.place.get();
        self.keep(Err(LoadError::at(at, problem)))
    }

    fn unexpected<T, E: serde::de::Error>(
        &mut self,
        found: &'static str,
        expected: &'static str,
    ) -> Result<T, E> {
        self.refuse(Problem::Unexpected { found, expected })
    }

    fn namespace(&self, prefix: &str) -> String {
        let known = self.scope.namespace(prefix);
        let known = known.or_else(|| self.known.get(prefix).map(String::as_str));
        known.map_or_else(|| module_namespace(prefix), str::to_owned)
    }

    /// Takes the declarations of an annotation into scope.
    fn declare(&mut self, annotation: &Annotation) -> Result<(), LoadError> {
        self.scope.enter();
        for (name, value) in annotation {
            let Some(prefix) = name.strip_prefix("xmlns:") else { continue };
            if prefix.is_empty() || !is_namespace(value) {
                let (name, namespace) = (name.clone(), value.clone());
                return Err(LoadError::at(
                    self.place.get(),
                    Problem::Namespace { name, namespace },
                ));
            }
            self.scope.declare(prefix, value);
        }
        Ok(())
    }

    /// What an annotation says, its declarations aside.
    fn marks(&self, annotation: &Annotation, at: At) -> Result<Marks, LoadError> {
        let mut named = Attributes::new();
        for (written, value) in annotation {
            if written == "xmlns" || written.starts_with("xmlns:") {
                continue;
            }
            if is_edit_operation(written) {
                return Err(LoadError::at(at, Problem::Refused("the attribute operation")));
            }
            if !is_name(written) {
                return Err(LoadError::at(at, Problem::AttributeName { name: written.clone() }));
            }
            let name = match written.split_once(':') {
                Some(("pumice", local)) if self.scope.namespace("pumice").is_none() => {
                    Name::in_namespace(local, TYPE_NAMESPACE)
                }
                Some((prefix, local)) => Name::in_namespace(local, self.namespace(prefix)),
                None => Name::plain(&**written),
            };
            named.push((name, value.clone()));
        }
        let mut used = Attributes::new();
        for (_, value) in &named {
            let new = self.scope.used_in(value).into_iter().filter(|new| !used.contains(new));
            used.extend(new.collect::<Attributes>());
        }
        named.extend(used);
        marks(named, at)
    }
}

/// A member that has a name already and waits for its value.
struct Member {
    name: Name,
    /// The namespace that it is in.
    namespace: String,
    prefix: Option<String>,
    at: At,
    /// One for each array element; the first for anything else.
    annotations: Vec<Annotation>,
}

impl Member {
    fn annotation(&self, index: usize) -> Annotation {
        self.annotations.get(index).cloned().unwrap_or_default()
    }

    fn start(&self, marks: Marks, at: At, in_array: bool, object: bool) -> Start {
        let (name, prefix) = (self.name.clone(), self.prefix.clone());
        Start { name, prefix, at, in_array, object, single: !in_array, marks }
    }
}

/// Any value: the top object, a member's value.
struct Item<'c, 's> {
    context: &'c mut Context<'s>,
    /// `None`: the top.
    member: Option<Member>,
}

impl<'de> DeserializeSeed<'de> for Item<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Item<'_, '_> {
    fn scalar<E: serde::de::Error>(self, scalar: Scalar) -> Result<(), E> {
        let Some(member) = self.member else {
            return self.context.unexpected("a bare value", "an object");
        };
        emit_scalar(self.context, &member, 0, member.at, false, scalar)
    }
}

fn emit_scalar<E: serde::de::Error>(
    context: &mut Context<'_>,
    member: &Member,
    index: usize,
    at: At,
    in_array: bool,
    scalar: Scalar,
) -> Result<(), E> {
    let annotation = member.annotation(index);
    let declared = context.declare(&annotation);
    context.keep(declared)?;
    let marks = context.marks(&annotation, at);
    let marks = context.keep(marks)?;
    let started = context.sink.start(member.start(marks, at, in_array, false));
    context.keep(started)?;
    let used = match &scalar {
        Scalar::Text(text) => context.scope.used_in(text),
        Scalar::Typed(_) => Attributes::new(),
    };
    context.scope.leave();
    let ended = context.sink.end(Content::Scalar(scalar), used);
    context.keep(ended)
}

/// The scalars, the same for members and elements of arrays.
macro_rules! scalars {
    () => {
        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
            self.scalar(Scalar::Typed(Value::Boolean(value)))
        }

        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
            self.scalar(Scalar::Typed(integer(i128::from(value))))
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
            self.scalar(Scalar::Typed(integer(i128::from(value))))
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
            match real(value) {
                Some(value) => self.scalar(Scalar::Typed(value)),
                None => {
                    let found = "a number too large or too fine to be kept exactly";
                    self.context.unexpected(found, "64 bits, or the number in quotes")
                }
            }
        }

        fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
            self.scalar(Scalar::Text(value.to_owned()))
        }
    };
}

impl<'de> Visitor<'de> for Item<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalars!();

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.context.unexpected("null", "a value ([null] for an empty leaf)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(member) = self.member else {
            let first = map.next_key()?;
            return object(self.context, map, first, "");
        };
        started_object(self.context, map, &member, 0, member.at, false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Some(member) = self.member else {
            return self.context.unexpected("an array", "an object");
        };
        let mut index = 0;
        let mut saw_null = false;
        loop {
            let element = Element { context: &mut *self.context, member: &member, index };
            match elements.next_element_seed(element)? {
                None => return Ok(()),
                Some(is_null) if saw_null || (is_null && index > 0) => {
                    return self.context.unexpected("null among other elements", "[null] alone");
                }
                Some(is_null) => saw_null = is_null,
            }
            index += 1;
        }
    }
}

/// One element of an array; tells whether it was null.
struct Element<'c, 's, 'm> {
    context: &'c mut Context<'s>,
    member: &'m Member,
    index: usize,
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Element<'_, '_, '_> {
    fn scalar<E: serde::de::Error>(self, scalar: Scalar) -> Result<bool, E> {
        let at = self.context.place.get();
        emit_scalar(self.context, self.member, self.index, at, true, scalar).map(|()| false)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of an array")
    }

    scalars!();

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        let (member, empty) = (self.member, Scalar::Typed(Value::Empty));
        emit_scalar(self.context, member, self.index, member.at, false, empty).map(|()| true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let at = self.context.place.get();
        started_object(self.context, map, self.member, self.index, at, true).map(|()| false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<bool, A::Error> {
        self.context.unexpected("an array in an array", "an object or a value")
    }
}

/// An object that stands for a node. Its first member may be `@`, which is about itself (RFC 7952, section 5.2.1).
fn started_object<'de, A: MapAccess<'de>>(
    context: &mut Context<'_>,
    mut map: A,
    member: &Member,
    index: usize,
    at: At,
    in_array: bool,
) -> Result<(), A::Error> {
    let mut annotation = member.annotation(index);
    let mut first = map.next_key::<String>()?;
    if first.as_deref() == Some("@") {
        annotation.extend(map.next_value::<Annotations>()?.0.into_iter().flatten());
        first = map.next_key()?;
    }
    let declared = context.declare(&annotation);
    context.keep(declared)?;
    let marks = context.marks(&annotation, at);
    let marks = context.keep(marks)?;
    let started = context.sink.start(member.start(marks, at, in_array, true));
    context.keep(started)?;
    object(context, map, first, &member.namespace)?;
    context.scope.leave();
    let ended = context.sink.end(Content::Children, Attributes::new());
    context.keep(ended)
}

/// The members of an object in a namespace, the name of the first known. Annotations (`@name`) stand before what they are about.
fn object<'de, A: MapAccess<'de>>(
    context: &mut Context<'_>,
    mut map: A,
    first: Option<String>,
    around: &str,
) -> Result<(), A::Error> {
    let mut seen = HashSet::new();
    let mut names = HashSet::new();
    let mut annotations: HashMap<String, Vec<Annotation>> = HashMap::new();
    let mut next = first;
    while let Some(name) = next {
        let at = context.place.get();
        if !seen.insert(name.clone()) {
            return context.refuse(Problem::TwiceInObject { name });
        }
        if let Some(target) = name.strip_prefix('@') {
            if target.is_empty() || seen.contains(target) {
                return context.unexpected("this annotation", "an annotation before its member");
            }
            let found: Annotations = map.next_value()?;
            annotations.insert(target.to_owned(), found.0);
            next = map.next_key()?;
            continue;
        }
        if !is_name(&name) {
            return context.refuse(Problem::Name { name });
        }
        let own = annotations.remove(&name).unwrap_or_default();
        let member = member(context, &name, at, own, around);
        let member = context.keep(member)?;
        if !names.insert(member.name.clone()) {
            return context.refuse(Problem::TwiceInObject { name });
        }
        map.next_value_seed(Item { context, member: Some(member) })?;
        next = map.next_key()?;
    }
    if annotations.is_empty() {
        return Ok(());
    }
    context.unexpected("an annotation of a member that is not there", "the member")
}

/// A member by its name as written: the namespace is that of its prefix, or the default one that its annotation declares, or
/// that of the object around it.
fn member(
    context: &mut Context<'_>,
    written: &str,
    at: At,
    annotations: Vec<Annotation>,
    around: &str,
) -> Result<Member, LoadError> {
    let first = annotations.first().cloned().unwrap_or_default();
    let default = first.iter().find(|(name, _)| name == "xmlns").map(|(_, value)| value.clone());
    if default.as_deref().is_some_and(|namespace| !is_namespace(namespace)) {
        let (name, namespace) = ("xmlns".to_owned(), default.unwrap_or_default());
        return Err(LoadError::at(at, Problem::Namespace { name, namespace }));
    }
    context.declare(&first)?;
    let (prefix, local) = match written.split_once(':') {
        Some((prefix, local)) => (Some(prefix.to_owned()), local),
        None => (None, written),
    };
    let namespace = match &prefix {
        Some(prefix) => context.namespace(prefix),
        None => default.unwrap_or_else(|| around.to_owned()),
    };
    context.scope.leave();
    let name = Name::below(around, local, &namespace);
    Ok(Member { name, namespace, prefix, at, annotations })
}

/// One object of strings, or an array of such objects and nulls.
struct Annotations(Vec<Annotation>);

/// Attributes as written.
type Annotation = Vec<(String, String)>;

impl<'de> serde::Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let elements = match value {
            serde_json::Value::Array(elements) => elements,
            other => vec![other],
        };
        let object = |element| match element {
            serde_json::Value::Null => Ok(Vec::new()),
            serde_json::Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| match value {
                    serde_json::Value::String(text) => Ok((name, text)),
                    _ => Err(D::Error::custom("an annotation whose value is not a string")),
                })
                .collect(),
            _ => Err(D::Error::custom("an annotation that is not an object")),
        };
        Ok(Self(elements.into_iter().map(object).collect::<Result<_, _>>()?))
    }
}
