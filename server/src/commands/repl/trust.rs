//! Whom a session over TLS trusts: what the system trusts, or one file's authorities.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The authorities that are trusted.
#[derive(Clone)]
pub(super) struct Trust(TlsConnector);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrustError {
    #[error("no certificate can be read from {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error(
        "the system has no certificates of authorities; name the server's own, or its authority's, with --ca FILE"
    )]
    NoAuthorities,
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl Trust {
    /// Trust in the certificates of a PEM file, or in the system's authorities.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Trust, TrustError> {
        let mut roots = RootCertStore::empty();
        match authorities {
            Some(path) => {
                let unreadable = |reason: String| TrustError::Unreadable {
                    path: path.display().to_string(),
                    reason,
                };
                let certificates = CertificateDer::pem_file_iter(path)
                    .map_err(|error| unreadable(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                    roots
                        .add(certificate)
                        .map_err(|error| unreadable(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(unreadable("it has none".to_owned()));
                }
            }
            None => {
                // Some of the system's may be odd; the others serve.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TrustError::NoAuthorities);
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(TlsConnector::from(Arc::new(config))))
    }

    /// Speaks TLS with `host`, which must prove to be it.
    pub(super) async fn secure(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.0.connect(name, stream).await
    }
}
