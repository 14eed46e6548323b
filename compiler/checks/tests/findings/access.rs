//! Roles, grants, dynamic scopes.

use insta::assert_snapshot;
use kspec_diagnostics::Severity;
use kspec_model::{LabelSelector, program::*};

use crate::{fixture::*, told, warned};

#[test]
fn wildcards_and_verbs_that_hand_out_more() {
    let mut program = program();
    program.roles = vec![
        role(None, "shop:all", vec![rule(&["*"], &["*"], &["*"]), rule(&["get"], &[""], &["pods"])]),
        role(
            Some("a"),
            "some",
            vec![
                rule(&["get"], &["apps", ""], &["*"]),
                rule(&["get"], &["*"], &["*/scale"]),
                RoleRule { verbs: strings(&["get"]), urls: strings(&["/*"]), ..RoleRule::default() },
                RoleRule { verbs: strings(&["get"]), urls: strings(&["/livez/*"]), ..RoleRule::default() },
            ],
        ),
        role(
            None,
            "shop:admin",
            vec![
                rule(&["get", "bind"], &["rbac.authorization.k8s.io"], &["clusterroles"]),
                rule(&["impersonate"], &[""], &["users", "groups"]),
            ],
        ),
        Role { existing: true, ..role(None, "theirs", vec![rule(&["*"], &["*"], &["*"])]) },
        role(None, "shop:fine", vec![rule(&["get"], &[""], &["pods/log"])]),
    ];
    assert_snapshot!(warned(&program), @"
    K0201 Warning: role `shop:all` uses a wildcard
      witness: allows every verb on every resource of every group, future ones included
      help: name the verbs and resources: a wildcard also allows what later versions and others' CRDs add
    K0201 Warning: role `some` uses a wildcard
      witness: allows `get` on every resource of apps, the core group
      witness: allows `get` on `*/scale` of every group
      witness: allows `get` on `/*`
      help: name the verbs and resources: a wildcard also allows what later versions and others' CRDs add
    K0202 Warning: role `shop:admin` allows `bind`: whoever has it may bind roles that allow more than they themselves may do
      witness: allows `get`, `bind` on `clusterroles`
      help: drop the verb, or limit it with `named` to what it is needed for
    K0202 Warning: role `shop:admin` allows `impersonate`: whoever has it may act as others
      witness: allows `impersonate` on `users`, `groups`
      help: drop the verb, or limit it with `named` to what it is needed for
    ");
}

#[test]
fn purposes_and_scopes_worth_knowing_of() {
    let mut program = program();
    let sre = || {
        vec![
            Subject::Group("sre".to_owned()),
            Subject::ServiceAccount { namespace: "ci".to_owned(), name: "bot".to_owned() },
        ]
    };
    let staging = LabelSelector::labels([("environment", "staging")]);
    program.roles =
        vec![role(Some("a"), "release", vec![]), Role { doc: Some("Why.".to_owned()), ..role(None, "shop:x", vec![]) }];
    program.grants = vec![
        Grant { doc: Some("Why.".to_owned()), ..grant(None, "view", GrantScope::Where(staging.clone()), sre()) },
        Grant {
            doc: Some("Why.".to_owned()),
            ..grant(
                None,
                "view",
                GrantScope::Where(LabelSelector::labels([("kubernetes.io/metadata.name", "b")])),
                sre(),
            )
        },
        grant(Some("a"), "release", GrantScope::Namespaces(strings(&["a"])), sre()),
    ];
    program.networks = vec![Network { scope: NetworkScope::Where(staging), ..network(&[], vec![deny()], vec![]) }];
    assert_snapshot!(told(&program, Severity::Information), @"
    K0126 Information: role `release` says nowhere what it is for
      help: write it above, after `///`: it is kept on the object as `kspec.dev/purpose`, where reviewers look
    K0126 Information: the grant of `a/release` to group `sre`, service account `ci/bot` says nowhere what it is for
      help: write it above, after `///`: it is kept on the object as `kspec.dev/purpose`, where reviewers look
    K0204 Information: whoever may label a namespace decides where group `sre`, service account `ci/bot` gets `view`
      witness: a namespace is given the labels environment=staging
      witness: the next `apply` binds the role there
      help: keep `patch` and `update` on namespaces to few, or name the namespaces
    K0205 Information: the grant of `view` covers namespaces that appear later only from the next `apply` on
      help: have `apply` run when namespaces are made, or on a schedule
    K0205 Information: the grant of `view` covers namespaces that appear later only from the next `apply` on
      help: have `apply` run when namespaces are made, or on a schedule
    K0205 Information: this network covers namespaces that appear later only from the next `apply` on
      help: have `apply` run when namespaces are made, or on a schedule
    ");
}
