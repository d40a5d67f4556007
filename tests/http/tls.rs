//! TLS.

use pumice::http::Tls;

#[test]
fn what_is_no_certificate_or_no_key_is_said() {
    let error = Tls::new(b"nothing", b"nothing").unwrap_err();
    assert!(error.contains("PEM"), "{error}");
}
