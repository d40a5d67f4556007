//! How a value of each type is read and shown.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::units::{ByteSize, Duration, ParseError, Percent, Timeout};

/// A type that a setting can have.
pub(super) trait Leaf: Sized {
    /// Whether the element may be given more than once.
    const REPEATABLE: bool = false;

    /// The type's name as ncs.conf(5) writes it.
    fn type_name() -> String;

    /// The value that a text stands for.
    fn read(text: &str) -> Result<Self, ParseError>;

    /// Takes one given element into the value.
    fn put(&mut self, text: &str) -> Result<(), ParseError> {
        *self = Self::read(text)?;
        Ok(())
    }

    /// The value in canonical form: one text for each element that would be written; none when unset.
    fn show(&self) -> Vec<String>;

    /// The value as a number (bytes, microseconds, count), where a minimum can apply.
    fn number(&self) -> Option<u64> {
        None
    }
}

impl Leaf for Percent {
    fn type_name() -> String {
        "uint8".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }

    fn show(&self) -> Vec<String> {
        vec![self.value().to_string()]
    }

    fn number(&self) -> Option<u64> {
        Some(self.value().into())
    }
}

impl Leaf for u16 {
    fn type_name() -> String {
        "uint16".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse().map_err(|_| {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let help = digits.parse::<Self>().ok().map(|number| format!("write {number}"));
            ParseError::new(text, "a number from 0 to 65535").help(help)
        })
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_string()]
    }

    fn number(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

impl Leaf for bool {
    fn type_name() -> String {
        "boolean".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse().map_err(|_| {
            let help = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "1" | "true" | "enabled" => Some("write true".to_owned()),
                "no" | "off" | "0" | "false" | "disabled" => Some("write false".to_owned()),
                _ => None,
            };
            ParseError::new(text, "true or false").help(help)
        })
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl Leaf for ByteSize {
    fn type_name() -> String {
        "tailf:size".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_tailf()]
    }

    fn number(&self) -> Option<u64> {
        Some(self.bytes())
    }
}

impl Leaf for Duration {
    fn type_name() -> String {
        "xs:duration".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_xs()]
    }

    fn number(&self) -> Option<u64> {
        Some(self.micros())
    }
}

impl Leaf for Timeout {
    fn type_name() -> String {
        "xs:duration | infinity".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_xs()]
    }

    fn number(&self) -> Option<u64> {
        Some(self.limit().map_or(u64::MAX, Duration::micros))
    }
}

impl<T: Leaf> Leaf for Option<T> {
    fn type_name() -> String {
        T::type_name()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        T::read(text).map(Some)
    }

    fn show(&self) -> Vec<String> {
        self.as_ref().map(T::show).unwrap_or_default()
    }

    fn number(&self) -> Option<u64> {
        self.as_ref().and_then(T::number)
    }
}

impl Leaf for PathBuf {
    fn type_name() -> String {
        "string".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::new(text, "a path"));
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> Vec<String> {
        vec![self.display().to_string()]
    }
}

impl Leaf for Vec<PathBuf> {
    const REPEATABLE: bool = true;

    fn type_name() -> String {
        PathBuf::type_name()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        PathBuf::read(text).map(|path| vec![path])
    }

    fn put(&mut self, text: &str) -> Result<(), ParseError> {
        self.push(PathBuf::read(text)?);
        Ok(())
    }

    fn show(&self) -> Vec<String> {
        self.iter().map(|path| path.display().to_string()).collect()
    }
}

impl Leaf for SocketAddr {
    fn type_name() -> String {
        "ip:port".to_owned()
    }

    fn read(text: &str) -> Result<Self, ParseError> {
        text.parse().map_err(|_| {
            let host = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
            let help = match host {
                Some(("localhost", port)) => Some(format!("write 127.0.0.1:{port}")),
                Some(("" | "*", port)) => Some(format!("write 0.0.0.0:{port} for every address")),
                _ => None,
            };
            ParseError::new(text, "an IP address and a port such as 127.0.0.1:5984 or [::1]:5984")
                .help(help)
        })
    }

    fn show(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

/// An enumeration whose variants have NSO's or our words: the type, its default and its [`Leaf`].
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident = $default:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant,)+
        }

        impl $name {
            /// The word in the file.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::conf::leaf::Leaf for $name {
            fn type_name() -> String {
                [$($word),+].join(" | ")
            }

            fn read(text: &str) -> Result<Self, $crate::units::ParseError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::conf::leaf::wrong_word(text, &[$($word),+])),
                }
            }

            fn show(&self) -> Vec<String> {
                vec![self.as_str().to_owned()]
            }
        }
    };
}
pub(super) use choice;

/// The error for a word that is none of `words`.
pub(super) fn wrong_word(text: &str, words: &[&str]) -> ParseError {
    let wanted = match words {
        [first, second] => format!("{first} or {second}"),
        _ => format!("one of {}", words.join(", ")),
    };
    let near = nearest(text, words.iter().copied());
    ParseError::new(text, wanted).help(near.map(|word| format!("did you mean {word}?")))
}

/// The candidate that a slip of the hand away from it would give `text`, if there is one.
pub(super) fn nearest<'a>(
    text: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let slips_max = (text.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&text.to_lowercase(), candidate), candidate))
        .filter(|(slips, _)| *slips <= slips_max)
        .min()
        .map(|(_, candidate)| candidate)
}
