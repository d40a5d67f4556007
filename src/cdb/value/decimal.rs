//! YANG's decimal64: an i64 and the place of its point.

use std::fmt;

/// A decimal number: `digits` / 10 ^ `fraction_digits`.
///
/// ```
/// use pumice::cdb::Decimal64;
///
/// let price = Decimal64::new(-150, 2).unwrap();
/// assert_eq!(price.to_string(), "-1.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal64 {
    digits: i64,
    fraction_digits: u8,
}

impl Decimal64 {
    /// `None` when `fraction_digits` is not in 1..=18 (RFC 7950, section 9.3.4).
    pub fn new(digits: i64, fraction_digits: u8) -> Option<Self> {
        (1..=18).contains(&fraction_digits).then_some(Self { digits, fraction_digits })
    }

    /// All digits, as if there were no point.
    pub fn digits(self) -> i64 {
        self.digits
    }

    /// How many of them stand after the point.
    pub fn fraction_digits(self) -> u8 {
        self.fraction_digits
    }

    /// Reads `-12.5`; more digits after the point than the type has are refused, zeros excepted.
    pub(super) fn parse(text: &str, fraction_digits: u8) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let missing = usize::from(fraction_digits).checked_sub(fraction.len())?;
        let magnitude = format!("{whole}{fraction}{}", "0".repeat(missing));
        let magnitude: i128 = magnitude
            .trim_start_matches('0')
            .parse()
            .or_else(|error| if magnitude.bytes().all(|b| b == b'0') { Ok(0) } else { Err(error) })
            .ok()?;
        let digits = i64::try_from(if negative { -magnitude } else { magnitude }).ok()?;
        Self::new(digits, fraction_digits)
    }
}

/// The canonical form of RFC 7950, section 9.3.2: at least one digit on each side, no other trailing zeros.
impl fmt::Display for Decimal64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u64.pow(u32::from(self.fraction_digits));
        let magnitude = self.digits.unsigned_abs();
        let width = usize::from(self.fraction_digits);
        let fraction = format!("{:0width$}", magnitude % scale);
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.digits < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{}.{}",
            magnitude / scale,
            if fraction.is_empty() { "0" } else { fraction }
        )
    }
}
