//! Compaction events, awaited.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::cdb::{CompactionEvent, Compactions};

/// What happens to compactions, in order. Dropping it ends the subscription.
///
/// Nobody waits for the receiver. A compaction makes at most 103 events, so that a receiver that is behind costs little.
#[derive(Debug)]
pub struct CompactionEvents {
    events: UnboundedReceiver<CompactionEvent>,
}

impl CompactionEvents {
    pub(super) fn of(compactions: &Compactions) -> Self {
        let (sender, events) = unbounded_channel();
        compactions.observe(move |event| sender.send(event).is_ok());
        Self { events }
    }

    /// The next event; `None` when the last handle of the database is dropped. A future that is dropped has taken nothing.
    pub async fn next(&mut self) -> Option<CompactionEvent> {
        self.events.recv().await
    }
}
