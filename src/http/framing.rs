//! Where a request ends, read strictly: of what RFC 9112 lets a server read in more than one way, nothing is read.
//!
//! Two servers behind each other that see different ends let a client hide a request from the first. So a length that is given
//! twice or together with an encoding, lines that end without a carriage return, names with spaces and the like are refused,
//! though hyper would read some of them.

/// A head that is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What comes behind a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

type Field<'a> = (&'a [u8], &'a [u8]);

/// The framing that a head asks for. `head` has its empty line; its lines were found to end with `\r\n`.
pub fn of_head(head: &[u8]) -> Result<Framing, Refused> {
    let mut lines =
        head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = lines.next().unwrap_or_default();
    let fields = lines.take_while(|line| !line.is_empty()).map(field);
    let fields = fields.collect::<Option<Vec<_>>>().ok_or(Refused)?;
    check_host(request_line, &fields)?;
    let lengths = values(&fields, b"content-length");
    let encodings = values(&fields, b"transfer-encoding");
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Framing::Length(0)),
        ([length], []) => decimal(length).map(Framing::Length).ok_or(Refused),
        ([], [encoding]) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(Refused),
    }
}

/// A name and its value, blanks around the value taken off.
fn field(line: &[u8]) -> Option<Field<'_>> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let is_name = !name.is_empty() && name.iter().copied().all(is_token);
    is_name.then(|| (name, blanks_off(value.get(1..).unwrap_or_default())))
}

/// Space and tab only: what else `trim` takes off is part of a value, and a wrong one.
fn blanks_off(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn values<'a>(fields: &[Field<'a>], wanted: &[u8]) -> Vec<&'a [u8]> {
    let wanted = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    wanted.map(|(_, value)| *value).collect()
}

/// One server is named, and by the target, should it name one, the same. Only HTTP/1.0 names none.
fn check_host(request_line: &[u8], fields: &[Field<'_>]) -> Result<(), Refused> {
    let hosts = values(fields, b"host");
    if hosts.is_empty() && !request_line.ends_with(b" HTTP/1.0") {
        return Err(Refused);
    }
    let target = request_line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match (authority(target), hosts.as_slice()) {
        (None, [] | [_]) => Ok(()),
        (Some(named), [host]) if named.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Refused),
    }
}

/// The server of a target like `http://127.0.0.1:5984/db`.
fn authority(target: &[u8]) -> Option<&[u8]> {
    if target.first().is_none_or(|first| *first == b'/') {
        return None;
    }
    let scheme = target.windows(3).position(|three| three == b"://")?;
    let rest = target.get(scheme + 3..)?;
    rest.split(|byte| b"/?#".contains(byte)).next()
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// The longest line between chunks, and all lines behind the last one.
const LINES_BYTES_MAX: usize = 8_192;

/// Chunks as they pass.
#[derive(Debug, Default)]
pub struct Chunks {
    at: At,
    /// The line that has begun, or those behind the last chunk.
    line: Vec<u8>,
}

#[derive(Debug, Default)]
enum At {
    /// A line with a size.
    #[default]
    Size,
    Data(u64),
    /// The end of the line behind a chunk.
    DataEnd,
    /// Lines behind the last chunk, so many bytes before the one that has begun.
    Trailers(usize),
    Over,
}

impl Chunks {
    /// How many bytes of a chunk come, with nothing to look at in between.
    pub fn plain(&self) -> u64 {
        if let At::Data(left) = self.at { left } else { 0 }
    }

    /// So many bytes of the chunk have passed.
    pub fn passed(&mut self, count: u64) {
        if let At::Data(left) = &mut self.at {
            *left = left.saturating_sub(count);
            if *left == 0 {
                self.at = At::DataEnd;
            }
        }
    }

    /// Whether the last chunk and what is behind it have passed.
    pub fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// How many of `bytes` may pass: all, or up to the end.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_over() {
            let plain = usize::try_from(self.plain()).unwrap_or(usize::MAX).min(rest.len());
            if plain > 0 {
                self.passed(u64::try_from(plain).unwrap_or(u64::MAX));
                rest = rest.get(plain..).unwrap_or_default();
            } else if let Some((byte, behind)) = rest.split_first() {
                self.line_byte(*byte)?;
                rest = behind;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    fn line_byte(&mut self, byte: u8) -> Result<(), Refused> {
        if self.line.len() >= LINES_BYTES_MAX || (self.line.ends_with(b"\r") && byte != b'\n') {
            return Err(Refused);
        }
        self.line.push(byte);
        if byte != b'\n' {
            return Ok(());
        }
        let begun = if let At::Trailers(begun) = self.at { begun } else { 0 };
        let line = self.line.get(begun..).and_then(|line| line.strip_suffix(b"\r\n"));
        let line = line.ok_or(Refused)?;
        self.at = match self.at {
            At::Size => match size(line).ok_or(Refused)? {
                0 => At::Trailers(0),
                size => At::Data(size),
            },
            At::DataEnd if line.is_empty() => At::Size,
            At::Trailers(_) if line.is_empty() => At::Over,
            At::Trailers(_) if field(line).is_some() => return self.next_trailer(),
            _ => return Err(Refused),
        };
        self.line.clear();
        Ok(())
    }

    fn next_trailer(&mut self) -> Result<(), Refused> {
        self.at = At::Trailers(self.line.len());
        Ok(())
    }
}

/// `1f` or `1f;name=value`, in at most 15 digits.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?;
    let is_number = (1..16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let is_clean = line.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control());
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number && is_clean)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &str) -> Result<Framing, Refused> {
        of_head(format!("PUT /db/x HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn one_length_or_one_encoding_is_read() {
        assert_eq!(head(""), Ok(Framing::Length(0)));
        assert_eq!(head("CONTENT-length: \t7 \r\n"), Ok(Framing::Length(7)));
        assert_eq!(head("Transfer-Encoding:Chunked\r\n"), Ok(Framing::Chunked));
        for fields in [
            "Content-Length: 7\r\nContent-Length: 7\r\n",
            "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n",
            "Content-Length: +7\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length:\r\n",
            "Content-Length : 7\r\n",
            " folded\r\n",
            "no colon\r\n",
            ": no name\r\n",
        ] {
            assert_eq!(head(fields), Err(Refused), "{fields:?}");
        }
    }

    #[test]
    fn a_target_names_the_server_that_the_host_does() {
        let of = |target: &str, fields: &str| {
            of_head(format!("GET {target} HTTP/1.1\r\n{fields}\r\n").as_bytes()).is_ok()
        };
        assert!(of("http://a:1/db?x=http://b/", "Host: A:1\r\n"));
        assert!(of("/db?x=http://b/", "Host: a\r\n"));
        assert!(of_head(b"GET / HTTP/1.0\r\n\r\n").is_ok());
        for (target, fields) in [
            ("http://b/", "Host: a\r\n"),
            ("http://a@b/", "Host: a\r\n"),
            ("http://b?a/", "Host: a\r\n"),
            ("http://a/", ""),
            ("/", ""),
            ("/%20HTTP/1.0", ""),
            ("/", "Host: a\r\nHost: a\r\n"),
        ] {
            assert!(!of(target, fields), "{target} {fields:?}");
        }
    }

    /// How many bytes pass, given in pieces of `size`; and whether that is the end.
    fn passed(bytes: &str, size: usize) -> Result<(usize, bool), Refused> {
        let mut chunks = Chunks::default();
        let mut count = 0;
        for piece in bytes.as_bytes().chunks(size) {
            count += chunks.pass(piece)?;
        }
        Ok((count, chunks.is_over()))
    }

    #[test]
    fn chunks_end_where_they_say_however_they_come() {
        for (body, rest) in [
            ("2\r\n{}\r\n0\r\n\r\n", "GET /"),
            ("0000A;a=b\r\n\r\n0\r\n\r\n\r\nx\r\n00\r\n\r\n", "0\r\n\r\n"),
            ("1\r\n \r\n0\r\nA: b\r\nC: d\r\n\r\n", "E: f\r\n\r\n"),
        ] {
            for size in 1..40 {
                assert_eq!(
                    passed(&format!("{body}{rest}"), size),
                    Ok((body.len(), true)),
                    "{body:?}"
                );
            }
            assert_eq!(passed(&body[..body.len() - 1], 3), Ok((body.len() - 1, false)));
        }
    }

    #[test]
    fn chunks_that_can_be_read_in_two_ways_are_refused() {
        let long = format!("2;{}\r\n", "x".repeat(9_000));
        for body in [
            "\r\n",
            "2\n{}\r\n",
            "2\r{}",
            "2\r\n{}0\r\n",
            "2\r\n{}\n0",
            "0x2\r\n",
            "+2\r\n",
            "-2\r\n",
            " 2\r\n",
            "2 \r\n",
            "2\u{0}\r\n",
            "2;\u{0}\r\n",
            "2;a\n",
            "g\r\n",
            "0000000000000002\r\n",
            "0\r\nA b\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
            "0\r\n\n",
            "0\r\nA: b\n\r\n",
            long.as_str(),
        ] {
            assert_eq!(passed(body, 4), Err(Refused), "{:?}", &body[..body.len().min(20)]);
        }
    }
}
