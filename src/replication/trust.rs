//! Whom TLS to other servers trusts.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    WantsVerifier,
};

use super::transport::TransportError;

/// Whom to trust.
#[derive(Clone)]
pub struct Trust(pub(super) TlsConnector);

type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> TransportError {
    TransportError::lasting(format!("{what}: {error}"))
}

impl Trust {
    /// The public authorities, and those of certificates in PEM.
    pub fn authorities(extra_pem: &[u8]) -> Result<Self, TransportError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in CertificateDer::pem_slice_iter(extra_pem) {
            let certificate =
                certificate.map_err(|error| failed("a trusted certificate is not PEM", &error))?;
            roots.add(certificate).map_err(|error| failed("a trusted certificate", &error))?;
        }
        Self::with(|builder, _| builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// Everybody: what goes over is hidden from who only listens, not from who stands between.
    pub fn everybody() -> Result<Self, TransportError> {
        Self::with(|builder, provider| {
            let anyone = Arc::new(Anyone(provider.clone()));
            builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth()
        })
    }

    fn with(
        finish: impl FnOnce(Builder, &Arc<CryptoProvider>) -> ClientConfig,
    ) -> Result<Self, TransportError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed("TLS", &error))?;
        Ok(Self(TlsConnector::from(Arc::new(finish(builder, &provider)))))
    }
}

/// Believes every certificate, though not that somebody has its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
