//! Replication with servers that are elsewhere: over TLS, through a wire that counts, and with ones that are not there.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::documents::DocumentsOptions;
use pumice::http::{HttpOptions, Tls};
use pumice::vfs::os::OsVfs;
use pumice::vfs::write_file;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::client::ADMIN;
use crate::{Place, Server};

/// An authority in PEM, and a server with a certificate of it for 127.0.0.1.
fn server_over_tls(directory: &Path) -> (String, Server) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate =
        certificate.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap().pem();
    let tls = Tls::new(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let options = HttpOptions { is_tls: true, ..HttpOptions::default() };
    let documents = DocumentsOptions::default();
    (pem, Server::start_over(any, directory, true, options, documents, Some(tls)))
}

impl Place {
    /// Replicates; the reason when it fails.
    fn replicated(&self, source: &str, target: &str) -> Result<Value, String> {
        let wanted = json!({"source": source, "target": target, "create_target": true});
        let answer = self.ask("POST", "/_replicate", &wanted.to_string());
        let text = answer.json();
        if answer.status == 200 { Ok(text) } else { Err(text["reason"].as_str().unwrap().into()) }
    }
}

#[test]
fn a_database_goes_over_tls_to_and_from_who_is_trusted_and_to_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, there) = server_over_tls(directory.path());
    let url = |host: &str| format!("https://admin:pass@{host}:{}/db", there.address.port());
    let (url, other_name) = (url("127.0.0.1"), url("localhost"));
    let here = Place::new();
    here.done("PUT", "/db", "");
    here.done("PUT", "/db/a", r#"{"v":1}"#);
    let content = vec![7; 300_000];
    assert_eq!(here.raw("PUT", "/db/att/x", &[ADMIN], &content).status, 201);

    let reason = here.replicated("db", &url).unwrap_err();
    assert!(reason.contains("invalid peer certificate"), "{reason}");
    assert!(!reason.contains("tried"), "that does not pass: {reason}");

    let file = directory.path().join("authority.pem");
    here.set("replicator/ssl_trusted_certificates_file", file.to_str().unwrap());
    let reason = here.replicated("db", &url).unwrap_err();
    assert!(reason.contains("authority.pem"), "it is not there: {reason}");
    write_file(&*OsVfs::shared(), &file, authority.as_bytes()).unwrap();
    assert_eq!(here.replicated("db", &url).unwrap()["history"][0]["docs_written"], 2);
    here.replicated(&url, "back").unwrap();
    assert_eq!(here.done("GET", "/back/a", "")["v"], 1);
    assert!(here.raw("GET", "/back/att/x", &[ADMIN], b"").body == content);
    let reason = here.replicated("db", &other_name).unwrap_err();
    assert!(reason.contains("not valid for name"), "{reason}");

    here.done("DELETE", "/_node/_local/_config/replicator/ssl_trusted_certificates_file", "");
    assert!(here.replicated("db", &url).is_err());
    here.set("replicator/verify_ssl_certificates", "false");
    assert_eq!(here.replicated("db", &other_name).unwrap()["ok"], true);
    there.stop();
}

/// Bytes that flow to `server` and back; answers where, and the count of those that come back.
fn counting_wire(server: SocketAddr) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let counted = count.clone();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(server).unwrap();
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || copy(near_too, far_too, &AtomicU64::new(0)));
            let counted = counted.clone();
            std::thread::spawn(move || copy(far, near, &counted));
        }
    });
    (address, count)
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _closed = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn attachments_that_the_target_has_are_not_sent_again() {
    let (here, there) = (Place::new(), Place::new());
    let (wire, count) = counting_wire(there.address());
    let source = format!("http://admin:pass@{wire}/db");
    let pulled = || {
        let before = count.load(Ordering::SeqCst);
        here.replicated(&source, "db").unwrap();
        count.load(Ordering::SeqCst) - before
    };
    there.done("PUT", "/db", "");
    let large = vec![7; 1 << 20];
    let put = there.raw("PUT", "/db/doc/large", &[ADMIN], &large);
    assert_eq!(put.status, 201);
    assert!(pulled() > 1 << 20);

    let mut document = there.done("GET", "/db/doc", "");
    document["v"] = json!(2);
    document["_attachments"]["small"] = json!({"data": "c21hbGw=", "content_type": "text/x"});
    there.done("PUT", "/db/doc", &document.to_string());
    let bytes = pulled();
    assert!(bytes < 1 << 16, "{bytes}");
    for place in [&here, &there] {
        assert_eq!(
            place.done("GET", "/db/doc?revs=true", ""),
            there.done("GET", "/db/doc?revs=true", "")
        );
        assert!(place.raw("GET", "/db/doc/large", &[ADMIN], b"").body == large);
        assert_eq!(place.raw("GET", "/db/doc/small", &[ADMIN], b"").body, b"small");
    }
    // A branch that the target knows nothing of: all of it goes over, whatever the winner has.
    let branch = json!({"_rev": "1-ffffffffffffffffffffffffffffffff", "_attachments": {"large": {"data": "b3RoZXI="}}});
    there.done("PUT", "/db/doc?new_edits=false", &branch.to_string());
    pulled();
    let branch = "/db/doc/large?rev=1-ffffffffffffffffffffffffffffffff";
    assert_eq!(here.raw("GET", branch, &[ADMIN], b"").body, b"other");
}

#[test]
fn a_server_that_is_not_there_is_tried_as_often_as_is_set() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.set("replicator/retries_per_request", "1");
    let reason = place.replicated(&format!("http://{gone}/db"), "db").unwrap_err();
    assert!(reason.contains("cannot be reached") && reason.contains("(tried 2 times)"), "{reason}");
    let path = "/_node/_local/_config/replicator/retries_per_request";
    let refused = place.ask("PUT", path, "\"many\"");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("retries_per_request"), "{}", refused.text());
}

#[test]
fn a_document_of_replicator_waits_for_a_server_that_is_not_there() {
    let place = Place::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.set("replicator/retries_per_request", "0");
    let wanted = json!({"source": format!("http://{gone}/db"), "target": "copy"}).to_string();
    place.done("PUT", "/_replicator/waits", &wanted);
    crate::replication::until("it is tried", || {
        place.done("GET", "/_scheduler/docs", "")["docs"][0]["state"] == "crashing"
    });
    assert_eq!(place.done("GET", "/_replicator/waits", "")["_replication_state"], Value::Null);
}

#[test]
fn a_target_is_made_with_the_shards_that_are_asked_for() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let wanted = json!({"source": "db", "target": "copy", "create_target": true, "create_target_params": {"q": 5}});
    place.done("POST", "/_replicate", &wanted.to_string());
    assert_eq!(place.done("GET", "/copy", "")["cluster"]["q"], 5);
}
