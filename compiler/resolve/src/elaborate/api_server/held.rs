//! What of its flags keeps an API server from starting, or weakens it.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_model::program::Origin;
use kspec_rules::literal::Duration;
use kspec_schema::facts;

use crate::elaborate::Elab;

impl Elab<'_, '_> {
    /// Values that are refused or weak in themselves.
    pub(super) fn check_flag(&self, flag: &str, value: &str, span: Span) {
        let refuse = |message: &str, help: &str| {
            self.report(Finding::new(codes::REFUSED_FLAG, message, self.at(span)).help(help))
        };
        let weak =
            |message: &str, help: &str| self.report(Finding::new(codes::WEAK_FLAG, message, self.at(span)).help(help));
        if let Some((message, help)) = unusable(flag, value) {
            self.report(Finding::new(codes::BAD_VALUE, message, self.at(span)).help(help));
        }
        match (flag, value) {
            ("authorization-mode", modes) if modes.split(',').any(|mode| mode == "AlwaysAllow") => {
                refuse("`AlwaysAllow` lets everybody do everything", "write `authorization_mode: [Node, RBAC]`");
            }
            // `--authorization-mode=` is taken, and means the default (`kubeapiserver/options/authorization.go`).
            ("authorization-mode", "") => {
                refuse(
                    "without an authorizer everybody may do everything: none is `AlwaysAllow`",
                    "write `authorization_mode: [Node, RBAC]`",
                );
            }
            ("authorization-mode", modes) if !modes.split(',').any(|mode| mode == "RBAC") => {
                weak(
                    "without RBAC no grant of this program has any effect",
                    "write `authorization_mode: [Node, RBAC]`",
                );
            }
            ("authorization-mode", modes) if !modes.split(',').any(|mode| mode == "Node") => {
                weak(
                    "without the Node authorizer, kubelets need grants that reach other nodes' pods and secrets",
                    "write `authorization_mode: [Node, RBAC]`",
                );
            }
            ("tls-min-version", "VersionTLS10" | "VersionTLS11") => {
                weak("TLS below 1.2 is broken (RFC 8996)", "write `tls_min_version: VersionTLS12`");
            }
            ("tls-cipher-suites", suites)
                if suites.split(',').any(|suite| facts::INSECURE_TLS_CIPHER_SUITES.contains(&suite)) =>
            {
                weak(
                    "a cipher suite without forward secrecy, or with a broken cipher",
                    "keep the ECDHE suites with GCM or ChaCha20",
                );
            }
            ("anonymous-auth", "true") => weak(
                "every request without credentials is let in as system:anonymous",
                "write `anonymous_auth: false`, or limit it to health checks under `authentication`",
            ),
            ("profiling", "true") => {
                weak("profiling shows internals to whoever may reach the server", "write `profiling: false`")
            }
            ("service-account-lookup", "false") => {
                weak("tokens of deleted service accounts stay valid", "write `service_account_lookup: true`")
            }
            ("disable-admission-plugins", plugins) if plugins.split(',').any(|plugin| plugin == "NodeRestriction") => {
                weak("without NodeRestriction a kubelet may change other nodes and their pods", "do not disable it");
            }
            ("disable-admission-plugins", plugins) if plugins.split(',').any(|plugin| plugin == "PodSecurity") => {
                weak("without the PodSecurity plugin the levels of this program have no effect", "do not disable it");
            }
            ("enable-admission-plugins", plugins) if plugins.split(',').any(|plugin| plugin == "AlwaysAdmit") => {
                refuse("`AlwaysAdmit` admits everything", "drop it");
            }
            _ => {}
        }
    }

    /// Flags that contradict each other, and facts stated in two blocks.
    pub(super) fn check_together(&self, flags: &BTreeMap<String, String>, stated: &BTreeMap<String, Origin>) {
        let place = |flag: &str| -> Location { stated.get(flag).map_or(self.at(Span::default()), |origin| origin.at) };
        let list =
            |flag: &str| -> Vec<&str> { flags.get(flag).map(|list| list.split(',').collect()).unwrap_or_default() };
        for plugin in list("enable-admission-plugins") {
            if list("disable-admission-plugins").contains(&plugin) {
                self.report(
                    Finding::new(
                        codes::BAD_VALUE,
                        format!("admission plugin {plugin} is both enabled and disabled"),
                        place("disable-admission-plugins"),
                    )
                    .label(place("enable-admission-plugins"), "enabled here")
                    .help("drop one of the two"),
                );
            }
        }
        if flags.get("tls-min-version").is_some_and(|version| version == "VersionTLS13")
            && let Some(origin) = stated.get("tls-cipher-suites")
        {
            let mut finding = Finding::new(
                codes::BAD_VALUE,
                "TLS 1.3 has cipher suites of its own, which cannot be chosen",
                origin.at,
            )
            .label(place("tls-min-version"), "TLS 1.3 is demanded here")
            .help("drop `tls_cipher_suites`");
            finding.severity = kspec_diagnostics::Severity::Warning;
            self.report(finding);
        }
        if flags.contains_key("kubelet-client-certificate") != flags.contains_key("kubelet-client-key") {
            let at = if flags.contains_key("kubelet-client-key") {
                "kubelet-client-key"
            } else {
                "kubelet-client-certificate"
            };
            self.report(
                Finding::new(
                    codes::MISSING_FIELD,
                    "a client certificate for kubelets and its key come together",
                    place(at),
                )
                .help("state both `kubelet_client_certificate` and `kubelet_client_key`"),
            );
        }
        self.check_incomplete(flags, stated);
    }

    /// Flags that keep the server from starting without another, or beside it.
    fn check_incomplete(&self, flags: &BTreeMap<String, String>, stated: &BTreeMap<String, Origin>) {
        let place = |flag: &str| -> Location { stated.get(flag).map_or(self.at(Span::default()), |origin| origin.at) };
        let missing = |flag: &str, message: &str, help: &str| {
            self.report(Finding::new(codes::MISSING_FIELD, message, place(flag)).help(help));
        };
        let has =
            |flag: &str, item: &str| flags.get(flag).is_some_and(|list| list.split(',').any(|known| known == item));
        let (modes, config) = ("authorization-mode", "authorization-webhook-config-file");
        if has(modes, "Webhook") && !flags.contains_key(config) {
            missing(
                modes,
                "the webhook authorizer has no configuration, and the API server does not start without",
                "add `authorization_webhook_config_file`, its kubeconfig",
            );
        }
        if flags.contains_key(modes) && !has(modes, "Webhook") && flags.contains_key(config) {
            let finding = Finding::new(
                codes::BAD_VALUE,
                "a webhook authorizer is configured that `authorization_mode` does not name: the API server does not start",
                place(config),
            );
            self.report(
                finding.label(place(modes), "the authorizers").help("add `Webhook` to the list, or drop the file"),
            );
        }
        for plugin in ["EventRateLimit", "ImagePolicyWebhook"] {
            if has("enable-admission-plugins", plugin) && !flags.contains_key("admission-control-config-file") {
                missing(
                    "enable-admission-plugins",
                    &format!(
                        "admission plugin {plugin} has no configuration, and the API server does not start without"
                    ),
                    "add `admission_control_config_file`, an AdmissionConfiguration that names it",
                );
            }
        }
        let (reading, writing) = ("max-requests-inflight", "max-mutating-requests-inflight");
        if [reading, writing].iter().all(|flag| flags.get(*flag).is_some_and(|most| most == "0")) {
            self.report(
                Finding::new(codes::BAD_VALUE, "no request is let in: the API server does not start", place(reading))
                    .label(place(writing), "nor here")
                    .help("let one of them be above zero: their sum is what is served at a time"),
            );
        }
        for backend in ["log", "webhook"] {
            let size = |what: &str, default: u64| {
                let flag = format!("audit-{backend}-truncate-max-{what}-size");
                let value = flags.get(&flag).map_or(Some(default), |size| size.parse().ok());
                (flag, value)
            };
            // The defaults of `apiserver/pkg/server/options/audit.go`.
            let ((batch, most), (event, one)) = (size("batch", 10 << 20), size("event", 100 << 10));
            if let (Some(most), Some(one)) = (most, one)
                && most < one
            {
                let stated = if flags.contains_key(&batch) { &batch } else { &event };
                self.report(
                    Finding::new(
                        codes::BAD_VALUE,
                        format!(
                            "a batch of {most} bytes is smaller than an event of {one}: the API server does not start"
                        ),
                        place(stated),
                    )
                    .help(format!("let `{}` be as large at least", batch.replace('-', "_"))),
                );
            }
        }
    }
}

/// Why the API server refuses a value, and what to write (`apiserver/pkg/server/options/server_run_options.go` and `audit.go`,
/// `kubernetes/pkg/kubeapiserver/options`, `kubernetes/pkg/controlplane/apiserver/options/options.go`).
fn unusable(flag: &str, value: &str) -> Option<(String, &'static str)> {
    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    let nanos = || Duration::parse_text(value).map(|duration| duration.nanos);
    let twice = || {
        let items: Vec<&str> = value.split(',').collect();
        items
            .iter()
            .enumerate()
            .find(|(at, item)| items.iter().take(*at).any(|known| known == *item))
            .map(|(_, item)| *item)
    };
    match flag {
        "authorization-mode" | "service-account-issuer" => {
            let item = twice()?;
            Some((format!("`{item}` is named twice, which the API server refuses"), "name it once"))
        }
        "goaway-chance" if value.parse().is_ok_and(|chance: f64| !(0.0..=0.02).contains(&chance)) => {
            Some(("the chance of a GOAWAY is 0 to 0.02".to_owned(), "write 0.001, say: one request in a thousand"))
        }
        "request-timeout" if nanos() == Some(0) => {
            Some(("no request has time to be answered".to_owned(), "write a time above zero, such as `60s`"))
        }
        // Zero is "no bound".
        "service-account-max-token-expiration"
            if nanos().is_some_and(|nanos| nanos != 0 && !(HOUR..=SECOND << 32).contains(&nanos)) =>
        {
            Some(("tokens of service accounts live between an hour and 2^32 seconds".to_owned(), "write `1h` or more"))
        }
        "strict-transport-security-directives" => {
            let is_one = |item: &str| {
                matches!(item, "includeSubDomains" | "preload")
                    || item.strip_prefix("max-age=").is_some_and(|age| !age.contains('='))
            };
            let other = value.split(',').find(|item| !is_one(item))?;
            Some((
                format!("there is no such directive: \"{other}\""),
                "write \"max-age=31536000\", \"includeSubDomains\" or \"preload\" (RFC 6797)",
            ))
        }
        "audit-log-batch-throttle-qps" | "audit-webhook-batch-throttle-qps"
            if value.parse().is_ok_and(|rate: f64| rate <= 0.0) =>
        {
            Some(("a rate is above zero".to_owned(), "write how many batches a second, such as 10"))
        }
        _ => None,
    }
}
