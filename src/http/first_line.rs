//! A connection whose first request line may hold what no URI may: quotes, angle brackets, bytes that are not ASCII. People write
//! `curl 'http://.../_all_docs?startkey="b"'`, and CouchDB takes it; hyper does not, so these bytes are escaped before it sees
//! them. Programs that send several requests over a connection escape what they send.
//!
//! A first line that is no request line at all ends the connection without an answer, as CouchDB ends it: what speaks so would
//! not understand one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A line that is longer is left as it is.
const LINE_BYTES_MAX: usize = 16 << 10;

/// A stream whose first line is escaped.
#[derive(Debug)]
pub struct FirstLine<S> {
    stream: S,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The line has begun.
    Reading(Vec<u8>),
    /// It is given out, with what came behind it.
    Giving(Vec<u8>, usize),
    /// It is over.
    Over,
    /// It was no request line: there is nothing more to read.
    Ended,
}

impl<S> FirstLine<S> {
    /// A stream of which nothing was read.
    pub fn new(stream: S) -> Self {
        Self { stream, state: State::Reading(Vec::new()) }
    }
}

/// Escapes the first line of `bytes`.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    let mut out = Vec::with_capacity(bytes.len() + 16);
    for byte in line {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|' | 0x80.. => {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Whether the first line of `bytes` has the three words of a request line. An empty line may come before one.
fn is_request_line(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let words: Vec<_> = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    line.is_empty()
        || (words.len() > 2 && words.last().is_some_and(|last| last.starts_with(b"HTTP/")))
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstLine<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Ended => return Poll::Ready(Ok(())),
                State::Over => return Pin::new(&mut this.stream).poll_read(context, buffer),
                State::Giving(bytes, given) => {
                    let left = bytes.get(*given..).unwrap_or_default();
                    let taken = left.get(..buffer.remaining()).unwrap_or(left);
                    buffer.put_slice(taken);
                    *given += taken.len();
                    if *given >= bytes.len() {
                        this.state = State::Over;
                    }
                    return Poll::Ready(Ok(()));
                }
                State::Reading(line) => {
                    let mut space = [0; 4_096];
                    let mut more = ReadBuf::new(&mut space);
                    ready!(Pin::new(&mut this.stream).poll_read(context, &mut more))?;
                    line.extend_from_slice(more.filled());
                    let is_over = more.filled().is_empty() || line.len() > LINE_BYTES_MAX;
                    if more.filled().contains(&b'\n') {
                        this.state = match is_request_line(line) {
                            true => State::Giving(escaped(line), 0),
                            false => State::Ended,
                        };
                    } else if is_over {
                        this.state = State::Giving(std::mem::take(line), 0);
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstLine<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn only_the_first_line_is_escaped_however_it_comes() {
        let sent = "GET /db?key=\"\u{e9}\" HTTP/1.1\r\nETag: \"x\"\r\n\r\n{\"a\":1}\nGET /\"";
        let expected = "GET /db?key=%22%C3%A9%22 HTTP/1.1\r\nETag: \"x\"\r\n\r\n{\"a\":1}\nGET /\"";
        for size in [1, 2, 7, 1_000] {
            let (mut client, server) = duplex(size);
            let writing = tokio::spawn(async move {
                client.write_all(sent.as_bytes()).await.unwrap();
            });
            let mut read = String::new();
            FirstLine::new(server).read_to_string(&mut read).await.unwrap();
            writing.await.unwrap();
            assert_eq!(read, expected);
        }
    }

    #[tokio::test]
    async fn what_is_no_request_line_is_an_end() {
        for (sent, is_passed_on) in [
            ("GARBAGE\r\n\r\n", false),
            ("GET /\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            ("\r\nGET / HTTP/1.1\r\n\r\n", true),
            ("GET /db?key=\"a b\" HTTP/1.1\r\n\r\n", true),
        ] {
            let (mut client, server) = duplex(64);
            client.write_all(sent.as_bytes()).await.unwrap();
            drop(client);
            let mut read = String::new();
            FirstLine::new(server).read_to_string(&mut read).await.unwrap();
            assert_eq!(!read.is_empty(), is_passed_on, "{sent:?}");
        }
    }

    #[tokio::test]
    async fn a_line_that_does_not_end_is_given_as_it_is() {
        let (mut client, server) = duplex(64);
        client.write_all(b"GET /\"").await.unwrap();
        drop(client);
        let mut read = String::new();
        FirstLine::new(server).read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "GET /\"");
    }
}
