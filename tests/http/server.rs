//! A server in this process, on a port of its own and a directory of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use pumice::Cdb;
use pumice::auth::PasswordHash;
use pumice::clock::{Clock, SystemClock};
use pumice::documents::{Databases, DocumentsOptions};
use pumice::http::{App, HttpOptions, Tls};
use pumice::scheduler::{Actions, Scheduler};
use pumice::service::{CdbCatalog, Service, Surroundings};
use pumice::vfs::os::OsVfs;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
    end: watch::Sender<bool>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    databases: Arc<Databases>,
    service: Arc<Service>,
}

/// Few rounds: these passwords protect nothing.
pub const ITERATIONS: u32 = 10;

impl Server {
    /// Serves a directory on any port; with an admin `admin:pass` unless there is one or `with_admin` is false.
    pub fn start(directory: &Path, with_admin: bool, options: HttpOptions) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), directory, with_admin, options)
    }

    /// The same at an address.
    pub fn start_at(
        address: SocketAddr,
        directory: &Path,
        with_admin: bool,
        options: HttpOptions,
    ) -> Self {
        Self::start_with(address, directory, with_admin, options, DocumentsOptions::default())
    }

    /// The same with documents that are kept otherwise.
    pub fn start_with(
        address: SocketAddr,
        directory: &Path,
        with_admin: bool,
        options: HttpOptions,
        documents: DocumentsOptions,
    ) -> Self {
        Self::start_over(address, directory, with_admin, options, documents, None)
    }

    /// The same, over TLS when it is given.
    pub fn start_over(
        address: SocketAddr,
        directory: &Path,
        with_admin: bool,
        options: HttpOptions,
        documents: DocumentsOptions,
        tls: Option<Tls>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let vfs = OsVfs::shared();
        let cdb = Cdb::open(directory).unwrap();
        let around =
            Surroundings { vfs: vfs.clone(), clock: clock.clone(), directory: directory.into() };
        let scheduler = Scheduler::attach(&cdb, Actions::builtin());
        let service = Arc::new(Service::new(cdb, scheduler, around));
        if with_admin && !service.has_admins().unwrap() {
            let line = PasswordHash::derive("pass", "5a17".to_owned(), ITERATIONS).line();
            service.set_admin("admin", Some(&line)).unwrap();
        }
        let catalog = Arc::new(CdbCatalog::new(service.clone()));
        let databases = Databases::open(directory, vfs, clock.clone(), catalog, documents).unwrap();
        let databases = Arc::new(databases);
        service.set_setting("chttpd_auth", "iterations", Some(&ITERATIONS.to_string())).unwrap();
        let (end, ending) = watch::channel(false);
        let app =
            App::new(service.clone(), databases.clone(), clock, options, ending.clone()).unwrap();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let served = runtime.spawn(pumice::http::serve(listener, Arc::new(app), tls, ending));
        Self { address, runtime: Some(runtime), end, served: Some(served), databases, service }
    }

    /// Sets what is otherwise set over HTTP.
    pub fn set(&self, section: &str, key: &str, value: &str) {
        self.service.set_setting(section, key, Some(value)).unwrap();
    }

    /// Ends it as a signal does: requests are finished, feeds end, everything is closed.
    pub fn stop(mut self) {
        self.end.send_replace(true);
        if let (Some(runtime), Some(served)) = (&self.runtime, self.served.take()) {
            runtime.block_on(served).unwrap().unwrap();
        }
        self.databases.close().unwrap();
        self.service.close().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
