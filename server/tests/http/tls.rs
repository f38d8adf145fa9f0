//! TLS, with a certificate made for the test.

use std::sync::Arc;

use chimera_server::http::{Settings, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::asking::Connection;
use crate::serving::{Mailbox, Serving, limits};

/// A server with a certificate, and a client's settings that trust it.
async fn serving() -> (Serving, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        directory.path().join("c.pem"),
        directory.path().join("k.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = Settings {
        tls: Some(Tls::load(&certificate, &key).unwrap()),
        ..Settings::default()
    };
    let serving = Serving::with(limits(), settings, Mailbox::Answers).await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (serving, config)
}

#[tokio::test]
async fn with_a_certificate_requests_are_answered_over_tls_only() {
    let (serving, config) = serving().await;
    let stream = TcpStream::connect(serving.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
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
    let (serving, config) = serving().await;
    for protocol in ["h2", "http/1.1"] {
        let mut config = config.clone();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(serving.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.unwrap();
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
