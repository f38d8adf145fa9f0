//! TLS, where a certificate is set: the server then speaks nothing else.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// A certificate and its key, ready for connections.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is no PEM of the kind that is wanted.
    #[error("no {what} can be read from {path}: {reason}")]
    Unreadable {
        /// What the file should have.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The two do not fit together, or the key is of no known kind.
    #[error("the certificate and the key cannot be used: {0}")]
    Unfit(String),
}

impl Tls {
    /// Reads the certificate chain and its key from PEM files.
    ///
    /// # Errors
    /// If a file cannot be read or the two do not fit.
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let unreadable = |what, path: &Path, reason: String| TlsError::Unreadable {
            what,
            path: path.display().to_string(),
            reason,
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable("certificate", certificate, error.to_string()))?;
        if chain.is_empty() {
            let reason = "it has none".to_owned();
            return Err(unreadable("certificate", certificate, reason));
        }
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| unreadable("key", key, error.to_string()))?;
        let unfit = |error: tokio_rustls::rustls::Error| TlsError::Unfit(error.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }
}
