//! Answers that are written: small ones go as a whole, with their length; large ones begin while they are still written, and
//! the writer waits for the client.

use std::io::{self, Write};
use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::app::{App, cut};
use super::problem::Problem;
use super::reply::{Cut, Reply};

/// Up to here an answer goes as a whole.
const WHOLE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a piece.
const PIECE_BYTES: usize = 128 << 10;
/// Pieces that wait for a client to take them.
const PIECES_WAITING_MAX: usize = 4;

/// How an answer begins.
enum Beginning {
    Whole(Vec<u8>),
    Pieces(mpsc::Receiver<Result<Bytes, Cut>>),
}

type Begun = Result<Beginning, Problem>;

/// Takes what is written; a piece is sent when it is full.
struct Spill {
    buffer: Vec<u8>,
    begin: Option<oneshot::Sender<Begun>>,
    pieces: Option<mpsc::Sender<Result<Bytes, Cut>>>,
}

impl Spill {
    fn send(&mut self) -> io::Result<()> {
        if let Some(begin) = self.begin.take() {
            let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
            self.pieces = Some(sender);
            begin.send(Ok(Beginning::Pieces(receiver))).map_err(|_| gone())?;
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let pieces = self.pieces.as_ref().ok_or_else(gone)?;
        pieces.blocking_send(Ok(piece)).map_err(|_| gone())
    }

    fn finish(mut self, written: Result<(), Problem>) {
        match (self.begin.take(), written) {
            (Some(begin), written) => {
                // Nobody waits for it any more: the client is gone.
                let _gone = begin.send(written.map(|()| Beginning::Whole(self.buffer)));
            }
            (None, Ok(())) => {
                let _gone = self.buffer.is_empty() || self.send().is_err();
            }
            (None, Err(problem)) => {
                let _gone =
                    self.pieces.map(|pieces| pieces.blocking_send(Err(cut(&problem))).is_err());
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone")
}

impl Write for Spill {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = if self.begin.is_some() { WHOLE_BYTES_MAX } else { PIECE_BYTES };
        if self.buffer.len() + bytes.len() > limit && !self.buffer.is_empty() {
            self.send()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl App {
    /// An answer of JSON that `write` writes, on a thread that may block.
    pub async fn written(
        self: &Arc<Self>,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Reply, Problem> {
        let (begin, begun) = oneshot::channel();
        let app = self.clone();
        tokio::spawn(async move {
            let worked = app.work(move || {
                let mut spill = Spill { buffer: Vec::new(), begin: Some(begin), pieces: None };
                let written = write(&mut spill);
                spill.finish(written);
            });
            worked.await
        });
        match begun
            .await
            .unwrap_or_else(|_| Err(Problem::internal("the request could not be answered")))?
        {
            Beginning::Whole(bytes) => Ok(Reply::text(200, bytes)),
            Beginning::Pieces(pieces) => Ok(Reply::pieces(200, pieces)),
        }
    }
}

/// A writer failed: the client is gone, so that it does not matter what is answered.
pub fn broken(error: &io::Error) -> Problem {
    Problem::internal(error.to_string())
}
