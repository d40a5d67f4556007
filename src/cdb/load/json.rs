//! JSON as a stream of starts and ends, in the shape of RFC 7951 with the annotations of RFC 7952.
//!
//! Numbers without a fraction are int64 (uint64 when they are larger), others text unless they are too large to be exact; `[null]` is an empty leaf. Objects and
//! arrays may nest to the depth that `serde_json` allows, 128 together.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::event::{Content, Marks, Scalar, Sink, Start, marks};
use super::position::{At, Counted, Place, TOO_LARGE};
use super::problem::{LoadError, Problem};
use crate::cdb::path::{MAX_DEPTH, is_name};
use crate::cdb::value::Value;

/// Below it floating point is exact to the unit; what is larger and fits 64 bits does not come as floating point.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

pub(super) fn stream(
    input: Box<dyn Read + '_>,
    limit_bytes: u64,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let place = Place::new();
    let input = Counted::new(BufReader::new(input), place.clone(), limit_bytes);
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let mut context = Context { sink, place, failed: None };
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
}

/// A member that has a name already and waits for its value.
struct Member<'m> {
    name: &'m str,
    at: At,
    /// One for each array element; the first for anything else.
    marks: Vec<Marks>,
}

impl Member<'_> {
    fn start(&self, index: usize, at: At, in_array: bool, object: bool) -> Start {
        let marks = self.marks.get(index).cloned().unwrap_or_default();
        Start { name: self.name.to_owned(), at, in_array, object, marks }
    }
}

/// Any value: the top object, a member's value.
struct Item<'c, 's, 'm> {
    context: &'c mut Context<'s>,
    /// `None`: the top.
    member: Option<Member<'m>>,
}

impl<'de> DeserializeSeed<'de> for Item<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Item<'_, '_, '_> {
    fn scalar<E: serde::de::Error>(self, scalar: Scalar) -> Result<(), E> {
        let Some(member) = self.member else {
            return self.context.unexpected("a bare value", "an object");
        };
        let start = member.start(0, member.at, false, false);
        emit_scalar(self.context, start, scalar)
    }
}

fn emit_scalar<E: serde::de::Error>(
    context: &mut Context<'_>,
    start: Start,
    scalar: Scalar,
) -> Result<(), E> {
    let started = context.sink.start(start);
    context.keep(started)?;
    let ended = context.sink.end(Content::Scalar(scalar));
    context.keep(ended)
}

/// The scalars, the same for members and elements of arrays.
macro_rules! scalars {
    () => {
        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
            self.scalar(Scalar::Typed(Value::Boolean(value)))
        }

        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
            self.scalar(Scalar::Typed(Value::Int64(value)))
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
            let narrow = i64::try_from(value).map(Value::Int64);
            self.scalar(Scalar::Typed(narrow.unwrap_or(Value::Uint64(value))))
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
            if value.abs() >= EXACT_BELOW {
                let found = "a number too large to be kept exactly";
                return self.context.unexpected(found, "64 bits, or the number in quotes");
            }
            self.scalar(Scalar::Text(value.to_string()))
        }

        fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
            self.scalar(Scalar::Text(value.to_owned()))
        }
    };
}

impl<'de> Visitor<'de> for Item<'_, '_, '_> {
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
            return object(self.context, map, first);
        };
        started_object(self.context, map, member.start(0, member.at, false, true))
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
    member: &'m Member<'m>,
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
        let start = self.member.start(self.index, self.context.place.get(), true, false);
        emit_scalar(self.context, start, scalar).map(|()| false)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of an array")
    }

    scalars!();

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        let start = self.member.start(self.index, self.member.at, false, false);
        emit_scalar(self.context, start, Scalar::Typed(Value::Empty)).map(|()| true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let at = self.context.place.get();
        let start = self.member.start(self.index, at, true, true);
        started_object(self.context, map, start).map(|()| false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<bool, A::Error> {
        self.context.unexpected("an array in an array", "an object or a value")
    }
}

/// An object that stands for a node. Its first member may be `@`, which is about itself (RFC 7952, section 5.2.1).
fn started_object<'de, A: MapAccess<'de>>(
    context: &mut Context<'_>,
    mut map: A,
    mut start: Start,
) -> Result<(), A::Error> {
    let mut first = map.next_key::<String>()?;
    if first.as_deref() == Some("@") {
        for attributes in map.next_value::<Annotations>()?.0 {
            let own = context.keep(marks(attributes, start.at))?;
            start.marks.attributes.extend(own.attributes);
            start.marks.presence |= own.presence;
        }
        first = map.next_key()?;
    }
    let started = context.sink.start(start);
    context.keep(started)?;
    object(context, map, first)?;
    let ended = context.sink.end(Content::Children);
    context.keep(ended)
}

/// The members of an object, the name of the first known. Annotations (`@name`) stand before what they are about.
fn object<'de, A: MapAccess<'de>>(
    context: &mut Context<'_>,
    mut map: A,
    first: Option<String>,
) -> Result<(), A::Error> {
    let mut seen = HashSet::new();
    let mut annotations: HashMap<String, Vec<Marks>> = HashMap::new();
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
            let found = found.0.into_iter().map(|attributes| marks(attributes, at));
            let found = found.collect::<Result<Vec<_>, _>>();
            annotations.insert(target.to_owned(), context.keep(found)?);
            next = map.next_key()?;
            continue;
        }
        if !is_name(&name) {
            return context.refuse(Problem::Name { name });
        }
        let marks = annotations.remove(&name).unwrap_or_default();
        map.next_value_seed(Item { context, member: Some(Member { name: &name, at, marks }) })?;
        next = map.next_key()?;
    }
    Ok(())
}

/// One object of strings, or an array of such objects and nulls.
struct Annotations(Vec<Vec<(String, String)>>);

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
