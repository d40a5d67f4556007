//! A connection of which hyper is given only what a strict reader sees the same way: every head is looked at before hyper reads it,
//! and every body is counted. What can be read in two ways is answered with 400 and ends the connection.
//!
//! On its way a request line that holds what no URI may (quotes, angle brackets, bytes that are not ASCII) is escaped: people write
//! `curl 'http://.../_all_docs?startkey="b"'`, and CouchDB takes it; hyper does not. And a first line that is no request line at
//! all ends the connection without an answer, as CouchDB ends it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Chunks, Framing, of_head};

/// Bytes of a head. Of one with more its end is not given on: hyper, told the same limit, refuses it by its size.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes that are read at a time.
const AT_A_TIME: usize = 4_096;
/// In the place of what is refused: hyper answers 400 to it.
const WRONG: &[u8] = b"\0\r\n\r\n";

/// A stream that gives on whole requests.
#[derive(Debug)]
pub struct Strict<S> {
    stream: S,
    state: State,
    /// What was read and not given on.
    held: Vec<u8>,
    /// How much of it may be, at its beginning.
    ready: usize,
    is_first: bool,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Body(u64),
    Chunked(Chunks),
    /// Nothing comes any more.
    Ended,
}

/// How far a head has been looked at.
#[derive(Debug, Default)]
struct Head {
    looked: usize,
    /// Where its request line begins: empty lines may come before.
    start: usize,
    /// Where the line that is looked at begins.
    line: usize,
}

/// What was seen of a head.
enum Seen {
    Part,
    /// All of it: where it begins and ends.
    Whole(usize, usize),
    Wrong,
    /// Its first line is no request line.
    Noise,
}

impl Head {
    fn look(&mut self, bytes: &[u8]) -> Seen {
        while let Some(end) = line_end(bytes, self.looked) {
            let line = bytes.get(self.line..end).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r").filter(|line| !line.contains(&b'\r')) else {
                return Seen::Wrong;
            };
            self.looked = end + 1;
            let is_first = self.line == self.start;
            self.line = self.looked;
            match (line.is_empty(), is_first) {
                (true, true) => self.start = self.looked,
                (true, false) => return Seen::Whole(self.start, self.looked),
                (false, true) if !is_request_line(line) => return Seen::Noise,
                _ => {}
            }
        }
        self.looked = bytes.len();
        Seen::Part
    }
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    Some(from + bytes.get(from..)?.iter().position(|byte| *byte == b'\n')?)
}

/// Whether a line has the three words of a request line.
fn is_request_line(line: &[u8]) -> bool {
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    words.len() > 2 && words.last().is_some_and(|last| last.starts_with(b"HTTP/"))
}

/// Escapes the first line of `head`.
fn escaped(head: &[u8]) -> Vec<u8> {
    let end = line_end(head, 0).unwrap_or(head.len());
    let (line, rest) = head.split_at(end);
    let mut out = Vec::with_capacity(head.len() + 16);
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

impl<S> Strict<S> {
    /// A stream of which nothing was read.
    pub fn new(stream: S) -> Self {
        let state = State::Head(Head::default());
        Self { stream, state, held: Vec::new(), ready: 0, is_first: true }
    }

    /// How many bytes of a body come, with nothing to look at in between.
    fn plain(&self) -> u64 {
        match &self.state {
            State::Body(left) => *left,
            State::Chunked(chunks) => chunks.plain(),
            _ => 0,
        }
    }

    /// So many of them were given on.
    fn passed(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match &mut self.state {
            State::Body(left) => *left = left.saturating_sub(count),
            State::Chunked(chunks) => chunks.passed(count),
            _ => {}
        }
        self.begin_next();
    }

    /// A request that is over is followed by the head of the next one.
    fn begin_next(&mut self) {
        let is_over = match &self.state {
            State::Body(left) => *left == 0,
            State::Chunked(chunks) => chunks.is_over(),
            _ => false,
        };
        if is_over {
            self.state = State::Head(Head::default());
        }
    }

    /// Looks at what is held, none of which is ready. Whether that changed anything.
    fn advance(&mut self) -> bool {
        match &mut self.state {
            State::Head(head) => match head.look(&self.held) {
                Seen::Part if self.held.len() <= HEAD_BYTES_MAX => return false,
                Seen::Part => self.end_behind(self.held.len()),
                Seen::Whole(_, end) if end > HEAD_BYTES_MAX => self.end_behind(end - 1),
                Seen::Whole(start, end) => self.head(start, end),
                Seen::Noise if self.is_first => self.end_behind(0),
                Seen::Noise | Seen::Wrong => self.refuse(),
            },
            State::Body(left) => {
                self.ready = usize::try_from(*left).unwrap_or(usize::MAX).min(self.held.len());
                self.passed(self.ready);
            }
            State::Chunked(chunks) => match chunks.pass(&self.held) {
                Ok(passed) => {
                    self.ready = passed;
                    self.begin_next();
                }
                // Cut in its middle: what reads it is told so.
                Err(_) => self.end_behind(0),
            },
            State::Ended => return false,
        }
        true
    }

    fn head(&mut self, start: usize, end: usize) {
        let head = self.held.get(start..end).unwrap_or_default();
        let (framing, head) = (of_head(head), escaped(head));
        self.state = match framing {
            Ok(Framing::Length(length)) => State::Body(length),
            Ok(Framing::Chunked) => State::Chunked(Chunks::default()),
            Err(_) => return self.refuse(),
        };
        self.is_first = false;
        self.ready = head.len();
        self.held.splice(..end, head);
        self.begin_next();
    }

    fn refuse(&mut self) {
        self.held = WRONG.to_vec();
        self.end_behind(WRONG.len());
    }

    fn end_behind(&mut self, length: usize) {
        self.held.truncate(length);
        self.ready = length;
        self.state = State::Ended;
    }

    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let taken = self.ready.min(buffer.remaining());
        buffer.put_slice(self.held.get(..taken).unwrap_or_default());
        self.held.drain(..taken);
        self.ready -= taken;
    }
}

impl<S: AsyncRead + Unpin> Strict<S> {
    /// Reads what nobody needs to look at to where it is wanted.
    fn poll_plain(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = usize::try_from(self.plain()).unwrap_or(usize::MAX).min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(wanted));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        self.passed(count);
        Poll::Ready(Ok(()))
    }

    /// Reads more; whether there was any.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [0; AT_A_TIME];
        let mut more = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut more))?;
        self.held.extend_from_slice(more.filled());
        Poll::Ready(Ok(!more.filled().is_empty()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.ready > 0 {
                this.give(buffer);
                return Poll::Ready(Ok(()));
            }
            if matches!(this.state, State::Ended) {
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() && this.plain() > 0 {
                return this.poll_plain(context, buffer);
            }
            let advanced = !this.held.is_empty() && this.advance();
            if !advanced && !ready!(this.poll_more(context))? {
                this.state = State::Ended;
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
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

    /// What is given on of `sent`, which comes in pieces of `size`.
    async fn given(sent: &str, size: usize) -> String {
        let (mut client, server) = duplex(size);
        let sent = sent.to_owned();
        let writing = tokio::spawn(async move {
            // The reader may have ended.
            let _written = client.write_all(sent.as_bytes()).await;
        });
        let mut read = String::new();
        Strict::new(server).read_to_string(&mut read).await.unwrap();
        writing.await.unwrap();
        read
    }

    #[tokio::test]
    async fn every_request_line_is_escaped_and_nothing_else_however_they_come() {
        let sent = "GET /db?key=\"\u{e9}\" HTTP/1.1\r\nHost: x\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n{\"a\":1}\n\"\
            PUT /\" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\"x\"\r\n0\r\n\r\nGET /| HTTP/1.1\r\nHost: x\r\n\r\n";
        let expected = "GET /db?key=%22%C3%A9%22 HTTP/1.1\r\nHost: x\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n{\"a\":1}\n\"\
            PUT /%22 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\"x\"\r\n0\r\n\r\nGET /%7C HTTP/1.1\r\nHost: x\r\n\r\n";
        for size in [1, 2, 7, 100, 1_000] {
            assert_eq!(given(sent, size).await, expected, "{size}");
        }
    }

    #[tokio::test]
    async fn what_is_no_request_line_is_an_end() {
        for (sent, is_passed_on) in [
            ("GARBAGE\r\n\r\n", false),
            ("GET /\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            ("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", true),
            ("GET /db?key=\"a b\" HTTP/1.1\r\nHost: x\r\n\r\n", true),
        ] {
            assert_eq!(!given(sent, 64).await.is_empty(), is_passed_on, "{sent:?}");
        }
    }

    #[tokio::test]
    async fn what_can_be_read_in_two_ways_is_given_on_as_something_wrong_and_nothing_behind_it() {
        let good = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for bad in [
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GARBAGE\r\n\r\n",
        ] {
            let expected = format!("{good}\0\r\n\r\n");
            assert_eq!(given(&format!("{good}{bad}{good}"), 16).await, expected, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_body_is_cut_where_it_goes_wrong() {
        let head = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let sent = format!("{head}2\r\n{{}}\r\n2\n{{}}\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert!(given(&sent, 7).await.len() < head.len() + 10);
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_not_kept_for_ever() {
        let sent = format!("GET /{} HTTP/1.1\r\n", "x".repeat(4 * HEAD_BYTES_MAX));
        let length = given(&sent, 5_000).await.len();
        assert!((HEAD_BYTES_MAX..HEAD_BYTES_MAX + AT_A_TIME + 1).contains(&length), "{length}");
    }
}
