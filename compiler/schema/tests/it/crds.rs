//! Custom kinds.

use std::sync::Arc;

use kspec_schema::{KubeVersion, ListMerge, Schema, Step, Type};
use serde_json::{Value, json};

fn certificates() -> Value {
    serde_json::from_str(include_str!("certificates.crd.json")).unwrap()
}

fn with_certificates() -> Arc<Schema> {
    let (schema, problems) = Schema::bundled(KubeVersion::NEWEST).with_crds(&[certificates()]);
    assert_eq!(problems, []);
    schema
}

#[test]
fn a_custom_kind_is_a_kind_like_any() {
    let schema = with_certificates();
    let kind = schema.resource("cert-manager.io", "certificates").unwrap();
    assert_eq!((kind.version.as_ref(), kind.singular.as_ref(), kind.namespaced), ("v1", "certificate", true));
    assert_eq!(kind.subresources.iter().map(|sub| sub.name.as_ref()).collect::<Vec<_>>(), ["scale", "status"]);
    assert!(schema.kind("cert-manager.io", "v1beta1", "Certificate").is_some_and(|kind| !kind.preferred));
    assert!(schema.kind("cert-manager.io", "v1alpha2", "Certificate").is_none());
    assert_eq!(schema.suggest_resource("cert"), Some("certificates"));
    let group = schema.groups().iter().find(|group| group.name == "cert-manager.io").unwrap();
    assert_eq!(group.versions, ["v1", "v1beta1"]);

    let root = schema.object(kind.ty).unwrap();
    assert_eq!(root.doc.as_deref(), Some("A Certificate resource should be created."));
    let at = |path: &[&str]| {
        let steps: Vec<Step> = path.iter().map(|name| Step::Field((*name).to_owned())).collect();
        schema.walk(kind.ty, &steps).map(|place| schema.ty(place.ty))
    };
    assert!(matches!(at(&["metadata", "labels"]), Some(Type::Map { .. })));
    assert!(matches!(at(&["spec", "dnsNames"]), Some(Type::List { merge: ListMerge::Set, .. })));
    assert!(matches!(at(&["spec", "issuerRef"]), Some(Type::Object(object)) if object.atomic));
    assert!(matches!(at(&["spec", "notAfter"]), Some(Type::Time)));
    assert!(matches!(at(&["spec", "webhookConfig", "any", "thing"]), Some(Type::Any)));
    assert!(matches!(at(&["spec", "template", "metadata", "name"]), Some(Type::String { .. })));
    assert!(at(&["spec", "nothing"]).is_none());

    let base = Schema::bundled(KubeVersion::NEWEST);
    assert_ne!(schema.digest(), base.digest());
    assert_eq!(schema.digest(), with_certificates().digest());
    assert!(base.resource("cert-manager.io", "certificates").is_none());
}

#[test]
fn custom_objects_are_checked() {
    let schema = with_certificates();
    let object = |spec: Value| {
        let object =
            json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "a"}, "spec": spec});
        schema.validate(&object).iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let right = json!({
        "secretName": "a",
        "issuerRef": {"name": "a"},
        "notAfter": null,
        "additionalOutputFormats": [{"type": "DER", "port": "http"}, {"type": "PEM", "port": 80}],
        "webhookConfig": {"what": {"ever": 1}},
        "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}},
    });
    assert_eq!(object(right), "");
    insta::assert_snapshot!(object(json!({
        "secretNam": "a",
        "commonName": null,
        "revisionHistoryLimit": "2",
        "dnsNames": ["a", "a"],
        "usages": ["sining"],
        "issuerRef": {"kind": "ClusterIssuer"},
        "additionalOutputFormats": [{"type": "DER"}, {"type": "DER"}],
        "template": {"kind": "ConfigMap"},
    })));
}

#[test]
fn crds_that_cannot_be_taken_say_why() {
    let mut misnamed = certificates();
    misnamed["metadata"]["name"] = "certificate".into();
    let mut loose = certificates();
    loose["metadata"]["name"] = "loose.cert-manager.io".into();
    loose["spec"]["names"] = json!({"kind": "Loose", "plural": "loose"});
    loose["spec"]["versions"] = json!([
        {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "a": {},
            "b": {"type": "array"},
            "c": {"type": "objekt"},
            "d": {"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": {"type": "string"}},
        }}}},
        {"name": "v2", "served": true},
        {"served": true},
    ]);
    let crds = [
        certificates(),
        misnamed,
        json!({"kind": "ConfigMap"}),
        loose,
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}}),
    ];
    let (schema, problems) = Schema::bundled(KubeVersion::NEWEST).with_crds(&crds);
    let text: String = problems.iter().map(|p| format!("{} {}: {}: {}\n", p.index, p.name, p.path, p.kind)).collect();
    insta::assert_snapshot!(text);
    assert!(schema.kind("cert-manager.io", "v1", "Loose").is_some());
}
