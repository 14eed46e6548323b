//! Host files and flags that a server would not start with: the compiler refuses them, and only them.

use std::collections::BTreeMap;

use kspec_diagnostics::{Severity, codes};
use kspec_project::{Choice, load};
use kspec_test_harness::{ControlPlane, Options};

use crate::{host, programs::TODAY};

/// An issuer, with fields in place of those that are changed.
fn issuer(issuer: &str, mappings: &str, rest: &str) -> String {
    format!(
        "authentication {{\n  jwt: [{{\n    issuer: {{ audiences: [\"a\"]\n {issuer} }}\n    claim_mappings: {{ {mappings} }}\n    {rest}\n  }}]\n}}\n"
    )
}

fn sources() -> Vec<String> {
    const URL: &str = "url: \"https://id.example.com\"";
    const NAME: &str = "username: { claim: \"sub\", prefix: \"a:\" }";
    let encryption = [
        "encrypt secrets, any.core with secretbox(\"a\"), identity",
        "encrypt secrets, any with secretbox(\"a\"), identity",
        "encrypt deployments.apps, any.apps, secrets with secretbox(\"a\"), identity",
        "encrypt secrets, secrets with secretbox(\"a\"), identity",
        "encrypt secrets, events.events.k8s.io with secretbox(\"a\"), identity",
        "encrypt secrets with kms(\"x\", endpoint: \"unix:///a\"), kms(\"x\", endpoint: \"unix:///b\")",
        "encrypt secrets with kms(\"x\", endpoint: \"unix:///a\"), identity\n  encrypt pods with kms(\"x\", endpoint: \"unix:///a\")",
        "encrypt secrets with kms(\"x:y\", endpoint: \"unix:///a\"), identity",
        "encrypt secrets with kms(\"x\", endpoint: \"unix:///a\", timeout: 0s), identity",
        "encrypt any.core with secretbox(\"a\"), identity\n  encrypt secrets with secretbox(\"a\")",
        "encrypt any.apps with secretbox(\"a\"), identity\n  encrypt any.apps with secretbox(\"a\")",
    ];
    let mappings = [
        "username: { expression: \"claims.email\" }",
        "username: { expression: \"claims.?email.orValue('')\" }",
        "username: { expression: \"claims.sub + \" }",
        "username: { expression: \"sub\" }",
        "username: { expression: \"user.username\" }",
        "username: { claim: \"sub\", prefix: \"a:\" }\n extra: [{ key: \"foo\", value_expression: \"claims.x\" }]",
        "username: { claim: \"sub\", prefix: \"a:\" }\n extra: [{ key: \"example.com/Foo\", value_expression: \"claims.x\" }]",
        "username: { claim: \"sub\", prefix: \"a:\" }\n extra: [{ key: \"a.k8s.io/foo\", value_expression: \"claims.x\" }]",
        // These start.
        "username: { expression: \"claims['email'] + string(claims.sub)\" }\n groups: { expression: \"dyn(claims.groups).map(g, 'a:' + g)\" }",
        "username: { expression: \"claims.email_verified ? claims.email : ''\" }\n groups: { expression: \"claims.groups.map(g, 'a:' + g)\" }",
        "username: { expression: \"claims.email_verified ? claims.email : ''\" }\n extra: [{ key: \"example.com/a/b\", value_expression: \"claims.x\" }]",
    ];
    let issuers = [
        "url: \"https://id.example.com\"\n discovery_url: \"https://id.example.com/\"",
        "url: \"https://id.example.com?a=b\"",
        "url: \"https://id.example.com#a\"",
        "url: \"https://me@id.example.com\"",
        "url: \"https://id.example.com\"\n certificate_authority: \"not a pem\"",
        "url: \"https://id.example.com\"\n egress_selector_type: \"etcd\"",
        "url: \"https://id.example.com\"\n audience_match_policy: \"All\"",
    ];
    let rules = [
        "claim_validation_rules: [{ claim: \"hd\", expression: \"true\" }]",
        "claim_validation_rules: [{ claim: \"hd\", message: \"no\" }]",
        "claim_validation_rules: [{ claim: \"hd\" }, { claim: \"hd\" }]",
        "claim_validation_rules: [{ expression: \"claims.admin\" }]",
        "claim_validation_rules: [{ expression: \"true\", required_value: \"x\" }]",
        "user_validation_rules: [{ expression: \"user.nope == 1\" }]",
        "user_validation_rules: [{ expression: \"user.groups\" }]",
        "user_validation_rules: [{ expression: \"true\" }, { expression: \"true\" }]",
        // This starts.
        "claim_validation_rules: [{ expression: \"claims.?email_verified.orValue(true) == true\", message: \"no\" }]\n\
         user_validation_rules: [{ expression: \"user.groups.all(g, !g.startsWith('system:'))\" }, { expression: \"user.username != 'caf\\\\u00e9' && '\\\\x41' == 'A'\" }]",
    ];
    let flags = [
        "service_account_max_token_expiration: 30min",
        "authorization_mode: [Node, RBAC, Webhook]",
        "authorization_mode: [Node, RBAC, RBAC]",
        "authorization_mode: [Node, RBAC]\n  authorization_webhook_config_file: \"/a\"",
        "goaway_chance: 0.5",
        "strict_transport_security_directives: [\"foo\"]",
        "max_requests_inflight: 0\n  max_mutating_requests_inflight: 0",
        "enable_admission_plugins: [NodeRestriction, EventRateLimit]",
        "enable_admission_plugins: [NodeRestriction, ImagePolicyWebhook]",
        // This starts.
        "goaway_chance: 0.02\n  strict_transport_security_directives: [\"max-age=1\", \"preload\"]\n  max_requests_inflight: 0\n  \
         service_account_max_token_expiration: 1h",
    ];
    let mut sources: Vec<String> = encryption.iter().map(|rules| format!("encryption {{\n  {rules}\n}}\n")).collect();
    sources.extend(mappings.iter().map(|mappings| issuer(URL, mappings, "")));
    sources.extend(issuers.iter().map(|fields| issuer(fields, NAME, "")));
    sources.extend(rules.iter().map(|rules| issuer(URL, NAME, rules)));
    sources.extend(flags.iter().map(|flags| format!("apiserver {{\n  {flags}\n}}\n")));
    // This one starts. It comes last: what it encrypts none of the others could read.
    let last = "encrypt events with identity\n  encrypt secrets with secretbox(\"a\"), identity\n  encrypt secrets with secretbox(\"b\")\n  \
         encrypt pods, any.apps with secretbox(\"a\"), identity\n  encrypt any.core with secretbox(\"a\"), identity\n  encrypt any with secretbox(\"b\"), identity";
    sources.push(format!("encryption {{\n  {last}\n}}\n"));
    sources
}

#[test]
fn what_no_server_would_start_with() {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let mut differences = Vec::new();
    for (number, source) in sources().into_iter().enumerate() {
        let root = server.folder().join(format!("refused-{number}"));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("kspec.toml"), "name = \"x\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n").unwrap();
        std::fs::write(root.join("main.kspec"), &source).unwrap();
        let choice = Choice { environment: None, as_of: TODAY, update_lock: true };
        let mut project = load(&root, &choice).unwrap();
        let findings = project.compiler.check();
        let broken = [codes::BAD_VALUE, codes::DUPLICATE_FIELD, codes::MISSING_FIELD];
        let other = findings.iter().find(|it| it.severity == Severity::Error && !broken.contains(&it.code));
        assert!(other.is_none(), "{source}\n{other:#?}");
        let refuses = findings.iter().any(|it| it.severity == Severity::Error);
        let host = project.compiler.lower(&BTreeMap::new()).host;
        let answer = server.restart(host::options(&server, &host, &format!("step-{number}")));
        if refuses == answer.is_ok() {
            let answer = answer.err().map_or("it starts".to_owned(), |error| error.to_string());
            println!("{source}kspec refuses it: {refuses}\n{answer}");
            differences.push(source);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
