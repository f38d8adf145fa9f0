//! One HTTP request to another program.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Bytes of an answer that are read.
const ANSWER_MAX: usize = 4 << 20;

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// Whether the body is longer than what is read of one; then this is its beginning.
    pub(super) is_cut: bool,
}

/// Asks, within `timeout` in all.
///
/// # Errors
/// Why there is no answer, in words.
pub(super) async fn ask(
    method: &str,
    url: &str,
    content_type: Option<&'static str>,
    body: String,
    timeout: Duration,
) -> Result<Answer, String> {
    match tokio::time::timeout(timeout, talk(method, url, content_type, body)).await {
        Ok(answered) => answered,
        Err(_) => Err(format!(
            "{url} gave no answer within {} s",
            timeout.as_secs_f64()
        )),
    }
}

async fn talk(
    method: &str,
    url: &str,
    content_type: Option<&'static str>,
    body: String,
) -> Result<Answer, String> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| format!("{url}: {what}: {error}");
    let uri: Uri = url
        .parse()
        .map_err(|error| wrong("it is no address", &error))?;
    let host = uri.host().unwrap_or("127.0.0.1");
    let port = uri.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|error| wrong("no connection", &error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| wrong("no connection", &error))?;
    // It ends when the sender is dropped; what goes wrong is told there.
    let connection = tokio::spawn(connection);
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|error| wrong("it is no method", &error))?;
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, format!("{host}:{port}"));
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| wrong("it cannot be asked", &error))?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| wrong("no answer", &error))?;
    let status = answer.status();
    let mut coming = answer.into_body();
    let mut body = BytesMut::new();
    while let Some(frame) = coming.frame().await
        && body.len() <= ANSWER_MAX
    {
        let frame = frame.map_err(|error| wrong("its answer broke off", &error))?;
        body.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
    }
    connection.abort();
    let is_cut = body.len() > ANSWER_MAX;
    body.truncate(ANSWER_MAX);
    Ok(Answer {
        status,
        body: body.freeze(),
        is_cut,
    })
}
