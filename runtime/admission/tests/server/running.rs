//! A server in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kspec_admission::{Change, Ended, Limits, Options, Server, Source, TlsFiles};
use kspec_model::rules::{Lookup, Table};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Dial;

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Ended>,
}

/// Limits that make no test wait.
pub(crate) fn limits() -> Limits {
    Limits { poll: Duration::from_millis(10), drain: Duration::ZERO, ..Limits::default() }
}

/// A cluster that is told what to say.
#[derive(Default)]
pub(crate) struct Said {
    /// What a follower hears once, before it hears nothing more; none: it fails.
    pub(crate) objects: Mutex<Option<Vec<Value>>>,
    pub(crate) namespaces: Mutex<Vec<Value>>,
    /// How often it was asked to be followed.
    pub(crate) follows: std::sync::atomic::AtomicUsize,
}

impl Source for Said {
    fn follow<'a>(
        &'a self,
        lookup: &'a Lookup,
        sink: &'a (dyn Fn(Change) + Send + Sync),
    ) -> Pin<Box<dyn Future<Output = String> + Send + 'a>> {
        Box::pin(async move {
            self.follows.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let objects = self.objects.lock().expect("a lock").clone();
            let Some(objects) = objects else { return "the cluster is away".to_owned() };
            let kind = &*lookup.kind;
            sink(Change::Listed(objects.into_iter().filter(|object| object["kind"] == kind).collect()));
            std::future::pending().await
        })
    }

    fn namespace<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Value>, String>> + Send + 'a>> {
        let namespaces = self.namespaces.lock().expect("a lock");
        let found = namespaces.iter().find(|object| object["metadata"]["name"] == name).cloned();
        Box::pin(async move { Ok(found) })
    }
}

impl Running {
    pub(crate) async fn of(table: &Table) -> Self {
        Self::start(table, limits(), None, Arc::new(Said::default())).await
    }

    pub(crate) async fn start(table: &Table, limits: Limits, tls: Option<TlsFiles>, source: Arc<dyn Source>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = folder.path().join("bundle.json");
        write_bundle(&bundle, table);
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let options = Options { listen: any, metrics_listen: Some(any), tls, bundle, limits };
        let server = Server::bind(options, source).await.expect("a server");
        let address = server.address().expect("an address");
        let metrics = server.metrics_address().expect("an address").expect("an address");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, metrics, folder, stop: Some(stop), ended }
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle.json")
    }

    pub(crate) fn dial(&self) -> Dial {
        Dial::plain(self.address)
    }

    /// One metric's value, by its line's beginning.
    pub(crate) async fn metric(&self, beginning: &str) -> Option<f64> {
        let page = Dial::plain(self.metrics).ask("GET", "/metrics", "").await.text();
        let line = page.lines().find(|line| line.starts_with(beginning))?.to_owned();
        line.rsplit(' ').next()?.parse().ok()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub(crate) async fn ended(mut self) -> Ended {
        self.stop();
        (&mut self.ended).await.expect("no panic")
    }
}

/// As a volume is written: whole, by a rename.
pub(crate) fn write_bundle(path: &Path, table: &Table) {
    let bundle = json!({ "format_version": 1, "project": table.project, "rule_table": table });
    let next = path.with_extension("next");
    std::fs::write(&next, bundle.to_string()).expect("written");
    std::fs::rename(&next, path).expect("renamed");
}

/// Asks again and again; the limit fails a broken test and measures nothing.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: not so within a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A CREATE of a ConfigMap with labels.
pub(crate) fn review(labels: Value) -> Value {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "namespace": "shop", "labels": labels },
    });
    asked("CREATE", object, Value::Null)
}

pub(crate) fn asked(operation: &str, object: Value, old: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "", "version": "v1", "kind": "ConfigMap" },
            "resource": { "group": "", "version": "v1", "resource": "configmaps" },
            "name": "settings", "namespace": "shop", "operation": operation,
            "userInfo": { "username": "jane", "groups": ["system:authenticated"] },
            "object": object, "oldObject": old, "dryRun": false,
        },
    })
}
