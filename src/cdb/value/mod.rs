//! Leaf values: YANG's base types, their text, and their bytes.
//!
//! A [`Value`] always knows its [`ValueType`]. `Value::parse(value.value_type(), &value.to_string())` gives the
//! same value back, for every value.
//!
//! Two encodings, both for `docs/format.md`:
//!
//! *Record* (a stored value): one type code byte, then
//!
//! | type | bytes after the code |
//! |---|---|
//! | int8 .. int64 | zigzag LEB128 |
//! | uint8 .. uint64 | LEB128 |
//! | decimal64 | fraction digits (1 byte), digits as zigzag LEB128 |
//! | boolean | 0 or 1 |
//! | empty | nothing |
//! | string, enumeration, bits, identityref, instance-identifier | UTF-8 to the end of the record |
//! | binary | the bytes to the end of the record |
//!
//! *Key* (inside an ordered key): one type code byte, then bytes that sort as the values do and end by themselves,
//! so that no encoded value is a prefix of another:
//!
//! | type | bytes after the code |
//! |---|---|
//! | int8 .. int64 | big endian, sign bit flipped |
//! | uint8 .. uint64 | big endian |
//! | decimal64 | fraction digits, then 8 bytes big endian, sign bit flipped |
//! | boolean | 0 or 1 |
//! | empty | nothing |
//! | everything else | the bytes, `00` written as `00 FF`, then the end mark `00 01` |
//!
//! Type codes: see [`ValueType::code`]. Code 0 is never used: it ends the keys of a list entry.

mod decimal;
mod encoding;
mod text;
mod typed;
mod types;

#[cfg(test)]
pub(crate) mod tests;

pub use decimal::Decimal64;
pub(crate) use encoding::key_len;
pub use encoding::{DecodeError, decode_key, decode_record, encode_key, encode_record};
pub use text::ValueError;
pub use typed::Value;
pub use types::{UnknownType, ValueType};
