//! What the server is measured against: hyper and nothing else, answering each
//! request with the same bytes and headers as another server's answer.
//!
//! ```sh
//! cargo run --release -p chimera-server --example bare -- 127.0.0.1:8000 /health 8001
//! ```
//! asks `http://127.0.0.1:8000/health` once and gives that answer on port 8001.

use std::convert::Infallible;
use std::error::Error;
use std::io::{Read, Write};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The headers and the body that a server answers.
fn fetch(server: &str, path: &str) -> Result<(HeaderMap, Bytes), Box<dyn Error>> {
    let mut stream = std::net::TcpStream::connect(server)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or("no head")?;
    let head = std::str::from_utf8(&answer[..end])?;
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").ok_or("no header line")?;
        // What hyper writes by itself is left to it.
        if !["date", "content-length", "connection"].contains(&name) {
            headers.insert(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
        }
    }
    Ok((headers, Bytes::copy_from_slice(&answer[end + 4..])))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, path, port] = arguments.as_slice() else {
        return Err(
            "give the server to copy, the path, and a port: 127.0.0.1:8000 /health 8001".into(),
        );
    };
    let (headers, body) = fetch(server, path)?;
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (headers, body) = (headers.clone(), body.clone());
        let answer = move |_: Request<Incoming>| {
            let mut response = Response::new(Full::new(body.clone()));
            response.headers_mut().clone_from(&headers);
            async { Ok::<_, Infallible>(response) }
        };
        tokio::spawn(async move {
            let serving = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            // How a connection ends is the client's affair.
            let _ = serving.await;
        });
    }
}
