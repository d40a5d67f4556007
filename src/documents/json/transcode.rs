//! From JSON text to JSON text and Erlang term, in one pass.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Invalid;
use super::number;
use super::reader::{Kind, Number, Reader};
use super::term;
use super::write::put_string;

/// What came of an object.
#[derive(Debug, Default)]
pub(crate) struct Transcoded {
    /// JSON text.
    pub text: Vec<u8>,
    /// The term.
    pub term: Vec<u8>,
}

/// Writes text and term side by side. Its buffers serve many documents.
#[derive(Debug, Default)]
pub(crate) struct Transcoder {
    text: Vec<u8>,
    term: Vec<u8>,
    /// The members of the objects that are open.
    members: Vec<Member>,
    /// Bytes of text from which on nothing more is written; no bound when it is 0.
    max_bytes: usize,
    /// Whether it came to that. What was written shrinks again when an object with doubles is closed; this stays.
    is_full: bool,
}

/// Where a member begins in both buffers, and its name in the term.
#[derive(Clone, Copy, Debug)]
struct Member {
    text: usize,
    term: usize,
    name: usize,
    name_len: usize,
}

/// Members of open objects that are kept at a time; more make an object too large, as too many bytes do.
const MEMBERS_MAX: usize = 1_000_000;
/// Objects of so many members are searched for doubles in pairs.
const FEW_MEMBERS: usize = 12;
/// Ahead of a member's name in the term: the tuple of two, the tag of a binary and its length.
const NAME_AHEAD: usize = 7;

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct OpenObject {
    list: usize,
    first_member: usize,
}

impl Transcoder {
    /// One that stops to write behind so many bytes of text, and only reads on.
    pub fn within(max_bytes: usize) -> Self {
        Self { max_bytes, ..Self::default() }
    }

    /// From how many bytes on it stops; 0 for never.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Whether it has stopped to write: what was written is not whole.
    pub fn is_full(&self) -> bool {
        self.is_full || self.is_over()
    }

    fn is_over(&self) -> bool {
        (self.max_bytes > 0 && self.text.len() > self.max_bytes) || self.members.len() > MEMBERS_MAX
    }

    /// Begins an object, the outermost or one inside.
    pub fn open_object(&mut self) -> OpenObject {
        self.text.push(b'{');
        term::put_tuple(&mut self.term, 1);
        let list = term::start_list(&mut self.term);
        OpenObject { list, first_member: self.members.len() }
    }

    /// Writes a member: its name, and its value from the reader.
    pub fn member(
        &mut self,
        object: &OpenObject,
        name: &str,
        reader: &mut Reader<'_>,
    ) -> Result<(), Invalid> {
        if self.is_full() {
            return reader.skip();
        }
        if self.members.len() > object.first_member {
            self.text.push(b',');
        }
        let (text, term) = (self.text.len(), self.term.len());
        self.members.push(Member { text, term, name: term + NAME_AHEAD, name_len: name.len() });
        put_string(&mut self.text, name);
        self.text.push(b':');
        term::put_tuple(&mut self.term, 2);
        term::put_binary(&mut self.term, name.as_bytes())?;
        self.value(reader)
    }

    /// Ends an object.
    pub fn close_object(&mut self, object: &OpenObject) -> Result<(), Invalid> {
        self.is_full |= self.is_over();
        let members = self.members.get(object.first_member..).unwrap_or_default();
        let mut count = members.len();
        if has_doubles(&self.term, members) {
            count = self.drop_doubles(object);
        }
        self.members.truncate(object.first_member);
        self.text.push(b'}');
        term::finish_list(&mut self.term, object.list, count)
    }

    /// What was written, copied out in its size; the buffers are empty again.
    pub fn take(&mut self) -> Transcoded {
        let taken = Transcoded { text: self.text.clone(), term: self.term.clone() };
        self.clear();
        taken
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.text.clear();
        self.term.clear();
        self.members.clear();
        self.is_full = false;
    }

    fn value(&mut self, reader: &mut Reader<'_>) -> Result<(), Invalid> {
        if self.is_full() {
            return reader.skip();
        }
        match reader.kind()? {
            Kind::String => self.string(reader),
            Kind::Number => self.number(reader),
            Kind::Object => {
                reader.enter()?;
                let object = self.open_object();
                let mut first = true;
                while reader.more(first, b'}')? {
                    first = false;
                    let name = reader.key()?;
                    self.member(&object, &name, reader)?;
                }
                self.close_object(&object)
            }
            Kind::Array => self.array(reader),
            kind => {
                let word = reader.word(kind)?;
                self.text.extend_from_slice(word.as_bytes());
                term::put_atom(&mut self.term, word);
                Ok(())
            }
        }
    }

    fn array(&mut self, reader: &mut Reader<'_>) -> Result<(), Invalid> {
        reader.enter()?;
        self.text.push(b'[');
        let list = term::start_list(&mut self.term);
        let mut count = 0;
        while reader.more(count == 0, b']')? {
            if count > 0 && !self.is_full() {
                self.text.push(b',');
            }
            self.value(reader)?;
            count += 1;
        }
        self.text.push(b']');
        term::finish_list(&mut self.term, list, count)
    }

    fn string(&mut self, reader: &mut Reader<'_>) -> Result<(), Invalid> {
        match reader.string()? {
            Cow::Borrowed(plain) => {
                self.text.push(b'"');
                self.text.extend_from_slice(plain.as_bytes());
                self.text.push(b'"');
                term::put_binary(&mut self.term, plain.as_bytes())
            }
            Cow::Owned(unescaped) => {
                put_string(&mut self.text, &unescaped);
                term::put_binary(&mut self.term, unescaped.as_bytes())
            }
        }
    }

    fn number(&mut self, reader: &mut Reader<'_>) -> Result<(), Invalid> {
        match reader.number()? {
            Number::Integer(text) => {
                let text = if text == "-0" { "0" } else { text };
                self.text.extend_from_slice(text.as_bytes());
                term::put_decimal(&mut self.term, text)
            }
            Number::Float(value) => {
                number::put_float(&mut self.text, value);
                term::put_float(&mut self.term, value);
                Ok(())
            }
        }
    }

    /// Of members with the same name only the last stays. Rare, so everything is copied.
    fn drop_doubles(&mut self, object: &OpenObject) -> usize {
        let members = self.members.split_off(object.first_member);
        let (Some(first), text_end, term_end) =
            (members.first().copied(), self.text.len(), self.term.len())
        else {
            return 0;
        };
        let (old_text, old_term) =
            (self.text.split_off(first.text), self.term.split_off(first.term));
        let text = |from: usize, to: usize| old_text.get(from - first.text..to - first.text);
        let term = |from: usize, to: usize| old_term.get(from - first.term..to - first.term);
        let mut seen = HashSet::new();
        let keeps: Vec<bool> = members
            .iter()
            .rev()
            .map(|member| seen.insert(term(member.name, member.name + member.name_len)))
            .collect();
        let mut kept = 0;
        for (index, (member, keep)) in members.iter().zip(keeps.iter().rev()).enumerate() {
            if !keep {
                continue;
            }
            // Between a member and the next one is a comma.
            let (text_to, term_to) = members
                .get(index + 1)
                .map_or((text_end, term_end), |next| (next.text - 1, next.term));
            if kept > 0 {
                self.text.push(b',');
            }
            self.text.extend_from_slice(text(member.text, text_to).unwrap_or_default());
            self.term.extend_from_slice(term(member.term, term_to).unwrap_or_default());
            kept += 1;
        }
        kept
    }
}

fn has_doubles(term: &[u8], members: &[Member]) -> bool {
    let name = |member: &Member| term.get(member.name..member.name + member.name_len);
    if members.len() > FEW_MEMBERS {
        let mut seen = HashSet::with_capacity(members.len());
        return !members.iter().all(|member| seen.insert(name(member)));
    }
    let mut rest = members;
    while let Some((member, others)) = rest.split_first() {
        let same_len = others.iter().filter(|other| other.name_len == member.name_len);
        if same_len.into_iter().any(|other| name(other) == name(member)) {
            return true;
        }
        rest = others;
    }
    false
}
