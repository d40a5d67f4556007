//! The scheduler's action `compact-database`: one document database, or one shard of it.

use std::sync::{Arc, OnceLock, Weak};

use crate::documents::Databases;
use crate::scheduler::{Action, Call, Outcome, ParamError, Params};

/// Where a daemon puts its databases once they are open. Weak, since they stand on the service that the scheduler belongs to.
pub type OpenDatabases = Arc<OnceLock<Weak<Databases>>>;

/// The action.
pub struct CompactDatabase(pub OpenDatabases);

fn read(params: &Params) -> Result<(&str, Option<usize>), ParamError> {
    params.only(&["database", "shard"])?;
    let missing =
        || ParamError { name: None, reason: "the parameter database is missing".to_owned() };
    let database = params.get("database").ok_or_else(missing)?;
    Ok((database, params.parse("shard", "a number, counted from 0")?))
}

impl Action for CompactDatabase {
    fn check(&self, params: &Params) -> Result<(), ParamError> {
        read(params).map(drop)
    }

    fn run(&self, call: &Call<'_>) -> Outcome {
        let (name, shard) = read(call.params)?;
        let databases = self.0.get().and_then(Weak::upgrade);
        let databases = databases.ok_or("document databases are open while a daemon runs")?;
        let database = databases.get(name)?;
        let count = database.shard_count();
        let numbers = match shard {
            Some(number) => number..number.saturating_add(1),
            None => 0..count,
        };
        for number in numbers {
            if call.cancel.is_cancelled() {
                return Err(format!("cancelled before shard {number} of {count}").into());
            }
            let compacted = database.compact_shard_now(number);
            compacted.ok_or_else(|| format!("{name} has {count} shards, counted from 0"))??;
        }
        let shards = shard.map_or_else(|| format!("{count} shards"), |n| format!("shard {n}"));
        Ok(format!("{name}: {shards} compacted"))
    }
}
