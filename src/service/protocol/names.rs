//! Datastores by their names, for serde.

/// A datastore by its name.
pub mod datastore {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::cdb::Datastore;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(value: &Datastore, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Datastore, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Datastores by their names.
pub mod datastores {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::cdb::Datastore;

    pub fn serialize<S: Serializer>(value: &[Datastore], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(Datastore::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Datastore>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}
