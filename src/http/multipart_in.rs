//! Reads a body in parts as it comes: RFC 2046, with the sizes bounded.

use hyper::body::Bytes;

use super::body::RequestBody;
use super::problem::Problem;

/// Bytes of the headers of a part.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// A body in parts.
pub struct MultipartReader<'a> {
    body: &'a mut RequestBody,
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

    /// The `filename` of `Content-Disposition`.
    pub fn file_name(&self) -> Option<String> {
        let value = &self.headers.iter().find(|(name, _)| name == "content-disposition")?.1;
        parameter(value, "filename")
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

fn malformed(reason: &'static str) -> Problem {
    Problem::bad_request(reason)
}

impl<'a> MultipartReader<'a> {
    /// Reads `body`, whose `Content-Type` is `content_type`.
    pub fn new(body: &'a mut RequestBody, content_type: &str) -> Result<Self, Problem> {
        let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
        let boundary = boundary.ok_or_else(|| malformed("Content-Type has no boundary"))?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first boundary may stand without a line break before it.
        Ok(Self { body, buffer: b"\r\n".to_vec(), delimiter, is_over: false })
    }

    async fn more(&mut self) -> Result<(), Problem> {
        match self.body.piece().await? {
            Some(piece) => {
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            None => Err(malformed("the last part does not end")),
        }
    }

    /// The head of the next part; `None` behind the last. What is left of the part before is passed over.
    pub async fn next_part(&mut self) -> Result<Option<PartHead>, Problem> {
        if self.is_over {
            return Ok(None);
        }
        while self.chunk().await?.is_some() {}
        let skip = self.delimiter.len();
        while self.buffer.len() < skip + 2 {
            self.more().await?;
        }
        self.buffer.drain(..skip);
        if self.buffer.starts_with(b"--") {
            self.is_over = true;
            return Ok(None);
        }
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.get(..end).and_then(|head| std::str::from_utf8(head).ok());
                let head = PartHead::parse(
                    head.ok_or_else(|| malformed("the head of a part is not UTF-8"))?,
                );
                // The last two bytes stay: a part without content ends where it begins.
                self.buffer.drain(..end + 2);
                self.buffer.drain(..2);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed("the head of a part is too long"));
            }
            self.more().await?;
        }
    }

    /// The next bytes of the part; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let ready = match find(&self.buffer, &self.delimiter) {
                Some(0) => return Ok(None),
                Some(at) => at,
                // The delimiter may have begun.
                None => self.buffer.len().saturating_sub(self.delimiter.len() - 1),
            };
            if ready > 0 {
                return Ok(Some(self.buffer.drain(..ready).collect::<Vec<_>>().into()));
            }
            self.more().await?;
        }
    }

    /// All of the part, at most `max_bytes`.
    pub async fn whole(&mut self, max_bytes: u64) -> Result<Vec<u8>, Problem> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
            if u64::try_from(all.len()).unwrap_or(u64::MAX) > max_bytes {
                return Err(Problem::too_large());
            }
        }
        Ok(all)
    }

    /// Reads what comes behind the last part, so that the connection can be used again.
    pub async fn finish(&mut self) -> Result<(), Problem> {
        while self.body.piece().await?.is_some() {}
        Ok(())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parts(text: &'static str) -> Result<Vec<(Option<String>, Vec<u8>)>, Problem> {
        let mut body =
            RequestBody::ready(crate::replication::Flow::Full(Bytes::from_static(text.as_bytes())));
        let mut reader = MultipartReader::new(&mut body, "multipart/related; boundary=\"b\"")?;
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
    async fn a_body_that_ends_early_is_refused() {
        for text in ["--b\r\n\r\nhello", "--b", "", "--b\r\nX: y", "--b\r\n\r\nhello\r\n--c--"] {
            assert_eq!(parts(text).await.unwrap_err().status, 400, "{text}");
        }
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
