//! Every bundled table opens, whole.

use std::fmt::Write;

use kspec_schema::{KubeVersion, ListMerge, Schema, Type, TypeId};

#[test]
fn every_version_has_all_its_kinds_and_fields() {
    let mut summary = String::new();
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        let objects = schema.types().filter_map(|(_, ty)| ty.as_object());
        let (types, fields) =
            objects.fold((0, 0), |(types, fields), object| (types + 1, fields + object.fields().len()));
        writeln!(
            summary,
            "{} groups {} kinds {} ({} stable) resources {} subresources {} structs {types} fields {fields}",
            schema.release(),
            schema.groups().len(),
            schema.kinds().len(),
            schema.kinds().iter().filter(|kind| kind.is_stable()).count(),
            schema.resources().count(),
            schema.resources().map(|kind| kind.subresources.len()).sum::<usize>(),
        )
        .unwrap();
    }
    insta::assert_snapshot!(summary);
}

#[test]
fn every_field_has_a_type() {
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        let known: Vec<TypeId> = schema.types().map(|(id, _)| id).collect();
        let check = |id: TypeId| assert!(known.binary_search(&id).is_ok(), "{version}: {id:?} names no type");
        for kind in schema.kinds() {
            check(kind.ty);
            let object = schema.object(kind.ty).unwrap_or_else(|| panic!("{version}: {} is no struct", kind.kind));
            for field in ["apiVersion", "kind"] {
                assert!(object.field(field).is_some(), "{version}: {} has no {field}", kind.kind);
            }
            assert!(!kind.verbs.is_empty() && !kind.plural.is_empty(), "{version}: {}", kind.kind);
        }
        for (_, ty) in schema.types() {
            match ty {
                Type::Object(object) => object.fields().for_each(|(_, field)| check(field.ty)),
                Type::List { item, merge } => {
                    check(*item);
                    if let ListMerge::Map(keys) = merge {
                        let object = schema.object(*item).expect("keyed items are structs");
                        // The published list of migrations names a key that migrations do not have.
                        let published_so = object.short_name() == "StorageVersionMigration";
                        assert!(!keys.is_empty());
                        assert!(
                            published_so || keys.iter().all(|key| object.field(key).is_some()),
                            "{version}: {keys:?} of {}",
                            object.name
                        );
                    }
                }
                Type::Map { value, .. } => check(*value),
                _ => {}
            }
        }
    }
}

#[test]
fn a_pod_is_what_kubernetes_says() {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let pod = schema.kind("", "v1", "Pod").unwrap();
    assert!(pod.namespaced && pod.preferred && pod.is_stable());
    assert_eq!((pod.plural.as_ref(), pod.api_version().as_str()), ("pods", "v1"));
    assert_eq!(pod.subresource("exec").unwrap().verbs, ["create", "get"]);
    assert_eq!(schema.resource("apps", "deployments").unwrap().qualified_plural(), "deployments.apps");
    assert_eq!(
        schema.resources_named("events").map(|kind| kind.group.as_ref()).collect::<Vec<_>>(),
        ["", "events.k8s.io"]
    );
    assert_eq!(schema.suggest_resource("po"), Some("pods"));
    assert_eq!(schema.suggest_resource("deployement"), Some("deployments"));
    assert_eq!(schema.suggest_kind("NetworkPolocy"), Some("NetworkPolicy"));

    let spec = schema.object(pod.ty).unwrap().field("spec").unwrap();
    let containers = schema.object(spec.ty).unwrap().field("containers").unwrap();
    assert!(containers.required);
    assert_eq!(schema.suggest_field(spec.ty, "serviceAcountName"), Some("serviceAccountName"));
    let Type::List { item, merge: ListMerge::Map(keys) } = schema.ty(containers.ty) else {
        panic!("containers are a keyed list");
    };
    assert_eq!(keys, &["name"]);
    let ports = schema.object(*item).unwrap().field("ports").unwrap();
    let Type::List { item, merge: ListMerge::Map(keys) } = schema.ty(ports.ty) else {
        panic!("ports are a keyed list");
    };
    assert_eq!(keys, &["containerPort", "protocol"]);
    let protocol = schema.object(*item).unwrap().field("protocol").unwrap();
    assert_eq!(protocol.default, Some("TCP".into()));
    assert!(matches!(schema.ty(protocol.ty), Type::String { values, .. } if values == &["SCTP", "TCP", "UDP"]));
}
