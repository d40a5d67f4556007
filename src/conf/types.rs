//! The configuration as the rest of the program takes it. What each field means, with unit and limits, is said
//! once more for people in the table of `settings.rs`; the defaults stand only here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::leaf::choice;
use crate::units::{ByteSize, Duration, Percent, Timeout};

/// A whole configuration. [`Conf::default`] is what holds without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// When and how journals are compacted: `/ncs-config/compaction`.
    pub compaction: CompactionSettings,
    /// The datastores: `/ncs-config/cdb`.
    pub cdb: CdbSettings,
    /// What undoes transactions: `/ncs-config/rollback`.
    pub rollback: RollbackSettings,
    /// The daemon: `/ncs-config/daemon` (ours).
    pub daemon: DaemonSettings,
    /// The log: `/ncs-config/logs`.
    pub logs: LogSettings,
}

choice! {
    /// Who starts compactions.
    JournalCompaction = Automatic {
        /// The thresholds, after each transaction.
        Automatic = "automatic",
        /// Only a person, a schedule or the API; without one, files grow without bound.
        Manual = "manual",
    }
}

choice! {
    /// What write transactions do while a datastore of the CDB is compacted.
    WritePolicy = Blocking {
        /// They wait until it is done, as in NSO.
        Blocking = "blocking",
        /// They go on, and wait only while the last small gap is copied.
        Background = "background",
    }
}

choice! {
    /// How the image part of a journal is read, and long values of its tail.
    ImageRead = Mapped {
        /// Through a memory mapping; the system's page cache is the cache.
        Mapped = "mapped",
        /// By positional reads into a bounded cache of blocks.
        Cached = "cached",
    }
}

choice! {
    /// How blocks of an image are compressed when it is written. Either kind is always readable.
    BlockCompression = None {
        /// Not at all.
        None = "none",
        /// With LZ4.
        Lz4 = "lz4",
    }
}

choice! {
    /// How the header `Server` of HTTP answers begins.
    ServerName = CouchDb {
        /// With the version of CouchDB whose answers these are, this program behind it: there are clients that look for it.
        CouchDb = "couchdb",
        /// With this program.
        Pumice = "pumice",
    }
}

choice! {
    /// The least severe kind of message that is logged.
    LogLevel = Info {
        /// Something failed that somebody must look at.
        Error = "error",
        /// Something is off and the program went on.
        Warn = "warn",
        /// What the daemon does, in few lines.
        Info = "info",
        /// For finding a fault.
        Debug = "debug",
        /// Everything, including single transactions.
        Trace = "trace",
    }
}

choice! {
    /// The shape of a log line.
    LogFormat = Text {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// How much of what undoes transactions of `A.cdb` is kept through compactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackSettings {
    /// Whether anything is. Default: true.
    pub enabled: bool,
    /// How many transactions. Default: 35. 0 keeps none.
    pub history_size: u16,
    /// Bytes of what undoes them, together. Default: 64 MB.
    pub max_size: ByteSize,
}

impl Default for RollbackSettings {
    fn default() -> Self {
        Self { enabled: true, history_size: 35, max_size: ByteSize::from_bytes(64 << 20) }
    }
}

/// When and how journals are compacted. The thresholds are independent: any one that is exceeded
/// suffices, and each is strict (growth of exactly the threshold does not suffice).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionSettings {
    /// Who starts compactions. Default: automatic.
    pub journal_compaction: JournalCompaction,
    /// Growth of the file since its last compaction, percent; 0 turns it off. Default: 50.
    pub file_size_relative: Percent,
    /// Growth of the number of nodes since the last compaction, percent; 0 turns it off. Default: 50.
    pub num_node_relative: Percent,
    /// Growth of the file since its last compaction, bytes; never 0. Default: off.
    pub file_size_absolute: Option<ByteSize>,
    /// Transactions since the last compaction; never 0. Default: off.
    pub num_transactions: Option<u16>,
    /// How long the config datastore must be quiet before a due compaction starts; zero starts it at once.
    /// Default: 5 seconds.
    pub delayed_compaction_timeout: Duration,
    /// The longest that a due compaction of the config datastore is put off by further transactions.
    /// Default: twelve times the delay; 60 seconds at the default delay. Never under the delay.
    pub delayed_compaction_max_wait: Timeout,
    /// Files smaller than this are never compacted by a threshold. Default: 1 MB.
    pub compaction_floor: ByteSize,
    /// What writers do meanwhile. Default: blocking.
    pub write_policy: WritePolicy,
    /// The most that a compaction writes, bytes per second. Default: no limit. Minimum: 64 KB.
    pub throttle: Option<ByteSize>,
    /// Whether the thresholds are also evaluated at start. Default: true.
    pub compact_on_start: bool,
}

impl CompactionSettings {
    /// How many delays the default of `delayed-compaction-max-wait` lasts.
    pub(super) const MAX_WAIT_DELAYS: u64 = 12;
}

impl Default for CompactionSettings {
    fn default() -> Self {
        Self {
            journal_compaction: JournalCompaction::default(),
            file_size_relative: Percent::new(50),
            num_node_relative: Percent::new(50),
            file_size_absolute: None,
            num_transactions: None,
            delayed_compaction_timeout: Duration::from_secs(5),
            delayed_compaction_max_wait: Timeout::After(Duration::from_secs(60)),
            compaction_floor: ByteSize::from_bytes(1 << 20),
            write_policy: WritePolicy::default(),
            throttle: None,
            compact_on_start: true,
        }
    }
}

/// The datastores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdbSettings {
    /// The directory of all files. Default: `./pumice-data`.
    pub db_dir: PathBuf,
    /// Directories whose init files are loaded into an empty database, in this order, before those of
    /// `db_dir`. Default: none.
    pub init_path: Vec<PathBuf>,
    /// How long a subscriber may take to acknowledge. Default: infinity. Minimum: 1 second.
    pub client_timeout: Timeout,
    /// How images are read. Default: mapped.
    pub image_read: ImageRead,
    /// The bound of the block cache, bytes; used when `image_read` is cached. Default: 64 MB. Minimum: 1 MB.
    pub block_cache: ByteSize,
    /// How new image blocks are compressed. Default: none.
    pub block_compression: BlockCompression,
}

impl Default for CdbSettings {
    fn default() -> Self {
        Self {
            db_dir: PathBuf::from("./pumice-data"),
            init_path: Vec::new(),
            client_timeout: Timeout::Infinity,
            image_read: ImageRead::default(),
            block_cache: ByteSize::from_bytes(64 << 20),
            block_compression: BlockCompression::default(),
        }
    }
}

/// The daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSettings {
    /// Where the daemon listens. Default: `127.0.0.1:5984`.
    pub bind: SocketAddr,
    /// The certificate chain for TLS. Default: none, no TLS.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key. Default: none.
    pub tls_key: Option<PathBuf>,
    /// HTTP connections at the same time. Default: 2,000.
    pub http_connections: u16,
    /// The largest body of an HTTP request. Default: 64 MiB.
    pub http_body_size: ByteSize,
    /// How long a slow HTTP client is waited for. Default: 30 s.
    pub http_timeout: Duration,
    /// How HTTP answers name the server. Default: couchdb.
    pub http_server_name: ServerName,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 5984)),
            tls_certificate: None,
            tls_key: None,
            http_connections: 2_000,
            http_body_size: ByteSize::from_bytes(64 << 20),
            http_timeout: Duration::from_secs(30),
            http_server_name: ServerName::default(),
        }
    }
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severe kind of message. Default: info.
    pub log_level: LogLevel,
    /// The shape of a line. Default: text.
    pub log_format: LogFormat,
}
