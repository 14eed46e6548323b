//! Values from outside the language: parameters in kspec.toml.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{ItemId, Span};
use kspec_schema::{KubeVersion, Schema};
use kspec_types::{Cx, Lookup, Scope, Type, Value, coerce_text, to_json};

#[derive(Debug)]
struct Nothing;

impl Scope for Nothing {
    fn lookup(&self, _name: &str) -> Lookup {
        Lookup::Unknown
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// The JSON of a value read as a type, and the codes of what is wrong with it.
fn read(value: Value, ty: &Type) -> (String, Vec<String>) {
    let schema = Schema::bundled(KubeVersion::V1_36);
    let mut findings = Vec::new();
    let mut cx = Cx::new(&Nothing, ItemId(0), &schema, &mut findings);
    let value = coerce_text(value, ty, Span::default(), &mut cx);
    let json = to_json(&value).map_or_else(|| "(reported)".to_owned(), |json| json.to_string());
    (json, findings.iter().map(|finding| finding.code.to_string()).collect())
}

#[test]
fn text_is_read_as_what_is_wanted() {
    for (text, ty, json) in [
        ("1.5Gi", Type::Quantity, "\"1536Mi\""),
        ("2027-01-31", Type::Date, "\"2027-01-31\""),
        ("443/tcp", Type::Port, "\"443/tcp\""),
        ("8000..8100", Type::Port, "\"8000..8100\""),
        ("10.0.0.0/8", Type::Cidr, "\"10.0.0.0/8\""),
        ("5min", Type::Duration, "\"5m0s\""),
        ("prod", Type::literals(["dev", "prod"]), "\"prod\""),
        ("x", Type::String.optional(), "\"x\""),
    ] {
        assert_eq!(read(Value::str(text), &ty), (json.to_owned(), Vec::new()), "{text}");
    }
    let nested = Value::List(vec![Value::Record(BTreeMap::from([("memory".into(), Value::str("1Gi"))]))]);
    let ty = Type::list(Type::record([("memory".into(), Type::Quantity), ("until".into(), Type::Date.optional())]));
    assert_eq!(read(nested, &ty), (r#"[{"memory":"1Gi"}]"#.to_owned(), Vec::new()));
}

#[test]
fn what_cannot_be_read_is_reported_once() {
    for (text, ty, code) in [
        ("1GiB", Type::Quantity, "K0103"),
        ("2027-02-30", Type::Date, "K0103"),
        ("0/tcp", Type::Port, "K0103"),
        ("10.0.0.1/8", Type::Cidr, "K0115"),
        ("5", Type::Duration, "K0104"),
        ("test", Type::literals(["dev", "prod"]), "K0103"),
        ("3", Type::Int, "K0103"),
    ] {
        let (_, codes) = read(Value::str(text), &ty);
        assert_eq!(codes, [code], "{text}");
    }
}
