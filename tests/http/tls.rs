//! TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use pumice::documents::DocumentsOptions;
use pumice::http::{HttpOptions, Tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::Server;
use crate::client::{ADMIN, request};

#[test]
fn what_is_no_certificate_or_no_key_is_said() {
    let CertifiedKey { cert, signing_key } = certificate();
    let (cert, key) = (cert.pem(), signing_key.serialize_pem());
    for (cert, key) in [
        ("nothing", key.as_str()),
        (cert.as_str(), "nothing"),
        ("", ""),
        (key.as_str(), cert.as_str()),
    ] {
        let error = Tls::new(cert.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(!error.contains("PRIVATE"), "{error}");
    }
    let other = certificate().signing_key.serialize_pem();
    assert!(Tls::new(cert.as_bytes(), other.as_bytes()).is_err());
}

fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

#[test]
fn both_versions_are_spoken_and_plain_http_is_not() {
    let CertifiedKey { cert, signing_key } = certificate();
    let tls = Tls::new(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let options = HttpOptions { is_tls: true, ..HttpOptions::default() };
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_over(
        any,
        directory.path(),
        true,
        options,
        DocumentsOptions::default(),
        Some(tls),
    );
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let ask = |version: &'static SupportedProtocolVersion, bytes: &[u8]| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address).unwrap());
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        // The server closes a connection that was asked to be closed; how politely is its business.
        let _ended = stream.read_to_string(&mut answer);
        answer
    };
    let close = ("Connection", "close");
    let made = ask(&TLS12, &request("PUT", "/db", &[ADMIN, close], b""));
    assert!(
        made.starts_with("HTTP/1.1 201") && made.contains("https://127.0.0.1:5984/db"),
        "{made}"
    );
    let told = ask(&TLS13, &request("GET", "/db", &[ADMIN, close], b""));
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    let plain = crate::send(server.address, &request("GET", "/", &[], b"")).unwrap_or_default();
    assert_eq!(plain.status, 0);
    server.stop();
}
