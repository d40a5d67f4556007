//! A connection that is used for one request after the other. `None` from any of its calls says that the other side is gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

/// A connection to a server.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: impl ToSocketAddrs) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self(BufReader::with_capacity(1 << 16, stream)))
    }

    /// Sends JSON, or nothing; answers the status and the body.
    pub fn ask(&mut self, method: &str, target: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().ok()?;
            }
            chunked |= line.starts_with("transfer-encoding: chunked");
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        while chunked {
            let size = usize::from_str_radix(&self.line()?, 16).ok()?;
            let start = body.len();
            body.resize(start + size, 0);
            self.0.read_exact(body.get_mut(start..)?).ok()?;
            self.line()?;
            chunked = size > 0;
        }
        Some((status, body))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.0.read_line(&mut line).ok()?;
        (count > 0).then(|| line.trim_end().to_ascii_lowercase())
    }
}
