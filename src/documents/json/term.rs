//! Erlang's external term format (minor version 1), as far as documents need it.

use super::Invalid;
use super::number::magnitude;

const FLOAT: u8 = 70;
const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const ATOM: u8 = 100;
const SMALL_TUPLE: u8 = 104;
const NIL: u8 = 106;
const STRING: u8 = 107;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;
const LARGE_BIG: u8 = 111;

/// The header of a list that is filled in by [`finish_list`].
const LIST_HEADER: usize = 5;

/// A tuple of so many elements, which follow.
pub(super) fn put_tuple(out: &mut Vec<u8>, elements: u8) {
    out.extend_from_slice(&[SMALL_TUPLE, elements]);
}

/// `true`, `false` or `null`.
pub(super) fn put_atom(out: &mut Vec<u8>, name: &str) {
    let len = u8::try_from(name.len()).unwrap_or_default();
    out.extend_from_slice(&[ATOM, 0, len]);
    out.extend_from_slice(name.as_bytes());
}

/// A binary.
pub(crate) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Invalid> {
    let len = u32::try_from(bytes.len()).map_err(|_| Invalid)?;
    out.push(BINARY);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn put_float(out: &mut Vec<u8>, value: f64) {
    out.push(FLOAT);
    out.extend_from_slice(&value.to_be_bytes());
}

/// An integer of 64 bits without sign.
pub(crate) fn put_integer(out: &mut Vec<u8>, value: u64) {
    if let Ok(byte) = u8::try_from(value) {
        out.extend_from_slice(&[SMALL_INTEGER, byte]);
    } else if let Ok(value) = i32::try_from(value) {
        out.push(INTEGER);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        put_big(out, false, trimmed(&value.to_le_bytes()));
    }
}

/// An integer in decimal digits, of any size.
pub(super) fn put_decimal(out: &mut Vec<u8>, text: &str) -> Result<(), Invalid> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let Ok(value) = digits.parse::<u64>() else {
        put_big(out, negative, &magnitude(digits)?);
        return Ok(());
    };
    if !negative || value == 0 {
        put_integer(out, value);
    } else if value <= 1 << 31 {
        out.push(INTEGER);
        let value = u32::try_from(value).map_err(|_| Invalid)?.wrapping_neg();
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        put_big(out, true, trimmed(&value.to_le_bytes()));
    }
    Ok(())
}

fn trimmed(magnitude: &[u8]) -> &[u8] {
    let len = magnitude.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    magnitude.get(..len).unwrap_or_default()
}

fn put_big(out: &mut Vec<u8>, negative: bool, magnitude: &[u8]) {
    if let Ok(len) = u8::try_from(magnitude.len()) {
        out.extend_from_slice(&[SMALL_BIG, len, u8::from(negative)]);
    } else {
        // Digits are limited far below the 4 GiB of this length.
        let len = u32::try_from(magnitude.len()).unwrap_or(u32::MAX);
        out.push(LARGE_BIG);
        out.extend_from_slice(&len.to_be_bytes());
        out.push(u8::from(negative));
    }
    out.extend_from_slice(magnitude);
}

/// Begins a list whose length is not known yet; answers its place, for [`finish_list`].
pub(crate) fn start_list(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&[LIST, 0, 0, 0, 0]);
    at
}

/// Ends a list of so many elements. One of integers from 0 to 255 becomes a string, as Erlang writes it.
pub(crate) fn finish_list(out: &mut Vec<u8>, at: usize, count: usize) -> Result<(), Invalid> {
    if count == 0 {
        out.truncate(at);
        out.push(NIL);
        return Ok(());
    }
    let elements = out.get(at + LIST_HEADER..).unwrap_or_default();
    if let Ok(len) = u16::try_from(count)
        && let Some(bytes) = all_bytes(elements, count)
    {
        out.truncate(at);
        out.push(STRING);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&bytes);
        return Ok(());
    }
    let count = u32::try_from(count).map_err(|_| Invalid)?;
    if let Some(header) = out.get_mut(at + 1..at + LIST_HEADER) {
        header.copy_from_slice(&count.to_be_bytes());
    }
    out.push(NIL);
    Ok(())
}

/// The values of elements that are small integers, all of them.
fn all_bytes(elements: &[u8], count: usize) -> Option<Vec<u8>> {
    if elements.len() != 2 * count {
        return None;
    }
    let pairs = elements.chunks_exact(2);
    pairs.map(|pair| pair.split_first().filter(|(tag, _)| **tag == SMALL_INTEGER)).try_fold(
        Vec::with_capacity(count),
        |mut bytes, pair| {
            bytes.extend_from_slice(pair?.1);
            Some(bytes)
        },
    )
}
