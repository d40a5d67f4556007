//! The body of a message: all there, or coming piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// A body could not be finished: its connection is cut, so that nobody takes the half for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be finished: {0}")]
pub struct Cut(pub String);

/// The body of a request or of an answer.
#[derive(Debug)]
pub enum Flow {
    /// All of it; taken away when sent.
    Full(Bytes),
    /// Pieces, as they come.
    Pieces(mpsc::Receiver<Result<Bytes, Cut>>),
}

impl Flow {
    /// The next piece; `None` at the end.
    pub async fn piece(&mut self) -> Option<Result<Bytes, Cut>> {
        match self {
            Self::Full(bytes) if bytes.is_empty() => None,
            Self::Full(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Pieces(pieces) => pieces.recv().await,
        }
    }

    /// All of it, at most `max_bytes`.
    pub async fn whole(mut self, max_bytes: usize) -> Result<Bytes, Cut> {
        if let Self::Full(bytes) = self {
            return Ok(bytes);
        }
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await {
            all.extend_from_slice(&piece?);
            if all.len() > max_bytes {
                return Err(Cut(format!("it has more than {max_bytes} bytes")));
            }
        }
        Ok(all.into())
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => {
                pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
