//! Sizes, durations and percentages: parse and print, nothing else.
//!
//! Each type reads the spelling of `ncs.conf` (`S64M`, `PT5S`; NSO: ncs.conf(5)) and the spelling a person
//! types (`64 MB`, `5s`), prints the first canonically (`to_tailf`, `to_xs`) and the second through
//! [`Display`](fmt::Display). There is one kind of kilobyte: 1,024 bytes, as in `tailf:size`.
//!
//! ```
//! use pumice::units::{ByteSize, Duration};
//!
//! let size: ByteSize = "S1K1B".parse()?;
//! assert_eq!(size.bytes(), 1025);
//! assert_eq!(ByteSize::from_bytes(121_037).to_string(), "118.2 KB");
//! assert_eq!("90s".parse::<Duration>()?.to_xs(), "PT1M30S");
//! # Ok::<(), pumice::units::ParseError>(())
//! ```

use std::fmt;
use std::str::FromStr;
use std::time;

#[cfg(test)]
mod tests;

/// A text that is not of the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is not {wanted}", excerpt(text))]
pub struct ParseError {
    /// What was written.
    pub text: String,
    /// What was expected, ready to stand after "is not".
    pub wanted: String,
    /// What to write instead, when that can be told.
    pub help: Option<String>,
}

impl ParseError {
    /// Without advice.
    pub fn new(text: &str, wanted: impl Into<String>) -> Self {
        Self { text: text.to_owned(), wanted: wanted.into(), help: None }
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// A text fit for one line of a message: no control characters, not long.
pub fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut shown: String = text
        .chars()
        .take(CHARS_MAX)
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A whole number with its thousands set apart: `1,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The digits in front, as text, and what follows.
fn leading_digits(text: &str) -> (&str, &str) {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(count).unwrap_or((text, ""))
}

/// The number in front and what follows; `None` without a digit or beyond 64 bits.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = leading_digits(text);
    Some((digits.parse().ok()?, rest))
}

/// A number of bytes.
///
/// Reads `tailf:size` (`S1G8M7K956B`: an `S`, then gigabytes, megabytes, kilobytes and bytes in this order, each
/// optional; a bare `S`, which the pattern of tailf-common.yang lets through, is refused), a plain number of
/// bytes (`52428800`), and a number with a unit (`50 MB`, `1.5G`, `64KiB`; a fraction of a byte is dropped).
/// Units are powers of 1,024 in every spelling. The largest size is 2^64 - 1 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// The units of `tailf:size`, in the order in which they must stand.
const TAILF_UNITS: [(char, u64); 4] = [('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10), ('B', 1)];

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The canonical `tailf:size`: `S50M`, `S1K1B`, `S0B`.
    pub fn to_tailf(self) -> String {
        let mut parts = Vec::new();
        let mut rest = self.0;
        for (unit, bytes) in TAILF_UNITS {
            let count = rest / bytes;
            rest %= bytes;
            if count > 0 || (unit == 'B' && self.0 == 0) {
                parts.push(format!("{count}{unit}"));
            }
        }
        format!("S{}", parts.concat())
    }
}

impl FromStr for ByteSize {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim();
        let bytes = match trimmed.strip_prefix('S') {
            Some(rest) => tailf_bytes(rest),
            None => plain_bytes(trimmed),
        };
        bytes.map(Self).ok_or_else(|| {
            ParseError::new(trimmed, "a size such as S64M, 64 MB or 67108864 (below 2^64 bytes)")
                .help(size_help(trimmed))
        })
    }
}

fn tailf_bytes(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    for (unit, bytes) in TAILF_UNITS {
        let Some((count, after)) = leading_number(rest) else {
            continue;
        };
        if let Some(after) = after.strip_prefix(unit) {
            total = total.checked_add(count.checked_mul(bytes)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

fn plain_bytes(text: &str) -> Option<u64> {
    let (whole, rest) = leading_number(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => leading_digits(rest),
        None => ("0", rest),
    };
    let unit = unit_bytes(rest.trim_start())?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(unit) / scale;
    whole.checked_mul(unit)?.checked_add(u64::try_from(part).ok()?)
}

fn unit_bytes(name: &str) -> Option<u64> {
    let power = match name.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 1,
        "M" | "MB" | "MIB" => 2,
        "G" | "GB" | "GIB" => 3,
        "T" | "TB" | "TIB" => 4,
        _ => return None,
    };
    Some(1 << (10 * power))
}

fn size_help(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    if let Some(bytes) = upper.strip_prefix('S').and_then(tailf_bytes) {
        return Some(format!("write {}", ByteSize(bytes).to_tailf()));
    }
    let parts: Vec<_> = upper.strip_prefix('S')?.split_inclusive(char::is_alphabetic).collect();
    let sorted = TAILF_UNITS.map(|(unit, _)| {
        parts.iter().filter(|part| part.ends_with(unit)).copied().collect::<String>()
    });
    let bytes = tailf_bytes(&sorted.concat())?;
    let help = format!("the units stand in the order G, M, K, B: {}", ByteSize(bytes).to_tailf());
    (sorted.concat().len() + 1 == upper.len()).then_some(help)
}

/// For people: `956 B`, `118.2 KB`, `1.0 GB`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut scale = 1_u128;
        let mut tenths = 0;
        let mut name = "";
        for unit in ["KB", "MB", "GB", "TB", "PB", "EB"] {
            scale *= 1024;
            name = unit;
            tenths = (u128::from(self.0) * 10 + scale / 2) / scale;
            if tenths < 10 * 1024 {
                break;
            }
        }
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A length of time, in whole microseconds, at most 2^64 - 1 of them.
///
/// Reads `xs:duration` (`PT5S`, `P1DT2H`, `PT0.5S`) and short forms (`5s`, `1h 30m`, `500ms`; units d, h, m, s, ms,
/// us, from large to small, each once). A day is 24 hours. Years and months are refused unless zero: they
/// have no fixed length. So is a negative duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The units of the short form, from large to small.
const SHORT_UNITS: [(&str, u64); 6] =
    [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1000), ("us", 1)];

impl Duration {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// So many seconds, or the longest duration when that is too many.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// The number of microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// As the standard library and [`crate::clock`] take it.
    pub const fn to_std(self) -> time::Duration {
        time::Duration::from_micros(self.0)
    }

    /// The canonical `xs:duration`: `PT5S`, `P1DT2H`, `PT1M0.5S`, `PT0S`.
    pub fn to_xs(self) -> String {
        if self.0 == 0 {
            return "PT0S".to_owned();
        }
        let rest = self.0 % DAY;
        let parts = [
            (self.0 / DAY, 'D'),
            (rest / HOUR, 'H'),
            (rest % HOUR / MINUTE, 'M'),
            (rest % MINUTE / SECOND, 'S'),
        ];
        let part = |(count, unit): (u64, char)| match (unit, count, rest % SECOND) {
            ('S', secs, micros @ 1..) => {
                let fraction = format!("{micros:06}");
                format!("{secs}.{}S", fraction.trim_end_matches('0'))
            }
            (_, 0, _) => String::new(),
            (unit, count, _) => format!("{count}{unit}"),
        };
        let [days, clock @ ..] = parts.map(part);
        let clock = clock.concat();
        let separator = if clock.is_empty() { "" } else { "T" };
        format!("P{days}{separator}{clock}")
    }
}

impl From<time::Duration> for Duration {
    /// Drops what is shorter than a microsecond; the longest duration stands for anything longer.
    fn from(std: time::Duration) -> Self {
        Self(u64::try_from(std.as_micros()).unwrap_or(u64::MAX))
    }
}

impl FromStr for Duration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim();
        let micros = match trimmed.strip_prefix('P') {
            Some(rest) => xs_micros(rest),
            None => short_micros(trimmed),
        };
        micros.map(Self).ok_or_else(|| {
            ParseError::new(trimmed, "a duration such as PT5S, P1DT2H, 5s or 1h 30m")
                .help(duration_help(trimmed))
        })
    }
}

/// What follows the `P`.
fn xs_micros(text: &str) -> Option<u64> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    if clock == Some("") || text.is_empty() {
        return None;
    }
    // Years and months count as nothing, so only zero of them keeps its meaning.
    let (date, calendar) = xs_parts(date, &[('Y', 0), ('M', 0), ('D', DAY)])?;
    let (clock, _) = xs_parts(clock.unwrap_or(""), &[('H', HOUR), ('M', MINUTE), ('S', SECOND)])?;
    if calendar { None } else { date.checked_add(clock) }
}

/// The sum of the components, and whether a unit without a fixed length was used with a number other than 0.
fn xs_parts(text: &str, units: &[(char, u64)]) -> Option<(u64, bool)> {
    let (mut rest, mut total, mut calendar) = (text, 0_u64, false);
    for &(unit, micros) in units {
        let Some((count, after)) = leading_number(rest) else {
            continue;
        };
        let (part, after) = match after.strip_prefix('.') {
            Some(fraction) if unit == 'S' => second_fraction(fraction)?,
            _ => (0, after),
        };
        if let Some(after) = after.strip_prefix(unit) {
            calendar |= micros == 0 && count > 0;
            total = total.checked_add(count.checked_mul(micros)?)?.checked_add(part)?;
            rest = after;
        }
    }
    rest.is_empty().then_some((total, calendar))
}

/// The microseconds of the digits behind `0.`, at most six of them.
fn second_fraction(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = leading_digits(text);
    let missing = 6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    Some((digits.parse::<u64>().ok()? * 10_u64.pow(missing), rest))
}

fn short_micros(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    let mut units = SHORT_UNITS.iter();
    while !rest.is_empty() {
        let (count, after) = leading_number(rest)?;
        let after = after.trim_start();
        let end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (name, after) = after.split_at_checked(end)?;
        // `find` goes on where the last component left off, which holds the order.
        let (_, micros) = units.find(|(unit, _)| *unit == name)?;
        total = total.checked_add(count.checked_mul(*micros)?)?;
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

fn duration_help(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("a unit is missing: write PT{text}S or {text}s for seconds"));
    }
    let Some(rest) = upper.strip_prefix('P') else {
        return upper.starts_with("-P").then(|| "a duration cannot be negative".to_owned());
    };
    if xs_micros(rest).is_some() {
        return Some(format!("write {upper}"));
    }
    if xs_micros(&format!("T{rest}")).is_some() {
        return Some(format!("hours, minutes and seconds stand behind a T: write PT{rest}"));
    }
    let (date, _) = rest.split_once('T').unwrap_or((rest, ""));
    let calendar = date.contains('Y') || date.contains('M');
    calendar.then(|| "years and months have no fixed length: write days, such as P30D".to_owned())
}

/// For people, and readable again: `5s`, `1h 30m`, `1s 500ms`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut parts = Vec::new();
        for (unit, micros) in SHORT_UNITS {
            let count = rest / micros;
            rest %= micros;
            if count > 0 {
                parts.push(format!("{count}{unit}"));
            }
        }
        if parts.is_empty() {
            return f.write_str("0s");
        }
        f.write_str(&parts.join(" "))
    }
}

/// A duration, or `infinity` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// At the latest after this long.
    After(Duration),
    /// Never.
    Infinity,
}

impl Timeout {
    /// The limit, if there is one.
    pub const fn limit(self) -> Option<Duration> {
        match self {
            Self::After(duration) => Some(duration),
            Self::Infinity => None,
        }
    }

    /// The canonical form: an `xs:duration` or `infinity`.
    pub fn to_xs(self) -> String {
        self.limit().map_or_else(|| "infinity".to_owned(), Duration::to_xs)
    }
}

impl FromStr for Timeout {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim() == "infinity" {
            return Ok(Self::Infinity);
        }
        text.parse().map(Self::After).map_err(|error: ParseError| ParseError {
            wanted: "a duration such as PT30S or 30s, or the word infinity".to_owned(),
            ..error
        })
    }
}

/// For people: a duration, or `infinity`.
impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(duration) => duration.fmt(f),
            Self::Infinity => f.write_str("infinity"),
        }
    }
}

/// A percentage as NSO's thresholds have it: a whole number from 0 to 255 (`uint8`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl Percent {
    /// So many hundredths.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number of hundredths.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim();
        trimmed.parse().map(Self).map_err(|_| {
            let bare = trimmed.trim_end_matches('%').trim_end();
            let help = bare.parse::<u8>().ok().map(|value| format!("write {value}"));
            ParseError::new(trimmed, "a number from 0 to 255").help(help)
        })
    }
}

/// For people: `50 %`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}
