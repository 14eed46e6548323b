//! What the API server's own validation demands of JWT issuers: a file that fails it keeps the server from starting
//! (`apiserver/pkg/apis/apiserver/validation/validation.go`, `apiserver/pkg/authentication/cel/compile.go`).

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::rules::{Const, Expr as Rule, Method, Op};
use kspec_rules::cel;
use kspec_schema::{KubeVersion, names};
use kspec_syntax::tree::{Expr, ExprKind};
use serde_json::Value;

use super::{Elab, UNKNOWN};

/// Fields of the `user` variable (`kubernetes.UserInfo`).
const USER: [&str; 4] = ["username", "uid", "groups", "extra"];

/// Names that an expression may use besides its variable: types, and what stands in front of libraries' functions.
const LANGUAGE: [&str; 24] = [
    "base64",
    "bool",
    "bytes",
    "cel",
    "cidr",
    "double",
    "dyn",
    "format",
    "google",
    "int",
    "ip",
    "k8s",
    "kubernetes",
    "list",
    "lists",
    "map",
    "math",
    "net",
    "null_type",
    "optional",
    "sets",
    "string",
    "type",
    "uint",
];
/// The same of libraries that came later.
const LIBRARIES: [&str; 5] = ["quantity", "regex", "semver", "strings", "url"];

/// What an expression is asked of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Claims,
    /// Of a user, as claims were mapped; it must come to a truth value.
    User,
    /// Of claims, and it must come to a truth value.
    WhetherClaims,
}

impl Elab<'_, '_> {
    /// An expression that the API server compiles when it reads the file.
    pub(super) fn check_cel(&self, text: &str, asked: Asked, span: Span) {
        let variable = if asked == Asked::User { "user" } else { "claims" };
        let refuse = |message: String, help: String| {
            self.report(Finding::new(codes::BAD_VALUE, message, self.at(span)).help(help));
        };
        if text.is_empty() {
            refuse("an expression is missing".to_owned(), format!("write one over `{variable}`, or drop the field"));
            return;
        }
        let (Some(read), Some(drawn)) = (cel::read(text), cel::drawn(text)) else {
            refuse("this is no CEL expression".to_owned(), format!("write one over `{variable}`"));
            return;
        };
        for name in drawn {
            if name.ranged && name.name == variable && variable == "claims" {
                let help = "say that it is a list: `dyn(claims.groups).map(…)`, or `dyn(claims.groups).all(…)`";
                let what = "a claim is of any type, and the API server lets no macro go over one".to_owned();
                refuse(what, help.to_owned());
            }
            if name.name != variable {
                if !LANGUAGE.contains(&name.name.as_str()) && !LIBRARIES.contains(&name.name.as_str()) {
                    let help = format!("write `{variable}.{}`, or quote a text", name.name);
                    refuse(format!("an expression here knows `{variable}`, and no `{}`", name.name), help);
                }
            } else if let Some(field) = name.field.filter(|field| variable == "user" && !USER.contains(&field.as_str()))
            {
                let help = match kspec_schema::closest(&field, USER) {
                    Some(close) => format!("did you mean `user.{close}`?"),
                    None => "it has `username`, `uid`, `groups` and `extra`".to_owned(),
                };
                refuse(format!("`user` has no field `{field}`"), help);
            }
        }
        if asked != Asked::Claims && is_no_condition(&read) {
            let help = format!("compare it: `{text} == …`");
            refuse("a validation rule must come to true or false, and this may be anything".to_owned(), help);
        }
    }

    /// An issuer, and where it is written.
    pub(super) fn check_issuer(&self, jwt: &Value, written: &Expr) {
        let refuse = |path: &[&str], message: String, help: &str| {
            self.report(Finding::new(codes::BAD_VALUE, message, self.at(place(written, path))).help(help));
        };
        let get = |path: &str| text(jwt, path);
        for mapping in ["username", "groups", "uid"] {
            let base = format!("/claimMappings/{mapping}");
            if jwt.pointer(&base).is_none() {
                continue;
            }
            let (claim, expression) = (get(&format!("{base}/claim")), get(&format!("{base}/expression")));
            let prefix = jwt.pointer(&format!("{base}/prefix"));
            let problem = match (claim, expression) {
                (Some(_), Some(_)) => "has both a claim and an expression: one of them decides",
                (None, None) => "has neither a claim nor an expression",
                (Some(_), None) if mapping != "uid" && prefix.is_none() => "needs a prefix, even an empty one",
                (None, Some(_)) if prefix.is_some() => "has a prefix beside an expression, which would say it itself",
                _ => continue,
            };
            let help = match mapping {
                "username" => {
                    "write `{ claim: \"sub\", prefix: \"oidc:\" }` or `{ expression: \"'oidc:' + claims.sub\" }`"
                }
                "groups" => "write `{ claim: \"groups\", prefix: \"oidc:\" }` or `{ expression: \"claims.groups\" }`",
                _ => "write `{ claim: \"sub\" }` or `{ expression: \"claims.sub\" }`",
            };
            refuse(&["claim_mappings", mapping], format!("claim mapping `{mapping}` {problem}"), help);
        }
        self.check_email(jwt, written);
        self.check_audiences(jwt, written);
        self.check_rules(jwt, written);
        self.check_extra(jwt, written);
        let trimmed = |url: Option<&str>| url.map(|url| url.trim_end_matches('/').to_owned());
        let discovery = get("/issuer/discoveryURL");
        if discovery.is_some() && trimmed(discovery) == trimmed(get("/issuer/url")) {
            refuse(
                &["issuer", "discovery_url"],
                "`discovery_url` is `url` once more, which the API server refuses".to_owned(),
                "leave it out: the issuer's own URL is asked by default",
            );
        }
        if jwt.pointer("/issuer/egressSelectorType").is_some() {
            let target = self.db.facts.config.kubernetes;
            let path = ["issuer", "egress_selector_type"];
            if target < KubeVersion::V1_34 {
                let message = format!("Kubernetes {target} knows no `egress_selector_type`");
                refuse(&path, message, "leave it out: it came with 1.34");
            } else if !matches!(get("/issuer/egressSelectorType"), None | Some("controlplane" | "cluster")) {
                refuse(&path, "there is no such egress selector".to_owned(), "write \"controlplane\" or \"cluster\"");
            }
        }
        if let Some(authority) = get("/issuer/certificateAuthority")
            && authority != UNKNOWN
            && !has_certificate(authority)
        {
            refuse(
                &["issuer", "certificate_authority"],
                "there is no certificate in this".to_owned(),
                "write the certificates themselves, in PEM: `-----BEGIN CERTIFICATE-----` and so on",
            );
        }
    }

    /// Somebody else's address may be claimed by whoever has not proved that it is theirs.
    fn check_email(&self, jwt: &Value, written: &Expr) {
        let uses = |expression: &str, claim: &str| {
            let drawn = cel::drawn(expression).into_iter().flatten();
            drawn.into_iter().any(|drawn| drawn.name == "claims" && drawn.field.as_deref() == Some(claim))
        };
        let Some(username) = text(jwt, "/claimMappings/username/expression").filter(|name| uses(name, "email")) else {
            return;
        };
        let extra = items(jwt, "/claimMappings/extra").filter_map(|extra| text(extra, "/valueExpression"));
        let rules = items(jwt, "/claimValidationRules").filter_map(|rule| text(rule, "/expression"));
        if !extra.chain(rules).chain([username]).any(|expression| uses(expression, "email_verified")) {
            let at = self.at(place(written, &["claim_mappings", "username", "expression"]));
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    "a user is called by `claims.email`, and nothing asks for `claims.email_verified`",
                    at,
                )
                .because("the API server refuses to start: an address that nobody proved may be somebody else's")
                .help(
                    "add `claim_validation_rules: [{ expression: \"claims.?email_verified.orValue(true) == true\" }]`, or `claims.email_verified == true` if the issuer always says it",
                ),
            );
        }
    }

    fn check_audiences(&self, jwt: &Value, written: &Expr) {
        let at = self.at(place(written, &["issuer", "audiences"]));
        let audiences: Vec<&str> = items(jwt, "/issuer/audiences").filter_map(Value::as_str).collect();
        if audiences.is_empty() {
            self.report(
                Finding::new(codes::BAD_VALUE, "an issuer without audiences would accept tokens made for others", at)
                    .help("name the audiences, such as `audiences: [\"kubernetes\"]`"),
            );
        }
        for (index, audience) in audiences.iter().enumerate() {
            if audience.is_empty() || audiences.iter().take(index).any(|known| known == audience) {
                self.report(
                    Finding::new(codes::BAD_VALUE, format!("audience \"{audience}\" is named twice, or is empty"), at)
                        .help("name each audience once"),
                );
            }
        }
        match text(jwt, "/issuer/audienceMatchPolicy") {
            Some("MatchAny") => {}
            None if audiences.len() < 2 => {}
            None => self.report(
                Finding::new(codes::MISSING_FIELD, "several audiences need a match policy", at)
                    .help("add `audience_match_policy: \"MatchAny\"`"),
            ),
            Some(other) => self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("there is no match policy \"{other}\""),
                    self.at(place(written, &["issuer", "audience_match_policy"])),
                )
                .help("write \"MatchAny\", the only one there is"),
            ),
        }
    }

    /// Rules about claims, and about users.
    fn check_rules(&self, jwt: &Value, written: &Expr) {
        for (list, field) in
            [("/claimValidationRules", "claim_validation_rules"), ("/userValidationRules", "user_validation_rules")]
        {
            let mut seen: Vec<(&str, &str)> = Vec::new();
            for (index, rule) in items(jwt, list).enumerate() {
                let at = self.at(place(written, &[field, &index.to_string()]));
                let refuse = |message: &str, help: &str| {
                    self.report(Finding::new(codes::BAD_VALUE, message, at).help(help));
                };
                let get = |path: &str| text(rule, path);
                let says = match (get("/claim"), get("/expression")) {
                    (Some(_), Some(_)) => {
                        refuse("a rule has both a claim and an expression", "write two rules");
                        continue;
                    }
                    (None, None) => {
                        refuse("a rule has neither a claim nor an expression", "write one of the two");
                        continue;
                    }
                    (Some(claim), None) => {
                        if get("/message").is_some() {
                            refuse("a rule about a claim has no message", "drop it, or write an expression");
                        }
                        ("claim", claim)
                    }
                    (None, Some(expression)) => {
                        if get("/requiredValue").is_some() {
                            refuse("an expression has no required value", "compare with it: `claims.hd == \"…\"`");
                        }
                        ("expression", expression)
                    }
                };
                if seen.contains(&says) {
                    refuse(&format!("the {} `{}` is in two rules", says.0, says.1), "keep one of them");
                }
                seen.push(says);
            }
        }
    }

    /// Keys of what a user carries besides its groups.
    fn check_extra(&self, jwt: &Value, written: &Expr) {
        let keys: Vec<&str> =
            items(jwt, "/claimMappings/extra").filter_map(|extra| extra.get("key")?.as_str()).collect();
        for (index, key) in keys.iter().enumerate() {
            let at = self.at(place(written, &["claim_mappings", "extra", &index.to_string(), "key"]));
            let problem = match key.split_once('/') {
                _ if *key == UNKNOWN => continue,
                _ if keys.iter().take(index).any(|known| known == key) => "is mapped twice",
                Some((domain, _)) if is_reserved(domain) => "is of a domain that Kubernetes keeps for itself",
                _ if key.chars().any(char::is_uppercase) => "has capitals, which the API server refuses",
                Some((domain, path)) if names::is_dns_subdomain(domain) && is_path(path) => continue,
                _ => "begins with no domain",
            };
            self.report(
                Finding::new(codes::BAD_VALUE, format!("the key \"{key}\" {problem}"), at)
                    .help("write a key of a domain of yours, in lower case: \"example.com/tenant\""),
            );
        }
    }

    /// What is wrong with a URL that the API server would fetch keys from.
    pub(super) fn check_url(&self, url: &str, name: &str, span: Span) {
        let after = url.strip_prefix("https://").unwrap_or(url);
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        let problem = if url.contains('?') && !url.ends_with('?') {
            "has a query"
        } else if url.contains('#') && !url.ends_with('#') {
            "has a fragment"
        } else if authority.contains('@') {
            "has a user name"
        } else if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            "has a space in it"
        } else if authority.is_empty() {
            "names no host"
        } else {
            return;
        };
        self.report(
            Finding::new(codes::BAD_VALUE, format!("`{name}` {problem}, which the API server refuses"), self.at(span))
                .help("write `https://`, a host and a path"),
        );
    }
}

/// Whether an expression certainly is no condition: text, a number, a list, or what the API server knows no type of.
fn is_no_condition(read: &Rule) -> bool {
    match &read.op {
        Op::Const(value) => !matches!(value, Const::Bool(_)),
        Op::Call(Method::Size | Method::Join | Method::Lower | Method::Upper, ..) => true,
        Op::Arithmetic(..) | Op::Negate(_) | Op::List(_) | Op::Record(_) => true,
        Op::Field(of, _) | Op::Index(of, _) => chosen_of_variable(of),
        _ => false,
    }
}

fn chosen_of_variable(read: &Rule) -> bool {
    match &read.op {
        Op::Field(of, _) | Op::Index(of, _) => chosen_of_variable(of),
        Op::Var(name) => matches!(&**name, "claims" | "user"),
        _ => false,
    }
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// Where a field, or an item of a list, is written; of what is not, where it would be.
fn place(written: &Expr, path: &[&str]) -> Span {
    let mut at = written;
    for step in path {
        let inner = match &at.kind {
            ExprKind::Record(fields) => {
                fields.iter().find(|field| field.key.text.as_ref() == *step).map(|field| &field.value)
            }
            ExprKind::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(inner) = inner else { break };
        at = inner;
    }
    at.span
}

/// Whether a text holds a certificate in PEM, as far as that shows without decoding it.
fn has_certificate(text: &str) -> bool {
    let bodies = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let mut bodies = bodies.filter_map(|rest| Some(rest.split_once("-----END CERTIFICATE-----")?.0));
    bodies.any(|body| {
        let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        !body.is_empty() && body.len().is_multiple_of(4) && body.iter().all(inside)
    })
}

fn is_reserved(domain: &str) -> bool {
    ["kubernetes.io", "k8s.io"]
        .iter()
        .any(|own| domain == *own || domain.strip_suffix(own).is_some_and(|rest| rest.ends_with('.')))
}

/// `httpPathFmt` of `apimachinery/pkg/util/validation`.
fn is_path(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:%".contains(c);
    !text.is_empty() && text.chars().all(inside)
}
