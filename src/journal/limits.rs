//! The largest things the engine takes. They are refused with a typed error before a byte is written.

/// The longest key: 64 KiB less one byte, so that a key's length fits 16 bits.
pub const MAX_KEY_BYTES: usize = 65_535;

/// The longest value: 256 MiB.
pub const MAX_VALUE_BYTES: usize = 256 << 20;

/// The largest transaction, keys and values and their framing together: 1 GiB.
pub const MAX_TRANSACTION_BYTES: usize = 1 << 30;
