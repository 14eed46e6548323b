//! `kspec webhook`.

use std::{sync::Arc, time::Duration};

use kspec_admission::{Ended, Limits, Live, Options, Server, StartError, TlsFiles};
use kspec_state::live::ConnectOptions;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use crate::{
    args::Webhook,
    context::Context,
    exit::{Exit, Failure},
};

pub(super) fn run(args: &Webhook, context: &Context) -> Result<Exit, Failure> {
    let level = match (context.quiet, context.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, true) => LevelFilter::DEBUG,
        (false, false) => LevelFilter::INFO,
    };
    // Log lines are for machines, and standard error is where they look for them.
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_writer(std::io::stderr).init();

    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = args.threads {
        runtime.worker_threads(threads as usize);
    }
    let runtime = runtime.enable_all().build().map_err(|error| Failure::new(Exit::Unknown, error))?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Webhook) -> Result<Exit, Failure> {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            clients: args.client_ca.clone(),
            client_names: args.client_names.iter().cloned().collect(),
        }),
        _ => {
            tracing::warn!("reviews are served without TLS, which the API server does not speak: see --tls-cert");
            None
        }
    };
    let options = Options {
        listen: args.listen,
        metrics_listen: args.metrics_listen,
        tls,
        bundle: args.bundle.clone(),
        limits: Limits {
            in_flight: args.max_in_flight as usize,
            body: args.max_body as usize,
            bodies: (args.max_body as usize).max(Limits::default().bodies),
            request: seconds(args.timeout),
            stale: seconds(args.stale_after),
            drain: seconds(args.drain),
            ..Limits::default()
        },
    };
    let cluster = Live::new(ConnectOptions { context: args.context.clone(), ..ConnectOptions::default() });
    let server = Server::bind(options, Arc::new(cluster)).await.map_err(|error| {
        let help = match &error {
            StartError::Bundle(_) => "give it the bundle.json that `kspec compile` writes",
            StartError::Tls(_) => {
                "give it a certificate, its chain and its key in PEM, as a Secret of type kubernetes.io/tls has them"
            }
            StartError::Listen(..) => "choose another address with --listen or --metrics-listen",
        };
        Failure::new(Exit::Unknown, &error).help(help)
    })?;
    let unusable = |error: std::io::Error| Failure::new(Exit::Unknown, error);
    let address = server.address().map_err(unusable)?;
    let metrics = server.metrics_address().map_err(unusable)?.map(|address| address.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    tracing::info!(%address, metrics, "listening");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(match server.run(stop).await {
        Ended::Clean => Exit::Done,
        Ended::CutOff => Exit::Partial,
    })
}
