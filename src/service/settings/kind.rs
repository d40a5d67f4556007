//! What the value of a setting may be.

use super::rules::PasswordRules;

/// What the value of a setting may be. All values are text.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number, both ends included.
    Whole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A whole number of at least 1, or `infinity`.
    WholeOrInfinity,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// Text that a header can have: visible characters of ASCII and spaces.
    HeaderText,
    /// The name of a header.
    HeaderName,
    /// The name of a database.
    Database,
    /// CouchDB's list of rules for passwords: `[{"PATTERN", "REASON"}]`.
    PasswordRules,
}

impl Kind {
    /// Checks a value.
    ///
    /// # Errors
    /// What was expected, as a noun.
    pub fn check(self, value: &str) -> Result<(), String> {
        if let Self::PasswordRules = self {
            return PasswordRules::parse(value).map(drop);
        }
        if self.holds(value) { Ok(()) } else { Err(self.expected()) }
    }

    fn holds(self, value: &str) -> bool {
        let number = number(value);
        match self {
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Whole { min, max } => number.is_some_and(|number| (min..=max).contains(&number)),
            Self::WholeOrInfinity => value == INFINITY || number.is_some_and(|number| number > 0),
            Self::Word(words) => words.contains(&value),
            Self::Text => true,
            Self::HeaderText => value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            Self::HeaderName => {
                let is_part =
                    |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                !value.is_empty() && value.bytes().all(is_part)
            }
            Self::Database => crate::documents::check_name(value).is_ok(),
            Self::PasswordRules => PasswordRules::parse(value).is_ok(),
        }
    }

    /// What was expected, as a noun.
    pub fn expected(self) -> String {
        match self {
            Self::Boolean => "true or false".to_owned(),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::WholeOrInfinity => "a whole number of at least 1, or infinity".to_owned(),
            Self::Word(words) => {
                let words = words.iter().filter(|word| !word.is_empty());
                words.copied().collect::<Vec<_>>().join(" or ")
            }
            Self::Text => "text".to_owned(),
            Self::HeaderText => "visible ASCII text".to_owned(),
            Self::HeaderName => "the name of a header".to_owned(),
            Self::Database => "the name of a database".to_owned(),
            Self::PasswordRules => super::rules::EXPECTED.to_owned(),
        }
    }
}

/// No bound.
pub const INFINITY: &str = "infinity";

/// Digits only: `+5` and ` 5` are no numbers.
pub fn number(value: &str) -> Option<u64> {
    let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { value.parse().ok() } else { None }
}
