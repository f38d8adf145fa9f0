//! The route table: what is served, with which parameters, by which function.
//! Routing, checking, `/openapi.json` and `/docs` all come from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;

use super::answer::{Answer, Failure};
use super::guard::Access;
use super::parameters::{Kind, Parameter, Values};
use super::routes::{
    atomspace, demo, events, faults, healing, health, ingest, live, log, metrics, modes, pages,
    prometheus, simple, stress,
};
use super::service::Service;
use super::{docs, openapi, shapes};
use crate::front::{self, Weight};

/// What a route's function gets.
#[derive(Debug)]
pub(super) struct Request {
    /// The id that its answer and the log carry.
    pub(super) id: String,
    /// The checked query parameters.
    pub(super) values: Values,
    /// The last part of the path, for a path that ends in `{…}`.
    pub(super) tail: String,
    /// The body; empty for GET.
    pub(super) body: Bytes,
    /// Whether only the head of the answer is wanted.
    pub(super) head: bool,
    /// The `Content-Type` header, without its parameters.
    pub(super) media_type: String,
    /// The `If-None-Match` header.
    pub(super) if_none_match: Option<String>,
    /// The `Last-Event-ID` header.
    pub(super) last_event_id: Option<String>,
    /// Whether it carries the server's token.
    pub(super) authorized: bool,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// What an answer with status 200 is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// JSON of this schema.
    Json(fn() -> Value),
    /// Something else, of this content type, such as this.
    Other(&'static str, &'static str),
    /// No 200 but the way to another path.
    Redirect,
}

/// A further answer of a route, beside those that any route may give.
pub(super) struct Also {
    pub(super) status: u16,
    pub(super) when: &'static str,
    pub(super) like: Like,
}

/// What a further answer looks like.
#[derive(Clone, Copy)]
pub(super) enum Like {
    /// Any other error.
    Error,
    /// The route's answer with status 200, with these fields of a JSON object in it.
    Success(&'static str),
    /// A head alone.
    Nothing,
}

const NOT_MODIFIED: &[Also] = &[Also {
    status: 304,
    when: "The client has it",
    like: Like::Nothing,
}];

/// One route.
pub(super) struct Route {
    /// The path; a last part `{…}` stands for any one part.
    pub(super) path: &'static str,
    /// GET routes only show; POST routes change or compute.
    pub(super) method: Method,
    /// Who may ask.
    pub(super) access: Access,
    /// Whether it is answered however much there is to do.
    pub(super) essential: bool,
    /// Whether GET is taken too where the original's ways are asked for.
    pub(super) compat_get: bool,
    pub(super) parameters: &'static [Parameter],
    /// Header fields that are looked at beside those of every request, and what for.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The types of body that it takes, JSON first, each with an example.
    pub(super) takes: &'static [(&'static str, &'static str)],
    /// The schema of JSON bodies.
    pub(super) body_schema: fn() -> Value,
    pub(super) summary: &'static str,
    pub(super) shape: Shape,
    pub(super) also: &'static [Also],
    pub(super) answer: fn(Arc<Service>, Request) -> Answering,
}

impl Route {
    /// The same, with further answers.
    const fn also(mut self, also: &'static [Also]) -> Route {
        self.also = also;
        self
    }

    /// The same, with a tag by which clients ask whether what they have is still good.
    const fn tagged(mut self) -> Route {
        self.headers = &[("If-None-Match", "tags of what the client has")];
        self.also(NOT_MODIFIED)
    }

    /// The same, going by this header field too.
    const fn hearing(mut self, headers: &'static [(&'static str, &'static str)]) -> Route {
        self.headers = headers;
        self
    }

    /// The same, closed to other sites' pages.
    const fn computing(mut self) -> Route {
        self.access = Access::Compute;
        self
    }

    /// The same, closed to whoever may not change state.
    const fn changing(mut self) -> Route {
        self.access = Access::Change;
        self
    }

    /// The same, answered however much there is to do.
    const fn essential(mut self) -> Route {
        self.essential = true;
        self
    }

    /// Whether it belongs to the demonstrations.
    pub(super) fn is_demo(&self) -> bool {
        self.path.starts_with("/demo")
    }

    /// The same, with a body of one of these types, each with an example.
    const fn taking(
        mut self,
        takes: &'static [(&'static str, &'static str)],
        schema: fn() -> Value,
    ) -> Route {
        self.takes = takes;
        self.body_schema = schema;
        self
    }

    /// A JSON body that it takes, if it takes any.
    pub(super) fn body_example(&self) -> Option<&'static str> {
        self.takes.first().map(|(_, example)| *example)
    }
}

/// What healing never turns away beside what is essential: without it nobody sees what
/// it does or can end what is wrong.
const VITAL: &[&str] = &[
    "/",
    "/assets/{name}",
    "/demo/reset",
    "/demo/status",
    "/events",
    "/healing/actions",
    "/healing/reload",
    "/healing/status",
    "/simple-dashboard",
];

/// What costs much to answer.
const EXPENSIVE: &[&str] = &["/atomspace/query", "/demo/stress-test", "/metrics/history"];

impl Route {
    /// How much its requests matter when not all can be let in.
    pub(super) fn weight(&self) -> Weight {
        if self.essential || VITAL.contains(&self.path) {
            Weight::Vital
        } else if EXPENSIVE.contains(&self.path) {
            Weight::Expensive
        } else {
            Weight::Ordinary
        }
    }
}

macro_rules! answer {
    ($function:path) => {
        |service, request| Box::pin($function(service, request))
    };
}

const fn get(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    shape: Shape,
    answer: fn(Arc<Service>, Request) -> Answering,
) -> Route {
    Route {
        path,
        method: Method::GET,
        access: Access::Show,
        essential: false,
        compat_get: false,
        parameters,
        headers: &[],
        takes: &[],
        body_schema: || Value::Null,
        summary,
        shape,
        also: &[],
        answer,
    }
}

/// A route that changes state; `compat` says whether the original took GET too.
const fn post(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    compat_get: bool,
    shape: Shape,
    answer: fn(Arc<Service>, Request) -> Answering,
) -> Route {
    Route {
        path,
        method: Method::POST,
        access: Access::Change,
        essential: false,
        compat_get,
        parameters,
        headers: &[],
        takes: &[],
        body_schema: || Value::Null,
        summary,
        shape,
        also: &[],
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
        required: false,
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
        required: false,
        description,
    }
}

const fn boolean(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Boolean { default: false },
        required: false,
        description,
    }
}

const fn word(
    name: &'static str,
    words: &'static [&'static str],
    description: &'static str,
) -> Parameter {
    Parameter {
        name,
        kind: Kind::Word(words),
        required: false,
        description,
    }
}

const fn text(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Text { bytes_max: 256 },
        required: false,
        description,
    }
}

const fn required(parameter: Parameter) -> Parameter {
    Parameter {
        required: true,
        ..parameter
    }
}

const FAILURE_RATE: &[Parameter] = &[
    Parameter {
        name: "failure_rate",
        kind: Kind::Number {
            default: Some(0.7),
            min: 0.0,
            max: 1.0,
        },
        required: false,
        description: "the share of calls of the upstream service that fail, for 10 s",
    },
    integer(
        "latency_ms",
        0,
        0,
        30_000,
        "milliseconds that its other calls take, for 10 s",
    ),
];

const VERDICTS: &[&str] = &["pending", "verified", "failed", "inconclusive"];

const JSON: &str = "application/json";

const HTML: Shape = Shape::Other("text/html", "<!doctype html>…");

const EVENTS: Shape = Shape::Other(
    "text/event-stream",
    "id: 7\ndata: {\"status\":\"healthy\",…}\n\nevent: rules\ndata: {…}\n\n",
);

const FIGURES: Shape = Shape::Other(
    "text/plain",
    "# HELP chimera_uptime_seconds Seconds since the start\n# TYPE chimera_uptime_seconds gauge\nchimera_uptime_seconds 12.5\n",
);

/// Every route.
pub(super) static ROUTES: &[Route] = &[
    get("/", "The dashboard", &[], HTML, answer!(pages::dashboard)).tagged(),
    get(
        "/assets/{name}",
        "A file of the dashboard",
        &[],
        Shape::Other("application/octet-stream", "…"),
        answer!(pages::asset),
    )
    .tagged(),
    get(
        "/simple-dashboard",
        "The dashboard without scripts",
        &[],
        HTML,
        answer!(simple::simple_dashboard),
    ),
    get(
        "/health",
        "Metrics, thresholds, rules and the newest healing actions",
        &[boolean("strict", "answer 503 while unhealthy")],
        Shape::Json(shapes::health),
        answer!(health::health),
    )
    .essential()
    .also(&[Also {
        status: 503,
        when: "Unhealthy, where strict is asked for",
        like: Like::Success(
            r#"{"status": "unhealthy", "detail": "unhealthy: healing has not got the better of memory-leak"}"#,
        ),
    }]),
    get(
        "/events",
        "What /health answers, each time that it changes, as server-sent events",
        &[],
        EVENTS,
        answer!(events::events),
    )
    .computing()
    .hearing(&[(
        "Last-Event-ID",
        "the last id that the client got; it gets what it missed",
    )]),
    get(
        "/live",
        "Whether the process runs",
        &[],
        Shape::Json(shapes::live),
        answer!(live::live),
    )
    .essential(),
    get(
        "/ready",
        "Whether samples are taken and rules are in force; 503 if not",
        &[],
        Shape::Json(shapes::ready),
        answer!(live::ready),
    )
    .essential()
    .also(&[Also {
        status: 503,
        when: "Not ready",
        like: Like::Success(
            r#"{"status": "not ready", "detail": "no sample has been taken yet"}"#,
        ),
    }]),
    get(
        "/test",
        "Whether the server answers",
        &[],
        Shape::Json(shapes::test),
        answer!(live::test),
    ),
    get(
        "/healing/status",
        "What healing does now, and its success by fault and by strategy",
        &[],
        Shape::Json(shapes::healing_status),
        answer!(healing::status),
    ),
    get(
        "/healing/actions",
        "Actions, newest last",
        &[
            number("since", 0.0, 1e11, "Unix time in seconds; only later ones"),
            text("fault", "only those for this fault, such as memory_leak"),
            word("verdict", VERDICTS, "only those of this verdict"),
        ],
        Shape::Json(shapes::actions),
        answer!(healing::actions),
    ),
    get(
        "/healing/actions/{id}",
        "One action with its proof",
        &[],
        Shape::Json(shapes::action),
        answer!(healing::action),
    ),
    get(
        "/healing/rules",
        "The rules in force, what they may call, and what is wrong with the files",
        &[],
        Shape::Json(shapes::healing_rules),
        answer!(healing::rules),
    ),
    get(
        "/healing/mode",
        "Which rules act, and which only record what they would have done",
        &[],
        Shape::Json(shapes::modes),
        answer!(modes::modes),
    ),
    post(
        "/healing/mode",
        "Switch a rule's mode until the next switch or start",
        &[
            required(text("fault", "the fault that the rule is about, such as memory_leak")),
            required(text("rule", "the rule, such as level; GET lists them")),
            required(text(
                "mode",
                "enforce, shadow, canary and a percentage, or rules for what the rules say",
            )),
        ],
        false,
        Shape::Json(shapes::modes),
        answer!(modes::set_mode),
    ),
    get(
        "/healing/strategies",
        "The ladders of each fault, with their success and what was learned of them",
        &[],
        Shape::Json(shapes::strategies),
        answer!(modes::strategies),
    ),
    post(
        "/healing/reload",
        "Load the rule files now; 422 if they are wrong",
        &[],
        false,
        Shape::Json(shapes::reloaded),
        answer!(healing::reload),
    )
    .also(&[Also {
        status: 422,
        when: "The files cannot be loaded; the last good rules stay in force",
        like: Like::Success(
            r#"{"detail": "metta/healing.metta:3:1: unclosed `(`; the last good rules stay in force",
                "error": {"file": "metta/healing.metta", "line": 3, "column": 1, "message": "unclosed `(`",
                          "source": "(threshold memory-mb 400"}}"#,
        ),
    }]),
    post(
        "/reset-healing",
        "Forget open episodes; the history stays",
        &[],
        true,
        Shape::Json(shapes::healing_reset),
        answer!(healing::reset),
    ),
    get(
        "/metrics",
        "Every figure in the text format of Prometheus",
        &[],
        FIGURES,
        answer!(prometheus::metrics),
    )
    .essential(),
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
            text("metric", "only this one, by the name that rules know"),
        ],
        Shape::Json(shapes::history),
        answer!(metrics::history),
    ),
    post(
        "/atomspace/query",
        "Evaluate an atom that changes nothing, over the live spaces",
        &[],
        false,
        Shape::Json(shapes::query),
        answer!(atomspace::query),
    )
    .computing()
    .taking(&[(JSON, atomspace::EXAMPLE)], shapes::query_body),
    post(
        "/atomspace/evaluate",
        "Evaluate an atom; with \"write\": true it may change the live spaces, which needs the token everywhere",
        &[],
        false,
        Shape::Json(shapes::query),
        answer!(atomspace::evaluate),
    )
    .computing()
    .taking(&[(JSON, atomspace::EVALUATE_EXAMPLE)], shapes::evaluate_body),
    post(
        "/ingest",
        "Samples and events from outside, as JSON, as atoms or as Prometheus writes metrics; they count from the next tick",
        &[],
        false,
        Shape::Json(shapes::ingested),
        answer!(ingest::ingest),
    )
    .taking(ingest::TYPES, shapes::ingest_body),
    get(
        "/demo/",
        "What can be demonstrated",
        &[],
        Shape::Json(shapes::demos),
        answer!(demo::index),
    ),
    get(
        "/demo",
        "What can be demonstrated",
        &[],
        Shape::Json(shapes::demos),
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
        Shape::Json(shapes::memory_leak),
        answer!(demo::memory_leak),
    )
    .also(&[Also {
        status: 507,
        when: "The system has no such memory to give",
        like: Like::Error,
    }]),
    post(
        "/demo/cpu-overload",
        "Start background threads that want the CPU",
        &[
            integer("duration", 10, 1, 300, "seconds"),
            integer("num_threads", 4, 1, 64, "threads"),
            boolean("wait", "measure for 2 s before answering"),
        ],
        true,
        Shape::Json(shapes::cpu_overload),
        answer!(demo::cpu_overload),
    ),
    post(
        "/demo/connection-issues",
        "Open connections to the upstream service and leave them idle",
        &[
            integer("connection_count", 90, 1, 1000, "connections"),
            word(
                "fault",
                &["refuse", "reset", "stall", "half-open"],
                "what befalls a tenth of them; reset by default",
            ),
        ],
        true,
        Shape::Json(shapes::connection_issues),
        answer!(faults::connection_issues),
    ),
    post(
        "/demo/request-failures",
        "Make the upstream service fail, and call it once",
        FAILURE_RATE,
        true,
        Shape::Json(shapes::completed),
        answer!(faults::request_failures),
    ),
    post(
        "/demo/request_failures",
        "The same as /demo/request-failures",
        FAILURE_RATE,
        true,
        Shape::Json(shapes::completed),
        answer!(faults::request_failures),
    ),
    // The seed names GET for this one.
    get(
        "/demo/request-failures-immediate",
        "Make a burst of calls fail, and answer 500 unless healing stands in",
        &[],
        Shape::Json(shapes::completed),
        answer!(faults::request_failures_immediate),
    )
    .changing(),
    post(
        "/demo/request-failures-immediate",
        "Make a burst of calls fail, and answer 500 unless healing stands in",
        &[],
        false,
        Shape::Json(shapes::completed),
        answer!(faults::request_failures_immediate),
    ),
    post(
        "/demo/stress-test",
        "All four faults in turn, sized by the thresholds in force; 409 while one runs",
        &[],
        true,
        Shape::Json(shapes::stress_started),
        answer!(stress::start),
    )
    .also(&[Also {
        status: 409,
        when: "A stress test is running",
        like: Like::Error,
    }]),
    get(
        "/demo/stress-test/{id}",
        "What became of a stress test",
        &[],
        Shape::Json(shapes::stress_report),
        answer!(stress::report),
    ),
    get(
        "/demo/status",
        "What the demonstrations hold now",
        &[],
        Shape::Json(shapes::demo_status),
        answer!(demo::status),
    ),
    post(
        "/demo/reset",
        "Free and end all that the demonstrations started",
        &[],
        true,
        Shape::Json(shapes::demo_reset),
        answer!(demo::reset),
    )
    .essential(),
    get(
        "/log-level",
        "What is logged",
        &[],
        Shape::Json(shapes::log_level),
        answer!(log::level),
    ),
    post(
        "/log-level",
        "Log more or less, until the next change or start",
        &[required(text(
            "level",
            "error, warn, info, debug or trace, or by module as in info,chimera_server::http=debug",
        ))],
        false,
        Shape::Json(shapes::log_level),
        answer!(log::set_level),
    ),
    get(
        "/docs",
        "This API for people",
        &[],
        HTML,
        answer!(docs::docs),
    )
    .tagged(),
    get(
        "/redoc",
        "The same as /docs",
        &[],
        Shape::Redirect,
        answer!(docs::elsewhere),
    ),
    // The original's, where there was nobody to sign in either.
    get(
        "/docs/oauth2-redirect",
        "The same as /docs",
        &[],
        Shape::Redirect,
        answer!(docs::elsewhere),
    ),
    get(
        "/openapi.json",
        "This API for programs",
        &[],
        Shape::Json(shapes::document),
        answer!(openapi::document),
    )
    .tagged(),
];

/// A route that was found.
pub(super) struct Found<'p> {
    /// Its place in the table.
    pub(super) index: usize,
    pub(super) route: &'static Route,
    /// What stands for a last `{…}`.
    pub(super) tail: &'p str,
}

/// The route for a path and method, with what stands for a last `{…}`.
///
/// # Errors
/// 404, or 405 with the methods that the path has.
pub(super) fn find<'p>(
    method: &Method,
    path: &'p str,
    compat_get: bool,
) -> Result<Found<'p>, Failure> {
    let mut methods = Vec::new();
    for (index, route) in ROUTES.iter().enumerate() {
        let Some(tail) = matches(route.path, path) else {
            continue;
        };
        // The commonest case, without a list.
        let found = Found { index, route, tail };
        if route.method == *method {
            return Ok(found);
        }
        let taken = taken(route, compat_get);
        if taken.contains(method) {
            return Ok(found);
        }
        methods.extend(taken);
    }
    if methods.is_empty() {
        return Err(Failure::NotFound);
    }
    methods.push(Method::OPTIONS);
    Err(Failure::MethodNotAllowed(methods))
}

/// The route as its requests are counted: those of one path together, whatever the method.
pub(super) fn windowed(index: usize) -> front::Route {
    static FIRST: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let first = |path| ROUTES.iter().position(|other| other.path == path);
        ROUTES
            .iter()
            .map(|route| first(route.path).expect("it is one of them"))
            .collect()
    });
    front::Route {
        index: FIRST[index],
        path: ROUTES[index].path,
    }
}

/// The methods that a route takes. A HEAD never changes anything.
fn taken(route: &Route, compat_get: bool) -> Vec<Method> {
    if route.method == Method::GET && route.access == Access::Change {
        vec![Method::GET]
    } else if route.method == Method::GET {
        vec![Method::GET, Method::HEAD]
    } else if compat_get && route.compat_get {
        vec![route.method.clone(), Method::GET]
    } else {
        vec![route.method.clone()]
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

/// The path of a route that differs from `path` by a `/` at its end.
pub(super) fn with_other_end(path: &str) -> Option<&'static str> {
    ROUTES.iter().map(|route| route.path).find(|known| {
        // What CONNECT asks for has no path at all.
        !path.is_empty()
            && (path.strip_suffix('/') == Some(known) || known.strip_suffix('/') == Some(path))
    })
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::{Failure, ROUTES, find, with_other_end};

    #[test]
    fn each_route_is_found_by_its_path() {
        for route in ROUTES {
            let path = route.path.replace("{id}", "7").replace("{name}", "a.js");
            let Ok(found) = find(&route.method, &path, false) else {
                panic!("{path} is not found");
            };
            assert_eq!(found.route.path, route.path);
            assert_eq!(found.tail.is_empty(), !route.path.contains('{'));
        }
        for path in [
            "",
            "/healing/actions/",
            "/healing/actions/1/2",
            "//",
            "/HEALTH",
        ] {
            assert!(
                matches!(find(&Method::GET, path, false), Err(Failure::NotFound)),
                "{path}"
            );
        }
    }

    #[test]
    fn methods_are_told() {
        let told = |path, compat| match find(&Method::PUT, path, compat) {
            Err(Failure::MethodNotAllowed(methods)) => methods,
            _ => Vec::new(),
        };
        assert_eq!(
            told("/health", false),
            [Method::GET, Method::HEAD, Method::OPTIONS]
        );
        assert_eq!(told("/demo/reset", false), [Method::POST, Method::OPTIONS]);
        assert_eq!(
            told("/demo/reset", true),
            [Method::POST, Method::GET, Method::OPTIONS]
        );
        assert_eq!(
            told("/healing/reload", true),
            [Method::POST, Method::OPTIONS]
        );
        assert_eq!(
            told("/demo/request-failures-immediate", false),
            [Method::GET, Method::POST, Method::OPTIONS]
        );
    }

    #[test]
    fn another_end_leads_to_known_paths_only() {
        assert_eq!(with_other_end("/health/"), Some("/health"));
        assert_eq!(with_other_end("/nowhere/"), None);
        assert_eq!(with_other_end("//evil.example/"), None);
        assert_eq!(with_other_end("/health//"), None);
    }
}
