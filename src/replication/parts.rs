//! Bodies in parts (RFC 2046), read as they come, with the sizes bounded.

use hyper::body::Bytes;

use super::flow::{Cut, Flow};

/// Bytes of the headers of a part.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Where the bytes come from.
pub trait Pieces {
    /// Why there are no more.
    type Error;

    /// The next bytes; `None` at the end.
    fn piece(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;
}

impl Pieces for Flow {
    type Error = Cut;

    async fn piece(&mut self) -> Result<Option<Bytes>, Cut> {
        self.piece().await.transpose()
    }
}

/// Why parts cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParts<E> {
    /// The bytes ended with an error.
    #[error("{0}")]
    Body(E),
    /// They are not parts: what is wrong.
    #[error("{0}")]
    Malformed(&'static str),
    /// A part has more bytes than may be.
    #[error("a part has more than {0} bytes")]
    TooLarge(u64),
}

/// A body in parts.
pub struct PartsReader<'a, P> {
    pieces: &'a mut P,
    /// What came and was not given out.
    buffer: Vec<u8>,
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    is_over: bool,
}

/// The headers of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    headers: Vec<(String, String)>,
}

impl PartHead {
    fn parse(text: &str) -> Self {
        let lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
        let headers =
            lines.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Self { headers: headers.collect() }
    }

    /// The value of a header; `name` in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The `filename` of `Content-Disposition`.
    pub fn file_name(&self) -> Option<String> {
        parameter(self.header("content-disposition")?, "filename")
    }
}

/// A parameter of a header's value, its quotes taken away.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let wanted = format!("{name}=");
    let at = value.to_ascii_lowercase().find(&wanted)?;
    let text = value.get(at + wanted.len()..)?;
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(text.split([';', ' ']).next().unwrap_or_default().to_owned());
    };
    let mut out = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(out),
            '\\' => out.extend(characters.next()),
            character => out.push(character),
        }
    }
    None
}

/// Where the next delimiter is in what came.
enum Place {
    /// Here.
    At(usize),
    /// Not before this.
    NotBefore(usize),
}

impl<'a, P: Pieces + Send> PartsReader<'a, P> {
    /// Reads `pieces`, whose `Content-Type` is `content_type`.
    pub fn new(pieces: &'a mut P, content_type: &str) -> Result<Self, BadParts<P::Error>> {
        let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
        let boundary = boundary.ok_or(BadParts::Malformed("Content-Type has no boundary"))?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first boundary may stand without a line break before it.
        Ok(Self { pieces, buffer: b"\r\n".to_vec(), delimiter, is_over: false })
    }

    async fn more(&mut self) -> Result<(), BadParts<P::Error>> {
        match self.pieces.piece().await.map_err(BadParts::Body)? {
            Some(piece) => {
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            None => Err(BadParts::Malformed("the last part does not end")),
        }
    }

    /// The head of the next part; `None` behind the last. What is left of the part before is passed over.
    pub async fn next_part(&mut self) -> Result<Option<PartHead>, BadParts<P::Error>> {
        if self.is_over {
            return Ok(None);
        }
        while self.chunk().await?.is_some() {}
        self.buffer.drain(..self.delimiter.len());
        if self.buffer.starts_with(b"--") {
            self.is_over = true;
            return Ok(None);
        }
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.get(..end).and_then(|head| std::str::from_utf8(head).ok());
                let head = head.ok_or(BadParts::Malformed("the head of a part is not UTF-8"))?;
                let head = PartHead::parse(head);
                // The last two bytes stay: a part without content ends where it begins.
                self.buffer.drain(..end + 2);
                self.buffer.drain(..2);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(BadParts::Malformed("the head of a part is too long"));
            }
            self.more().await?;
        }
    }

    /// A delimiter is followed by the end of its line or by two dashes; else it is content, such as a longer boundary.
    fn delimiter(&self) -> Place {
        let mut from = 0;
        loop {
            let rest = self.buffer.get(from..).unwrap_or_default();
            let Some(at) = find(rest, &self.delimiter) else {
                // It may have begun.
                return Place::NotBefore(
                    self.buffer.len().saturating_sub(self.delimiter.len() - 1).max(from),
                );
            };
            match rest.get(at + self.delimiter.len()..).unwrap_or_default() {
                [] | [_] => return Place::NotBefore(from + at),
                [b' ' | b'\t', ..] | [b'-', b'-', ..] | [b'\r', b'\n', ..] => {
                    return Place::At(from + at);
                }
                _ => from += at + 1,
            }
        }
    }

    /// The next bytes of the part; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BadParts<P::Error>> {
        loop {
            let ready = match self.delimiter() {
                Place::At(0) => return Ok(None),
                Place::At(at) | Place::NotBefore(at) => at,
            };
            if ready > 0 {
                return Ok(Some(self.buffer.drain(..ready).collect::<Vec<_>>().into()));
            }
            self.more().await?;
        }
    }

    /// All of the part, at most `max_bytes`.
    pub async fn whole(&mut self, max_bytes: u64) -> Result<Vec<u8>, BadParts<P::Error>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
            if u64::try_from(all.len()).unwrap_or(u64::MAX) > max_bytes {
                return Err(BadParts::TooLarge(max_bytes));
            }
        }
        Ok(all)
    }

    /// Reads what comes behind the last part, so that the connection can be used again.
    pub async fn finish(&mut self) -> Result<(), BadParts<P::Error>> {
        while self.pieces.piece().await.map_err(BadParts::Body)?.is_some() {}
        Ok(())
    }
}

/// Where `wanted` is.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parts(text: &str) -> Result<Vec<(Option<String>, Vec<u8>)>, BadParts<Cut>> {
        let mut body = Flow::Full(Bytes::from(text.to_owned()));
        let mut reader = PartsReader::new(&mut body, "multipart/related; boundary=\"b\"")?;
        let mut parts = Vec::new();
        while let Some(head) = reader.next_part().await? {
            parts.push((head.file_name(), reader.whole(100).await?));
        }
        reader.finish().await?;
        Ok(parts)
    }

    #[tokio::test]
    async fn parts_come_with_their_names_and_contents() {
        let text = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Disposition: attachment; \
                    filename=\"a \\\"q\\\".txt\"\r\n\r\nhel\r\n--\r\nlo\r\n--b\r\n\r\n\r\n--b--\r\nepilogue";
        let expected = vec![
            (None, b"{}".to_vec()),
            (Some("a \"q\".txt".to_owned()), b"hel\r\n--\r\nlo".to_vec()),
            (None, Vec::new()),
        ];
        assert_eq!(parts(text).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_boundary_that_is_longer_is_content() {
        let inner = "--b-0\r\n\r\n{}\r\n--b-0--";
        let text = format!("--b\r\n\r\n{inner}\r\n--b \r\n\r\nx\r\n--b--");
        let expected = vec![(None, inner.as_bytes().to_vec()), (None, b"x".to_vec())];
        assert_eq!(parts(&text).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_refused() {
        for text in ["--b\r\n\r\nhello", "--b", "", "--b\r\nX: y", "--b\r\n\r\nhello\r\n--c--"] {
            assert!(matches!(parts(text).await, Err(BadParts::Malformed(_))), "{text}");
        }
        let large = format!("--b\r\n\r\n{}\r\n--b--", "x".repeat(101));
        assert!(matches!(parts(&large).await, Err(BadParts::TooLarge(100))));
    }

    #[test]
    fn a_boundary_may_stand_with_and_without_quotes() {
        assert_eq!(
            parameter("multipart/related; boundary=abc", "boundary").as_deref(),
            Some("abc")
        );
        assert_eq!(parameter("x; boundary=\"a;b\"; y", "boundary").as_deref(), Some("a;b"));
        assert_eq!(parameter("x; charset=utf-8", "boundary"), None);
    }
}
