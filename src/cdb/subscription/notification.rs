//! What a subscriber asks for, and what it gets.

use crate::cdb::commit::TransactionId;
use crate::cdb::diff::Diff;
use crate::cdb::path::{IntoPath, Path, PathError};
use crate::cdb::view::ReadView;

/// Where and when a subscriber wants to be told.
///
/// ```
/// use pumice::cdb::SubscriptionPoint;
///
/// let point = SubscriptionPoint::new("/devices/device{*}/address")?.priority(-5).named("poller");
/// assert_eq!(point.path.to_string(), "/devices/device{*}/address");
/// # Ok::<(), pumice::cdb::PathError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SubscriptionPoint {
    /// Changes at and below it are told; keys may be `*` or left out.
    pub path: Path,
    /// Lower numbers are told first.
    pub priority: i32,
    /// What the log and a veto call the subscriber.
    pub name: String,
}

impl SubscriptionPoint {
    /// A point with priority 0, named by its path.
    pub fn new(path: impl IntoPath) -> Result<Self, PathError> {
        let path = path.into_path()?;
        let name = path.to_string();
        Ok(Self { path, priority: 0, name })
    }

    /// With this priority.
    #[must_use]
    pub fn priority(self, priority: i32) -> Self {
        Self { priority, ..self }
    }

    /// With this name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// A transaction, as a subscriber sees it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The transaction; `None` while it is being prepared.
    pub transaction_id: Option<TransactionId>,
    /// What it changed at and below the point.
    pub diff: Diff,
    /// The state before.
    pub before: ReadView,
    /// The state after; later transactions may show in it already.
    pub after: ReadView,
    /// Who committed.
    pub user: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
}
