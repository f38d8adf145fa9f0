//! TLS, where a certificate is set: the server then speaks nothing else. A renewed
//! certificate is taken up while it runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// How often the files are looked at for a new certificate.
const LOOK: Duration = Duration::from_secs(2);

/// A certificate and its key, ready for connections. Clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: ArcSwap<TlsAcceptor>,
    /// What the files held when they were looked at last.
    seen: Mutex<Files>,
}

/// What the two files hold.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

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
        let files = Files::read(certificate, key)?;
        let acceptor = files.acceptor(certificate, key)?;
        Ok(Tls(Arc::new(Inner {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            acceptor: ArcSwap::from_pointee(acceptor),
            seen: Mutex::new(files),
        })))
    }

    /// What makes the next connection secret.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.0.acceptor.load())
    }

    /// Takes up new certificates for ever. Those that are no good are told once, and
    /// the one in force stays; connections that are open keep theirs.
    pub(super) async fn renew(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let tls = self.clone();
            let looked = tokio::task::spawn_blocking(move || tls.look()).await;
            match looked.unwrap_or(Ok(false)) {
                Ok(true) => tracing::info!("a new certificate is in force"),
                Ok(false) => {}
                Err(error) => tracing::error!(
                    %error,
                    "the new certificate is not taken; the one in force stays"
                ),
            }
        }
    }

    /// Whether the files hold something new, which then is in force.
    fn look(&self) -> Result<bool, TlsError> {
        let inner = &self.0;
        // Between two steps of a replacement a file may be missing: the next look sees it.
        let Ok(files) = Files::read(&inner.certificate, &inner.key) else {
            return Ok(false);
        };
        let mut seen = inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == files {
            return Ok(false);
        }
        let made = files.acceptor(&inner.certificate, &inner.key);
        *seen = files;
        inner.acceptor.store(Arc::new(made?));
        Ok(true)
    }
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Files, TlsError> {
        let read = |what, path: &Path| {
            std::fs::read(path).map_err(|error| unreadable(what, path, error.to_string()))
        };
        Ok(Files {
            certificate: read("certificate", certificate)?,
            key: read("key", key)?,
        })
    }

    fn acceptor(&self, certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable("certificate", certificate, error.to_string()))?;
        if chain.is_empty() {
            let reason = "it has none".to_owned();
            return Err(unreadable("certificate", certificate, reason));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| unreadable("key", key, error.to_string()))?;
        let unfit = |error: tokio_rustls::rustls::Error| TlsError::Unfit(error.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn unreadable(what: &'static str, path: &Path, reason: String) -> TlsError {
    TlsError::Unreadable {
        what,
        path: path.display().to_string(),
        reason,
    }
}
