//! The webhook, in this process, registered at the real API server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kspec_admission::{Limits, Live, Options, Server, TlsFiles};
use kspec_model::rules::{Engine, Table};
use kspec_state::live::ConnectOptions;
use kspec_test_harness::{Answer, Client, Cluster, write_server_certificate};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::told::{self, Told, differ, line};

/// Where its Service would stand.
const OWN_NAMESPACE: &str = "kspec-system";
/// Longest message of a refusal.
const LONGEST: usize = 5 * 1024;

/// A running webhook; it ends when dropped.
pub(crate) struct Webhook {
    table: Table,
    address: std::net::SocketAddr,
    authority: String,
    // Ends its tasks when dropped.
    _runtime: Runtime,
    _folder: TempDir,
}

impl Webhook {
    /// Serves a table, all of which it decides.
    pub(crate) fn start(cluster: &Cluster, table: &Table) -> Self {
        let mut table = table.clone();
        table.rules.iter_mut().for_each(|bound| bound.engine = Engine::Webhook);
        table.mutations.iter_mut().for_each(|bound| bound.engine = Engine::Webhook);
        let folder = tempfile::tempdir().unwrap();
        let authority = write_server_certificate(folder.path()).unwrap();
        let bundle = folder.path().join("bundle.json");
        std::fs::write(&bundle, json!({ "format_version": 1, "rule_table": table }).to_string()).unwrap();
        let file = |name: &str| folder.path().join(name);
        let tls = TlsFiles {
            certificate: file("tls.crt"),
            key: file("tls.key"),
            clients: None,
            client_names: Default::default(),
        };
        let listen = "127.0.0.1:0".parse().unwrap();
        // The server asks for as much at once as it is asked itself.
        let limits = Limits { drain: Duration::ZERO, ..Limits::default() };
        let options = Options { listen, metrics_listen: None, tls: Some(tls), bundle, limits };
        let kubeconfig = cluster.kubeconfig().as_os_str().to_owned();
        let live = Live::new(ConnectOptions { kubeconfig: Some(kubeconfig), ..Default::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind(options, Arc::new(live))).unwrap_or_else(|why| panic!("{why}"));
        let address = server.address().unwrap();
        runtime.spawn(server.run(std::future::pending()));
        Self { table, address, authority, _runtime: runtime, _folder: folder }
    }

    /// Tells the API server of it, by the configurations that the compiler writes, but for where it is.
    pub(crate) fn register(&self, client: &Client) {
        for configuration in self.configurations() {
            client.apply(&configuration, "kspec.judge", false).unwrap().ok().unwrap();
        }
    }

    /// Takes the configurations away again.
    pub(crate) fn remove(&self, client: &Client) {
        for configuration in self.configurations() {
            client.delete(&client.path_of(&configuration).unwrap()).unwrap().ok().unwrap();
        }
    }

    fn configurations(&self) -> Vec<Value> {
        let mut configurations = kspec_lower::webhook_configurations(&self.table, OWN_NAMESPACE);
        for configuration in &mut configurations {
            for webhook in configuration["webhooks"].as_array_mut().unwrap() {
                let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap();
                let url = format!("https://{}{path}", self.address);
                webhook["clientConfig"] = json!({ "url": url, "caBundle": base64(&self.authority) });
                // A debug build on a loaded machine takes its time.
                webhook["timeoutSeconds"] = json!(30);
            }
        }
        configurations
    }
}

/// Whether a webhook refused, and not something after admission.
pub(crate) fn is_denial(answer: &Answer) -> bool {
    denial(&answer.message()).is_some()
}

/// The webhook's answer, as the API server passes it on, and what it must be. `own` are the warnings that the server itself
/// has of the request.
pub(crate) fn compare(answer: &Answer, told: &Told, own: &[String]) -> Result<usize, String> {
    let message = answer.message();
    if told::let_in(answer) {
        if !told.refusals.is_empty() {
            return Err(format!("it lets in what the others refuse: {:#?}\n{message}", told.refusals));
        }
    } else {
        let Some(said) = denial(&message) else { return Err(format!("{} {message}", answer.status)) };
        let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
        let status = answer.json().map_err(|error| error.to_string())?;
        let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
        let lines: Vec<(String, String)> =
            causes.iter().map(|cause| (text(cause, "reason"), text(cause, "message"))).collect();
        let given: BTreeSet<(String, String)> =
            lines.iter().map(|(rule, message)| (rule.clone(), line(message))).collect();
        if let Some(difference) = differ("causes", &given, &told.refusals) {
            return Err(format!("{difference}\n{message}"));
        }
        // The message names all of them, as far as it may be long.
        let whole = lines.iter().map(|(rule, message)| format!("{rule}: {message}")).collect::<Vec<_>>().join("; ");
        let said = told::without_severities(said);
        let names_all = match said.strip_suffix('…') {
            // What is cut may end within a severity.
            Some(cut) => {
                whole.len() + 12 * lines.len() > LONGEST
                    && whole.starts_with(cut.rsplit_once(" (").map_or(cut, |it| it.0))
            }
            None => said == whole,
        };
        if !names_all {
            return Err(format!("the message is\n  {said}\nand the causes are\n  {whole}"));
        }
    }
    let expected: BTreeSet<String> =
        told.warned().into_iter().map(|(rule, message)| format!("{rule}: {message}")).collect();
    let mut warnings: Vec<String> = told::warnings(answer).iter().map(|text| told::without_severities(text)).collect();
    warnings.retain(|warning| !own.iter().any(|own| own.starts_with(warning)));
    told::warned_as(&warnings, &expected)?;
    Ok(told.verdicts)
}

/// What a webhook that refuses says.
pub(crate) fn denial(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (_, said) = rest.split_once("denied the request: ")?;
    Some(said)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
