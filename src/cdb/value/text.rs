//! Values from text and to text.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::decimal::Decimal64;
use super::typed::Value;
use super::types::ValueType;

/// Text that is not a value of the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{}\" is not a value of type {value_type}: expected {expected}", .text.escape_debug())]
pub struct ValueError {
    /// What was given.
    pub text: String,
    /// The type that it should have.
    pub value_type: ValueType,
    /// What a value of this type looks like.
    pub expected: &'static str,
}

impl Value {
    /// Reads the text form (RFC 7950, section 9): integers in decimal (leading zeros and a sign are accepted),
    /// `true` or `false`, base64 for binary, names separated by spaces for bits. The canonical text is what
    /// `to_string` gives.
    ///
    /// # Errors
    /// [`ValueError`] names the text, the type and what was expected.
    pub fn parse(value_type: ValueType, text: &str) -> Result<Self, ValueError> {
        let value = match value_type {
            ValueType::Int8 => integer(text).map(Self::Int8),
            ValueType::Int16 => integer(text).map(Self::Int16),
            ValueType::Int32 => integer(text).map(Self::Int32),
            ValueType::Int64 => integer(text).map(Self::Int64),
            ValueType::Uint8 => integer(text).map(Self::Uint8),
            ValueType::Uint16 => integer(text).map(Self::Uint16),
            ValueType::Uint32 => integer(text).map(Self::Uint32),
            ValueType::Uint64 => integer(text).map(Self::Uint64),
            ValueType::Decimal64 { fraction_digits } => {
                Decimal64::parse(text, fraction_digits).map(Self::Decimal64)
            }
            ValueType::String => Some(Self::String(text.to_owned())),
            ValueType::Boolean => text.parse().ok().map(Self::Boolean),
            ValueType::Binary => binary(text).map(Self::Binary),
            ValueType::Enumeration => enumeration(text).map(Self::Enumeration),
            ValueType::Empty => text.is_empty().then_some(Self::Empty),
            ValueType::Bits => bits(text).map(Self::Bits),
            ValueType::IdentityRef => identity(text).map(Self::IdentityRef),
            ValueType::InstanceIdentifier => instance(text).map(Self::InstanceIdentifier),
        };
        let expected = expected(value_type);
        value.ok_or_else(|| ValueError { text: text.to_owned(), value_type, expected })
    }
}

/// What a person reads when a text does not fit.
fn expected(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Int8 => "a number from -128 to 127",
        ValueType::Int16 => "a number from -32768 to 32767",
        ValueType::Int32 => "a number from -2147483648 to 2147483647",
        ValueType::Int64 => "a number from -9223372036854775808 to 9223372036854775807",
        ValueType::Uint8 => "a number from 0 to 255",
        ValueType::Uint16 => "a number from 0 to 65535",
        ValueType::Uint32 => "a number from 0 to 4294967295",
        ValueType::Uint64 => "a number from 0 to 18446744073709551615",
        ValueType::Decimal64 { .. } => "a decimal number such as -1.5 that fits the digits",
        ValueType::String => "text",
        ValueType::Boolean => "true or false",
        ValueType::Binary => "base64",
        ValueType::Enumeration => "a name without white space at its ends",
        ValueType::Empty => "nothing",
        ValueType::Bits => "names separated by spaces, each once",
        ValueType::IdentityRef => "identity or module:identity",
        ValueType::InstanceIdentifier => "a path that starts with /",
    }
}

fn integer<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn binary(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).ok()
}

fn enumeration(text: &str) -> Option<String> {
    (!text.is_empty() && text.trim() == text).then(|| text.to_owned())
}

fn bits(text: &str) -> Option<String> {
    let mut names: Vec<&str> = text.split_ascii_whitespace().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    (names.len() == count && names.iter().all(|name| is_identifier(name))).then(|| names.join(" "))
}

fn identity(text: &str) -> Option<String> {
    let (module, name) = text.split_once(':').unwrap_or(("m", text));
    (is_identifier(module) && is_identifier(name)).then(|| text.to_owned())
}

fn instance(text: &str) -> Option<String> {
    // White space around a value means nothing in XML, so one that ended in it would not come back.
    (text.starts_with('/') && text.trim_end() == text).then(|| text.to_owned())
}

/// RFC 7950, section 6.2, with letters of any script.
fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The canonical text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int8(number) => number.fmt(f),
            Self::Int16(number) => number.fmt(f),
            Self::Int32(number) => number.fmt(f),
            Self::Int64(number) => number.fmt(f),
            Self::Uint8(number) => number.fmt(f),
            Self::Uint16(number) => number.fmt(f),
            Self::Uint32(number) => number.fmt(f),
            Self::Uint64(number) => number.fmt(f),
            Self::Decimal64(decimal) => decimal.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Binary(bytes) => f.write_str(&STANDARD.encode(bytes)),
            Self::Empty => Ok(()),
            Self::String(text)
            | Self::Enumeration(text)
            | Self::Bits(text)
            | Self::IdentityRef(text)
            | Self::InstanceIdentifier(text) => f.write_str(text),
        }
    }
}
