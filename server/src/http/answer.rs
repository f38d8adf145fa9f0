//! Answers and failures, and how they become HTTP responses.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::front::Answered;

/// The body of a response.
pub(super) enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// Parts as they come.
    Parts(BoxStream<'static, Bytes>),
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
        }
    }

    /// Parts of the given type, sent as they come, with status 200.
    pub(super) fn parts(content_type: &'static str, parts: BoxStream<'static, Bytes>) -> Answer {
        Answer {
            body: Body::Parts(parts),
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
        }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Answer {
        self.status = status;
        self
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
        use futures_util::FutureExt;
        use http_body_util::BodyExt;
        let Body::Whole(whole) = &self.body else {
            panic!("a stream has no text");
        };
        let collected = whole.clone().collect().now_or_never();
        let bytes = collected.expect("it is all there").expect("it cannot fail");
        String::from_utf8(bytes.to_bytes().to_vec()).unwrap()
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
    /// 503: too much at once; the text says of what.
    Busy(String),
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
            Failure::Forbidden(text) | Failure::Busy(text) | Failure::Other(_, text) => {
                f.write_str(text)
            }
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
        let detail = |status| Answer::json(&json!({ "detail": text })).with_status(status);
        match failure {
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
            Failure::Busy(_) => detail(StatusCode::SERVICE_UNAVAILABLE)
                .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            Failure::Other(status, _) => detail(status),
        }
    }
}
