//! A cursor over JSON text, token by token.

use std::borrow::Cow;

use super::{DEPTH_MAX, Invalid};

/// What a value begins like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Integers with more digits are refused: to convert one takes the square of its length.
const DIGITS_MAX: usize = 10_000;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number<'a> {
    /// Digits, perhaps behind a minus.
    Integer(&'a str),
    /// What has a point or an exponent; finite.
    Float(f64),
}

/// A cursor. After an error it must not be used.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

/// Whether a string's plain run ends at this byte: a quote, a backslash, a control character.
fn ends_run(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(text: &'a [u8]) -> Result<Self, Invalid> {
        let text = std::str::from_utf8(text).map_err(|_| Invalid)?;
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// The text from a position up to here.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// What the next value is.
    pub fn kind(&mut self) -> Result<Kind, Invalid> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(Invalid),
        }
    }

    /// Takes `true`, `false` or `null`.
    pub fn word(&mut self, kind: Kind) -> Result<&'static str, Invalid> {
        let word = match kind {
            Kind::True => "true",
            Kind::False => "false",
            _ => "null",
        };
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Invalid);
        }
        self.at += word.len();
        Ok(word)
    }

    /// Takes the `{` or `[` that [`Reader::kind`] saw.
    pub fn enter(&mut self) -> Result<(), Invalid> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Invalid) } else { Ok(()) }
    }

    /// Whether another element or member comes; takes the comma before it, or the closing bracket.
    pub fn more(&mut self, first: bool, close: u8) -> Result<bool, Invalid> {
        self.skip_space();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(Invalid),
        }
    }

    /// Takes a member's name and the colon behind it.
    pub fn key(&mut self) -> Result<Cow<'a, str>, Invalid> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(Invalid);
        }
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(Invalid);
        }
        self.at += 1;
        Ok(key)
    }

    /// Takes the string whose quote [`Reader::kind`] saw. Borrowed where nothing is escaped.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Invalid> {
        self.at += 1;
        let start = self.at;
        match self.run()? {
            b'"' => {
                let text = self.since(start);
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            _ => self.escaped(start).map(Cow::Owned),
        }
    }

    /// Moves to the end of a plain run and answers the byte there: a quote or a backslash.
    fn run(&mut self) -> Result<u8, Invalid> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| ends_run(*byte)).ok_or(Invalid)?;
        self.at += len;
        match rest.get(len) {
            Some(byte @ (b'"' | b'\\')) => Ok(*byte),
            _ => Err(Invalid),
        }
    }

    /// The rest of a string whose plain beginning was at `start`.
    fn escaped(&mut self, start: usize) -> Result<String, Invalid> {
        let mut string = self.since(start).to_owned();
        loop {
            let run = self.at;
            let end = self.run()?;
            string.push_str(self.since(run));
            self.at += 1;
            if end == b'"' {
                return Ok(string);
            }
            string.push(self.escape()?);
        }
    }

    /// What the escape behind a backslash stands for.
    fn escape(&mut self) -> Result<char, Invalid> {
        let byte = self.peek().ok_or(Invalid)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(Invalid),
        })
    }

    /// One unit of UTF-16, or a pair of them.
    fn unicode(&mut self) -> Result<char, Invalid> {
        let unit = self.hex()?;
        if !(0xd800..0xe000).contains(&unit) {
            return char::from_u32(unit).ok_or(Invalid);
        }
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if unit >= 0xdc00 || !rest.starts_with(b"\\u") {
            return Err(Invalid);
        }
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(Invalid);
        }
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Invalid)
    }

    fn hex(&mut self) -> Result<u32, Invalid> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Invalid)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Invalid);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Invalid)
    }

    /// Takes the number that [`Reader::kind`] saw. One that cannot be kept is refused also where it is passed over: whether a text is
    /// JSON does not depend on what is wanted of it.
    pub fn number(&mut self) -> Result<Number<'a>, Invalid> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first_digit = self.at;
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            integer = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            integer = false;
        }
        if integer {
            let fits = self.at - first_digit <= DIGITS_MAX;
            return if fits { Ok(Number::Integer(self.since(start))) } else { Err(Invalid) };
        }
        let value: f64 = self.since(start).parse().map_err(|_| Invalid)?;
        if value.is_finite() { Ok(Number::Float(value)) } else { Err(Invalid) }
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Invalid) } else { Ok(()) }
    }

    /// Passes over a value, whatever it is.
    pub fn skip(&mut self) -> Result<(), Invalid> {
        match self.kind()? {
            Kind::String => self.string().map(|_| ()),
            Kind::Number => self.number().map(|_| ()),
            Kind::Object => {
                self.enter()?;
                let mut first = true;
                while self.more(first, b'}')? {
                    first = false;
                    self.key()?;
                    self.skip()?;
                }
                Ok(())
            }
            Kind::Array => {
                self.enter()?;
                let mut first = true;
                while self.more(first, b']')? {
                    first = false;
                    self.skip()?;
                }
                Ok(())
            }
            word => self.word(word).map(|_| ()),
        }
    }

    /// Nothing but space may be left.
    pub fn end(&mut self) -> Result<(), Invalid> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(Invalid) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }
}
