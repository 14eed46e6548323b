//! Trees built by hand, as importing builds them.

use kspec_diagnostics::Span;
use kspec_syntax::tree::{
    Allow, Expr, ExprKind, Field, Item, ItemKind, Key, Name, Namespace, NamespaceStmt, Path, Resource, Role, RoleStmt,
    Str, Verb,
};
use kspec_syntax::{parse_item, print_item};

const NOWHERE: Span = Span::new(0, 0);

fn name(text: &str) -> Name {
    Name { text: text.into(), span: NOWHERE }
}

fn text(value: &str) -> Str {
    Str { value: value.into(), raw: false, span: NOWHERE }
}

fn resource(name: &str, group: Option<&str>, subresource: Option<&str>) -> Resource {
    Resource {
        name: name.into(),
        group: group.map(Into::into),
        subresource: subresource.map(Into::into),
        quoted: false,
        span: NOWHERE,
    }
}

#[test]
fn what_is_no_identifier_is_quoted() {
    let resources = vec![
        resource("pods", None, None),
        resource("pods", None, Some("log")),
        resource("deployments", Some("apps"), Some("scale")),
        resource("certificates", Some("cert-manager.io"), None),
        resource("*", Some("*"), None),
        resource("*", Some("apps"), None),
        resource("*", None, None),
        resource("*", Some("*"), Some("scale")),
        resource("pods", Some("*"), None),
        resource("pods", None, Some("*")),
    ];
    let verbs = ["get", "*", "custom-verb", "any"];
    let role = Role {
        existing: false,
        name: name("my-role.v1"),
        namespace: Some(Path { segments: vec![name("1st")], span: NOWHERE }),
        kube_name: Some(text("my-role.v1")),
        body: vec![RoleStmt::Allow(Allow {
            verbs: verbs.map(|verb| Verb { text: verb.into(), span: NOWHERE }).to_vec(),
            resources: resources.clone(),
            named: vec![Expr { kind: ExprKind::Str(text("a \"b\"")), span: NOWHERE }],
            span: NOWHERE,
        })],
    };
    let item = Item { doc: Some("Two\n\nparagraphs.".into()), kind: ItemKind::Role(role), span: NOWHERE };
    let printed = print_item(&item);
    insta::assert_snapshot!(printed);

    let ItemKind::Role(role) = parse_item(&printed).item.kind else { panic!("no role: {printed}") };
    let RoleStmt::Allow(allow) = &role.body[0] else { panic!("no allow: {printed}") };
    let places = |r: &Resource| (r.name.clone(), r.group.clone(), r.subresource.clone());
    assert!(allow.resources.iter().map(places).eq(resources.iter().map(places)), "{printed}");
    assert!(allow.verbs.iter().map(|verb| &*verb.text).eq(verbs));
}

#[test]
fn long_records_are_broken_and_short_ones_are_not() {
    let field = |key: &str, quoted: bool, value: &str| Field {
        key: Key { text: key.into(), quoted, span: NOWHERE },
        value: Expr { kind: ExprKind::Str(text(value)), span: NOWHERE },
    };
    let record = |fields: Vec<Field>| Expr { kind: ExprKind::Record(fields), span: NOWHERE };
    let with = |key: &str, value: Expr| {
        NamespaceStmt::Field(Field { key: Key { text: key.into(), quoted: false, span: NOWHERE }, value })
    };
    let long = "x".repeat(60);
    let namespace = Namespace {
        existing: true,
        name: name("kube_system"),
        kube_name: None,
        body: vec![
            with("labels", record(vec![field("team", false, "a"), field("app.kubernetes.io/name", true, "line\nend")])),
            with("annotations", record(vec![field("first", false, &long), field("needs quotes", false, &long)])),
        ],
    };
    insta::assert_snapshot!(print_item(&Item { doc: None, kind: ItemKind::Namespace(namespace), span: NOWHERE }));
}
