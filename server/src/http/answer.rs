//! Answers and failures, and how they become HTTP responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

/// A complete answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// JSON with status 200.
    pub(super) fn json(value: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(value).expect("wire structs have string keys");
        Answer {
            status: StatusCode::OK,
            content_type: "application/json",
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// A text of the given type with status 200.
    pub(super) fn text(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        Answer {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Answer {
        self.status = status;
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Answer {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
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

/// The one place where failures become answers.
impl From<Failure> for Answer {
    fn from(failure: Failure) -> Answer {
        let detail =
            |status, text: &str| Answer::json(&json!({ "detail": text })).with_status(status);
        match failure {
            Failure::NotFound => detail(StatusCode::NOT_FOUND, "Not Found"),
            Failure::MethodNotAllowed(methods) => {
                let allowed = methods
                    .iter()
                    .map(Method::as_str)
                    .collect::<Vec<_>>()
                    .join(", ");
                detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").with_header(
                    ALLOW,
                    HeaderValue::from_str(&allowed).expect("methods are ASCII"),
                )
            }
            Failure::Invalid(all) => Answer::json(&json!({ "detail": all }))
                .with_status(StatusCode::UNPROCESSABLE_ENTITY),
            Failure::Forbidden(text) => detail(StatusCode::FORBIDDEN, &text),
            Failure::Unauthorized => detail(
                StatusCode::UNAUTHORIZED,
                "this needs the server's token: send it as Authorization: Bearer <token>",
            )
            .with_header(
                hyper::header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer"),
            ),
            Failure::TooLarge(limit) => detail(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body may have at most {limit} bytes"),
            ),
            Failure::Other(status, text) => detail(status, &text),
        }
    }
}
