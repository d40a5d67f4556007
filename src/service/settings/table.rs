//! Every setting that this server knows, and those that are set elsewhere.

use super::kind::Kind;

/// When a setting acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// From the next request on.
    AtOnce,
    /// When the daemon starts.
    AtStart,
}

impl Acts {
    /// In a word, for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::AtStart => "at start",
        }
    }
}

/// A setting that this server knows.
#[derive(Clone, Copy, Debug)]
pub struct KnownSetting {
    /// The section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// What the value may be.
    pub kind: Kind,
    /// The value in force while none is set; `None` where nothing is in force then.
    pub default: Option<&'static str>,
    /// When it acts.
    pub acts: Acts,
    /// What it does, in one line.
    pub about: &'static str,
}

impl KnownSetting {
    /// What a value may be, as a noun.
    pub fn expected(&self) -> String {
        self.kind.expected()
    }

    /// Whether every text of one line is a value.
    pub const fn takes_any_text(&self) -> bool {
        matches!(self.kind, Kind::Text)
    }
}

const fn row(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> KnownSetting {
    KnownSetting { section, key, kind, default, acts: Acts::AtOnce, about }
}

const fn at_start(row: KnownSetting) -> KnownSetting {
    KnownSetting { acts: Acts::AtStart, ..row }
}

const COUNT: Kind = Kind::Whole { min: 1, max: 4_294_967_295 };
/// Bytes of a document that the engine takes.
const DOCUMENT: Kind = Kind::Whole { min: 1, max: 134_217_728 };
/// Rounds of PBKDF2; more would let one login occupy a processor for minutes.
const ROUNDS: Kind = Kind::Whole { min: 1, max: 10_000_000 };

/// The settings, by section and key.
pub const SETTINGS: &[KnownSetting] = &[
    row(
        "attachments",
        "compression_level",
        Kind::Whole { min: 0, max: 9 },
        Some("8"),
        "level of compression of attachments that compress well; 0 compresses none",
    ),
    row(
        "chttpd",
        "decode_plus_to_space",
        Kind::Boolean,
        Some("true"),
        "whether a plus in a path stands for a space",
    ),
    row(
        "chttpd",
        "enable_cors",
        Kind::Boolean,
        Some("false"),
        "whether pages of other origins may read answers",
    ),
    row(
        "chttpd",
        "require_valid_user",
        Kind::Boolean,
        Some("false"),
        "whether every request needs a user, but for POST /_session",
    ),
    row(
        "chttpd",
        "require_valid_user_except_for_up",
        Kind::Boolean,
        Some("false"),
        "the same, but for /_up too",
    ),
    row(
        "chttpd",
        "x_forwarded_host",
        Kind::HeaderText,
        Some("X-Forwarded-Host"),
        "the header with the host that clients ask a proxy for",
    ),
    row(
        "chttpd",
        "x_forwarded_proto",
        Kind::HeaderText,
        Some("X-Forwarded-Proto"),
        "the header that says https where clients ask a proxy over TLS",
    ),
    row(
        "chttpd",
        "x_forwarded_ssl",
        Kind::HeaderText,
        Some("X-Forwarded-Ssl"),
        "the header that says on where clients ask a proxy over TLS",
    ),
    row(
        "chttpd_auth",
        "authentication_db",
        Kind::Database,
        Some("_users"),
        "the database of users that people sign in with",
    ),
    row("chttpd_auth", "iterations", ROUNDS, Some("600000"), "rounds of PBKDF2 for new passwords"),
    row(
        "chttpd_auth",
        "password_regexp",
        Kind::PasswordRules,
        None,
        "rules for new passwords of users",
    ),
    row(
        "chttpd_auth",
        "require_valid_user",
        Kind::Boolean,
        None,
        "the same as in chttpd, where one of the two is true",
    ),
    row(
        "chttpd_auth",
        "secret",
        Kind::Text,
        None,
        "what cookies are signed with; made when it is first needed",
    ),
    row(
        "chttpd_auth",
        "timeout",
        Kind::Whole { min: 1, max: 31_536_000 },
        Some("600"),
        "seconds for which a session lasts without use",
    ),
    row(
        "chttpd_auth",
        "upgrade_hash_on_auth",
        Kind::Boolean,
        Some("true"),
        "whether a weak hash is replaced when its password comes",
    ),
    row(
        "cluster",
        "n",
        Kind::Word(&["1"]),
        Some("1"),
        "copies of a document: this server is one node",
    ),
    row("cluster", "q", Kind::Whole { min: 1, max: 256 }, Some("2"), "shards of a new database"),
    row(
        "cors",
        "credentials",
        Kind::Boolean,
        Some("false"),
        "whether such a page may send cookies and passwords",
    ),
    row(
        "cors",
        "exposed_headers",
        Kind::HeaderText,
        None,
        "headers that such a page may read; default: CouchDB's list",
    ),
    row(
        "cors",
        "headers",
        Kind::HeaderText,
        None,
        "headers that such a page may send; default: CouchDB's list",
    ),
    row(
        "cors",
        "max_age",
        Kind::Whole { min: 0, max: 4_294_967_295 },
        Some("600"),
        "seconds for which a browser may remember the answer",
    ),
    row(
        "cors",
        "methods",
        Kind::HeaderText,
        None,
        "methods that such a page may use; default: CouchDB's list",
    ),
    row("cors", "origins", Kind::HeaderText, None, "the origins, with commas; * for all"),
    row(
        "couch_httpd_auth",
        "authentication_db",
        Kind::Database,
        None,
        "the same as in chttpd_auth, where that is not set",
    ),
    row(
        "couch_httpd_auth",
        "iterations",
        ROUNDS,
        None,
        "the same as in chttpd_auth, where that is not set",
    ),
    row(
        "couch_httpd_auth",
        "password_regexp",
        Kind::PasswordRules,
        None,
        "the same as in chttpd_auth, where that is not set",
    ),
    row(
        "couch_httpd_auth",
        "require_valid_user",
        Kind::Boolean,
        None,
        "the same as in chttpd, where one of the two is true",
    ),
    row(
        "couch_httpd_auth",
        "secret",
        Kind::Text,
        None,
        "the same as in chttpd_auth, where that is not set",
    ),
    row(
        "couch_httpd_auth",
        "timeout",
        Kind::Whole { min: 1, max: 31_536_000 },
        None,
        "the same as in chttpd_auth, where that is not set",
    ),
    row(
        "couchdb",
        "default_security",
        Kind::Word(&["admin_only", "admin_local", "everyone"]),
        Some("admin_only"),
        "who may use a new database; admin_local lets everyone, as everyone does",
    ),
    row(
        "couchdb",
        "maintenance_mode",
        Kind::Word(&["false", "true", "nolb", ""]),
        None,
        "what _up answers; true refuses requests for databases too",
    ),
    row(
        "couchdb",
        "max_attachment_size",
        Kind::WholeOrInfinity,
        Some("1073741824"),
        "bytes of the largest attachment",
    ),
    row("couchdb", "max_bulk_docs_count", COUNT, Some("10000"), "documents of one _bulk_docs"),
    row("couchdb", "max_bulk_get_count", COUNT, Some("10000"), "documents of one _bulk_get"),
    at_start(row(
        "couchdb",
        "max_dbs_open",
        COUNT,
        Some("500"),
        "shards that are open at a time while no more are in use",
    )),
    row("couchdb", "max_document_size", DOCUMENT, Some("8000000"), "bytes of the largest document"),
    row(
        "couchdb",
        "users_db_security_editable",
        Kind::Boolean,
        Some("false"),
        "whether the security object of users can be set",
    ),
    row(
        "couchdb",
        "uuid",
        Kind::Text,
        None,
        "what tells this server from others; made with the first database",
    ),
    row(
        "couchdb",
        "validate_doc_update",
        Kind::Word(&["warn", "refuse"]),
        Some("warn"),
        "what is done with a design document whose validation is not run",
    ),
    row(
        "httpd",
        "enable_cors",
        Kind::Boolean,
        None,
        "the same as in chttpd, where that is not set",
    ),
    row(
        "httpd",
        "require_valid_user",
        Kind::Boolean,
        None,
        "the same as in chttpd, where that is not set",
    ),
    row(
        "httpd",
        "x_forwarded_host",
        Kind::HeaderText,
        None,
        "the same as in chttpd, where that is not set",
    ),
    row(
        "httpd",
        "x_forwarded_proto",
        Kind::HeaderText,
        None,
        "the same as in chttpd, where that is not set",
    ),
    row(
        "httpd",
        "x_forwarded_ssl",
        Kind::HeaderText,
        None,
        "the same as in chttpd, where that is not set",
    ),
    row("purge", "max_document_id_number", COUNT, Some("100"), "documents of one _purge"),
    row("purge", "max_revisions_number", COUNT, Some("1000"), "revisions of one _purge"),
    row(
        "query_server_config",
        "partition_query_limit",
        COUNT,
        Some("268435456"),
        "the largest limit of a query over one partition",
    ),
    row(
        "query_server_config",
        "query_limit",
        COUNT,
        Some("268435456"),
        "the largest limit of a query over a database",
    ),
    row(
        "replicator",
        "retries_per_request",
        Kind::Whole { min: 0, max: 1_000 },
        Some("5"),
        "how often a replication repeats a request that failed; read when it begins",
    ),
    row(
        "replicator",
        "ssl_trusted_certificates_file",
        Kind::Text,
        None,
        "a file with certificates of further authorities (PEM); read when a replication begins",
    ),
    // CouchDB's default is false: it accepts any certificate.
    row(
        "replicator",
        "verify_ssl_certificates",
        Kind::Boolean,
        Some("true"),
        "whether certificates of other servers are verified; read when a replication begins",
    ),
    row(
        "uuids",
        "algorithm",
        Kind::Word(&["sequential", "utc_random", "utc_id", "random"]),
        Some("sequential"),
        "how ids of new documents and of _uuids are made",
    ),
    row(
        "uuids",
        "max_count",
        Kind::Whole { min: 1, max: 1_000_000 },
        Some("1000"),
        "ids of one request to _uuids",
    ),
    row(
        "uuids",
        "utc_id_suffix",
        Kind::Text,
        Some(""),
        "what ids of the algorithm utc_id end with",
    ),
];

/// Settings of CouchDB that this server has under another name, or cannot honour; and why.
pub const ELSEWHERE: &[((&str, &str), &str)] = &[
    (("chttpd", "bind_address"), BIND),
    (("chttpd", "port"), BIND),
    (("httpd", "bind_address"), BIND),
    (("httpd", "port"), BIND),
    (("chttpd", "max_http_request_size"), BODY),
    (("httpd", "max_http_request_size"), BODY),
    (("ssl", "enable"), TLS),
    (("ssl", "port"), TLS),
    (("ssl", "cert_file"), TLS),
    (("ssl", "key_file"), TLS),
    (("couchdb", "database_dir"), DIRECTORY),
    (("couchdb", "view_index_dir"), DIRECTORY),
    (("couchdb", "max_partition_size"), "a partition has no largest size in this server"),
    (("chttpd", "authentication_handlers"), HANDLERS),
    (("httpd", "authentication_handlers"), HANDLERS),
    (("chttpd", "allow_jsonp"), JSONP),
    (("httpd", "allow_jsonp"), JSONP),
];

const BIND: &str = "the address is daemon/bind in ncs.conf, or --bind of pumice start";
const BODY: &str = "the largest body is daemon/http-body-size in ncs.conf";
const TLS: &str = "TLS is daemon/tls-certificate and daemon/tls-key in ncs.conf";
const DIRECTORY: &str = "the data directory is --dir of pumice start";
const HANDLERS: &str = "this server signs people in by cookie and password only";
const JSONP: &str =
    "this server answers no JSONP; cors/origins lets pages of other origins read answers";

/// Sections, and the older section that CouchDB reads where a key is not set there.
pub const ALIASES: &[(&str, &str)] = &[("chttpd", "httpd"), ("chttpd_auth", "couch_httpd_auth")];

/// The row of a setting.
pub fn find(section: &str, key: &str) -> Option<&'static KnownSetting> {
    SETTINGS.iter().find(|row| row.section == section && row.key == key)
}
