//! A client that sends exactly what it is told and reads answers as they come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes; a test that hangs fails by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub phrase: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// An answer on its way: its head is there.
pub struct Answering {
    reader: BufReader<TcpStream>,
    head: Answer,
    is_head: bool,
}

/// Sends bytes and reads the head of the answer.
pub fn begin(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Answering> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server that has answered already may not take the rest.
    let _sent = stream.write_all(bytes);
    let mut reader = BufReader::new(stream);
    let mut head = read_head(&mut reader)?;
    if head.status == 100 {
        head = read_head(&mut reader)?;
    }
    Ok(Answering { reader, head, is_head: bytes.starts_with(b"HEAD ") })
}

/// Sends bytes and reads the whole answer.
pub fn send(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Answer> {
    begin(address, bytes)?.finish()
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.trim_end().splitn(3, ' ');
    let _version = words.next();
    let status = words.next().and_then(|status| status.parse().ok()).unwrap_or(0);
    let phrase = words.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Answer { status, phrase, headers, body: Vec::new() });
        }
        let (name, value) = line.trim_end().split_once(':').unwrap_or((line.trim_end(), ""));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

impl Answering {
    /// The next line of the body, chunk by chunk; empty at the end.
    pub fn line(&mut self) -> String {
        self.chunk().map(|chunk| String::from_utf8_lossy(&chunk).into_owned()).unwrap_or_default()
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// Reads the rest.
    pub fn finish(mut self) -> std::io::Result<Answer> {
        let mut answer = self.head.clone();
        if self.is_head || matches!(answer.status, 0 | 204 | 304) {
            return Ok(answer);
        }
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk() {
                answer.body.extend(chunk);
            }
        } else if let Some(length) = answer.header("content-length").and_then(|n| n.parse().ok()) {
            answer.body = vec![0; length];
            self.reader.read_exact(&mut answer.body)?;
        } else {
            self.reader.read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }
}

/// A request's bytes; a length is added where there is a body or could be one.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let named: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = match body.len() {
        0 if !matches!(method, "PUT" | "POST") => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:5984\r\n{named}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// `admin:pass`.
pub const ADMIN: (&str, &str) = ("Authorization", "Basic YWRtaW46cGFzcw==");
/// JSON.
pub const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A request of the admin, with JSON.
pub fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let headers = [ADMIN, JSON, ("Accept", "application/json")];
    send(address, &request(method, target, &headers, body.as_bytes())).unwrap()
}
