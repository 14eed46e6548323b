//! From HTTP requests to answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode, Version};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use kspec_model::rules::FailurePolicy;
use kspec_rules::Reads;
use prometheus_client::metrics::gauge::Gauge;

use crate::engine::{Engine, Only};
use crate::index::Source;
use crate::limits::{Limits, Slots};
use crate::metrics::{IndexReading, Metrics, Readings};
use crate::request::Request;

pub(crate) type Response = http::Response<Full<Bytes>>;

/// A body of which judging may take long is judged on a thread of its own.
const LONG_BODY: usize = 256 << 10;

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) engine: ArcSwapOption<Engine>,
    /// The indexes were filled, or were waited for long enough.
    pub(crate) ready: AtomicBool,
    pub(crate) stopping: AtomicBool,
}

impl State {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.stopping.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
pub(crate) struct Read(pub(crate) Arc<State>);

impl Readings for Read {
    fn table(&self) -> (String, String, String, usize, usize) {
        let engine = self.0.engine.load();
        engine.as_deref().map_or_else(Default::default, |engine| {
            let (rules, mutations) = engine.size();
            (engine.project.clone(), engine.kubernetes.clone(), engine.revision.clone(), rules, mutations)
        })
    }

    fn indexes(&self) -> Vec<IndexReading> {
        let engine = self.0.engine.load();
        let indexes = engine.iter().flat_map(|engine| engine.indexes());
        indexes
            .map(|index| {
                let lookup = index.lookup();
                let dot = if lookup.group.is_empty() { "" } else { "." };
                IndexReading {
                    resource: format!("{}{dot}{}", lookup.resource, lookup.group),
                    age: index.age().filter(|_| index.is_filled()).map(|age| age.as_secs_f64()),
                    objects: index.len(),
                }
            })
            .collect()
    }

    fn ready(&self) -> bool {
        self.0.is_ready()
    }
}

/// What every connection shares.
pub(crate) struct Service {
    pub(crate) state: Arc<State>,
    pub(crate) metrics: Metrics,
    pub(crate) slots: Slots,
    pub(crate) limits: Limits,
    pub(crate) source: Arc<dyn Source>,
}

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    Reviews,
    /// Health and metrics alone, for who has no client certificate.
    Watch,
}

/// What a review asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Validate(Only),
    Mutate(Only),
}

impl Ask {
    /// `/validate`, `/mutate`, with a failure policy and a timeout where a webhook configuration has several entries.
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let what = parts.next()?;
        let policy = match parts.next() {
            None => None,
            Some("fail") => Some(FailurePolicy::Fail),
            Some("ignore") => Some(FailurePolicy::Ignore),
            Some(_) => return None,
        };
        let timeout = parts.next().map(str::parse).transpose().ok()?;
        if parts.next().is_some() {
            return None;
        }
        let only = Only { policy, timeout };
        match what {
            "validate" => Some(Self::Validate(only)),
            "mutate" => Some(Self::Mutate(only)),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Validate(_) => "validate",
            Self::Mutate(_) => "mutate",
        }
    }
}

/// Counts for as long as it lives, however it ends.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An answer, and what it says of an object.
type Judged = (Response, Option<bool>);

impl Service {
    /// Answers one request.
    pub(crate) async fn answer<B>(self: Arc<Self>, role: Role, request: http::Request<B>) -> Response
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let version = request.version();
        let mut response = match (request.uri().path(), Ask::of(request.uri().path())) {
            ("/healthz", _) => self.get(&request, || plain(StatusCode::OK, "ok")),
            ("/readyz", _) => self.get(&request, || self.readiness()),
            ("/metrics", _) => self.get(&request, || {
                let mut response = plain(StatusCode::OK, self.metrics.page());
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }),
            (_, Some(ask)) if role == Role::Reviews => {
                let began = Instant::now();
                let (response, allowed) = self.review(ask, request).await;
                let seconds = began.elapsed().as_secs_f64();
                self.metrics.answered(ask.name(), response.status().as_u16(), allowed, seconds);
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "there is nothing here"),
        };
        if version <= Version::HTTP_11 && self.state.stopping.load(Ordering::Acquire) {
            // So that the client's next request goes to a server that stays.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn get<B>(&self, request: &http::Request<B>, answer: impl FnOnce() -> Response) -> Response {
        if request.method() == Method::GET || request.method() == Method::HEAD {
            return answer();
        }
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET it");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    }

    fn readiness(&self) -> Response {
        if self.state.stopping.load(Ordering::Acquire) {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping");
        }
        if self.state.is_ready() {
            return plain(StatusCode::OK, "ok");
        }
        let engine = self.state.engine.load();
        let missing: Vec<&str> = engine
            .iter()
            .flat_map(|engine| engine.indexes())
            .filter(|index| !index.is_filled())
            .map(|index| &*index.lookup().resource)
            .collect();
        plain(StatusCode::SERVICE_UNAVAILABLE, format!("the cluster's {} are not known yet", missing.join(", ")))
    }

    async fn review<B>(&self, ask: Ask, request: http::Request<B>) -> Judged
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST an AdmissionReview");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return (response, None);
        }
        let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|kind| {
            kind.to_str().is_ok_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"))
        });
        if !is_json {
            return (plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"), None);
        }
        let Some(slot) = self.slots.request() else { return (self.shed("in_flight"), None) };
        let _in_flight = Counted::new(&self.metrics.in_flight);
        let patience = request.uri().query().and_then(patience).unwrap_or(self.limits.request);
        let judged = self.judge(ask, request, slot);
        match tokio::time::timeout(patience.min(self.limits.request), judged).await {
            Ok(judged) => judged,
            Err(_) => {
                tracing::warn!(endpoint = ask.name(), "no answer in time");
                (plain(StatusCode::GATEWAY_TIMEOUT, "no verdict in time"), None)
            }
        }
    }

    async fn judge<B>(&self, ask: Ask, request: http::Request<B>, slot: crate::limits::Slot) -> Judged
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let too_large = || {
            let message = format!("the body is larger than {} bytes", self.limits.body);
            (plain(StatusCode::PAYLOAD_TOO_LARGE, message), None)
        };
        // Of a body that comes in pieces nothing is known: it may become as large as any.
        let announced = request
            .body()
            .size_hint()
            .exact()
            .map_or(self.limits.body, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if announced > self.limits.body {
            return too_large();
        }
        let Some(memory) = self.slots.body(announced) else { return (self.shed("bodies"), None) };
        let body = match Limited::new(request.into_body(), self.limits.body).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return too_large(),
            Err(error) => return (plain(StatusCode::BAD_REQUEST, format!("the body was cut off: {error}")), None),
        };
        let engine = self.state.engine.load_full();
        // A mutation yields the object, so all of it is read.
        let everything = Reads::everything();
        let reads = match (&engine, ask) {
            (Some(engine), Ask::Validate(_)) => &engine.reads,
            _ => &everything,
        };
        let request = match Request::read(&body, reads) {
            Ok(request) => request,
            Err(bad) => {
                tracing::warn!(uid = bad.uid, endpoint = ask.name(), "bad request: {}", bad.message);
                return (json(StatusCode::BAD_REQUEST, bad.review()), None);
            }
        };
        let Some(engine) = engine else {
            return (plain(StatusCode::SERVICE_UNAVAILABLE, "there is no rule table yet"), None);
        };
        engine.meet(&request, &self.source).await;
        let long = engine.long || body.len() > LONG_BODY;
        drop(body);
        let decide = move || {
            let _held = (slot, memory);
            let answer = match ask {
                Ask::Validate(only) => engine.validate(&request, only),
                Ask::Mutate(only) => engine.mutate(&request, only),
            };
            (json(StatusCode::OK, answer.review(request.uid())), Some(answer.allowed()))
        };
        if !long {
            return decide();
        }
        let queued = Counted::new(&self.metrics.queued);
        let Ok(thread) = Arc::clone(&self.slots.long).acquire_owned().await else {
            return (self.shed("threads"), None);
        };
        drop(queued);
        let decided = tokio::task::spawn_blocking(move || {
            let _thread = thread;
            decide()
        });
        decided.await.unwrap_or_else(|error| {
            tracing::error!("a verdict ended without one: {error}");
            (plain(StatusCode::INTERNAL_SERVER_ERROR, "a verdict ended without one"), None)
        })
    }

    /// The API server's client tries again after the pause, for as long as it has patience; then its failure policy acts.
    fn shed(&self, reason: &'static str) -> Response {
        self.metrics.shed(reason);
        let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too much at once");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

/// How long the API server waits, from the `timeout=10s` that it puts into the URL, less what the way back takes.
fn patience(query: &str) -> Option<Duration> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    let seconds: u32 = value.strip_suffix('s')?.parse().ok()?;
    Some(Duration::from_secs(u64::from(seconds)) * 9 / 10)
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    response(status, "text/plain; charset=utf-8", text.into())
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    response(status, "application/json", body.into())
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let mut response = http::Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
