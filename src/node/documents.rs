//! What the HTTP side stands on: the document databases of the directory, limits, TLS.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::descriptors::{DescriptorShares, share};
use super::options::store_options;
use crate::conf::{Conf, DaemonSettings};
use crate::documents::{DatabaseError, Databases, DocumentsOptions};
use crate::http::{App, HttpOptions, ServerName, Tls};
use crate::service::{CdbCatalog, Class, Failure, Service, Surroundings};
use crate::vfs::{Vfs, raise_descriptor_limit, read_file};

/// Bodies of the largest size that are held at the same time.
const BODIES_MAX: u64 = 4;
/// A certificate or a key is not larger.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Opens the databases of a directory; their records are in the configuration of `service`.
pub fn open(
    conf: &Conf,
    service: &Arc<Service>,
    around: &Surroundings,
    shares: DescriptorShares,
) -> Result<Databases, Failure> {
    let options = DocumentsOptions {
        store: store_options(conf),
        max_open_shards: shares.shards,
        ..DocumentsOptions::default()
    };
    let catalog = Arc::new(CdbCatalog::new(service.clone()));
    let (vfs, clock) = (around.vfs.clone(), around.clock.clone());
    let databases = Databases::open(&around.directory, vfs, clock, catalog, options);
    databases.map_err(|error| failure(&error))
}

/// Raises the limit of descriptors, and shares them out.
pub fn shares(conf: &DaemonSettings, service: &Service) -> Result<DescriptorShares, Failure> {
    let wanted = DescriptorShares {
        connections: usize::from(conf.http_connections),
        shards: usize::try_from(service.number("couchdb", "max_dbs_open")?).unwrap_or(usize::MAX),
    };
    let limit = raise_descriptor_limit();
    let given = share(limit, wanted);
    if given != wanted {
        tracing::warn!(
            limit,
            connections = given.connections,
            shards = given.shards,
            "the limit of open files allows fewer connections and open shards than are set"
        );
    }
    Ok(given)
}

fn failure(error: &DatabaseError) -> Failure {
    Failure::new(Class::Disk, "documents", error.to_string())
}

/// The HTTP side on open databases.
pub fn app(
    conf: &DaemonSettings,
    service: &Arc<Service>,
    databases: Arc<Databases>,
    around: &Surroundings,
    ending: watch::Receiver<bool>,
    shares: DescriptorShares,
) -> Result<Arc<App>, Failure> {
    let patience = conf.http_timeout.to_std();
    let options = HttpOptions {
        connections_max: shares.connections,
        head_timeout: patience,
        stall_timeout: patience,
        body_bytes_max: conf.http_body_size.bytes(),
        bodies_bytes_max: conf.http_body_size.bytes().saturating_mul(BODIES_MAX),
        server_name: match conf.http_server_name {
            crate::conf::ServerName::CouchDb => ServerName::CouchDb,
            crate::conf::ServerName::Pumice => ServerName::Pumice,
        },
        is_tls: conf.tls_certificate.is_some(),
        loopback: conf.bind.ip().is_loopback(),
        ..HttpOptions::default()
    };
    let app = App::new(service.clone(), databases, around.clock.clone(), options, ending)?;
    Ok(Arc::new(app))
}

/// TLS, when a certificate is given.
pub fn tls(conf: &DaemonSettings, vfs: &dyn Vfs) -> Result<Option<Tls>, Failure> {
    let (certificate, key) = match (&conf.tls_certificate, &conf.tls_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(Failure::usage(
                "daemon/tls-certificate and daemon/tls-key belong together",
            ));
        }
    };
    let read = |path: &Path| read_file(vfs, path, PEM_BYTES_MAX);
    let tls = Tls::new(&read(certificate)?, &read(key)?);
    let place = format!("{} and {}", certificate.display(), key.display());
    tls.map(Some).map_err(|problem| Failure::usage(problem).within(place))
}
