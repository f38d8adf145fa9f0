//! TLS, with a certificate made for the test.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera_server::http::{Settings, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::asking::Connection;
use crate::serving::{Mailbox, PATIENCE, Serving, limits};

/// A certificate for `localhost` in files, and its server's settings.
struct Certified {
    directory: tempfile::TempDir,
}

impl Certified {
    /// Writes a new certificate and its key; a client's settings that trust it alone.
    fn write(&self) -> ClientConfig {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("c.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("k.pem")
    }
}

/// A server with a certificate, and a client's settings that trust it.
async fn serving() -> (Serving, ClientConfig, Certified) {
    let directory = tempfile::tempdir().unwrap();
    let certified = Certified { directory };
    let config = certified.write();
    let settings = Settings {
        tls: Some(Tls::load(&certified.certificate(), &certified.key()).unwrap()),
        ..Settings::default()
    };
    let serving = Serving::with(limits(), settings, Mailbox::Answers).await;
    (serving, config, certified)
}

/// A connection that trusts what `config` trusts.
async fn connect(
    serving: &Serving,
    config: &ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(serving.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config.clone()));
    connector.connect(name, stream).await
}

/// Waits until clients with `config` are served.
async fn until_trusted(serving: &Serving, config: &ClientConfig) {
    let deadline = Instant::now() + PATIENCE;
    while connect(serving, config).await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let (serving, first, certified) = serving().await;
    let mut open = connect(&serving, &first).await.unwrap();
    let second = certified.write();
    assert!(connect(&serving, &second).await.is_err());
    until_trusted(&serving, &second).await;
    assert!(connect(&serving, &first).await.is_err());
    // Connections that were open go on.
    open.write_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // What is no certificate changes nothing, for longer than a look takes.
    std::fs::write(certified.certificate(), "half a certif").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(connect(&serving, &second).await.is_ok());
    let third = certified.write();
    until_trusted(&serving, &third).await;
}

#[tokio::test]
async fn with_a_certificate_requests_are_answered_over_tls_only() {
    let (serving, config, _certified) = serving().await;
    let mut stream = connect(&serving, &config).await.unwrap();
    stream
        .write_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // In the clear it says nothing that could be taken for an answer.
    let mut plain = Connection::open(&serving).await;
    plain
        .send("GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let said = plain.rest().await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

#[tokio::test]
async fn both_protocols_are_offered() {
    let (serving, config, _certified) = serving().await;
    for protocol in ["h2", "http/1.1"] {
        let mut config = config.clone();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = connect(&serving, &config).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, Some(protocol.as_bytes()));
    }
}

#[test]
fn files_that_are_no_certificate_are_told_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let said = Tls::load(&empty, &empty).unwrap_err().to_string();
    assert!(
        said.contains("empty.pem") && said.contains("certificate"),
        "{said}"
    );
    let missing = directory.path().join("missing.pem");
    let said = Tls::load(&missing, &empty).unwrap_err().to_string();
    assert!(said.contains("missing.pem"), "{said}");
}
