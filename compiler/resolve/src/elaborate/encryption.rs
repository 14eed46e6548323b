//! Encryption at rest.

use kspec_diagnostics::{Finding, Severity, Span, codes};
use kspec_model::program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider};
use kspec_syntax::tree::{self, Arg, Expr, ExprKind, Resource};
use kspec_types::{Type, Value};

use super::Elab;

const PROVIDERS: &[&str] = &["aescbc", "aesgcm", "secretbox", "kms", "identity"];

impl Elab<'_, '_> {
    pub(super) fn encryption(&self, node: &tree::Encryption, span: Span) {
        let mut rules: Vec<EncryptionRule> = Vec::new();
        let mut plugins = Vec::new();
        let mut earlier = Vec::new();
        for rule in &node.rules {
            for resource in &rule.resources {
                self.check_resource(resource, &[], false);
                if resource.subresource.is_some() {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            "subresources are not stored, so they cannot be encrypted",
                            self.at(resource.span),
                        )
                        .help("name the resource alone"),
                    );
                }
            }
            self.stored_resources(rule, &mut earlier);
            let providers: Vec<EncryptionProvider> =
                rule.providers.iter().filter_map(|expr| self.provider(expr, &mut plugins)).collect();
            rules.push(EncryptionRule {
                resources: rule.resources.iter().map(qualified).collect(),
                providers,
                origin: self.origin(rule.span),
            });
        }
        self.emit(|part| part.encryption.push(Encryption { rules, origin: self.origin(span) }));
    }

    fn provider(&self, expr: &Expr, plugins: &mut Vec<(String, Span)>) -> Option<EncryptionProvider> {
        let (name, arguments): (&tree::Name, &[Arg]) = match &expr.kind {
            ExprKind::Name(name) => (name, &[]),
            ExprKind::Call(callee, arguments) => match &callee.kind {
                ExprKind::Name(name) => (name, arguments),
                _ => return self.no_provider(expr),
            },
            ExprKind::Error => return None,
            _ => return self.no_provider(expr),
        };
        let keyed = match name.text.as_ref() {
            "identity" => {
                if let Some(argument) = arguments.first() {
                    self.report(
                        Finding::new(codes::WRONG_ARITY, "`identity` takes no arguments", self.at(argument.value.span))
                            .help("write `identity`"),
                    );
                }
                return Some(EncryptionProvider::Identity);
            }
            "kms" => return self.kms(name, arguments, plugins),
            "aescbc" => KeyedProvider::AesCbc,
            "aesgcm" => KeyedProvider::AesGcm,
            "secretbox" => KeyedProvider::SecretBox,
            other => {
                let finding = Finding::new(
                    codes::UNKNOWN_NAME,
                    format!("there is no encryption provider `{other}`"),
                    self.at(name.span),
                );
                self.report(match kspec_schema::closest(other, PROVIDERS.iter().copied()) {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(name.span),
                        close,
                    ),
                    None => finding.help(format!("providers: {}", PROVIDERS.join(", "))),
                });
                return None;
            }
        };
        let mut keys = Vec::new();
        for argument in arguments {
            let Some(key) = self.string(&argument.value) else { continue };
            if looks_like_key_material(&key) {
                self.report(
                    Finding::new(
                        codes::LITERAL_KEY,
                        "this looks like a key itself, not the name of one",
                        self.at(argument.value.span),
                    )
                    .because("key material never stands in source")
                    .help(
                        "name the key, such as \"2026-11\"; its material is read on the host from a file of mode 0600",
                    ),
                );
                continue;
            }
            // Key names become file names and markers on the host.
            if key.is_empty()
                || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
                || key.starts_with('.')
            {
                self.report(
                    Finding::new(
                        codes::BAD_VALUE,
                        format!("\"{key}\" is no name for a key"),
                        self.at(argument.value.span),
                    )
                    .help("use letters, digits, `-`, `_` and `.`: it names a file on the host"),
                );
                continue;
            }
            if keys.contains(&key) {
                self.report(
                    Finding::new(
                        codes::DUPLICATE_FIELD,
                        format!("key \"{key}\" is named twice"),
                        self.at(argument.value.span),
                    )
                    .help("name each key once"),
                );
                continue;
            }
            keys.push(key);
        }
        if arguments.is_empty() {
            self.report(
                Finding::new(codes::WRONG_ARITY, format!("`{}` needs a key", name.text), self.at(expr.span))
                    .help(format!("name its keys, newest first: `{}(\"2026-11\", \"2026-05\")`", name.text)),
            );
            return None;
        }
        Some(EncryptionProvider::Keyed { algorithm: keyed, keys })
    }

    /// `plugins` are the names of KMS plugins so far, which the API server tells apart by them.
    fn kms(
        &self,
        name: &tree::Name,
        arguments: &[Arg],
        plugins: &mut Vec<(String, Span)>,
    ) -> Option<EncryptionProvider> {
        let mut plugin = None;
        let mut endpoint = None;
        let mut timeout = None;
        for argument in arguments {
            match argument.name.as_ref().map(|name| name.text.as_ref()) {
                None if plugin.is_none() => plugin = self.plugin_name(&argument.value, plugins),
                Some("name") => plugin = self.plugin_name(&argument.value, plugins),
                Some("endpoint") => {
                    endpoint = self.string(&argument.value);
                    if let Some(text) = &endpoint
                        && !text.starts_with("unix://")
                        && text != super::UNKNOWN
                    {
                        self.report(
                            Finding::new(
                                codes::BAD_VALUE,
                                "a KMS endpoint is a unix socket",
                                self.at(argument.value.span),
                            )
                            .help("write `endpoint: \"unix:///run/kms.sock\"`"),
                        );
                    }
                }
                Some("timeout") => {
                    if let Value::Duration(duration) = self.eval(&argument.value, Some(&Type::Duration)) {
                        let text = duration.go();
                        if duration.nanos == 0 {
                            self.report(
                                Finding::new(
                                    codes::BAD_VALUE,
                                    "a KMS plugin has no time to answer in",
                                    self.at(argument.value.span),
                                )
                                .help("write a time above zero, such as `3s`, or leave `timeout:` out"),
                            );
                        }
                        timeout = Some(text);
                    }
                }
                _ => self.report(
                    Finding::new(codes::WRONG_ARITY, "`kms` has no such argument", self.at(argument.value.span))
                        .help("its arguments: a name, `endpoint:`, `timeout:`"),
                ),
            }
        }
        match (plugin, endpoint) {
            (Some(name), Some(endpoint)) => Some(EncryptionProvider::Kms { name, endpoint, timeout }),
            _ => {
                self.report(
                    Finding::new(codes::WRONG_ARITY, "`kms` needs a name and an endpoint", self.at(name.span))
                        .help("write `kms(\"vault\", endpoint: \"unix:///run/kms.sock\")`"),
                );
                None
            }
        }
    }

    /// The name of a KMS plugin, which stands in front of all that it encrypts.
    fn plugin_name(&self, expr: &Expr, plugins: &mut Vec<(String, Span)>) -> Option<String> {
        let text = self.string(expr)?;
        if text == super::UNKNOWN {
            return Some(text);
        }
        if text.is_empty() || text.contains(':') {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("\"{text}\" is no name for a KMS plugin"), self.at(expr.span))
                    .because("what it encrypts is stored behind `k8s:enc:kms:v2:NAME:`")
                    .help("write a name without `:`"),
            );
        }
        match plugins.iter().find(|(known, _)| *known == text) {
            Some((_, first)) => self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("two KMS providers are named \"{text}\": the API server refuses to start"),
                    self.at(expr.span),
                )
                .label(self.at(*first), "named here first")
                .help("name the resources in one `encrypt`, or give each its own name, which what is stored carries"),
            ),
            None => plugins.push((text.clone(), expr.span)),
        }
        Some(text)
    }

    /// What the API server refuses of the resources of a statement, beside each other and after those of earlier ones
    /// (`apiserver/pkg/apis/apiserver/validation/validation_encryption.go`; `masked` in
    /// `apiserver/pkg/server/options/encryptionconfig/config.go`).
    fn stored_resources(&self, rule: &tree::Encrypt, earlier: &mut Vec<(String, Span)>) {
        let mut own: Vec<(String, Span)> = Vec::new();
        for resource in &rule.resources {
            let stored = qualified(resource);
            let at = self.at(resource.span);
            if let Some((what, help)) = not_stored(&stored) {
                self.report(Finding::new(codes::BAD_VALUE, format!("`{stored}` {what}"), at).help(help));
            }
            let beside = own.iter().find(|(known, _)| covers(known, &stored) || covers(&stored, known));
            if let Some((known, first)) = beside {
                let (code, message, help) = if *known == stored {
                    (codes::DUPLICATE_FIELD, format!("`{stored}` is named twice"), "name it once")
                } else {
                    let message = format!("`{known}` and `{stored}` overlap, which the API server refuses in one list");
                    (codes::BAD_VALUE, message, "keep the wider one, or put the narrower into an `encrypt` before it")
                };
                self.report(Finding::new(code, message, at).label(self.at(*first), "beside this").help(help));
            } else if let Some((known, first)) = earlier.iter().find(|(known, _)| covers(known, &stored)) {
                let finding = if *known == stored && !stored.starts_with("*.") {
                    let mut finding = Finding::new(
                        codes::BAD_VALUE,
                        format!("`{stored}` is encrypted above: the first provider there writes, those here only read"),
                        at,
                    )
                    .help("put all of its providers into one `encrypt`, the one that writes first");
                    finding.severity = Severity::Warning;
                    finding
                } else {
                    Finding::new(
                        codes::BAD_VALUE,
                        format!("`{known}` above covers `{stored}`: the API server refuses to start"),
                        at,
                    )
                    .help("put the narrower `encrypt` first")
                };
                self.report(finding.label(self.at(*first), "this decides"));
            }
            own.push((stored, resource.span));
        }
        earlier.extend(own);
    }

    fn no_provider<T>(&self, expr: &Expr) -> Option<T> {
        self.report(
            Finding::new(codes::WRONG_TYPE, "this is no encryption provider", self.at(expr.span))
                .help("write `secretbox(\"key\")`, `kms(\"name\", endpoint: \"unix:///…\")`, `identity`, …"),
        );
        None
    }
}

/// Base64 or hex of 16, 24 or 32 bytes: the lengths of the providers' keys.
fn looks_like_key_material(text: &str) -> bool {
    let hex = matches!(text.len(), 32 | 48 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let body = text.trim_end_matches('=');
    let base64 = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
        && matches!((text.len(), text.len() - body.len()), (24, 2) | (22, 0) | (32, 0) | (44, 1) | (43, 0));
    hex || base64
}

/// Whether what is stored under one name is covered by another: `*.apps` is all of a group, `*.*` everything.
fn covers(wide: &str, narrow: &str) -> bool {
    let split = |text: &str| -> (String, String) {
        let (name, group) = text.split_once('.').unwrap_or((text, ""));
        (name.to_owned(), group.to_owned())
    };
    let ((wide, wide_group), (narrow, narrow_group)) = (split(wide), split(narrow));
    match (wide.as_str(), wide_group.as_str()) {
        ("*", "*") => true,
        ("*", group) => group == narrow_group,
        (name, group) => name == narrow && group == narrow_group,
    }
}

/// Why nothing is stored under a name, and what to write.
fn not_stored(stored: &str) -> Option<(&'static str, &'static str)> {
    let (name, group) = stored.split_once('.').unwrap_or((stored, ""));
    match (name, group) {
        _ if stored.chars().any(char::is_uppercase) => {
            Some(("has capitals, which no resource has", "write the plural in lower case, such as `secrets`"))
        }
        ("apiserveripinfo" | "serviceipallocations" | "servicenodeportallocations", "") => {
            Some(("is the API server's own bookkeeping, which is never encrypted", "leave it out"))
        }
        ("*", "events.k8s.io") => {
            Some(("is a group without storage: its events are stored as those of the core group", "write `events`"))
        }
        (_, "events.k8s.io") => Some(("is stored as `events` of the core group", "write `events`")),
        (_, "extensions") => {
            Some(("is of a group that nothing is stored under", "write the group that serves it today"))
        }
        (name, "*") if name != "*" => Some(("names no group, which the API server refuses", "name the group")),
        _ => None,
    }
}

/// `secrets`, `deployments.apps`, `*.apps`, `*.*`; what is of the core group without a dot, but for all of it, `*.`.
fn qualified(resource: &Resource) -> String {
    match (super::resources::group_of(resource), resource.name.as_ref()) {
        (Some(""), name) if name != "*" => name.to_owned(),
        (Some(group), name) => format!("{name}.{group}"),
        (None, "*") => "*.*".to_owned(),
        (None, name) => name.to_owned(),
    }
}
