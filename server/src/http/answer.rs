//! Answers and failures, and how they become HTTP responses.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::table::Request;
use crate::front::{Answered, Refused};
use crate::inbound::UnderWay;
use crate::work::FailureKind;

/// About as many headers as an answer has.
const HEADERS: usize = 12;

/// The body of a response.
pub(super) enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// Parts as they come.
    Parts(Parts),
}

/// A body in parts; its request is under way until the last of them.
pub(super) struct Parts {
    stream: BoxStream<'static, Bytes>,
    under_way: Option<UnderWay>,
}

impl Parts {
    /// Holds a request until these are all sent.
    pub(super) fn keep(&mut self, under_way: UnderWay) {
        self.under_way = Some(under_way);
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Body::Whole(whole) => Pin::new(whole).poll_frame(context),
            Body::Parts(parts) => parts
                .stream
                .poll_next_unpin(context)
                .map(|part| part.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(whole) => whole.is_end_stream(),
            Body::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(whole) => whole.size_hint(),
            Body::Parts(_) => SizeHint::default(),
        }
    }
}

/// A complete answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    content_type: Option<&'static str>,
    body: Body,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// How the front counts it.
    pub(super) answered: Answered,
    /// Why it is none that was asked for, for the log.
    pub(super) failure: Option<String>,
    /// The same in a word, for counting.
    pub(super) cause: Option<&'static str>,
}

/// An answer that is always the same.
pub(super) struct Fixed {
    content_type: &'static str,
    bytes: Bytes,
    etag: HeaderValue,
}

impl Fixed {
    pub(super) fn new(content_type: &'static str, bytes: impl Into<Bytes>) -> Fixed {
        let bytes = bytes.into();
        let digest = Sha256::digest(&bytes);
        let digits: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Fixed {
            content_type,
            bytes,
            etag: HeaderValue::from_str(&format!("\"{digits}\""))
                .expect("hexadecimal digits in quotes"),
        }
    }

    /// The answer, or 304 if the client has it.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let etag = self.etag.to_str().expect("it is ASCII");
        let known = request.if_none_match.as_deref().is_some_and(|known| {
            known
                .split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
        });
        let answer = if known {
            Answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            Answer::text(self.content_type, self.bytes.clone())
        };
        answer
            .with_header(ETAG, self.etag.clone())
            .with_header(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
    }
}

impl Answer {
    /// JSON with status 200.
    pub(super) fn json(value: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(value).expect("wire structs have string keys");
        Answer::text("application/json", body)
    }

    /// A text of the given type with status 200.
    pub(super) fn text(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        Answer {
            status: StatusCode::OK,
            content_type: Some(content_type),
            body: Body::Whole(Full::new(body.into())),
            headers: Vec::new(),
            answered: Answered::Well,
            failure: None,
            cause: None,
        }
    }

    /// Parts of the given type, sent as they come, with status 200.
    pub(super) fn parts(content_type: &'static str, parts: BoxStream<'static, Bytes>) -> Answer {
        Answer {
            body: Body::Parts(Parts {
                stream: parts,
                under_way: None,
            }),
            ..Answer::text(content_type, "")
        }
    }

    /// A status alone.
    pub(super) fn empty(status: StatusCode) -> Answer {
        Answer {
            status,
            content_type: None,
            body: Body::Whole(Full::default()),
            headers: Vec::new(),
            answered: Answered::Well,
            failure: None,
            cause: None,
        }
    }

    /// All of its body, if it is there.
    pub(super) fn whole(&self) -> Option<Bytes> {
        match &self.body {
            Body::Whole(whole) => whole.clone().into_inner(),
            Body::Parts(_) => None,
        }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Answer {
        self.status = status;
        self
    }

    /// What a request gets that the gate did not let in.
    pub(super) fn turned_away(refused: Refused) -> Answer {
        let (cause, status, detail, after) = match refused {
            Refused::Shed(after) => (
                "shed",
                StatusCode::SERVICE_UNAVAILABLE,
                "healing sheds load; try again",
                after,
            ),
            Refused::Limited(after) => (
                "limited",
                StatusCode::TOO_MANY_REQUESTS,
                "as many requests are under way as healing lets run at once; try again",
                after,
            ),
            Refused::Expensive(after) => (
                "expensive-off",
                StatusCode::SERVICE_UNAVAILABLE,
                "healing has switched expensive routes off for a while; try again",
                after,
            ),
        };
        Answer::json(&json!({ "detail": detail }))
            .with_status(status)
            .with_header(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))
            .refused_by_healing()
            .because(cause)
    }

    /// The same, counted under this cause.
    pub(super) fn because(mut self, cause: &'static str) -> Answer {
        self.cause = Some(cause);
        self
    }

    /// The same, counted as a failure of the service, for this reason.
    pub(super) fn failed(mut self, why: &str) -> Answer {
        self.failure = Some(why.to_owned());
        self.answered = Answered::Failed;
        self
    }

    /// What a client gets that asks more often than it may.
    pub(super) fn too_often(wait: Duration) -> Answer {
        let detail = "your address asks more often than this server allows; try again";
        Answer::json(&json!({ "detail": detail }))
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .with_header(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1))
            .because("client-limit")
    }

    /// The same, counted as refused to shed load.
    pub(super) fn refused_by_healing(mut self) -> Answer {
        self.answered = Answered::RefusedByHealing;
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Answer {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        // Room for what every answer carries.
        headers.reserve(HEADERS);
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }

    /// The body as text, for tests.
    #[cfg(test)]
    pub(super) fn text_body(&self) -> String {
        let bytes = self.whole().expect("a stream has no text");
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

/// One invalid parameter, in the shape of FastAPI's 422.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Invalid {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) loc: Vec<&'static str>,
    pub(super) msg: String,
    pub(super) input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ctx: Option<Value>,
}

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// 404.
    NotFound,
    /// 405, with the methods that there are.
    MethodNotAllowed(Vec<Method>),
    /// 422.
    Invalid(Vec<Invalid>),
    /// 403, with what to do.
    Forbidden(String),
    /// 401.
    Unauthorized,
    /// 413.
    TooLarge(usize),
    /// 415, with what is taken.
    MediaType(String),
    /// 503: too much at once; the text says of what.
    Busy(String),
    /// 500, a bug of ours; the log has the rest under this id.
    Panicked(String),
    /// 503: a part that is needed does not answer.
    Unavailable(String),
    /// 429: too much of this; the text says of what.
    TooMany(String),
    /// 500: the upstream service failed so.
    Upstream(FailureKind),
    /// Any other status with a text.
    Other(StatusCode, String),
}

impl Failure {
    pub(super) fn bad_request(text: impl Into<String>) -> Failure {
        Failure::Other(StatusCode::BAD_REQUEST, text.into())
    }

    pub(super) fn not_found(text: impl Into<String>) -> Failure {
        Failure::Other(StatusCode::NOT_FOUND, text.into())
    }

    /// Why, in a word that is counted.
    fn cause(&self) -> &'static str {
        match self {
            Failure::NotFound => "not-found",
            Failure::MethodNotAllowed(_) => "method",
            Failure::Invalid(_) => "invalid",
            Failure::Forbidden(_) => "forbidden",
            Failure::Unauthorized => "unauthorized",
            Failure::TooLarge(_) => "too-large",
            Failure::MediaType(_) => "media-type",
            Failure::Busy(_) => "busy",
            Failure::Panicked(_) => "panic",
            Failure::Unavailable(_) => "unavailable",
            Failure::TooMany(_) => "too-many",
            Failure::Upstream(kind) => kind.cause(),
            Failure::Other(StatusCode::GATEWAY_TIMEOUT, _) => "deadline",
            Failure::Other(StatusCode::NOT_FOUND, _) => "not-found",
            Failure::Other(status, _) if status.is_server_error() => "internal",
            Failure::Other(..) => "bad-request",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotFound => f.write_str("Not Found"),
            Failure::MethodNotAllowed(_) => f.write_str("Method Not Allowed"),
            Failure::Invalid(all) => write!(f, "{} invalid parameters", all.len()),
            Failure::Unauthorized => f.write_str(
                "this needs the server's token: send it as Authorization: Bearer <token>",
            ),
            Failure::TooLarge(limit) => write!(f, "the body may have at most {limit} bytes"),
            Failure::Upstream(kind) => write!(f, "{}: {}", kind.name(), kind.text()),
            Failure::Panicked(id) => {
                write!(f, "Internal Server Error; request {id} is in the log")
            }
            Failure::Forbidden(text)
            | Failure::Unavailable(text)
            | Failure::MediaType(text)
            | Failure::Busy(text)
            | Failure::TooMany(text)
            | Failure::Other(_, text) => f.write_str(text),
        }
    }
}

/// The value of an `Allow` header.
pub(super) fn allow_header(methods: &[Method]) -> HeaderValue {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).expect("methods are ASCII")
}

/// The one place where failures become answers.
impl From<Failure> for Answer {
    fn from(failure: Failure) -> Answer {
        let text = failure.to_string();
        let cause = failure.cause();
        let detail = |status| Answer {
            failure: Some(text.clone()),
            ..Answer::json(&json!({ "detail": text })).with_status(status)
        };
        let later = HeaderValue::from_static("1");
        let answer = match failure {
            Failure::NotFound => detail(StatusCode::NOT_FOUND),
            Failure::MethodNotAllowed(methods) => {
                detail(StatusCode::METHOD_NOT_ALLOWED).with_header(ALLOW, allow_header(&methods))
            }
            Failure::Invalid(all) => Answer::json(&json!({ "detail": all }))
                .with_status(StatusCode::UNPROCESSABLE_ENTITY),
            Failure::Forbidden(_) => detail(StatusCode::FORBIDDEN),
            Failure::Unauthorized => detail(StatusCode::UNAUTHORIZED)
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Failure::TooLarge(_) => detail(StatusCode::PAYLOAD_TOO_LARGE),
            Failure::MediaType(_) => detail(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Failure::Panicked(_) | Failure::Upstream(_) => {
                detail(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Failure::Busy(_) | Failure::Unavailable(_) => {
                detail(StatusCode::SERVICE_UNAVAILABLE).with_header(RETRY_AFTER, later)
            }
            Failure::TooMany(_) => {
                detail(StatusCode::TOO_MANY_REQUESTS).with_header(RETRY_AFTER, later)
            }
            Failure::Other(status, _) => detail(status),
        };
        answer.because(cause)
    }
}
