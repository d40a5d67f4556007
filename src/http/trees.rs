//! What a body costs as a tree of values: far more than its bytes where it is made of many small values. It is estimated from the text
//! before the tree is made, and refused when it is too much.

use super::problem::Problem;

/// What the tree of a body may take.
const TREE_BYTES_MAX: usize = 64 << 20;
/// A value in an array that grows, or a member in a node of a map, its name included.
const VALUE_BYTES: usize = 96;
/// An array: room for four values.
const ARRAY_BYTES: usize = 160;
/// An object: a node of a map, room for eleven members.
const OBJECT_BYTES: usize = 720;

/// Refuses a body whose tree would take too much memory (413).
pub fn check(body: &[u8]) -> Result<(), Problem> {
    if body.len().saturating_add(cost(body)) <= TREE_BYTES_MAX.max(2 * body.len()) {
        return Ok(());
    }
    let reason = "the request has too many values for its kind; ask for fewer at a time";
    Err(Problem::new(413, "too_large", reason))
}

fn cost(body: &[u8]) -> usize {
    let (mut cost, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b',' => cost = cost.saturating_add(VALUE_BYTES),
            b'[' => cost = cost.saturating_add(ARRAY_BYTES),
            b'{' => cost = cost.saturating_add(OBJECT_BYTES),
            _ => {}
        }
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_values_are_refused_and_few_large_ones_are_not() {
        for small in ["0,", "[],", "{},", "\"\","] {
            assert_eq!(check(small.repeat(1 << 20).as_bytes()).unwrap_err().status, 413, "{small}");
        }
        let large = format!("[\"{}\"]", "[{,\\\"".repeat(1 << 20));
        assert_eq!(check(large.as_bytes()), Ok(()));
        assert_eq!(cost(br#"{"a":[1,"{[,\"",2]}"#), OBJECT_BYTES + ARRAY_BYTES + 2 * VALUE_BYTES);
    }
}
