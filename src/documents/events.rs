//! What happens to whole databases: the feed behind `_db_updates`.

/// What happened to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was made.
    Created,
    /// Documents of it changed.
    Updated,
    /// It was removed.
    Deleted,
}

impl EventKind {
    /// CouchDB's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// The last thing of its kind that happened to a database: one row for each database and kind, as CouchDB's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseEvent {
    /// Its number: durable, ascending, to go on from.
    pub sequence: u64,
    /// What happened.
    pub kind: EventKind,
    /// The database.
    pub name: String,
}
