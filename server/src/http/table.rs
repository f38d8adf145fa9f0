//! The route table: what is served, with which parameters, by which function.
//! Routing, checking, `/openapi.json` and `/docs` all come from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::answer::{Answer, Failure};
use super::parameters::{Kind, Parameter, Values};
use super::routes::{atomspace, demo, healing, health, live, metrics, pages};
use super::{Shell, openapi};

/// What a route's function gets.
#[derive(Debug)]
pub(super) struct Request {
    /// The checked query parameters.
    pub(super) values: Values,
    /// The last part of the path, for a path that ends in `{…}`.
    pub(super) tail: String,
    /// The body; empty for GET.
    pub(super) body: Bytes,
    /// The `If-None-Match` header.
    pub(super) if_none_match: Option<String>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// One route.
pub(super) struct Route {
    /// The path; a last part `{…}` stands for any one part.
    pub(super) path: &'static str,
    /// GET routes only show; POST routes change or compute.
    pub(super) method: Method,
    /// Whether it changes state, and so is closed to other sites' pages.
    pub(super) changes: bool,
    /// Whether GET is taken too where the original's ways are asked for.
    pub(super) compat_get: bool,
    pub(super) parameters: &'static [Parameter],
    /// A body that it takes, as an example; empty for none.
    pub(super) body_example: &'static str,
    pub(super) summary: &'static str,
    pub(super) answer: fn(Arc<Shell>, Request) -> Answering,
}

macro_rules! answer {
    ($function:path) => {
        |shell, request| Box::pin($function(shell, request))
    };
}

const fn get(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    answer: fn(Arc<Shell>, Request) -> Answering,
) -> Route {
    Route {
        path,
        method: Method::GET,
        changes: false,
        compat_get: false,
        parameters,
        body_example: "",
        summary,
        answer,
    }
}

/// A route that changes state; `compat` says whether the original took GET too.
const fn post(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    compat_get: bool,
    answer: fn(Arc<Shell>, Request) -> Answering,
) -> Route {
    Route {
        path,
        method: Method::POST,
        changes: true,
        compat_get,
        parameters,
        body_example: "",
        summary,
        answer,
    }
}

const fn integer(
    name: &'static str,
    default: i64,
    min: i64,
    max: i64,
    description: &'static str,
) -> Parameter {
    Parameter {
        name,
        kind: Kind::Integer { default, min, max },
        description,
    }
}

const fn number(name: &'static str, min: f64, max: f64, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Number {
            default: None,
            min,
            max,
        },
        description,
    }
}

const fn boolean(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Boolean { default: false },
        description,
    }
}

/// Every route.
pub(super) static ROUTES: &[Route] = &[
    get("/", "The dashboard", &[], answer!(pages::dashboard)),
    get(
        "/assets/{name}",
        "A file of the dashboard",
        &[],
        answer!(pages::asset),
    ),
    get(
        "/simple-dashboard",
        "The dashboard without scripts",
        &[],
        answer!(pages::simple_dashboard),
    ),
    get(
        "/health",
        "Metrics, thresholds, rules and the newest healing actions",
        &[boolean("strict", "answer 503 while unhealthy")],
        answer!(health::health),
    ),
    get(
        "/live",
        "Whether the process runs",
        &[],
        answer!(live::live),
    ),
    get(
        "/ready",
        "Whether samples are taken and rules are in force",
        &[],
        answer!(live::ready),
    ),
    get(
        "/test",
        "Whether the server answers",
        &[],
        answer!(live::test),
    ),
    get(
        "/healing/status",
        "What healing does now, by fault",
        &[],
        answer!(healing::status),
    ),
    get(
        "/healing/actions",
        "Actions, newest last",
        &[],
        answer!(healing::actions),
    ),
    get(
        "/healing/actions/{id}",
        "One action with its proof",
        &[],
        answer!(healing::action),
    ),
    get(
        "/healing/rules",
        "The rules in force, what they may call, and what is wrong with the files",
        &[],
        answer!(healing::rules),
    ),
    post(
        "/healing/reload",
        "Load the rule files now",
        &[],
        false,
        answer!(healing::reload),
    ),
    post(
        "/reset-healing",
        "Forget open episodes; the history stays",
        &[],
        true,
        answer!(healing::reset),
    ),
    get(
        "/metrics/history",
        "Series of every metric",
        &[
            number(
                "since",
                0.0,
                1e11,
                "Unix time in seconds; all that is kept by default",
            ),
            number("step", 0.0, 86_400.0, "least seconds between two points"),
        ],
        answer!(metrics::history),
    ),
    Route {
        path: "/atomspace/query",
        method: Method::POST,
        changes: false,
        compat_get: false,
        parameters: &[],
        body_example: r#"{"query": "(match &self (threshold $m $x) ($m $x))"}"#,
        summary: "Evaluate an atom that changes nothing, over the live spaces",
        answer: answer!(atomspace::query),
    },
    Route {
        path: "/ingest",
        method: Method::POST,
        changes: true,
        compat_get: false,
        parameters: &[],
        body_example: r#"{"samples": [{"metric": "queue-depth", "value": 12}]}"#,
        summary: "Samples of metrics from outside",
        answer: answer!(metrics::ingest),
    },
    get(
        "/demo/",
        "What can be demonstrated",
        &[],
        answer!(demo::index),
    ),
    get(
        "/demo",
        "What can be demonstrated",
        &[],
        answer!(demo::index),
    ),
    post(
        "/demo/memory-leak",
        "Fill the session cache, which nothing but healing evicts",
        &[
            integer("size_mb", 75, 1, 1024, "MiB of one session"),
            integer("count", 5, 1, 100, "sessions"),
        ],
        true,
        answer!(demo::memory_leak),
    ),
    post(
        "/demo/cpu-overload",
        "Start background threads that want the CPU",
        &[
            integer("duration", 10, 1, 300, "seconds"),
            integer("num_threads", 4, 1, 64, "threads"),
            boolean("wait", "measure for 3 s before answering"),
        ],
        true,
        answer!(demo::cpu_overload),
    ),
    get(
        "/demo/status",
        "What the demonstrations hold now",
        &[],
        answer!(demo::status),
    ),
    post(
        "/demo/reset",
        "Free and end all that the demonstrations started",
        &[],
        true,
        answer!(demo::reset),
    ),
    get("/docs", "This API for people", &[], answer!(openapi::docs)),
    get("/redoc", "The same as /docs", &[], answer!(openapi::redoc)),
    get(
        "/openapi.json",
        "This API for programs",
        &[],
        answer!(openapi::document),
    ),
];

/// The route for a path and method, with what stands for a last `{…}`.
///
/// # Errors
/// 404, or 405 with the methods that the path has.
pub(super) fn find(
    method: &Method,
    path: &str,
    compat_get: bool,
) -> Result<(&'static Route, String), Failure> {
    let mut methods = Vec::new();
    for route in ROUTES {
        let Some(tail) = matches(route.path, path) else {
            continue;
        };
        let as_get = *method == Method::HEAD || *method == Method::GET;
        let taken = *method == route.method
            || (as_get && route.method == Method::GET)
            || (*method == Method::GET && route.compat_get && compat_get);
        if taken {
            return Ok((route, tail.to_owned()));
        }
        methods.push(route.method.clone());
        if route.method == Method::GET {
            methods.push(Method::HEAD);
        }
        methods.push(Method::OPTIONS);
    }
    if methods.is_empty() {
        Err(Failure::NotFound)
    } else {
        Err(Failure::MethodNotAllowed(methods))
    }
}

fn matches<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    match pattern.find('{') {
        None => (pattern == path).then_some(""),
        Some(at) => {
            let tail = path.strip_prefix(&pattern[..at])?;
            (!tail.is_empty() && !tail.contains('/')).then_some(tail)
        }
    }
}
