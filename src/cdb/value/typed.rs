//! The value itself.

use super::decimal::Decimal64;
use super::types::ValueType;

/// A typed leaf value.
///
/// ```
/// use pumice::cdb::{Value, ValueType};
///
/// let port = Value::parse(ValueType::Uint16, "0830")?;
/// assert_eq!(port, Value::Uint16(830));
/// assert_eq!(port.to_string(), "830");
/// # Ok::<(), pumice::cdb::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// YANG `int8`.
    Int8(i8),
    /// YANG `int16`.
    Int16(i16),
    /// YANG `int32`.
    Int32(i32),
    /// YANG `int64`.
    Int64(i64),
    /// YANG `uint8`.
    Uint8(u8),
    /// YANG `uint16`.
    Uint16(u16),
    /// YANG `uint32`.
    Uint32(u32),
    /// YANG `uint64`.
    Uint64(u64),
    /// YANG `decimal64`.
    Decimal64(Decimal64),
    /// YANG `string`.
    String(String),
    /// YANG `boolean`.
    Boolean(bool),
    /// YANG `binary`; its text is base64.
    Binary(Vec<u8>),
    /// YANG `enumeration`, by name.
    Enumeration(String),
    /// YANG `empty`: there, without a value.
    Empty,
    /// YANG `bits`: the names that are set, sorted, one space between. Without a schema their positions are not
    /// known, so that their names give the canonical order.
    Bits(String),
    /// YANG `identityref`: `identity` or `module:identity`.
    IdentityRef(String),
    /// YANG `instance-identifier`: a path, kept as written.
    InstanceIdentifier(String),
}

impl Value {
    /// The type of this value.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Int8(_) => ValueType::Int8,
            Self::Int16(_) => ValueType::Int16,
            Self::Int32(_) => ValueType::Int32,
            Self::Int64(_) => ValueType::Int64,
            Self::Uint8(_) => ValueType::Uint8,
            Self::Uint16(_) => ValueType::Uint16,
            Self::Uint32(_) => ValueType::Uint32,
            Self::Uint64(_) => ValueType::Uint64,
            Self::Decimal64(decimal) => {
                ValueType::Decimal64 { fraction_digits: decimal.fraction_digits() }
            }
            Self::String(_) => ValueType::String,
            Self::Boolean(_) => ValueType::Boolean,
            Self::Binary(_) => ValueType::Binary,
            Self::Enumeration(_) => ValueType::Enumeration,
            Self::Empty => ValueType::Empty,
            Self::Bits(_) => ValueType::Bits,
            Self::IdentityRef(_) => ValueType::IdentityRef,
            Self::InstanceIdentifier(_) => ValueType::InstanceIdentifier,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

macro_rules! from_integer {
    ($($integer:ty => $variant:ident),*) => {$(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}
from_integer!(i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, u8 => Uint8, u16 => Uint16, u32 => Uint32, u64 => Uint64);
