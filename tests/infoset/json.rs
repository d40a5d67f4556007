//! Random JSON in the shape of RFC 7951.

use serde_json::{Map, Value, json};

use super::random::Random;

const MODULES: [&str; 3] = ["acme", "ietf-interfaces", "other"];

/// The tree, every member with its module. Members have no order among each other, elements of arrays have.
pub fn parse(text: &str) -> Value {
    qualified(serde_json::from_str(text).unwrap(), "")
}

/// RFC 7951 leaves the module out where it is the parent's.
fn qualified(value: Value, around: &str) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                if name.starts_with('@') {
                    return (name, value);
                }
                let (module, local) = name.split_once(':').unwrap_or((around, &name));
                (format!("{module}:{local}"), qualified(value, module))
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) => {
            elements.into_iter().map(|element| qualified(element, around)).collect()
        }
        scalar => scalar,
    }
}

pub fn generate(random: &mut Random) -> String {
    let mut top = Map::new();
    for index in 0..=random.below(3) {
        let name = name(random, &format!("t{index}"));
        let value = value(random, 0);
        top.insert(name, value);
    }
    Value::from(top).to_string()
}

fn name(random: &mut Random, local: &str) -> String {
    if random.below(3) == 0 {
        return format!("{}:{local}", MODULES[random.below(MODULES.len())]);
    }
    local.to_owned()
}

fn scalar(random: &mut Random) -> Value {
    match random.below(9) {
        0 => json!(random.below(1000)),
        1 => json!(-5),
        2 => json!(3_000_000_000_u64),
        3 => json!(u64::MAX),
        4 => json!(1.25),
        5 => json!(i64::MIN),
        6 => json!(true),
        7 => json!([null]),
        _ => json!(["x", "", "5", "\u{1}\u{e9}", "m:id", "two\nlines"][random.below(6)]),
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(5) {
        0 if depth < 3 => object(random, depth),
        1 => list(random, depth),
        2 => leaf_list(random),
        _ => scalar(random),
    }
}

fn object(random: &mut Random, depth: usize) -> Value {
    let mut members = Map::new();
    for index in 0..random.below(4) {
        let name = name(random, &format!("n{index}"));
        let value = value(random, depth + 1);
        members.insert(name, value);
    }
    Value::from(members)
}

fn list(random: &mut Random, depth: usize) -> Value {
    let numbers = random.below(2) == 0;
    let mut left: Vec<usize> = (0..=random.below(4)).collect();
    let mut entries = Vec::new();
    while !left.is_empty() {
        let number = left.remove(random.below(left.len()));
        let mut entry = Map::new();
        entry
            .insert("id".into(), if numbers { json!(number) } else { json!(format!("k{number}")) });
        if depth < 2 && random.below(2) == 0 {
            let value = scalar(random);
            entry.insert("v".into(), value);
        }
        entries.push(Value::from(entry));
    }
    Value::from(entries)
}

fn leaf_list(random: &mut Random) -> Value {
    let kind = random.below(4);
    let mut left: Vec<usize> = (0..=random.below(4)).collect();
    let mut values = Vec::new();
    while !left.is_empty() {
        let number = left.remove(random.below(left.len()));
        values.push(match kind {
            0 => json!(number),
            1 => json!(number as u64 + 6_000_000_000),
            2 => json!(number as f64 + 0.5),
            _ => json!(format!("s{number}")),
        });
    }
    Value::from(values)
}
