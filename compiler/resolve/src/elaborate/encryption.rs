//! Encryption at rest.

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider};
use kspec_syntax::tree::{self, Arg, Expr, ExprKind, Resource};
use kspec_types::{Type, Value};

use super::Elab;

const PROVIDERS: &[&str] = &["aescbc", "aesgcm", "secretbox", "kms", "identity"];

impl Elab<'_, '_> {
    pub(super) fn encryption(&self, node: &tree::Encryption, span: Span) {
        let mut rules = Vec::new();
        for rule in &node.rules {
            for resource in &rule.resources {
                self.check_resource(resource, false);
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
            let providers: Vec<EncryptionProvider> =
                rule.providers.iter().filter_map(|expr| self.provider(expr)).collect();
            rules.push(EncryptionRule {
                resources: rule.resources.iter().map(qualified).collect(),
                providers,
                origin: self.origin(rule.span),
            });
        }
        self.emit(|part| part.encryption.push(Encryption { rules, origin: self.origin(span) }));
    }

    fn provider(&self, expr: &Expr) -> Option<EncryptionProvider> {
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
            "kms" => return self.kms(name, arguments),
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

    fn kms(&self, name: &tree::Name, arguments: &[Arg]) -> Option<EncryptionProvider> {
        let mut plugin = None;
        let mut endpoint = None;
        let mut timeout = None;
        for argument in arguments {
            match argument.name.as_ref().map(|name| name.text.as_ref()) {
                None if plugin.is_none() => plugin = self.string(&argument.value),
                Some("name") => plugin = self.string(&argument.value),
                Some("endpoint") => {
                    endpoint = self.string(&argument.value);
                    if let Some(text) = &endpoint
                        && !text.starts_with("unix://")
                        && text != "unknown"
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
                        timeout = Some(duration.go());
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

/// `secrets`, `deployments.apps`, `*.apps`, `*.*`.
fn qualified(resource: &Resource) -> String {
    match (super::resources::group_of(resource), resource.name.as_ref()) {
        (Some(group), name) => format!("{name}.{group}"),
        (None, "*") => "*.*".to_owned(),
        (None, name) => name.to_owned(),
    }
}
