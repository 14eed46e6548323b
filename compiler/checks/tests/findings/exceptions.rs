//! Exceptions and their ends.

use insta::assert_snapshot;
use kspec_diagnostics::{Severity, codes};
use kspec_model::program::*;

use crate::{fixture::*, told};

#[test]
fn what_is_over_and_what_nothing_ends() {
    let mut program = program();
    let oncall = || vec![Subject::User("oncall".to_owned())];
    let ending = |exception| Grant {
        break_glass: true,
        exception: Some(exception),
        ..grant(None, "cluster-admin", GrantScope::Cluster, oncall())
    };
    program.grants = vec![ending(until(2026, 11, 20)), ending(until(2026, 11, 21))];
    program.accepts =
        vec![Accept { code: codes::WILDCARD, on: place(), exception: until(2025, 1, 1), origin: origin() }];
    assert_snapshot!(told(&program, Severity::Information), @r#"
    K0109 Error: accepting K0201 ended on 2025-01-01
      at: today is 2026-11-21
      at: what ended
      help: remove it (the finding is reported again), or ask oidc:payments-devs for a new date: it was made for "incident access"
    K0109 Error: this grant of `cluster-admin` ended on 2026-11-20
      at: today is 2026-11-21
      at: what ended
      help: remove it (`plan` leaves it out, and `apply` ends it), or ask oidc:payments-devs for a new date: it was made for "incident access"
    K0206 Information: Kubernetes does not end this grant of `cluster-admin` on 2026-11-21: RBAC has no expiry
      at: the last day
      help: the first `apply` after that day ends it: have one run every day
    "#);
}
