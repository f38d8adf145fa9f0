//! One question to a server by HTTP: bounded in time and size, and whatever goes
//! wrong says what it was and what to do.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::trust::{Trust, TrustError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Where the questions go.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// Name or address, without the brackets of IPv6.
    host: String,
    port: u16,
    /// As it stands in the `Host` header.
    authority: String,
    path: String,
    /// Whom to trust, if TLS is spoken.
    trust: Option<Trust>,
}

/// Why a URL names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not the URL of a server: {problem}; expected one like http://127.0.0.1:8000")]
pub(super) struct UrlError {
    url: String,
    problem: &'static str,
}

/// Why there is nobody to ask.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("--ca is for servers that speak TLS, and {0} is not asked by https")]
    TrustForNothing(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot connect to {server} (`chimera serve` starts a server)")]
    Connect { server: String, source: io::Error },
    #[error("{server} takes no connection within {} s; is the address right?", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout { server: String },
    #[error("{server} cannot be trusted, or speaks no TLS{}", hint(.hinted))]
    Tls {
        server: String,
        /// Whether a certificate of its own may be what is missing.
        hinted: bool,
        source: io::Error,
    },
    #[error(
        "no answer from {server} within {seconds} s (--limit and `:limit` set how long to wait)"
    )]
    AnswerTimeout { server: String, seconds: f64 },
    #[error("{server} does not answer as an HTTP server does (is it a Chimera server?)")]
    Exchange {
        server: String,
        source: hyper::Error,
    },
    #[error("the answer from {server} is longer than {} MiB; ask for less", ANSWER_BYTES_MAX >> 20)]
    TooLong { server: String },
}

fn hint(hinted: &bool) -> &'static str {
    if *hinted {
        " (--ca FILE names a certificate to trust)"
    } else {
        ""
    }
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) body: Bytes,
}

impl Endpoint {
    /// The route `path` of the server at `url`; `http://` may be left out, and a
    /// path in the URL comes first. With `https://` the server must prove to be trusted
    /// by `authorities`, a PEM file, or else by the system's.
    pub(super) fn new(
        url: &str,
        path: &str,
        authorities: Option<&Path>,
    ) -> Result<Endpoint, EndpointError> {
        let (mut endpoint, secret) = Endpoint::of_url(url, path)?;
        match (secret, authorities) {
            (true, _) => endpoint.trust = Some(Trust::new(authorities)?),
            (false, Some(_)) => return Err(EndpointError::TrustForNothing(endpoint.server())),
            (false, None) => {}
        }
        Ok(endpoint)
    }

    /// The endpoint without trust, and whether it wants some.
    fn of_url(url: &str, path: &str) -> Result<(Endpoint, bool), UrlError> {
        let wrong = |problem| UrlError {
            url: url.to_owned(),
            problem,
        };
        let full = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let uri: Uri = full.parse().map_err(|_| wrong("it cannot be read"))?;
        let secret = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("only http and https are supported")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("user names and passwords are not supported"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(authority.host()) => {
                if secret {
                    443
                } else {
                    80
                }
            }
            None => return Err(wrong("the port is no number from 0 to 65535")),
        };
        let endpoint = Endpoint {
            host: host.to_owned(),
            port,
            authority: authority.to_string(),
            path: format!("{}{path}", uri.path().trim_end_matches('/')),
            trust: None,
        };
        Ok((endpoint, secret))
    }

    /// The server as in the URL.
    pub(super) fn server(&self) -> String {
        let scheme = if self.trust.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.authority)
    }

    /// Posts JSON and reads the whole answer, which may take `limit`.
    pub(super) async fn post(
        &self,
        json: String,
        limit: Option<Duration>,
    ) -> Result<Answer, ClientError> {
        let server = || self.server();
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| ClientError::ConnectTimeout { server: server() })?
            .map_err(|source| ClientError::Connect {
                server: server(),
                source,
            })?;
        let Some(limit) = limit else {
            return self.talk(stream, json).await;
        };
        timeout(limit, self.talk(stream, json))
            .await
            .unwrap_or_else(|_| {
                Err(ClientError::AnswerTimeout {
                    server: server(),
                    seconds: limit.as_secs_f64(),
                })
            })
    }

    async fn talk(&self, stream: TcpStream, json: String) -> Result<Answer, ClientError> {
        let Some(trust) = &self.trust else {
            return self.ask(stream, json).await;
        };
        let secured = trust.secure(&self.host, stream).await;
        let stream = secured.map_err(|source| ClientError::Tls {
            server: self.server(),
            hinted: source.kind() == io::ErrorKind::InvalidData,
            source,
        })?;
        self.ask(stream, json).await
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        json: String,
    ) -> Result<Answer, ClientError> {
        let broken = |source| ClientError::Exchange {
            server: self.server(),
            source,
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let request = Request::post(&self.path)
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("chimera/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::from(json)))
            .expect("the parts of a parsed URL make a request");
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            self.read(response).await
        };
        tokio::pin!(exchange);
        // The connection lives as long as its answer takes, so it is driven here.
        tokio::select! {
            answer = &mut exchange => answer,
            _ = connection => exchange.await,
        }
    }

    async fn read(&self, response: Response<hyper::body::Incoming>) -> Result<Answer, ClientError> {
        let (head, body) = response.into_parts();
        let header = |name| {
            let value = head.headers.get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let server = || self.server();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| read_error(error, server()))?
            .to_bytes();
        Ok(Answer {
            status: head.status,
            content_type: header(CONTENT_TYPE),
            location: header(LOCATION),
            retry_after: header(RETRY_AFTER),
            body,
        })
    }
}

fn read_error(error: Box<dyn Error + Send + Sync>, server: String) -> ClientError {
    match error.downcast::<hyper::Error>() {
        Ok(source) => ClientError::Exchange {
            server,
            source: *source,
        },
        Err(other) => {
            debug_assert!(other.is::<LengthLimitError>(), "{other}");
            ClientError::TooLong { server }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, u16, &str), &str>) {
        let found = Endpoint::of_url(url, "/q");
        match (&found, expected) {
            (Ok((endpoint, secret)), Ok(expected)) => {
                assert_eq!(*secret, url.starts_with("https://"));
                let found = (&*endpoint.host, endpoint.port, &*endpoint.path);
                assert_eq!(found, expected);
            }
            (Err(error), Err(problem)) => assert_eq!(error.problem, problem),
            _ => panic!("{url}: {found:?}"),
        }
    }

    #[test]
    fn urls_name_host_port_and_path() {
        check("http://127.0.0.1:8000", Ok(("127.0.0.1", 8000, "/q")));
        check("127.0.0.1:8000/", Ok(("127.0.0.1", 8000, "/q")));
        check("localhost:9", Ok(("localhost", 9, "/q")));
        check("http://[::1]:8000/a/b/", Ok(("::1", 8000, "/a/b/q")));
        check("http://example.org", Ok(("example.org", 80, "/q")));
        check("https://example.org", Ok(("example.org", 443, "/q")));
        check("https://example.org:9/a", Ok(("example.org", 9, "/a/q")));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        check(
            "ftp://example.org",
            Err("only http and https are supported"),
        );
        check("http://", Err("it cannot be read"));
        check("", Err("it cannot be read"));
        check("not a url", Err("it cannot be read"));
        check(
            "http://h:99999",
            Err("the port is no number from 0 to 65535"),
        );
        check("http://:8000", Err("it names no host"));
        check(
            "http://a:b@h:1",
            Err("user names and passwords are not supported"),
        );
        check("http://h/?x=1", Err("it has a query"));
    }
}
