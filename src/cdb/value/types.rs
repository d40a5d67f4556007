//! The names and codes of the value types.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A YANG base type.
///
/// ```
/// use pumice::cdb::ValueType;
///
/// let price: ValueType = "decimal64(2)".parse()?;
/// assert_eq!(price, ValueType::Decimal64 { fraction_digits: 2 });
/// assert_eq!(price.to_string(), "decimal64(2)");
/// # Ok::<(), pumice::cdb::UnknownType>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are YANG's (RFC 7950, section 9)")]
pub enum ValueType {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    /// A number of 19 digits at most, `fraction_digits` (1 to 18) of them after the point.
    Decimal64 {
        fraction_digits: u8,
    },
    String,
    Boolean,
    Binary,
    Enumeration,
    Empty,
    Bits,
    IdentityRef,
    InstanceIdentifier,
}

/// Name and code of every type but decimal64.
const TABLE: [(&str, u8, ValueType); 16] = [
    ("int8", 1, ValueType::Int8),
    ("int16", 2, ValueType::Int16),
    ("int32", 3, ValueType::Int32),
    ("int64", 4, ValueType::Int64),
    ("uint8", 5, ValueType::Uint8),
    ("uint16", 6, ValueType::Uint16),
    ("uint32", 7, ValueType::Uint32),
    ("uint64", 8, ValueType::Uint64),
    ("string", 10, ValueType::String),
    ("boolean", 11, ValueType::Boolean),
    ("binary", 12, ValueType::Binary),
    ("enumeration", 13, ValueType::Enumeration),
    ("empty", 14, ValueType::Empty),
    ("bits", 15, ValueType::Bits),
    ("identityref", 16, ValueType::IdentityRef),
    ("instance-identifier", 17, ValueType::InstanceIdentifier),
];

pub(super) const DECIMAL64_CODE: u8 = 9;

impl ValueType {
    /// The byte that stands for this type in records and keys: int8 .. int64 1 to 4, uint8 .. uint64 5 to 8,
    /// decimal64 9, string 10, boolean 11, binary 12, enumeration 13, empty 14, bits 15, identityref 16,
    /// instance-identifier 17.
    pub fn code(self) -> u8 {
        let row = TABLE.iter().find(|(_, _, value_type)| *value_type == self);
        row.map_or(DECIMAL64_CODE, |(_, code, _)| *code)
    }

    /// The type of a code; `fraction_digits` counts for decimal64 only.
    pub(crate) fn from_code(code: u8, fraction_digits: u8) -> Option<Self> {
        if code == DECIMAL64_CODE {
            return (1..=18)
                .contains(&fraction_digits)
                .then_some(Self::Decimal64 { fraction_digits });
        }
        TABLE.iter().find(|row| row.1 == code).map(|row| row.2)
    }

    /// The digits after the point for decimal64, 0 for every other type.
    pub(crate) fn fraction_digits(self) -> u8 {
        match self {
            Self::Decimal64 { fraction_digits } => fraction_digits,
            _ => 0,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Decimal64 { fraction_digits } = self {
            return write!(f, "decimal64({fraction_digits})");
        }
        let row = TABLE.iter().find(|(_, _, value_type)| value_type == self);
        f.write_str(row.map_or("", |row| row.0))
    }
}

/// A name that no type has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{name}\" is not a type: expected int8..int64, uint8..uint64, decimal64(N) with N from 1 to 18, string, boolean, \
     binary, enumeration, empty, bits, identityref or instance-identifier"
)]
pub struct UnknownType {
    /// What was given.
    pub name: String,
}

impl FromStr for ValueType {
    type Err = UnknownType;

    fn from_str(name: &str) -> Result<Self, UnknownType> {
        if let Some(row) = TABLE.iter().find(|row| row.0 == name) {
            return Ok(row.2);
        }
        let digits = name.strip_prefix("decimal64(").and_then(|rest| rest.strip_suffix(')'));
        digits
            .and_then(|digits| digits.parse().ok())
            .and_then(|digits| Self::from_code(DECIMAL64_CODE, digits))
            .ok_or_else(|| UnknownType { name: name.to_owned() })
    }
}
