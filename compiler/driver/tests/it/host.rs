//! The control plane's files, from text to what the API server reads.

use insta::assert_snapshot;
use kspec_compiler::Compiler;

use crate::support::{CONFIG, compile, compile_with, show};

fn file(compiler: &Compiler, path: &str) -> String {
    let lowered = compiler.lower(&Default::default());
    let file = lowered.host.files.iter().find(|file| file.path == path).expect("a file of the host folder");
    file.contents.clone()
}

#[test]
fn a_subresource_of_every_group_stays_one() {
    let source = "audit {\n  none on any/status\n  none on any.apps named \"a\"\n  none on any named \"b\"\n  metadata otherwise\n}\n";
    let (compiler, findings) = compile(source);
    assert_eq!(show(&findings, compiler.sources()), "");
    assert_snapshot!(file(&compiler, "audit-policy.yaml"));

    // Before 1.36 audit policies have no wildcard for groups.
    let older = CONFIG.replace("1.36", "1.35");
    let (compiler, findings) = compile_with(&older, source);
    assert_snapshot!(show(&findings, compiler.sources()));
}

#[test]
fn encryption_that_the_server_would_not_start_with() {
    let (compiler, findings) = compile(
        "encryption {
  encrypt secrets, any.core with secretbox(\"a\"), identity
  encrypt deployments.apps, deployments.apps with secretbox(\"a\")
  encrypt any with kms(\"vault\", endpoint: \"unix:///a\"), kms(\"vault\", endpoint: \"unix:///b\", timeout: 0s)
  encrypt jobs.batch with kms(\"a:b\", endpoint: \"unix:///a\")
  encrypt events.events.k8s.io, \"pods.*\" with identity
}
",
    );
    assert_snapshot!(show(&findings, compiler.sources()));
}

#[test]
fn authentication_that_the_server_would_not_start_with() {
    let (compiler, findings) = compile(
        "authentication {
  jwt: [{
    issuer: { url: \"https://a.example.com\", audiences: [\"a\", \"a\"], egress_selector_type: \"etcd\" }
    claim_mappings: {
      username: { expression: \"claims.email\" }
      groups: { expression: \"dyn(claims.groups).map(g, 'oidc:' + group)\" }
      extra: [{ key: \"tenant\", value_expression: \"claims.tenant\" }]
    }
    claim_validation_rules: [{ claim: \"hd\", message: \"no\" }, { expression: \"claims.\" }]
    user_validation_rules: [{ expression: \"user.name == 'x'\" }, { expression: \"user.groups\" }]
  }]
}
",
    );
    assert_snapshot!(show(&findings, compiler.sources()));
}
