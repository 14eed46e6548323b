//! Accepted findings.

use insta::assert_snapshot;
use kspec_checks::settle;
use kspec_diagnostics::{Code, Location, Span, codes};
use kspec_model::program::*;

use crate::{checked, fixture::*, render};

#[test]
fn an_accepted_finding_is_gone_until_the_end_and_an_idle_accept_is_told() {
    let mut program = program();
    let wild = || Role { doc: Some("Why.".to_owned()), ..role(None, "shop:all", vec![rule(&["*"], &["*"], &["*"])]) };
    program.roles = vec![wild(), Role { name: "shop:other".to_owned(), ..wild() }];
    // A declaration reaches further than its name, where findings point.
    let declaration = |role: &Role| Location { span: Span::new(0, 100), ..role.origin.at };
    let accept = |code: Code, on: Location, exception| Accept { code, on, exception, origin: origin() };
    program.accepts = vec![
        accept(codes::WILDCARD, declaration(&program.roles[0]), until(2026, 11, 21)),
        accept(codes::WILDCARD, declaration(&program.roles[1]), until(2026, 11, 20)),
        accept(codes::ESCALATING_VERB, declaration(&program.roles[1]), until(2027, 1, 1)),
    ];
    let findings = checked(&program);
    let mut settled = settle(&program.accepts, findings, |_| true, TODAY);
    settled.sort();
    assert_snapshot!(render(settled.iter().filter(|finding| finding.code != codes::NO_PURPOSE && finding.code != codes::NO_POD_SECURITY)), @r#"
    K0109 Error: accepting K0201 ended on 2026-11-20
      at: today is 2026-11-21
      at: what ended
      help: remove it (the finding is reported again), or ask oidc:payments-devs for a new date: it was made for "incident access"
    K0131 Information: K0202 is accepted, but it does not occur there
      at: accepted for this
      help: remove the `accept`: it would hide the finding if it came back
    K0201 Warning: role `shop:other` uses a wildcard
      witness: allows every verb on every resource of every group, future ones included
      help: name the verbs and resources: a wildcard also allows what later versions and others' CRDs add
    "#);
}

#[test]
fn an_error_cannot_be_accepted() {
    let mut program = program();
    program.namespaces = vec![namespace("a"), namespace("a")];
    program.accepts = vec![Accept {
        code: codes::DUPLICATE_OBJECT,
        on: program.namespaces[1].origin.at,
        exception: until(2027, 1, 1),
        origin: origin(),
    }];
    let findings = checked(&program);
    let mut settled = settle(&program.accepts, findings, |_| true, TODAY);
    settled.sort();
    assert_snapshot!(render(settled.iter().filter(|finding| finding.code != codes::NO_PURPOSE && finding.code != codes::NO_POD_SECURITY)), @r#"
    K0106 Error: a second declaration of Namespace a
      at: the first
      help: drop one, or give one another name: `= "name"`
    K0131 Information: K0106 is accepted, but it is an error, and errors cannot be accepted
      at: accepted for this
      help: mend what it is about
    "#);
}
