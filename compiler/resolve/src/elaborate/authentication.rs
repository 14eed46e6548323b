//! Authentication: JWT issuers and anonymous access.
//!
//! Bodies mirror `AuthenticationConfiguration` (apiserver.config.k8s.io, KEP-3331) field by field, in snake_case. Its
//! types are in no OpenAPI document, so they stand here as a table.

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::{Anonymous, Authentication};
use kspec_syntax::tree::{Expr, ExprKind, Field, Record};
use serde_json::{Map, json};

use super::{Elab, UNKNOWN, issuers::Asked};

/// The shape of a field.
enum Shape {
    Text,
    /// `https://…`
    Url,
    /// A CEL expression.
    Cel(Asked),
    Bool,
    Texts,
    List(&'static [Member]),
    Object(&'static [Member]),
}

/// A field: its spelling here, Kubernetes' own, its shape, whether it must be given.
struct Member(&'static str, &'static str, Shape, bool);

const CLAIM_OR_EXPRESSION: &[Member] = &[
    Member("claim", "claim", Shape::Text, false),
    Member("prefix", "prefix", Shape::Text, false),
    Member("expression", "expression", Shape::Cel(Asked::Claims), false),
];

const PLAIN_CLAIM: &[Member] = &[
    Member("claim", "claim", Shape::Text, false),
    Member("expression", "expression", Shape::Cel(Asked::Claims), false),
];

const ISSUER: &[Member] = &[
    Member("url", "url", Shape::Url, true),
    Member("discovery_url", "discoveryURL", Shape::Url, false),
    Member("certificate_authority", "certificateAuthority", Shape::Text, false),
    Member("audiences", "audiences", Shape::Texts, true),
    Member("audience_match_policy", "audienceMatchPolicy", Shape::Text, false),
    Member("egress_selector_type", "egressSelectorType", Shape::Text, false),
];

const JWT: &[Member] = &[
    Member("issuer", "issuer", Shape::Object(ISSUER), true),
    Member(
        "claim_validation_rules",
        "claimValidationRules",
        Shape::List(&[
            Member("claim", "claim", Shape::Text, false),
            Member("required_value", "requiredValue", Shape::Text, false),
            Member("expression", "expression", Shape::Cel(Asked::WhetherClaims), false),
            Member("message", "message", Shape::Text, false),
        ]),
        false,
    ),
    Member(
        "claim_mappings",
        "claimMappings",
        Shape::Object(&[
            Member("username", "username", Shape::Object(CLAIM_OR_EXPRESSION), true),
            Member("groups", "groups", Shape::Object(CLAIM_OR_EXPRESSION), false),
            Member("uid", "uid", Shape::Object(PLAIN_CLAIM), false),
            Member(
                "extra",
                "extra",
                Shape::List(&[
                    Member("key", "key", Shape::Text, true),
                    Member("value_expression", "valueExpression", Shape::Cel(Asked::Claims), true),
                ]),
                false,
            ),
        ]),
        true,
    ),
    Member(
        "user_validation_rules",
        "userValidationRules",
        Shape::List(&[
            Member("expression", "expression", Shape::Cel(Asked::User), true),
            Member("message", "message", Shape::Text, false),
        ]),
        false,
    ),
];

const ANONYMOUS: &[Member] = &[
    Member("enabled", "enabled", Shape::Bool, true),
    Member("conditions", "conditions", Shape::List(&[Member("path", "path", Shape::Text, true)]), false),
];

const AUTHENTICATION: &[Member] =
    &[Member("jwt", "jwt", Shape::List(JWT), false), Member("anonymous", "anonymous", Shape::Object(ANONYMOUS), false)];

impl Elab<'_, '_> {
    pub(super) fn authentication(&self, record: &Record, span: Span) {
        let Some(whole) = self.mirror(&record.fields, AUTHENTICATION, record.span, "authentication") else { return };
        let jwt: Vec<serde_json::Value> = whole.get("jwt").and_then(|jwt| jwt.as_array()).cloned().unwrap_or_default();
        let written =
            record.fields.iter().find(|field| field.key.text.as_ref() == "jwt").map(|field| &field.value.kind);
        if let Some(ExprKind::List(written)) = written {
            for (issuer, written) in jwt.iter().zip(written) {
                self.check_issuer(issuer, written);
            }
        }
        for (path, called) in [("/issuer/url", "URL"), ("/issuer/discoveryURL", "discovery URL")] {
            let urls: Vec<&str> = jwt.iter().filter_map(|jwt| jwt.pointer(path)?.as_str()).collect();
            for (index, url) in urls.iter().enumerate() {
                if *url != UNKNOWN && urls.iter().take(index).any(|other| other == url) {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("two issuers share the {called} {url}"),
                            self.at(record.span),
                        )
                        .help("the API server tells issuers apart by URL: merge them"),
                    );
                }
            }
        }
        let anonymous = whole.get("anonymous").map(|anonymous| Anonymous {
            enabled: anonymous.get("enabled").and_then(serde_json::Value::as_bool).unwrap_or(false),
            paths: anonymous
                .get("conditions")
                .and_then(|conditions| conditions.as_array())
                .into_iter()
                .flatten()
                .filter_map(|condition| condition.get("path")?.as_str().map(str::to_owned))
                .collect(),
        });
        if let Some(anonymous) = &anonymous
            && !anonymous.enabled
            && !anonymous.paths.is_empty()
        {
            self.report(
                Finding::new(codes::BAD_VALUE, "anonymous access is off, yet on for some paths", self.at(record.span))
                    .help("write `enabled: true` with the conditions, or drop them"),
            );
        }
        self.emit(|part| part.authentication.push(Authentication { jwt, anonymous, origin: self.origin(span) }));
    }

    fn mirror(
        &self,
        fields: &[Field],
        members: &[Member],
        span: Span,
        what: &str,
    ) -> Option<Map<String, serde_json::Value>> {
        let known: Vec<&str> = members.iter().map(|member| member.0).collect();
        let fields = self.field_list(fields, span, &known, what);
        let mut object = Map::new();
        let mut complete = true;
        for Member(name, kube, shape, required) in members {
            match fields.get(name) {
                Some(expr) => match self.shaped(expr, shape, name) {
                    Some(value) => {
                        object.insert((*kube).to_owned(), value);
                    }
                    None => complete = false,
                },
                None if *required => {
                    complete = false;
                    self.report(
                        Finding::new(codes::MISSING_FIELD, format!("{what} needs `{name}`"), self.at(span))
                            .help(format!("add `{name}: …`")),
                    );
                }
                None => {}
            }
        }
        complete.then_some(object)
    }

    fn shaped(&self, expr: &Expr, shape: &Shape, name: &str) -> Option<serde_json::Value> {
        match shape {
            Shape::Text => self.string(expr).map(serde_json::Value::String),
            Shape::Url => {
                let url = self.string(expr)?;
                if url == UNKNOWN {
                    return Some(serde_json::Value::String(url));
                }
                if !url.starts_with("https://") {
                    self.report(
                        Finding::new(codes::BAD_VALUE, format!("`{name}` is an https URL"), self.at(expr.span))
                            .help("the API server trusts no other scheme"),
                    );
                    return None;
                }
                self.check_url(&url, name, expr.span);
                Some(serde_json::Value::String(url))
            }
            Shape::Cel(asked) => {
                let text = self.string(expr)?;
                if text != UNKNOWN {
                    self.check_cel(&text, *asked, expr.span);
                }
                Some(serde_json::Value::String(text))
            }
            Shape::Bool => self.boolean(expr).map(serde_json::Value::Bool),
            Shape::Texts => Some(json!(self.strings(expr))),
            Shape::List(members) => match &expr.kind {
                ExprKind::List(items) => {
                    let objects: Vec<Option<serde_json::Value>> =
                        items.iter().map(|item| self.shaped_object(item, members, name)).collect();
                    objects.into_iter().collect::<Option<Vec<_>>>().map(serde_json::Value::Array)
                }
                _ => {
                    self.report(
                        Finding::new(codes::WRONG_TYPE, format!("`{name}` is a list"), self.at(expr.span))
                            .help(format!("write `{name}: [{{ … }}]`")),
                    );
                    None
                }
            },
            Shape::Object(members) => self.shaped_object(expr, members, name),
        }
    }

    fn shaped_object(&self, expr: &Expr, members: &[Member], name: &str) -> Option<serde_json::Value> {
        match &expr.kind {
            ExprKind::Record(fields) => {
                self.mirror(fields, members, expr.span, &format!("`{name}`")).map(serde_json::Value::Object)
            }
            ExprKind::Error => None,
            _ => {
                self.report(
                    Finding::new(codes::WRONG_TYPE, format!("`{name}` is a record"), self.at(expr.span))
                        .help(format!("write `{name}: {{ … }}`")),
                );
                None
            }
        }
    }
}
