//! Replication: copies what one database has and another has not, by CouchDB's protocol, once or for as long as it is wanted.
//!
//! A [`Replication`] says what from where to where; [`Replication::run`] does it: changes of the source in batches, `_revs_diff`
//! at the target, `_bulk_get` at the source, `_bulk_docs` at the target, and a checkpoint on both, so that the next run goes on
//! where this one stopped. Documents with attachments go one by one, their content as it flows.
//!
//! A request that fails for a reason that passes is made again ([`Retries`]); one that is refused ends it.
//!
//! Both sides are a [`Peer`]: a [`Transport`] and a path. Over the network it is [`Remote`]; a database of this process is reached
//! by a transport that the HTTP side hands in, so that both are asked in the same words.

mod attached;
mod batch;
mod checkpoint;
mod endpoint;
mod flow;
mod jobs;
mod outcome;
mod parts;
mod peer;
mod remote;
mod retry;
mod run;
#[cfg(test)]
mod tests;
mod transport;
mod trust;
mod wanted;

pub use checkpoint::id as replication_id;
pub use endpoint::{BadEndpoint, Endpoint};
pub use flow::{Cut, Flow};
pub use jobs::{Job, JobState, Jobs};
pub use outcome::{Failed, Progress, Standing};
pub use parts::{BadParts, PartHead, PartsReader, Pieces};
pub use peer::Peer;
pub use remote::Remote;
pub use retry::{Pause, Retries};
pub use transport::{Request, Response, Sending, Transport, TransportError};
pub use trust::Trust;
pub use wanted::{Replication, Times};
