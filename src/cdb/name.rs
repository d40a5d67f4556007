//! The three datastores by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

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
    /// All of them, in NSO's order and that of the files' names.
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

/// A name that no datastore has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a datastore: expected config (A), operational (O) or snapshot (S)")]
pub struct UnknownDatastore(pub String);

impl FromStr for Datastore {
    type Err = UnknownDatastore;

    /// Its name, `oper`, its letter or its file name.
    fn from_str(text: &str) -> Result<Self, UnknownDatastore> {
        match text {
            "config" | "A" | "A.cdb" => Ok(Self::Config),
            "operational" | "oper" | "O" | "O.cdb" => Ok(Self::Operational),
            "snapshot" | "S" | "S.cdb" => Ok(Self::Snapshot),
            _ => Err(UnknownDatastore(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_file_names_parse_to_their_datastore() {
        for datastore in Datastore::ALL {
            assert_eq!(datastore.to_string().parse(), Ok(datastore));
            assert_eq!(datastore.file_name().parse(), Ok(datastore));
        }
        assert!("B".parse::<Datastore>().is_err());
    }
}
