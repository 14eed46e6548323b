//! Listeners, connections, reloading, and the end.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::bundle::{self, BundleError};
use crate::engine::{Engine, Parts};
use crate::files::Watched;
use crate::index::Source;
use crate::limits::{Limits, Slots};
use crate::metrics::Metrics;
use crate::service::{Read, Role, Service, State};
use crate::tls::{TlsError, TlsFiles};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be idle: longer than Go's clients keep theirs (90 s), so that it is they who close it, and no
/// request meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(120);
/// Streams of one HTTP/2 connection at once, as Go's servers have it.
const STREAMS: u32 = 250;

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where to listen for reviews.
    pub listen: SocketAddr,
    /// Where to listen, without TLS, for health and metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Certificates; without them reviews are served in the clear, which the API server does not speak.
    pub tls: Option<TlsFiles>,
    /// `bundle.json`, or a rule table by itself.
    pub bundle: PathBuf,
    /// Bounds.
    pub limits: Limits,
}

/// A server that listens, and has its table and certificates.
pub struct Server {
    service: Arc<Service>,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    tls: Option<(TlsFiles, Watched, Arc<ArcSwap<ServerConfig>>)>,
    bundle: (PathBuf, Watched),
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The bundle.
    Bundle(BundleError),
    /// The certificates.
    Tls(TlsError),
    /// An address.
    Listen(SocketAddr, std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request was answered.
    Clean,
    /// Some were not by the end of the grace.
    CutOff,
}

impl Server {
    /// Reads the bundle and the certificates, and listens.
    ///
    /// # Errors
    /// What of these cannot be had. Later changes that cannot be used leave in force what is.
    pub async fn bind(options: Options, source: Arc<dyn Source>) -> Result<Self, StartError> {
        // Looked at before they are read, so that a change in between is seen later.
        let watched = Watched::new(vec![options.bundle.clone()]);
        let table = bundle::read(&options.bundle).map_err(StartError::Bundle)?;
        let state = Arc::new(State::default());
        let metrics = Metrics::new(Box::new(Read(Arc::clone(&state))));
        let parts = Parts { metrics: &metrics, source: &source, before: None, stale: options.limits.stale };
        let engine = Engine::load(table, &parts).map_err(|error| {
            StartError::Bundle(BundleError { path: options.bundle.clone(), reason: error.to_string() })
        })?;
        state.engine.store(Some(Arc::new(engine)));
        let tls = match options.tls {
            None => None,
            Some(files) => {
                let watched = Watched::new(files.paths());
                let config = files.load().map_err(StartError::Tls)?;
                Some((files, watched, Arc::new(ArcSwap::from_pointee(config))))
            }
        };
        let listen = async |address: SocketAddr| {
            TcpListener::bind(address).await.map_err(|error| StartError::Listen(address, error))
        };
        let listener = listen(options.listen).await?;
        let metrics_listener = match options.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let slots = Slots::new(&options.limits);
        let service = Arc::new(Service { state, metrics, slots, limits: options.limits, source });
        Ok(Self { service, listener, metrics_listener, tls, bundle: (options.bundle, watched) })
    }

    /// Where it listens for reviews.
    ///
    /// # Errors
    /// As the operating system has it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where it listens for health and metrics.
    ///
    /// # Errors
    /// As the operating system has it.
    pub fn metrics_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.metrics_listener.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Serves until `stop`: then goes on for the drain, so that nobody is refused who has not heard of it, and ends once
    /// every request is answered.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Ended {
        let Self { service, listener, metrics_listener, tls, bundle } = self;
        let limits = service.limits.clone();
        let mut tasks = JoinSet::new();
        let acceptor = tls.as_ref().map(|(_, _, config)| Arc::clone(config));
        if let Some((files, watched, config)) = tls {
            tasks.spawn(reload_tls(Arc::clone(&service), files, watched, config));
        }
        tasks.spawn(reload_bundle(Arc::clone(&service), bundle.0, bundle.1));

        let (stopping, stopped) = watch::channel(false);
        // Every connection holds one; when all are gone, nothing is received.
        let (alive, mut ended) = mpsc::channel::<Infallible>(1);
        let connections = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut accepting = JoinSet::new();
        let door = |role, tls, listener, connections: &Arc<Semaphore>| Door {
            service: Arc::clone(&service),
            role,
            listener,
            tls,
            connections: Arc::clone(connections),
            stopped: stopped.clone(),
            alive: alive.clone(),
        };
        accepting.spawn(door(Role::Reviews, acceptor, listener, &connections).accept());
        if let Some(listener) = metrics_listener {
            // Of its own, so that health can be asked for when all others are taken.
            let connections = Arc::new(Semaphore::new(64));
            accepting.spawn(door(Role::Watch, None, listener, &connections).accept());
        }
        drop(alive);
        stop.await;
        tracing::info!(in_flight = service.metrics.in_flight.get(), "stopping");
        service.state.stopping.store(true, Ordering::Release);
        tokio::time::sleep(limits.drain).await;
        accepting.shutdown().await;
        stopping.send_replace(true);
        let clean = tokio::time::timeout(limits.grace, ended.recv()).await.is_ok();
        tasks.shutdown().await;
        tracing::info!(clean, "stopped");
        if clean { Ended::Clean } else { Ended::CutOff }
    }
}

/// A listener and what its connections need.
struct Door {
    service: Arc<Service>,
    role: Role,
    listener: TcpListener,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    connections: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    alive: mpsc::Sender<Infallible>,
}

impl Door {
    async fn accept(self) {
        loop {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // The connection went away, or there are no file descriptors left: those come back.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let (service, role) = (Arc::clone(&self.service), self.role);
            let tls = self.tls.as_ref().map(|config| config.load_full());
            let (stopped, alive) = (self.stopped.clone(), self.alive.clone());
            tokio::spawn(async move {
                let _held = (permit, alive);
                service.metrics.connections.inc();
                let metrics = service.metrics.connections.clone();
                if let Err(why) = connection(service, role, stream, tls, stopped).await {
                    tracing::debug!("a connection ended: {why}");
                }
                metrics.dec();
            });
        }
    }
}

async fn connection(
    service: Arc<Service>,
    role: Role,
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    // An answer is one write: to wait for more would only delay it.
    let _ = stream.set_nodelay(true);
    let Some(config) = tls else { return serve(service, role, stream, stopped).await };
    match tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => serve(service, role, stream, stopped).await,
        Ok(Err(error)) => Err(format!("handshake: {error}")),
        Err(_) => Err("handshake: no end in time".to_owned()),
    }
}

async fn serve<S>(
    service: Arc<Service>,
    role: Role,
    stream: S,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(15));
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(role, request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done.map_err(|error| error.to_string()),
        // An error means that the server is gone, which is a stop too.
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(|error| error.to_string())
}

/// Puts new certificates in force as they come; those that cannot be used are tried again until they can.
async fn reload_tls(service: Arc<Service>, files: TlsFiles, mut watched: Watched, config: Arc<ArcSwap<ServerConfig>>) {
    let mut trouble: Option<TlsError> = None;
    loop {
        tokio::time::sleep(service.limits.poll).await;
        if !watched.changed() && trouble.is_none() {
            continue;
        }
        match files.load() {
            Ok(loaded) => {
                config.store(Arc::new(loaded));
                service.metrics.reloaded("certificate", true);
                tracing::info!(certificate = %files.certificate.display(), "certificate reloaded");
                trouble = None;
            }
            Err(error) => {
                if trouble.as_ref() != Some(&error) {
                    service.metrics.reloaded("certificate", false);
                    tracing::error!("the certificate stays as it is: {error}");
                }
                trouble = Some(error);
            }
        }
    }
}

/// Puts new bundles in force as they come, each once its indexes are filled.
async fn reload_bundle(service: Arc<Service>, path: PathBuf, mut watched: Watched) {
    let stale = service.limits.stale;
    let mut trouble: Option<BundleError> = None;
    if let Some(engine) = service.state.engine.load_full() {
        // Past that, rules that look up have no verdict, and the others do.
        let _ = tokio::time::timeout(stale, engine.filled()).await;
    }
    service.state.ready.store(true, Ordering::Release);
    tracing::info!("ready");
    loop {
        tokio::time::sleep(service.limits.poll).await;
        if !watched.changed() && trouble.is_none() {
            continue;
        }
        let before = service.state.engine.load_full();
        match next(&service, &path, before.as_ref()).await {
            Ok(engine) => {
                if tokio::time::timeout(stale, engine.filled()).await.is_err() {
                    tracing::error!(
                        "an index of the new bundle is not filled yet; the rules that need it have no verdict"
                    );
                }
                let (rules, mutations) = engine.size();
                tracing::info!(revision = %engine.revision, rules, mutations, "bundle reloaded");
                let engine = Arc::new(engine);
                service.state.engine.store(Some(Arc::clone(&engine)));
                service.metrics.reloaded("bundle", true);
                forget(&service, before.as_deref(), &engine);
                trouble = None;
            }
            Err(error) => {
                if trouble.as_ref() != Some(&error) {
                    service.metrics.reloaded("bundle", false);
                    tracing::error!("the rules stay as they are: {error}");
                }
                trouble = Some(error);
            }
        }
    }
}

async fn next(
    service: &Arc<Service>,
    path: &std::path::Path,
    before: Option<&Arc<Engine>>,
) -> Result<Engine, BundleError> {
    let failed = |reason: String| BundleError { path: path.to_owned(), reason };
    let (service, before, read) = (Arc::clone(service), before.cloned(), path.to_owned());
    // A large table takes a while to read, and requests go on meanwhile.
    let loaded = tokio::task::spawn_blocking(move || {
        let table = bundle::read(&read)?;
        let (metrics, source) = (&service.metrics, &service.source);
        let parts = Parts { metrics, source, before: before.as_deref(), stale: service.limits.stale };
        Engine::load(table, &parts).map_err(|error| BundleError { path: read, reason: error.to_string() })
    });
    loaded.await.unwrap_or_else(|error| Err(failed(error.to_string())))
}

/// Drops the metrics of rules that are no more.
fn forget(service: &Service, before: Option<&Engine>, now: &Engine) {
    for old in before.into_iter().flat_map(Engine::rules) {
        let labels = (&old.id, old.action, old.rule.severity);
        if !now.rules().any(|new| (&new.id, new.action, new.rule.severity) == labels) {
            service.metrics.forget(&old.id, old.action, old.rule.severity);
        }
    }
}
