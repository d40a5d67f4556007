//! Values to bytes and back; the tables are in the module doc.

use thiserror::Error;

use super::decimal::Decimal64;
use super::typed::Value;
use super::types::DECIMAL64_CODE;
use super::types::ValueType;

/// Bytes that no version of this crate writes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("stored bytes are not a {what}")]
pub struct DecodeError {
    /// What was being read.
    pub what: &'static str,
}

const VALUE: DecodeError = DecodeError { what: "value" };
const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xFF;
const END: u8 = 0x01;

/// Appends the record form of `value`.
pub fn encode_record(value: &Value, out: &mut Vec<u8>) {
    out.push(value.value_type().code());
    match value {
        Value::Int8(n) => zigzag(i64::from(*n), out),
        Value::Int16(n) => zigzag(i64::from(*n), out),
        Value::Int32(n) => zigzag(i64::from(*n), out),
        Value::Int64(n) => zigzag(*n, out),
        Value::Uint8(n) => leb128(u64::from(*n), out),
        Value::Uint16(n) => leb128(u64::from(*n), out),
        Value::Uint32(n) => leb128(u64::from(*n), out),
        Value::Uint64(n) => leb128(*n, out),
        Value::Decimal64(decimal) => {
            out.push(decimal.fraction_digits());
            zigzag(decimal.digits(), out);
        }
        Value::Boolean(value) => out.push(u8::from(*value)),
        Value::Empty => {}
        Value::Binary(bytes) => out.extend_from_slice(bytes),
        Value::String(text)
        | Value::Enumeration(text)
        | Value::Bits(text)
        | Value::IdentityRef(text)
        | Value::InstanceIdentifier(text) => out.extend_from_slice(text.as_bytes()),
    }
}

/// Reads what [`encode_record`] wrote.
///
/// # Errors
/// [`DecodeError`] for anything else.
pub fn decode_record(bytes: &[u8]) -> Result<Value, DecodeError> {
    let (&code, rest) = bytes.split_first().ok_or(VALUE)?;
    let fraction_digits = rest.first().copied().unwrap_or(0);
    let value = match ValueType::from_code(code, fraction_digits).ok_or(VALUE)? {
        ValueType::Int8 => signed(rest).and_then(|n| n.try_into().ok()).map(Value::Int8),
        ValueType::Int16 => signed(rest).and_then(|n| n.try_into().ok()).map(Value::Int16),
        ValueType::Int32 => signed(rest).and_then(|n| n.try_into().ok()).map(Value::Int32),
        ValueType::Int64 => signed(rest).map(Value::Int64),
        ValueType::Uint8 => unsigned(rest).and_then(|n| n.try_into().ok()).map(Value::Uint8),
        ValueType::Uint16 => unsigned(rest).and_then(|n| n.try_into().ok()).map(Value::Uint16),
        ValueType::Uint32 => unsigned(rest).and_then(|n| n.try_into().ok()).map(Value::Uint32),
        ValueType::Uint64 => unsigned(rest).map(Value::Uint64),
        ValueType::Decimal64 { fraction_digits } => rest
            .get(1..)
            .and_then(signed)
            .and_then(|digits| Decimal64::new(digits, fraction_digits))
            .map(Value::Decimal64),
        ValueType::Boolean => boolean(rest).map(Value::Boolean),
        ValueType::Empty => rest.is_empty().then_some(Value::Empty),
        ValueType::Binary => Some(Value::Binary(rest.to_vec())),
        textual => text_value(textual, rest.to_vec()),
    };
    value.ok_or(VALUE)
}

/// Appends the key form of `value`: sorts as the value does, ends by itself.
pub fn encode_key(value: &Value, out: &mut Vec<u8>) {
    out.push(value.value_type().code());
    match value {
        Value::Int8(n) => out.push(n.cast_unsigned() ^ 0x80),
        Value::Int16(n) => out.extend((n.cast_unsigned() ^ (1 << 15)).to_be_bytes()),
        Value::Int32(n) => out.extend((n.cast_unsigned() ^ (1 << 31)).to_be_bytes()),
        Value::Int64(n) => out.extend(flipped(*n)),
        Value::Uint8(n) => out.push(*n),
        Value::Uint16(n) => out.extend(n.to_be_bytes()),
        Value::Uint32(n) => out.extend(n.to_be_bytes()),
        Value::Uint64(n) => out.extend(n.to_be_bytes()),
        Value::Decimal64(decimal) => {
            out.push(decimal.fraction_digits());
            out.extend(flipped(decimal.digits()));
        }
        Value::Boolean(value) => out.push(u8::from(*value)),
        Value::Empty => {}
        Value::Binary(bytes) => escape(bytes, out),
        Value::String(text)
        | Value::Enumeration(text)
        | Value::Bits(text)
        | Value::IdentityRef(text)
        | Value::InstanceIdentifier(text) => escape(text.as_bytes(), out),
    }
}

/// Reads one value from the front of `bytes`, as [`encode_key`] wrote it, and moves past it.
///
/// # Errors
/// [`DecodeError`] when the front of `bytes` is nothing that [`encode_key`] writes.
pub fn decode_key(bytes: &mut &[u8]) -> Result<Value, DecodeError> {
    key_value(bytes).ok_or(VALUE)
}

/// How many bytes the key form at the front of `bytes` takes, without decoding it.
pub(crate) fn key_len(bytes: &[u8]) -> Option<usize> {
    let (&code, rest) = bytes.split_first()?;
    let fixed = match ValueType::from_code(code, rest.first().copied().unwrap_or(0))? {
        ValueType::Empty => 0,
        ValueType::Int8 | ValueType::Uint8 | ValueType::Boolean => 1,
        ValueType::Int16 | ValueType::Uint16 => 2,
        ValueType::Int32 | ValueType::Uint32 => 4,
        ValueType::Int64 | ValueType::Uint64 => 8,
        ValueType::Decimal64 { .. } => 9,
        _ => {
            let end = rest.windows(2).position(|pair| pair == [ESCAPE, END])?;
            return Some(1 + end + 2);
        }
    };
    (rest.len() >= fixed).then_some(1 + fixed)
}

fn key_value(bytes: &mut &[u8]) -> Option<Value> {
    let [code] = take::<1>(bytes)?;
    let fraction_digits = if code == DECIMAL64_CODE { take::<1>(bytes)?[0] } else { 0 };
    Some(match ValueType::from_code(code, fraction_digits)? {
        ValueType::Int8 => Value::Int8((take::<1>(bytes)?[0] ^ 0x80).cast_signed()),
        ValueType::Int16 => {
            Value::Int16((u16::from_be_bytes(take(bytes)?) ^ (1 << 15)).cast_signed())
        }
        ValueType::Int32 => {
            Value::Int32((u32::from_be_bytes(take(bytes)?) ^ (1 << 31)).cast_signed())
        }
        ValueType::Int64 => Value::Int64(unflipped(take(bytes)?)),
        ValueType::Uint8 => Value::Uint8(take::<1>(bytes)?[0]),
        ValueType::Uint16 => Value::Uint16(u16::from_be_bytes(take(bytes)?)),
        ValueType::Uint32 => Value::Uint32(u32::from_be_bytes(take(bytes)?)),
        ValueType::Uint64 => Value::Uint64(u64::from_be_bytes(take(bytes)?)),
        ValueType::Decimal64 { fraction_digits } => {
            Value::Decimal64(Decimal64::new(unflipped(take(bytes)?), fraction_digits)?)
        }
        ValueType::Boolean => Value::Boolean(boolean(&take::<1>(bytes)?)?),
        ValueType::Empty => Value::Empty,
        ValueType::Binary => Value::Binary(unescape(bytes)?),
        textual => text_value(textual, unescape(bytes)?)?,
    })
}

fn text_value(value_type: ValueType, bytes: Vec<u8>) -> Option<Value> {
    let text = String::from_utf8(bytes).ok()?;
    match value_type {
        ValueType::String => Some(Value::String(text)),
        ValueType::Enumeration => Some(Value::Enumeration(text)),
        ValueType::Bits => Some(Value::Bits(text)),
        ValueType::IdentityRef => Some(Value::IdentityRef(text)),
        ValueType::InstanceIdentifier => Some(Value::InstanceIdentifier(text)),
        _ => None,
    }
}

fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn flipped(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn unflipped(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == ESCAPE {
            out.push(ESCAPED_ZERO);
        }
    }
    out.extend([ESCAPE, END]);
}

fn unescape(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let zero = bytes.iter().position(|byte| *byte == ESCAPE)?;
        out.extend_from_slice(bytes.get(..zero)?);
        let mark = *bytes.get(zero + 1)?;
        *bytes = bytes.get(zero + 2..)?;
        match mark {
            END => return Some(out),
            ESCAPED_ZERO => out.push(ESCAPE),
            _ => return None,
        }
    }
}

fn zigzag(number: i64, out: &mut Vec<u8>) {
    leb128(((number << 1) ^ (number >> 63)).cast_unsigned(), out);
}

fn leb128(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    let (last, head) = bytes.split_last()?;
    if *last >= 0x80 || head.iter().any(|byte| *byte < 0x80) {
        return None;
    }
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7F);
        let shift = u32::try_from(index).ok()?.checked_mul(7).filter(|shift| *shift < 64)?;
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
    }
    Some(number)
}

fn signed(bytes: &[u8]) -> Option<i64> {
    let number = unsigned(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}
