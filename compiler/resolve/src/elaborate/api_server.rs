//! The API server's flags.
//!
//! A field is a flag with `_` for `-`. Each has a type here; flags that weaken a cluster in a way nothing makes up for
//! are refused, and so are flags whose fact another block states.

mod held;

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::{ApiServer, Origin};
use kspec_schema::facts;
use kspec_syntax::tree::{Expr, ExprKind, Field, Record};
use kspec_types::{Type, Value};

use super::Elab;

/// How a flag's value is written.
#[derive(Clone, Copy)]
enum Flag {
    Bool,
    /// A whole number, at least this.
    Int(i64),
    Float,
    Duration,
    /// An absolute path on the host; the text says what is to be found there.
    Path(&'static str),
    Address,
    Port,
    /// One of these, in the server's spelling.
    OneOf(&'static [&'static str]),
    /// Some of these, in the server's spelling.
    SomeOf(&'static [&'static str]),
    Plugins,
    CipherSuites,
    Text,
    /// Each item is a flag of its own in the server's syntax; joined by commas.
    Texts,
}

const AUTHORIZERS: &[&str] = &["Node", "RBAC", "Webhook", "ABAC", "AlwaysAllow", "AlwaysDeny"];
const AUDIT_LOG_MODES: &[&str] = &["batch", "blocking", "blocking-strict"];

/// Flags of kube-apiserver that harden it (`kube-apiserver --help`; CIS Kubernetes Benchmark 1.2).
const FLAGS: &[(&str, Flag)] = &[
    ("anonymous_auth", Flag::Bool),
    ("authorization_mode", Flag::SomeOf(AUTHORIZERS)),
    ("authorization_webhook_config_file", Flag::Path("the webhook authorizer's kubeconfig")),
    ("authorization_webhook_cache_authorized_ttl", Flag::Duration),
    ("authorization_webhook_cache_unauthorized_ttl", Flag::Duration),
    ("enable_admission_plugins", Flag::Plugins),
    ("disable_admission_plugins", Flag::Plugins),
    ("admission_control_config_file", Flag::Path("the AdmissionConfiguration")),
    ("bind_address", Flag::Address),
    ("secure_port", Flag::Port),
    ("tls_cert_file", Flag::Path("the server's certificate")),
    ("tls_private_key_file", Flag::Path("the server's private key, mode 0600")),
    ("tls_min_version", Flag::OneOf(facts::TLS_VERSIONS)),
    ("tls_cipher_suites", Flag::CipherSuites),
    ("profiling", Flag::Bool),
    ("contention_profiling", Flag::Bool),
    ("request_timeout", Flag::Duration),
    ("min_request_timeout", Flag::Int(0)),
    ("max_requests_inflight", Flag::Int(0)),
    ("max_mutating_requests_inflight", Flag::Int(0)),
    ("service_account_lookup", Flag::Bool),
    ("service_account_issuer", Flag::Texts),
    ("service_account_key_file", Flag::Path("the public key that service account tokens are verified with")),
    (
        "service_account_signing_key_file",
        Flag::Path("the private key that service account tokens are signed with, mode 0600"),
    ),
    ("service_account_max_token_expiration", Flag::Duration),
    ("service_account_extend_token_expiration", Flag::Bool),
    ("api_audiences", Flag::Texts),
    ("kubelet_certificate_authority", Flag::Path("the CA that kubelets' serving certificates are verified with")),
    ("kubelet_client_certificate", Flag::Path("the client certificate shown to kubelets")),
    ("kubelet_client_key", Flag::Path("its private key, mode 0600")),
    ("kubelet_timeout", Flag::Duration),
    ("kubelet_preferred_address_types", Flag::Texts),
    ("client_ca_file", Flag::Path("the CA of X.509 client certificates")),
    ("requestheader_client_ca_file", Flag::Path("the CA of front proxies' client certificates")),
    ("authentication_token_webhook_config_file", Flag::Path("the token webhook's kubeconfig")),
    ("authentication_token_webhook_cache_ttl", Flag::Duration),
    ("authentication_token_webhook_version", Flag::OneOf(&["v1", "v1beta1"])),
    ("etcd_cafile", Flag::Path("the CA of etcd")),
    ("etcd_certfile", Flag::Path("the client certificate shown to etcd")),
    ("etcd_keyfile", Flag::Path("its private key, mode 0600")),
    ("event_ttl", Flag::Duration),
    ("goaway_chance", Flag::Float),
    ("strict_transport_security_directives", Flag::Texts),
    ("audit_log_path", Flag::Text),
    ("audit_log_format", Flag::OneOf(&["json", "legacy"])),
    ("audit_log_mode", Flag::OneOf(AUDIT_LOG_MODES)),
    ("audit_log_maxage", Flag::Int(0)),
    ("audit_log_maxbackup", Flag::Int(0)),
    ("audit_log_maxsize", Flag::Int(0)),
    ("audit_log_compress", Flag::Bool),
    ("audit_log_batch_buffer_size", Flag::Int(1)),
    ("audit_log_batch_max_size", Flag::Int(1)),
    ("audit_log_batch_max_wait", Flag::Duration),
    ("audit_log_batch_throttle_enable", Flag::Bool),
    ("audit_log_batch_throttle_qps", Flag::Float),
    ("audit_log_batch_throttle_burst", Flag::Int(1)),
    ("audit_log_truncate_enabled", Flag::Bool),
    ("audit_log_truncate_max_batch_size", Flag::Int(1)),
    ("audit_log_truncate_max_event_size", Flag::Int(1)),
    ("audit_webhook_config_file", Flag::Path("the audit webhook's kubeconfig")),
    ("audit_webhook_mode", Flag::OneOf(AUDIT_LOG_MODES)),
    ("audit_webhook_initial_backoff", Flag::Duration),
    ("audit_webhook_batch_buffer_size", Flag::Int(1)),
    ("audit_webhook_batch_max_size", Flag::Int(1)),
    ("audit_webhook_batch_max_wait", Flag::Duration),
    ("audit_webhook_batch_throttle_enable", Flag::Bool),
    ("audit_webhook_batch_throttle_qps", Flag::Float),
    ("audit_webhook_batch_throttle_burst", Flag::Int(1)),
    ("audit_webhook_truncate_enabled", Flag::Bool),
    ("audit_webhook_truncate_max_batch_size", Flag::Int(1)),
    ("audit_webhook_truncate_max_event_size", Flag::Int(1)),
];

/// Fields that are refused, why, and what to write instead.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "token_auth_file",
        "static tokens never expire and stand in the clear on the host",
        "use JWT issuers (`authentication`) or service account tokens",
    ),
    ("basic_auth_file", "static passwords left Kubernetes in 1.19", "use JWT issuers (`authentication`)"),
    ("insecure_port", "the insecure port left Kubernetes in 1.24", "drop it"),
    ("insecure_bind_address", "the insecure port left Kubernetes in 1.24", "drop it"),
    (
        "encryption_provider_config",
        "the `encryption` block states this",
        "write an `encryption` block: the flag follows from it",
    ),
    ("audit_policy_file", "the `audit` block states this", "write an `audit` block: the flag follows from it"),
    (
        "authentication_config",
        "the `authentication` block states this",
        "write an `authentication` block: the flag follows from it",
    ),
    (
        "oidc_issuer_url",
        "the `authentication` block states this",
        "write `authentication { jwt: [{ issuer: { … } }] }`",
    ),
    ("oidc_client_id", "the `authentication` block states this", "write `authentication { jwt: [{ issuer: { … } }] }`"),
    ("kubelet_https", "the API server always speaks TLS to kubelets since 1.22", "drop it"),
    (
        "authorization_config",
        "it excludes `authorization_mode`, which this version lowers",
        "write `authorization_mode: [Node, RBAC]`",
    ),
];

/// The flags that an `apiserver` block may state, as its fields spell them.
pub fn managed_flags() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().map(|(name, _)| *name)
}

impl Elab<'_, '_> {
    pub(super) fn api_server(&self, record: &Record, span: Span) {
        let mut flags: BTreeMap<String, String> = BTreeMap::new();
        let mut stated: BTreeMap<String, Origin> = BTreeMap::new();
        let mut host_paths = BTreeMap::new();
        for field in self.unique(&record.fields) {
            let key = field.key.text.as_ref();
            if let Some((_, why, instead)) = REFUSED.iter().find(|(name, ..)| *name == key) {
                self.report(
                    Finding::new(codes::REFUSED_FLAG, format!("`{key}` is refused: {why}"), self.at(field.key.span))
                        .help(*instead),
                );
                continue;
            }
            let Some((_, kind)) = FLAGS.iter().find(|(name, _)| *name == key) else {
                let known: Vec<&str> = FLAGS.iter().map(|(name, _)| *name).collect();
                let finding = Finding::new(
                    codes::UNKNOWN_FIELD,
                    format!("kspec manages no API server flag `{key}`"),
                    self.at(field.key.span),
                );
                self.report(match kspec_schema::closest(key, known) {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(field.key.span),
                        close,
                    ),
                    None => finding.help("docs/language/host.md lists the flags it manages; set others outside kspec"),
                });
                continue;
            };
            let Some(value) = self.flag_value(field, *kind) else { continue };
            let flag = key.replace('_', "-");
            if let Flag::Path(purpose) = kind {
                host_paths.insert(value.clone(), (*purpose).to_owned());
            }
            self.check_flag(&flag, &value, field.value.span);
            stated.insert(flag.clone(), self.origin(field.key.span));
            flags.insert(flag, value);
        }
        self.check_together(&flags, &stated);
        self.emit(|part| part.api_server.push(ApiServer { flags, stated, host_paths, origin: self.origin(span) }));
    }

    fn flag_value(&self, field: &Field, kind: Flag) -> Option<String> {
        let expr = &field.value;
        match kind {
            Flag::Bool => self.boolean(expr).map(|value| value.to_string()),
            Flag::Int(least) => match self.eval(expr, Some(&Type::Int)) {
                Value::Int(number) if number >= least => Some(number.to_string()),
                Value::Int(_) => {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("`{}` is at least {least}", field.key.text),
                            self.at(expr.span),
                        )
                        .help(format!("write {least} or more")),
                    );
                    None
                }
                _ => None,
            },
            Flag::Float => match self.eval(expr, Some(&Type::Float)) {
                Value::Float(number) => Some(number.to_string()),
                Value::Int(number) => Some(number.to_string()),
                _ => None,
            },
            Flag::Duration => match self.eval(expr, Some(&Type::Duration)) {
                Value::Duration(duration) => Some(duration.go()),
                _ => None,
            },
            Flag::Port => self.port_number(expr).map(|port| port.first.to_string()),
            Flag::Text => self.string(expr),
            Flag::Texts => Some(self.strings(expr)).filter(|list| !list.is_empty()).map(|list| list.join(",")),
            Flag::Path(_) => {
                let path = self.string(expr)?;
                if !path.starts_with('/') {
                    self.report(
                        Finding::new(codes::BAD_VALUE, "a path on the host is absolute", self.at(expr.span))
                            .help(format!("write \"/etc/kubernetes/pki/{path}\" or where it really is")),
                    );
                    return None;
                }
                Some(path)
            }
            Flag::Address => {
                let address = self.string(expr)?;
                if address.parse::<std::net::IpAddr>().is_err() {
                    self.report(
                        Finding::new(codes::BAD_VALUE, format!("\"{address}\" is no IP address"), self.at(expr.span))
                            .help("write an address of the host, or \"0.0.0.0\""),
                    );
                    return None;
                }
                Some(address)
            }
            Flag::OneOf(words) => self.spelled(expr, words, "value"),
            Flag::SomeOf(words) => self.list_of(expr, words, "value"),
            Flag::Plugins => {
                let known: Vec<&str> =
                    facts::admission_plugins(self.db.facts.config.kubernetes).map(|plugin| plugin.name).collect();
                self.list_of(expr, &known, "admission plugin")
            }
            Flag::CipherSuites => {
                let known: Vec<&str> =
                    facts::TLS_CIPHER_SUITES.iter().chain(facts::INSECURE_TLS_CIPHER_SUITES).copied().collect();
                self.list_of(expr, &known, "cipher suite")
            }
        }
    }

    fn list_of(&self, expr: &Expr, words: &[&str], what: &str) -> Option<String> {
        let items: &[Expr] = match &expr.kind {
            ExprKind::List(items) => items,
            _ => std::slice::from_ref(expr),
        };
        let spelled: Vec<Option<String>> = items.iter().map(|item| self.spelled(item, words, what)).collect();
        spelled.into_iter().collect::<Option<Vec<String>>>().map(|list| list.join(","))
    }

    /// A word in the server's spelling, whatever its case: bare or quoted.
    fn spelled(&self, expr: &Expr, words: &[&str], what: &str) -> Option<String> {
        let text = match &expr.kind {
            ExprKind::Name(name) => name.text.to_string(),
            ExprKind::Error => return None,
            _ => self.string(expr)?,
        };
        let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
        if let Some(word) = words.iter().find(|word| plain(word) == plain(&text)) {
            return Some((*word).to_owned());
        }
        let finding =
            Finding::new(codes::BAD_VALUE, format!("the API server knows no {what} `{text}`"), self.at(expr.span));
        self.report(match kspec_schema::closest(&text, words.iter().copied()) {
            Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                format!("write `{close}`"),
                self.at(expr.span),
                close,
            ),
            None => finding.help(format!("known: {}", words.join(", "))),
        });
        None
    }
}
