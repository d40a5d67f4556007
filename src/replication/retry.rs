//! What fails for a reason that passes is tried again, later and later, a few times.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::outcome::Failed;

/// How long it is before the second try; it doubles (CouchDB's).
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How long it is at most.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Waits for some time: the seam to the clock.
pub type Pause = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How often something is tried again, and how one waits between.
#[derive(Clone)]
pub struct Retries {
    /// How often, after the first try.
    pub count: u32,
    /// Waits.
    pub pause: Pause,
}

impl Retries {
    /// Tries until it succeeds, fails for good, or was tried often enough.
    pub(super) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 0..self.count {
            match attempt().await {
                Err(failed) if failed.is_passing => {
                    tracing::info!(reason = %failed.reason, ?pause, "a request of a replication is made again");
                    (self.pause)(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                ended => return ended,
            }
        }
        attempt().await.map_err(|failed| self.tried(failed))
    }

    fn tried(&self, mut failed: Failed) -> Failed {
        if failed.is_passing && self.count > 0 {
            let tries = u64::from(self.count) + 1;
            failed.reason = format!("{} (tried {tries} times)", failed.reason);
        }
        failed
    }
}

/// Whether a status says that the same request may succeed a moment later.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..600)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Tries what fails `failures` times; answers how it ended and the milliseconds that were waited.
    async fn tried(failures: usize, is_passing: bool) -> (Result<usize, Failed>, Vec<u128>) {
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let noted = pauses.clone();
        let pause: Pause = Arc::new(move |pause| {
            noted.lock().unwrap().push(pause.as_millis());
            Box::pin(async {})
        });
        let mut tries = 0;
        let retries = Retries { count: 5, pause };
        let ended = retries.run(|| {
            tries += 1;
            let failed = Failed { is_passing, ..Failed::new("word", "line") };
            let outcome = if tries > failures { Ok(tries) } else { Err(failed) };
            async { outcome }
        });
        let ended = ended.await;
        let pauses = pauses.lock().unwrap().clone();
        (ended, pauses)
    }

    #[tokio::test]
    async fn what_passes_is_tried_again_with_pauses_that_double() {
        assert_eq!(tried(0, true).await, (Ok(1), vec![]));
        assert_eq!(tried(5, true).await, (Ok(6), vec![250, 500, 1_000, 2_000, 4_000]));
        let (ended, pauses) = tried(6, true).await;
        assert_eq!((ended.unwrap_err().reason.as_str(), pauses.len()), ("line (tried 6 times)", 5));
    }

    #[tokio::test]
    async fn what_lasts_ends_it_at_once() {
        let (ended, pauses) = tried(1, false).await;
        assert_eq!((ended, pauses), (Err(Failed::new("word", "line")), vec![]));
    }

    #[test]
    fn busy_and_broken_pass_and_wrong_does_not() {
        assert!([408, 429, 500, 502, 503, 504, 507].into_iter().all(is_passing));
        assert!(![200, 400, 401, 403, 404, 409, 412, 413, 501].into_iter().any(is_passing));
    }
}
