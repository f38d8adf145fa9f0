//! How answers travel: compressed, tagged, over HTTP/2.

use std::io::Read;

use chimera_server::http::Settings;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::asking::Connection;
use crate::serving::{Mailbox, Serving, limits};

/// An answer's head and its body as sent.
async fn raw(serving: &Serving, path: &str, more: &str) -> (String, Vec<u8>) {
    let mut connection = Connection::open(serving).await;
    let host = serving.address;
    connection
        .send(&format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n"
        ))
        .await;
    let all = connection.rest().await;
    let end = all
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    (head, all[end + 4..].to_vec())
}

#[tokio::test]
async fn what_is_long_is_compressed_for_who_takes_it() {
    let serving = Serving::start().await;
    for path in ["/health", "/openapi.json", "/docs", "/", "/metrics"] {
        let (head, plain) = raw(&serving, path, "").await;
        assert!(!head.contains("content-encoding"), "{path}: {head}");
        assert!(head.contains("vary: accept-encoding"), "{path}: {head}");
        let (head, sent) = raw(&serving, path, "accept-encoding: gzip\r\n").await;
        assert!(head.contains("content-encoding: gzip"), "{path}: {head}");
        assert!(sent.len() < plain.len() / 2, "{path}: {}", sent.len());
        let mut text = String::new();
        GzDecoder::new(&sent[..]).read_to_string(&mut text).unwrap();
        // Counts and clocks go on; the beginning is the same.
        assert_eq!(text.as_bytes()[..9], plain[..9], "{path}");
    }
    let (head, _) = raw(&serving, "/live", "accept-encoding: gzip\r\n").await;
    assert!(!head.contains("content-encoding"), "{head}");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let serving = Serving::start().await;
    for path in ["/openapi.json", "/docs", "/assets/app.js"] {
        for encoding in ["", "accept-encoding: gzip\r\n"] {
            let (head, _) = raw(&serving, path, encoding).await;
            let tag = head
                .lines()
                .find_map(|line| line.strip_prefix("etag: "))
                .unwrap_or_else(|| panic!("{path}: {head}"));
            let (head, body) = raw(&serving, path, &format!("if-none-match: {tag}\r\n")).await;
            assert!(head.starts_with("HTTP/1.1 304 "), "{path}: {head}");
            assert_eq!(body, b"");
            let (head, _) = raw(&serving, path, "if-none-match: \"other\"\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_without_asking() {
    let serving = Serving::start().await;
    let stream = TcpStream::connect(serving.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let ask = |path: &str| {
        let request = Request::get(format!("http://{}{path}", serving.address))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let mut sender = sender.clone();
        async move {
            let response = sender.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            let id = response.headers().contains_key("x-request-id");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, id, body.len())
        }
    };
    let answers = futures_util::future::join_all((0..50).map(|_| ask("/health"))).await;
    for (status, id, length) in answers {
        assert!(status == 200 && id && length > 1000, "{status} {length}");
    }
    assert_eq!(ask("/nowhere").await.0, 404);
    assert_eq!(serving.inbound.reading().open, 1);
}

#[tokio::test]
async fn demo_routes_can_be_off() {
    let settings = Settings {
        demo: false,
        ..Settings::default()
    };
    let serving = Serving::with(limits(), settings, Mailbox::Answers).await;
    for path in ["/demo", "/demo/", "/demo/status", "/demo/stress-test/1"] {
        let reply = serving.get(path).await;
        assert!(reply.detail(404).contains("--demo on"), "{path}");
    }
    for path in ["/demo/memory-leak", "/demo/reset", "/demo/cpu-overload"] {
        assert_eq!(serving.post(path).await.status, 404, "{path}");
    }
    assert_eq!(serving.sessions.entries(), 0);
    assert_eq!(serving.get("/health").await.status, 200);
}
