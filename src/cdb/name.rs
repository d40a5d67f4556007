//! The three datastores by name.

use std::fmt;

/// A datastore of the CDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datastore {
    /// Configuration: `A.cdb`.
    Config,
    /// Operational data: `O.cdb`.
    Operational,
    /// Named snapshots of configuration subtrees: `S.cdb`.
    Snapshot,
}

impl Datastore {
    /// All of them, in NSO's order.
    pub const ALL: [Self; 3] = [Self::Config, Self::Operational, Self::Snapshot];

    /// Its file in the data directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Config => "A.cdb",
            Self::Operational => "O.cdb",
            Self::Snapshot => "S.cdb",
        }
    }

    /// NSO's number for it (`enum cdb_dbfile_type`): 1, 2, 3.
    pub fn dbfile(self) -> u8 {
        match self {
            Self::Config => 1,
            Self::Operational => 2,
            Self::Snapshot => 3,
        }
    }
}

impl fmt::Display for Datastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Operational => "operational",
            Self::Snapshot => "snapshot",
        })
    }
}
