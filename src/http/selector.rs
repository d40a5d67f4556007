//! Selectors: which documents a filter lets through. The operators are those of CouchDB's Mango, but `$regex`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::problem::Problem;

/// How deep selectors may be nested.
const DEPTH_MAX: usize = 64;

/// A selector that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// Every one fits.
    And(Vec<Selector>),
    /// One fits.
    Or(Vec<Selector>),
    /// It does not fit.
    Not(Box<Selector>),
    /// The member at a path fits.
    At(Vec<String>, Box<Selector>),
    /// An operator and its operand.
    Test(Test),
    /// One item of a list fits.
    AnyItem(Box<Selector>),
    /// Every item of a list that is not empty fits.
    AllItems(Box<Selector>),
    /// The name of a member fits.
    AnyKey(Box<Selector>),
}

/// What is held against a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// In CouchDB's order the value stands so to the operand; a missing one fits nothing but `$ne`.
    Compare(&'static [Ordering], Value),
    /// `$ne`.
    Differs(Value),
    /// `$exists`.
    Exists(bool),
    /// `$type`.
    Type(String),
    /// `$in`.
    In(Vec<Value>),
    /// `$nin`.
    NotIn(Vec<Value>),
    /// `$all`.
    All(Vec<Value>),
    /// `$size`.
    Size(u64),
    /// `$mod`.
    Mod(i64, i64),
    /// `$beginsWith`.
    BeginsWith(String),
}

fn bad(operator: &str, value: &Value) -> Problem {
    Problem::new(400, "bad_arg", format!("Bad argument for operator {operator}: {value}"))
}

impl Selector {
    /// Reads a selector.
    pub fn parse(value: &Value) -> Result<Self, Problem> {
        if !value.is_object() {
            return Err(Problem::new(
                400,
                "invalid_selector_json",
                "Selector must be a JSON object",
            ));
        }
        parse(value, DEPTH_MAX)
    }

    /// Whether a document fits.
    pub fn fits(&self, document: &Value) -> bool {
        self.holds(Some(document))
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|selector| selector.holds(value)),
            Self::Or(any) => any.iter().any(|selector| selector.holds(value)),
            Self::Not(selector) => !selector.holds(value),
            Self::At(path, selector) => {
                let at =
                    value.and_then(|value| path.iter().try_fold(value, |at, name| step(at, name)));
                selector.holds(at)
            }
            Self::Test(test) => test.holds(value),
            Self::AnyItem(selector) => items(value)
                .is_some_and(|items| items.iter().any(|item| selector.holds(Some(item)))),
            Self::AllItems(selector) => items(value).is_some_and(|items| {
                !items.is_empty() && items.iter().all(|item| selector.holds(Some(item)))
            }),
            Self::AnyKey(selector) => value.and_then(Value::as_object).is_some_and(|members| {
                members.keys().any(|key| selector.holds(Some(&Value::from(key.as_str()))))
            }),
        }
    }
}

fn items(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array)
}

fn step<'a>(at: &'a Value, name: &str) -> Option<&'a Value> {
    match at {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Exists(false));
        };
        match self {
            Self::Compare(wanted, operand) => wanted.contains(&compare(value, operand)),
            Self::Differs(operand) => compare(value, operand).is_ne(),
            Self::Exists(wanted) => *wanted,
            Self::Type(name) => kind(value).1 == name,
            Self::In(list) => is_in(value, list),
            Self::NotIn(list) => !is_in(value, list),
            Self::All(list) => value.as_array().is_some_and(|items| {
                list.iter().all(|wanted| items.iter().any(|item| compare(item, wanted).is_eq()))
            }),
            Self::Size(size) => value.as_array().is_some_and(|items| {
                u64::try_from(items.len()).is_ok_and(|length| length == *size)
            }),
            Self::Mod(divisor, rest) => {
                value.as_i64().is_some_and(|value| value.checked_rem(*divisor) == Some(*rest))
            }
            Self::BeginsWith(prefix) => {
                value.as_str().is_some_and(|text| text.starts_with(prefix.as_str()))
            }
        }
    }
}

/// A value is in a list when it is one of its items, or has one of them as an item.
fn is_in(value: &Value, list: &[Value]) -> bool {
    let is_one = |value: &Value| list.iter().any(|item| compare(value, item).is_eq());
    is_one(value) || value.as_array().is_some_and(|items| items.iter().any(is_one))
}

fn parse(value: &Value, depth: usize) -> Result<Selector, Problem> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| Problem::bad_request("the selector is nested too deep"))?;
    let Value::Object(members) = value else {
        return Ok(Selector::Test(Test::Compare(&[Ordering::Equal], value.clone())));
    };
    let is_operand = members.is_empty();
    if is_operand {
        return Ok(Selector::And(Vec::new()));
    }
    let all: Vec<_> =
        members.iter().map(|(name, value)| member(name, value, depth)).collect::<Result<_, _>>()?;
    Ok(Selector::And(all))
}

fn member(name: &str, value: &Value, depth: usize) -> Result<Selector, Problem> {
    if !name.starts_with('$') {
        return Ok(Selector::At(path(name), Box::new(parse(value, depth)?)));
    }
    let boxed = || parse(value, depth).map(Box::new);
    let several = || match value {
        Value::Array(items) => {
            items.iter().map(|item| parse(item, depth)).collect::<Result<Vec<_>, _>>()
        }
        _ => Err(bad(name, value)),
    };
    let list = || value.as_array().cloned().ok_or_else(|| bad(name, value));
    let compare = |wanted| Selector::Test(Test::Compare(wanted, value.clone()));
    Ok(match name {
        "$and" => Selector::And(several()?),
        "$or" => Selector::Or(several()?),
        "$nor" => Selector::Not(Box::new(Selector::Or(several()?))),
        "$not" => Selector::Not(boxed()?),
        "$elemMatch" => Selector::AnyItem(boxed()?),
        "$allMatch" => Selector::AllItems(boxed()?),
        "$keyMapMatch" => Selector::AnyKey(boxed()?),
        "$eq" => compare(&[Ordering::Equal]),
        "$lt" => compare(&[Ordering::Less]),
        "$lte" => compare(&[Ordering::Less, Ordering::Equal]),
        "$gt" => compare(&[Ordering::Greater]),
        "$gte" => compare(&[Ordering::Greater, Ordering::Equal]),
        "$ne" => Selector::Test(Test::Differs(value.clone())),
        "$in" => Selector::Test(Test::In(list()?)),
        "$nin" => Selector::Test(Test::NotIn(list()?)),
        "$all" => Selector::Test(Test::All(list()?)),
        "$exists" => Selector::Test(Test::Exists(value.as_bool().ok_or_else(|| bad(name, value))?)),
        "$size" => Selector::Test(Test::Size(value.as_u64().ok_or_else(|| bad(name, value))?)),
        "$type" | "$beginsWith" => {
            let text = value.as_str().ok_or_else(|| bad(name, value))?.to_owned();
            Selector::Test(if name == "$type" { Test::Type(text) } else { Test::BeginsWith(text) })
        }
        "$mod" => match list()?.iter().map(Value::as_i64).collect::<Vec<_>>().as_slice() {
            [Some(divisor), Some(rest)] if *divisor != 0 => {
                Selector::Test(Test::Mod(*divisor, *rest))
            }
            _ => return Err(bad(name, value)),
        },
        "$regex" => return Err(Problem::not_implemented("$regex comes later.")),
        _ => {
            return Err(Problem::new(400, "invalid_operator", format!("Invalid operator: {name}")));
        }
    })
}

/// `a.b` is the member `b` of the member `a`; `a\\.b` is one name.
fn path(name: &str) -> Vec<String> {
    let mut path = vec![String::new()];
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let last = path.last_mut();
        match (character, last) {
            ('\\', Some(last)) if characters.peek() == Some(&'.') => last.extend(characters.next()),
            ('.', _) => path.push(String::new()),
            (character, Some(last)) => last.push(character),
            _ => {}
        }
    }
    path
}

/// The place of a value's type in the order, and its name.
fn kind(value: &Value) -> (u8, &'static str) {
    match value {
        Value::Null => (0, "null"),
        Value::Bool(_) => (1, "boolean"),
        Value::Number(_) => (2, "number"),
        Value::String(_) => (3, "string"),
        Value::Array(_) => (4, "array"),
        Value::Object(_) => (5, "object"),
    }
}

/// CouchDB's order of values; strings by their code points.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64(), right.as_f64());
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let items = left.iter().zip(right).map(|(left, right)| compare(left, right));
            items.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => compare_members(left, right),
        (left, right) => kind(left).0.cmp(&kind(right).0),
    }
}

fn compare_members(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let pairs = left.iter().zip(right);
    let pairs = pairs.map(|((name, value), (other, against))| {
        name.cmp(other).then_with(|| compare(value, against))
    });
    pairs.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(selector: &Value, document: &Value) -> bool {
        Selector::parse(selector).unwrap().fits(document)
    }

    #[test]
    fn operators_are_those_of_mango() {
        let document = json!({"v": 4, "n": {"a": ["x", 5]}, "s": "stone", "z": null, "a.b": 1});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"v": 4}), true),
            (json!({"v": {"$gt": 3}}), true),
            (json!({"v": {"$gt": 3, "$lt": 4}}), false),
            (json!({"v": {"$gte": 4, "$lte": 4}}), true),
            (json!({"v": {"$gt": null}}), true),
            (json!({"v": {"$lt": "a"}}), true),
            (json!({"missing": {"$ne": 1}}), false),
            (json!({"missing": {"$exists": false}}), true),
            (json!({"z": {"$exists": true}}), true),
            (json!({"z": {"$type": "null"}}), true),
            (json!({"n.a.1": 5}), true),
            (json!({"n": {"a": {"$size": 2}}}), true),
            (json!({"n.a": {"$elemMatch": {"$eq": "x"}}}), true),
            (json!({"n.a": {"$allMatch": {"$type": "string"}}}), false),
            (json!({"n.a": {"$all": ["x"]}}), true),
            (json!({"n.a": {"$in": [5]}}), true),
            (json!({"v": {"$nin": [1, 2]}}), true),
            (json!({"v": {"$mod": [3, 1]}}), true),
            (json!({"s": {"$beginsWith": "st"}}), true),
            (json!({"$or": [{"v": 1}, {"s": "stone"}]}), true),
            (json!({"$nor": [{"v": 1}, {"s": "stone"}]}), false),
            (json!({"$not": {"v": 1}}), true),
            (json!({"a\\.b": 1}), true),
            (json!({"n": {"$keyMapMatch": {"$eq": "a"}}}), true),
        ] {
            assert_eq!(fits(&selector, &document), expected, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for selector in [
            json!({"v": {"$bad": 1}}),
            json!({"v": {"$in": 1}}),
            json!([1]),
            json!({"v": {"$mod": [0, 1]}}),
        ] {
            assert_eq!(Selector::parse(&selector).unwrap_err().status, 400, "{selector}");
        }
    }
}
