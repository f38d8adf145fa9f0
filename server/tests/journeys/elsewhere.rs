//! A server that can be reached from elsewhere: what a stranger may do, and what only
//! the one with the token may.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::running::{Server, exchange, shipped_rules};

const TOKEN: &str = "a token that nobody guesses";

/// The addresses at which this machine's other programs reach a server that binds
/// them all: loopback, and the one that is no loopback, if it has one.
fn own_addresses() -> Vec<IpAddr> {
    let mut found = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    // Connecting such a socket sends nothing; it only chooses a way.
    let way = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    found.extend(way.ok().map(|address| address.ip()));
    found
}

/// Sends one request and returns the status and all of the answer.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> (u16, String) {
    let host = if headers.contains("host:") {
        String::new()
    } else {
        format!("host: {address}\r\n")
    };
    let answer = exchange(
        &address.to_string(),
        &format!(
            "{method} {path} HTTP/1.1\r\n{host}{headers}connection: close\r\ncontent-length: 0\r\n\r\n"
        ),
    );
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("an answer of HTTP"), answer)
}

#[test]
fn off_loopback_strangers_may_look_and_only_the_token_changes_anything() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start(
        &shipped_rules(),
        &[
            "--bind",
            "0.0.0.0",
            "--token-file",
            file,
            "--set",
            "hosts=named.example",
        ],
    );
    let port = server.url.rsplit(':').next().unwrap().parse().unwrap();
    for ip in own_addresses() {
        let address = SocketAddr::new(ip, port);
        let check = |method: &str, path: &str, headers: &str, expected: u16| {
            let (status, answer) = ask(address, method, path, headers);
            assert_eq!(
                status, expected,
                "{method} {path} {headers:?} at {ip}: {answer}"
            );
            answer
        };
        for path in [
            "/",
            "/health",
            "/metrics",
            "/healing/actions",
            "/openapi.json",
        ] {
            check("GET", path, "", 200);
        }
        let right = format!("authorization: Bearer {TOKEN}\r\n");
        for path in ["/healing/reload", "/reset-healing", "/log-level?level=info"] {
            let refused = check("POST", path, "", 401);
            assert!(refused.contains("www-authenticate: Bearer"), "{refused}");
            check("POST", path, "authorization: Bearer wrong\r\n", 401);
            check("POST", path, &right, 200);
        }
        // No demo faults for strangers, nor for anybody who was not asked.
        check("POST", "/demo/memory-leak", "", 401);
        let off = check("POST", "/demo/memory-leak", &right, 404);
        assert!(off.contains("--demo on"), "{off}");
        // A page that makes its own name lead here, and one that sends from elsewhere.
        check("GET", "/health", "host: evil.example\r\n", 403);
        check("GET", "/health", "host: named.example\r\n", 200);
        let foreign = format!("origin: http://evil.example\r\n{right}");
        check("POST", "/healing/reload", &foreign, 403);
    }
    assert!(!server.log().contains(TOKEN));
}
