//! Numbers: floats printed as CouchDB prints them, integers of any size as Erlang keeps them.

use super::Invalid;

/// A float in its shortest form: as ECMAScript's, but always with a point or an exponent (jiffy, double-conversion's
/// `ToShortest` from -6 to 21).
pub(super) fn put_float(out: &mut Vec<u8>, value: f64) {
    // A zero too: its sign is part of the term that the revision is made of, and a copy is made from the text.
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value == 0.0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-6..21).contains(&exponent) {
        out.extend_from_slice(mantissa.as_bytes());
        out.push(b'e');
        out.push(if exponent < 0 { b'-' } else { b'+' });
        out.extend_from_slice(exponent.unsigned_abs().to_string().as_bytes());
        return;
    }
    let digits: Vec<u8> = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return put_small(out, &digits, exponent);
    };
    if whole == 0 {
        return put_small(out, &digits, exponent);
    }
    out.extend(digits.iter().take(whole));
    out.extend(std::iter::repeat_n(b'0', whole.saturating_sub(digits.len())));
    out.push(b'.');
    match digits.get(whole..) {
        Some(rest) if !rest.is_empty() => out.extend_from_slice(rest),
        _ => out.push(b'0'),
    }
}

/// Below 1.
fn put_small(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    out.extend_from_slice(b"0.");
    let zeros = usize::try_from(-1 - exponent).unwrap_or_default();
    out.extend(std::iter::repeat_n(b'0', zeros));
    out.extend_from_slice(digits);
}

/// The magnitude of a decimal integer without sign, least significant byte first. Takes the square of its length;
/// [`Reader::number`](super::Reader::number) limits that.
pub(super) fn magnitude(digits: &str) -> Result<Vec<u8>, Invalid> {
    let mut words: Vec<u32> = Vec::with_capacity(digits.len() / 9 + 1);
    let mut rest = digits;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.len().min(9));
        let mut carry = u64::from(head.parse::<u32>().map_err(|_| Invalid)?);
        let scale = 10_u64.pow(u32::try_from(head.len()).map_err(|_| Invalid)?);
        for word in &mut words {
            let value = u64::from(*word) * scale + carry;
            *word = u32::try_from(value & u64::from(u32::MAX)).map_err(|_| Invalid)?;
            carry = value >> 32;
        }
        if carry > 0 {
            words.push(u32::try_from(carry).map_err(|_| Invalid)?);
        }
        rest = tail;
    }
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}
