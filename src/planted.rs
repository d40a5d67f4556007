//! Bugs that are planted on purpose, to see that the tests find them.
//!
//! Nothing of this is in a build without `--cfg pumice_planted`: [`planted!`] leaves no code there. In a build
//! with it the environment variable `PUMICE_PLANTED` names the one bug that is there. `.ci/planted` runs the
//! tests against each of them.

/// What can be planted, each where `planted!` names it.
#[cfg(pumice_planted)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A commit is answered without any sync.
    NoSync,
    /// A group is answered before it is written.
    AckBeforeSync,
    /// Only the first of a group says whether the group is synced.
    GroupSyncOfFirst,
    /// Readers see a group before it is written.
    VisibleBeforeDurable,
    /// A write that is durable by itself is taken to make durable what came before it.
    OlderTakenForDurable,
    /// A sync that failed is done once more, which succeeds.
    RetrySync,
    /// A sync that failed does not poison.
    SyncFailureForgiven,
    /// What a failed append wrote stays in the file.
    FailedAppendStays,
    /// A failed group stays in the accepted state.
    FailedGroupStays,
    /// The length of the space ahead is not made durable.
    LengthNotSynced,
    /// A new store is renamed and its directory not synced.
    CreatedNameNotSynced,
    /// A new store is renamed before its bytes are synced.
    CreatedBytesNotSynced,
    /// The name of a new directory is not synced by who opens it first.
    DirectoryNotMadeUp,
    /// The side file is renamed before its bytes are synced.
    SideFileNotSynced,
    /// The swap is not followed by a sync of the directory.
    SwapNotSynced,
    /// The journal is removed before the side file gets its name.
    UnlinkBeforeRename,
    /// A rename that failed is taken not to have happened.
    FailedRenameTrusted,
    /// What was committed during a compaction is left behind.
    GapNotCopied,
    /// A compaction does not wait for what is on its way.
    SealDoesNotBlock,
    /// A side file that a crash left stays.
    SideFileStays,
    /// An unfinished end is not cut.
    TailNotCut,
    /// What is recovered is not written again.
    NotRewritten,
    /// What is recovered is not synced before it is served.
    RepairNotSynced,
    /// A rename before the crash is not made durable.
    OpenDoesNotSyncNames,
    /// A file of zeros is not taken for a new store.
    NewbornRefused,
    /// The checksum of a payload is not compared.
    PayloadCrcIgnored,
    /// Neither file nor place is in a frame's checksum.
    PlaceNotInCrc,
    /// A frame need not follow the one before it.
    SequenceNotCompared,
    /// A frame need not name the one before it.
    PredecessorNotCompared,
    /// Frames that say what was durable are not asked.
    WitnessIgnored,
    /// No frame at the close says that all is durable.
    ClosingWitnessMissing,
    /// A close does not say outside of the tail how far it was durable.
    ClosingRecordMissing,
    /// What the last close said is not asked.
    ClosingRecordIgnored,
    /// Where a compaction's file was durable is not asked.
    SealIgnored,
    /// The copy of the header is not written.
    HeaderCopyMissing,
    /// The checksum of a block is not compared.
    BlockCrcIgnored,
    /// The lock is not taken.
    LockNotTaken,
    /// A replaced file is cut down while somebody else has it open.
    CutWhileShared,
    /// A file that is closed is cut down though it has a name.
    CutWhileNamed,
    /// What a transaction read is not compared with later commits.
    ConflictIgnored,
}

#[cfg(pumice_planted)]
static PLANTED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Whether this bug, whose name was `called`, is there.
#[cfg(pumice_planted)]
pub fn is(_bug: Bug, called: &str) -> bool {
    PLANTED.get_or_init(|| std::env::var("PUMICE_PLANTED").unwrap_or_default()) == called
}

/// `planted!(Bug => effect)`: does something only where this bug was planted; nothing at all, not even a
/// question, in a build without planted bugs.
macro_rules! planted {
    ($bug:ident => $effect:expr) => {
        #[cfg(pumice_planted)]
        {
            if crate::planted::is(crate::planted::Bug::$bug, stringify!($bug)) {
                $effect;
            }
        }
    };
}
pub(crate) use planted;
