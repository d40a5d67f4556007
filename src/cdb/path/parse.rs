//! Paths from text.

use std::str::FromStr;

use thiserror::Error;

use super::name::{MAX_NAME_BYTES, Name, is_local, is_namespace};
use super::types::{KeyText, MAX_DEPTH, MAX_PATH_BYTES, Path, Selector, Step};

/// Text that is not a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("path \"{}\", byte {position}: expected {expected}", .text.escape_debug())]
pub struct PathError {
    /// The path as given, cut when it is very long.
    pub text: String,
    /// Where it stops making sense, in bytes from 0.
    pub position: usize,
    /// What could stand there.
    pub expected: &'static str,
}

/// Whether a name can be written so: an identifier, or two with a colon between.
pub(crate) fn is_name(name: &str) -> bool {
    let (prefix, local) = name.split_once(':').unwrap_or(("p", name));
    name.len() <= MAX_NAME_BYTES && is_local(prefix) && is_local(local)
}

impl Name {
    /// The name in a text as [`Name`] prints it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.starts_with('"') {
            return is_local(text).then(|| Self::plain(text));
        }
        let mut parser = Parser { text, position: 0 };
        let name = parser.quoted_name().ok()?;
        (parser.peek().is_none()).then_some(name)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { text, position: 0 };
        parser.path()
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

type Result<T> = std::result::Result<T, PathError>;

impl<'a> Parser<'a> {
    fn path(&mut self) -> Result<Path> {
        if self.text.len() > MAX_PATH_BYTES {
            return Err(self.expected("a path of at most 65,536 bytes"));
        }
        let absolute = self.skip('/');
        let mut steps = Vec::new();
        while self.peek().is_some() {
            if !steps.is_empty() && !self.skip('/') {
                return Err(self.expected("/ or the end of the path"));
            }
            if steps.len() == MAX_DEPTH {
                return Err(self.expected("at most 128 steps"));
            }
            steps.push(self.step()?);
        }
        Ok(Path::from_steps(absolute, steps))
    }

    fn step(&mut self) -> Result<Step> {
        if self.peek() == Some('"') {
            let name = self.quoted_name()?;
            return Ok(Step { selector: self.selector()?, ..Step::exact(&name) });
        }
        let start = self.position;
        let name = self.take_while(|c| !matches!(c, '/' | '{' | '['));
        if !is_name(name) {
            self.position = start;
            return Err(self.expected(
                "a name (letter or _, then letters, digits, - _ .; a prefix ends with :)",
            ));
        }
        let step = Step::new(name);
        Ok(Step { selector: self.selector()?, ..step })
    }

    /// `"namespace":name`.
    fn quoted_name(&mut self) -> Result<Name> {
        let namespace = self.quoted()?;
        if !is_namespace(&namespace) {
            return Err(
                self.expected("a namespace of at most 1,024 bytes without control characters")
            );
        }
        if !self.skip(':') {
            return Err(self.expected(": and a name after the namespace"));
        }
        let local = self.take_while(|c| !matches!(c, '/' | '{' | '['));
        if !is_local(local) {
            return Err(self.expected("a name (letter or _, then letters, digits, - _ .)"));
        }
        Ok(Name::in_namespace(local, namespace))
    }

    fn selector(&mut self) -> Result<Option<Selector>> {
        Ok(match self.peek() {
            Some('{') => Some(Selector::Keys(self.keys()?)),
            Some('[') => Some(Selector::Position(self.number()?)),
            _ => None,
        })
    }

    fn keys(&mut self) -> Result<Vec<KeyText>> {
        self.skip('{');
        let mut keys = Vec::new();
        loop {
            self.take_while(|c| c == ' ');
            match self.peek() {
                Some('}') if !keys.is_empty() => break,
                Some('"') => keys.push(KeyText::Text(self.quoted()?)),
                Some(c) if is_plain(c) => keys.push(plain_key(self.take_while(is_plain))),
                _ if keys.is_empty() => return Err(self.expected("a key (the empty key is \"\")")),
                _ => return Err(self.expected("a key or }")),
            }
            if !matches!(self.peek(), Some(' ' | '}')) {
                return Err(
                    self.expected("a space or } after the key (other characters need quotes)")
                );
            }
        }
        self.skip('}');
        Ok(keys)
    }

    fn quoted(&mut self) -> Result<String> {
        self.skip('"');
        let mut key = String::new();
        loop {
            key.push_str(self.take_while(|c| !matches!(c, '"' | '\\')));
            if self.skip('"') {
                return Ok(key);
            }
            if !self.skip('\\') {
                return Err(self.expected("a closing quote"));
            }
            key.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char> {
        let simple = match self.peek() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some(c @ ('"' | '\\')) => c,
            Some('u') => return self.unicode(),
            _ => return Err(self.expected("one of \" \\ n r t 0 u after the backslash")),
        };
        self.position += 1;
        Ok(simple)
    }

    fn unicode(&mut self) -> Result<char> {
        let start = self.position;
        let digits = self.text.get(start..).and_then(|rest| rest.strip_prefix("u{"));
        let digits = digits.and_then(|rest| rest.split_once('}')).map(|(digits, _)| digits);
        let found = digits
            .filter(|digits| digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| Some((digits.len(), u32::from_str_radix(digits, 16).ok()?)))
            .and_then(|(len, number)| Some((len, char::from_u32(number)?)));
        let (len, c) = found
            .ok_or_else(|| self.expected("u{...} with the hexadecimal number of a character"))?;
        self.position = start + len + 3;
        Ok(c)
    }

    fn number(&mut self) -> Result<u64> {
        self.skip('[');
        let start = self.position;
        let digits = self.take_while(|c| c.is_ascii_digit());
        let number = digits.parse().map_err(|_| {
            let position = start;
            PathError { position, ..self.expected("a position counted from 0") }
        })?;
        if !self.skip(']') {
            return Err(self.expected("]"));
        }
        Ok(number)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.position += c.len_utf8();
        }
        found
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or("")
    }

    fn expected(&self, expected: &'static str) -> PathError {
        let text = self.text.chars().take(200).collect();
        PathError { text, position: self.position, expected }
    }
}

fn plain_key(text: &str) -> KeyText {
    if text == "*" { KeyText::Any } else { KeyText::Text(text.to_owned()) }
}

/// Whether a key may hold this character without quotes.
pub(super) fn is_plain(c: char) -> bool {
    !matches!(c, '{' | '}' | '"' | '\\') && !c.is_whitespace() && !c.is_control()
}
