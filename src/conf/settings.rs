//! The table of settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::leaf::Leaf;
use super::types::{
    BlockCompression, Conf, ImageRead, JournalCompaction, LogFormat, LogLevel, ServerName,
    WritePolicy,
};
use crate::units::{ByteSize, Duration, ParseError, Percent, Timeout};
use Applies::{OnReload, OnRestart};
use Author::{Nso, Ours};

/// Who defined a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// NSO: ncs.conf(5).
    Nso,
    /// This project; NSO has no such setting.
    Ours,
}

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// When the file is read again (SIGHUP).
    OnReload,
    /// When the daemon starts again.
    OnRestart,
}

impl Applies {
    /// `reload` or `restart`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnReload => "reload",
            Self::OnRestart => "restart",
        }
    }
}

/// One setting: where it stands, what it means, how its value is read and shown.
#[derive(Debug)]
pub struct Setting {
    /// The elements below `/ncs-config`, such as `compaction/file-size-relative`.
    pub path: &'static str,
    /// Who defined it.
    pub author: Author,
    /// What it does, in whole sentences.
    pub meaning: &'static str,
    /// The unit and special values, as a phrase; empty where the type says it all.
    pub unit: &'static str,
    /// The least value, in the spelling of the file.
    pub minimum: Option<&'static str>,
    /// A value for the example file where there is no default.
    pub sample: &'static str,
    /// When a changed value takes effect.
    pub applies: Applies,
    access: Access,
}

#[derive(Debug)]
struct Access {
    type_name: fn() -> String,
    repeatable: bool,
    put: fn(&mut Conf, &str) -> Result<(), ParseError>,
    show: fn(&Conf) -> Vec<String>,
    number: fn(&Conf) -> Option<u64>,
}

/// The access to a field, typed by the field.
macro_rules! field {
    ($part:ident . $name:ident : $type:ty) => {
        Access {
            type_name: <$type as Leaf>::type_name,
            repeatable: <$type as Leaf>::REPEATABLE,
            put: |conf, text| <$type as Leaf>::put(&mut conf.$part.$name, text),
            show: |conf| <$type as Leaf>::show(&conf.$part.$name),
            number: |conf| <$type as Leaf>::number(&conf.$part.$name),
        }
    };
}

impl Setting {
    /// The whole path: `/ncs-config/compaction/file-size-relative`.
    pub fn full_path(&self) -> String {
        format!("/ncs-config/{}", self.path)
    }

    /// The section: `compaction`.
    pub fn section(&self) -> &'static str {
        self.path.split_once('/').map_or(self.path, |(section, _)| section)
    }

    /// The element's name: `file-size-relative`.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// The type as ncs.conf(5) names it: `uint8`, `automatic | manual`.
    pub fn type_name(&self) -> String {
        (self.access.type_name)()
    }

    /// Whether the element may be given more than once.
    pub fn is_repeatable(&self) -> bool {
        self.access.repeatable
    }

    /// The default in canonical form; `None` when it is unset.
    pub fn default(&self) -> Option<String> {
        self.show(&Conf::default()).into_iter().next()
    }

    /// The value that a configuration has, in canonical form: one text per element, none when unset.
    pub fn show(&self, conf: &Conf) -> Vec<String> {
        (self.access.show)(conf)
    }

    /// Reads a text into a configuration: replaces the value, or adds to it where the element repeats.
    ///
    /// Fails, and leaves the configuration as it was, when the text is not of the type or under the minimum.
    pub fn put(&self, conf: &mut Conf, text: &str) -> Result<(), ParseError> {
        let mut changed = conf.clone();
        (self.access.put)(&mut changed, text.trim())?;
        let (given, least) = ((self.access.number)(&changed), self.least());
        if let (Some(given), Some(least), Some(minimum)) = (given, least, self.minimum)
            && given < least
        {
            return Err(ParseError::new(text.trim(), format!("{minimum} or more")));
        }
        *conf = changed;
        Ok(())
    }

    fn least(&self) -> Option<u64> {
        let mut conf = Conf::default();
        (self.access.put)(&mut conf, self.minimum?).ok()?;
        (self.access.number)(&conf)
    }

    /// What a right value looks like: type, unit, minimum, default.
    pub fn expectation(&self) -> String {
        let least = self.minimum.map(|least| format!("; at least {least}")).unwrap_or_default();
        let default = self.default().map_or_else(
            || "not set by default".to_owned(),
            |default| format!("default {default}"),
        );
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        format!("{}{unit}{least} ({default})", self.type_name())
    }
}

/// All settings, in the order of the example file.
pub fn settings() -> &'static [Setting] {
    &SETTINGS
}

/// The setting at a path such as `compaction/file-size-relative`.
pub fn setting(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path)
}

/// Other spellings that are read, with a warning: the spelling, the setting's path, where it comes from.
pub(super) const ALIASES: [(&str, &str, &str); 2] = [
    ("compaction/num-transaction", "compaction/num-transactions", "a misprint of NSO's guide"),
    (
        "cdb/journal-compaction",
        "compaction/journal-compaction",
        "the place of NSO before 6.5, where it held for A.cdb only; here it holds for every file",
    ),
];

static SETTINGS: [Setting; 29] = [
    Setting {
        path: "cdb/db-dir",
        author: Nso,
        meaning: "The directory of all files: A.cdb, O.cdb, S.cdb, temporary files and init files. It must be on a \
                  local disk. A relative path starts at the directory that the program was started in.",
        unit: "a directory",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(cdb.db_dir: PathBuf),
    },
    Setting {
        path: "cdb/init-path/dir",
        author: Nso,
        meaning: "A directory whose init files (*.xml, *.json) are loaded into an empty database, before those of \
                  db-dir. May be given more than once; the order counts.",
        unit: "a directory",
        minimum: None,
        sample: "./factory",
        applies: OnRestart,
        access: field!(cdb.init_path: Vec<PathBuf>),
    },
    Setting {
        path: "cdb/client-timeout",
        author: Nso,
        meaning: "How long a subscriber may take to acknowledge a notification. One that takes longer is logged, \
                  dropped, and the others are served.",
        unit: "time",
        minimum: Some("PT1S"),
        sample: "",
        applies: OnRestart,
        access: field!(cdb.client_timeout: Timeout),
    },
    Setting {
        path: "cdb/image-read",
        author: Ours,
        meaning: "How a file is read, its compacted part and long values behind it: mapped into memory, or by \
                  positional reads, the compacted part into a cache of bounded size. Choose cached where the directory may be cut short by others, or where \
                  memory must be bounded by this program and not by the system.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(cdb.image_read: ImageRead),
    },
    Setting {
        path: "cdb/block-cache",
        author: Ours,
        meaning: "The bound of the cache that all files share when image-read is cached.",
        unit: "bytes",
        minimum: Some("S1M"),
        sample: "",
        applies: OnRestart,
        access: field!(cdb.block_cache: ByteSize),
    },
    Setting {
        path: "cdb/block-compression",
        author: Ours,
        meaning: "Whether compaction compresses what it writes. Files of either kind are always readable.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(cdb.block_compression: BlockCompression),
    },
    Setting {
        path: "compaction/journal-compaction",
        author: Nso,
        meaning: "Who starts compactions: the thresholds below, after each transaction, or (manual) only a person, \
                  a schedule or the API. With manual and nobody to call, files grow without bound.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.journal_compaction: JournalCompaction),
    },
    Setting {
        path: "compaction/file-size-relative",
        author: Nso,
        meaning: "Compacts a file that has grown by more than this since its last compaction.",
        unit: "percent of growth since the last compaction; 0 turns the threshold off",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.file_size_relative: Percent),
    },
    Setting {
        path: "compaction/num-node-relative",
        author: Nso,
        meaning: "Compacts a file whose number of nodes has grown by more than this since its last compaction. A node \
                  is a list entry, a leaf, a leaf-list entry or a presence container.",
        unit: "percent of growth since the last compaction; 0 turns the threshold off",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.num_node_relative: Percent),
    },
    Setting {
        path: "compaction/file-size-absolute",
        author: Nso,
        meaning: "Compacts a file that has grown by more than this since its last compaction.",
        unit: "bytes of growth since the last compaction; S0B turns the threshold off",
        minimum: None,
        sample: "S64M",
        applies: OnReload,
        access: field!(compaction.file_size_absolute: Option<ByteSize>),
    },
    Setting {
        path: "compaction/num-transactions",
        author: Nso,
        meaning: "Compacts a file after more than this many transactions since its last compaction.",
        unit: "transactions since the last compaction; 0 turns the threshold off",
        minimum: None,
        sample: "10000",
        applies: OnReload,
        access: field!(compaction.num_transactions: Option<u16>),
    },
    Setting {
        path: "compaction/delayed-compaction-timeout",
        author: Nso,
        meaning: "How long A.cdb must be quiet before a due compaction of it starts. Each transaction starts the wait \
                  again. O.cdb and S.cdb are compacted without delay.",
        unit: "time; PT0S starts at once",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.delayed_compaction_timeout: Duration),
    },
    Setting {
        path: "compaction/delayed-compaction-max-wait",
        author: Ours,
        meaning: "The longest that transactions can put off a due compaction of A.cdb. Without such a bound, steady \
                  traffic would keep it from ever starting. When it is not given it is twelve times \
                  delayed-compaction-timeout. infinity gives NSO's rule.",
        unit: "time; not shorter than delayed-compaction-timeout",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.delayed_compaction_max_wait: Timeout),
    },
    Setting {
        path: "compaction/compaction-floor",
        author: Ours,
        meaning: "Files smaller than this are never compacted by a threshold. Rewriting them would win nothing that \
                  anybody could notice, while writers wait.",
        unit: "bytes of file size; S0B leaves it to the thresholds alone, as NSO does",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.compaction_floor: ByteSize),
    },
    Setting {
        path: "compaction/write-policy",
        author: Ours,
        meaning: "What write transactions do while their datastore is compacted: wait for all of it, as in NSO, or \
                  go on and wait only for the last small gap. Readers never wait.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(compaction.write_policy: WritePolicy),
    },
    Setting {
        path: "compaction/throttle",
        author: Ours,
        meaning: "The most that a compaction writes in a second, so that other work on the disk keeps its pace. With \
                  write-policy blocking, writers wait longer for it.",
        unit: "bytes per second",
        minimum: Some("S64K"),
        sample: "S50M",
        applies: OnReload,
        access: field!(compaction.throttle: Option<ByteSize>),
    },
    Setting {
        path: "compaction/compact-on-start",
        author: Ours,
        meaning: "Whether the thresholds are also evaluated, without delay, at start. The start \
                  option disable-compaction-on-start sets it to false for one run.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(compaction.compact_on_start: bool),
    },
    Setting {
        path: "daemon/bind",
        author: Ours,
        meaning: "Where the daemon listens. The start option bind overrides it. While there is no admin it must be an address \
                  that only this machine reaches, and whoever is on this machine may read and write documents.",
        unit: "an IP address and a port; port 0 lets the system choose",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(daemon.bind: SocketAddr),
    },
    Setting {
        path: "daemon/tls-certificate",
        author: Ours,
        meaning: "The certificate chain (PEM) that HTTP is served with over TLS; it needs tls-key too. Without it HTTP \
                  is served as it is.",
        unit: "a file",
        minimum: None,
        sample: "/etc/pumice/certificate.pem",
        applies: OnRestart,
        access: field!(daemon.tls_certificate: Option<PathBuf>),
    },
    Setting {
        path: "daemon/tls-key",
        author: Ours,
        meaning: "The private key (PEM) of tls-certificate.",
        unit: "a file",
        minimum: None,
        sample: "/etc/pumice/key.pem",
        applies: OnRestart,
        access: field!(daemon.tls_key: Option<PathBuf>),
    },
    Setting {
        path: "daemon/http-connections",
        author: Ours,
        meaning: "HTTP connections at the same time; more wait until one ends.",
        unit: "connections",
        minimum: Some("1"),
        sample: "",
        applies: OnRestart,
        access: field!(daemon.http_connections: u16),
    },
    Setting {
        path: "daemon/http-body-size",
        author: Ours,
        meaning: "The largest body of an HTTP request, before and after decompression, attachments by themselves aside.",
        unit: "bytes",
        minimum: Some("S1M"),
        sample: "",
        applies: OnRestart,
        access: field!(daemon.http_body_size: ByteSize),
    },
    Setting {
        path: "daemon/http-timeout",
        author: Ours,
        meaning: "How long an HTTP client may take for the head of a request, send nothing of a body, or take nothing of \
                  an answer, until it is let go.",
        unit: "time",
        minimum: Some("PT1S"),
        sample: "",
        applies: OnRestart,
        access: field!(daemon.http_timeout: Duration),
    },
    Setting {
        path: "daemon/http-server-name",
        author: Ours,
        meaning: "How the header Server of HTTP answers begins: couchdb is CouchDB/3.5.0 (pumice/VERSION), which \
                  clients of CouchDB look for; pumice is pumice/VERSION (CouchDB 3.5 API).",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(daemon.http_server_name: ServerName),
    },
    Setting {
        path: "rollback/enabled",
        author: Nso,
        meaning: "Whether what undoes the last transactions of A.cdb is kept through compactions, so that log, diff and \
                  rollback reach behind the last one. NSO's default is false. Here a commit writes nothing for it.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(rollback.enabled: bool),
    },
    Setting {
        path: "rollback/history-size",
        author: Nso,
        meaning: "How many transactions are kept so. The transactions since the last compaction are there in any case.",
        unit: "transactions; 0 keeps none",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(rollback.history_size: u16),
    },
    Setting {
        path: "rollback/max-size",
        author: Ours,
        meaning: "The most that is kept so. Beyond it the oldest transactions go first; a transaction that needs more \
                  alone is listed in the log and cannot be undone, nor can those before it.",
        unit: "bytes of old values and their paths",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(rollback.max_size: ByteSize),
    },
    Setting {
        path: "logs/log-level",
        author: Ours,
        meaning: "The least severe kind of message that is logged.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnReload,
        access: field!(logs.log_level: LogLevel),
    },
    Setting {
        path: "logs/log-format",
        author: Ours,
        meaning: "The shape of a log line: for people, or one JSON object.",
        unit: "",
        minimum: None,
        sample: "",
        applies: OnRestart,
        access: field!(logs.log_format: LogFormat),
    },
];
