//! Bodies of requests: read to their end with limits, or piece by piece.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;

use super::problem::Problem;
use crate::clock::Clock;
use crate::replication::{BadParts, Flow, Pieces};

/// A client that sends must send this much a second, on the whole.
const BYTES_PER_SECOND_MIN: u64 = 1_024;

/// Room for bodies is counted in steps of so many bytes; a body of less takes none.
const STEP_BYTES: u64 = 64 << 10;

/// A body of so many steps, 1 MiB, is a large one.
const LARGE_STEPS: usize = 16;

/// How many steps there are in so many bytes.
pub fn steps(bytes: u64) -> usize {
    usize::try_from(bytes / STEP_BYTES).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}

/// The body of a request that runs.
#[derive(Debug)]
pub struct RequestBody {
    arriving: Option<Arriving>,
    ready: Option<Flow>,
    received: u64,
    /// How long it was waited for a body that is there.
    waited: Duration,
    /// Where there is room for it; it takes some while it is held as a whole, which is until this is dropped.
    room: Option<Arc<Semaphore>>,
    taken: Vec<OwnedSemaphorePermit>,
}

/// A body on its way. How long its client is waited for does not begin anew with each piece: who has sent much may pause, who
/// dribbles may not.
#[derive(Debug)]
struct Arriving {
    incoming: Incoming,
    clock: Arc<dyn Clock>,
    stall: Duration,
    waited: Duration,
}

impl Arriving {
    async fn frame(&mut self, received: u64) -> Result<Arrived, Elapsed> {
        let earned = Duration::from_secs(received / BYTES_PER_SECOND_MIN);
        let left = (self.stall + earned).saturating_sub(self.waited).min(self.stall);
        let begun = self.clock.monotonic();
        let frame = tokio::time::timeout(left, self.incoming.frame()).await;
        self.waited += self.clock.monotonic().saturating_sub(begun);
        frame
    }
}

impl Pieces for RequestBody {
    type Error = Problem;

    async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        self.piece().await
    }
}

impl From<BadParts<Self>> for Problem {
    fn from(bad: BadParts<Self>) -> Self {
        match bad {
            BadParts::Body(problem) => problem,
            BadParts::Malformed(reason) => Self::bad_request(reason),
            BadParts::TooLarge(_) => Self::too_large(),
        }
    }
}

type Arrived = Option<Result<Frame<Bytes>, hyper::Error>>;

impl RequestBody {
    /// A body that has not been touched.
    pub fn new(
        incoming: Incoming,
        clock: Arc<dyn Clock>,
        stall: Duration,
        room: Arc<Semaphore>,
    ) -> Self {
        let arriving = Arriving { incoming, clock, stall, waited: Duration::ZERO };
        let (room, taken) = (Some(room), Vec::new());
        Self {
            arriving: Some(arriving),
            ready: None,
            received: 0,
            waited: Duration::ZERO,
            room,
            taken,
        }
    }

    /// A body that does not come over a connection.
    pub fn ready(flow: Flow) -> Self {
        let ready = Some(flow).filter(|flow| !flow.is_end_stream());
        Self {
            arriving: None,
            ready,
            received: 0,
            waited: Duration::ZERO,
            room: None,
            taken: Vec::new(),
        }
    }

    /// Whether bytes are left that nobody has read: the connection cannot be used again.
    pub fn is_unread(&self) -> bool {
        self.ready.is_some()
            || self.arriving.as_ref().is_some_and(|arriving| !arriving.incoming.is_end_stream())
    }

    /// How long it was waited for what came.
    pub fn waited(&self) -> Duration {
        self.arriving.as_ref().map_or(self.waited, |arriving| arriving.waited)
    }

    /// The length that was announced.
    pub fn announced(&self) -> Option<u64> {
        self.arriving.as_ref().and_then(|arriving| arriving.incoming.size_hint().exact())
    }

    /// The next piece; `None` at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(arriving) = &mut self.arriving else {
            let Some(ready) = &mut self.ready else { return Ok(None) };
            let piece = ready.piece().await.transpose();
            let piece = piece.map_err(|cut| Problem::new(408, "timeout", cut.to_string()))?;
            if piece.is_none() {
                self.ready = None;
            }
            return Ok(piece);
        };
        loop {
            let Ok(frame) = arriving.frame(self.received).await else {
                return Err(Problem::new(
                    408,
                    "timeout",
                    "The request's body did not arrive in time.",
                ));
            };
            match frame {
                None => {
                    // Where chunks end nobody knows before: from here on the connection can be used again.
                    self.waited = arriving.waited;
                    self.arriving = None;
                    return Ok(None);
                }
                Some(Err(_)) => return Err(Problem::bad_request("the request's body ended early")),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Whether it was held as a whole and is large enough to give its memory back when it is over.
    pub fn was_large(&self) -> bool {
        self.taken.len() >= LARGE_STEPS
    }

    /// Takes room for so many bytes that are held.
    fn take_room(&mut self, held: u64) -> Result<(), Problem> {
        let Some(room) = &self.room else { return Ok(()) };
        let wanted = usize::try_from(held / STEP_BYTES).unwrap_or(usize::MAX);
        while self.taken.len() < wanted {
            let permit = room.clone().try_acquire_owned().map_err(|_| {
                let reason = "Too many large requests are made at the same time; try again.";
                Problem::new(503, "service_unavailable", reason).header("Retry-After", "1")
            })?;
            self.taken.push(permit);
        }
        Ok(())
    }

    /// All of it, decompressed. At most `max_bytes`, before and after.
    pub async fn read(&mut self, headers: &HeaderMap, max_bytes: u64) -> Result<Bytes, Problem> {
        let encoding =
            headers.get(CONTENT_ENCODING).map_or(b"identity".as_slice(), |v| v.as_bytes());
        let is_gzip = encoding.eq_ignore_ascii_case(b"gzip");
        if !is_gzip && !encoding.eq_ignore_ascii_case(b"identity") {
            let reason = "Content-Encoding must be gzip or identity";
            return Err(Problem::new(415, "bad_content_type", reason));
        }
        if self.announced().is_some_and(|announced| announced > max_bytes) {
            return Err(Problem::too_large());
        }
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            if self.received > max_bytes {
                return Err(Problem::too_large());
            }
            self.take_room(self.received)?;
            all.extend_from_slice(&piece);
        }
        if !is_gzip {
            return Ok(all.into());
        }
        let whole = gunzip(&all, max_bytes)?;
        self.take_room(u64::try_from(whole.len()).unwrap_or(u64::MAX))?;
        Ok(whole)
    }
}

fn gunzip(bytes: &[u8], max_bytes: u64) -> Result<Bytes, Problem> {
    let mut all = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(max_bytes.saturating_add(1)).read_to_end(&mut all);
    match read {
        Err(_) => Err(Problem::bad_request("the request's body is not gzip")),
        Ok(length) if u64::try_from(length).unwrap_or(u64::MAX) > max_bytes => {
            Err(Problem::too_large())
        }
        Ok(_) => Ok(all.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_small_body_that_grows_beyond_the_limit_is_refused() {
        let bomb = gzip(&vec![b' '; 1 << 20]);
        assert!(bomb.len() < 4_096);
        assert_eq!(gunzip(&bomb, 4_096), Err(Problem::too_large()));
        assert_eq!(gunzip(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn what_is_not_gzip_is_refused() {
        assert_eq!(gunzip(b"{\"a\":1}", 100).unwrap_err().status, 400);
        let whole = gzip(b"{\"a\":1}");
        assert_eq!(gunzip(&whole[..whole.len() - 4], 100).unwrap_err().status, 400);
    }
}
