//! YAML that old and new parsers read alike.

use insta::assert_snapshot;
use kspec_lower::to_yaml;
use kspec_model::Object;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What YAML 1.1's type repository gives a type when written plain: booleans, null, integers (also octal, binary,
/// hexadecimal, base 60), floats, timestamps, merge and value keys.
fn has_a_type_in_yaml_1_1(text: &str) -> bool {
    let number = text.trim_start_matches(['-', '+', '.']);
    matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~" | "" | ".nan" | ".inf" | "<<" | "="
    ) || number.starts_with(|c: char| c.is_ascii_digit())
}

/// Plain scalars of our own output, keys and values alike.
fn plain_scalars(yaml: &str) -> Vec<&str> {
    let mut scalars = Vec::new();
    for line in yaml.lines() {
        let mut rest = line.trim_start();
        while let Some(item) = rest.strip_prefix("- ") {
            rest = item;
        }
        if rest.starts_with('"') {
            continue;
        }
        let (key, value) = rest.split_once(':').unwrap_or((rest, ""));
        scalars.extend([key, value.trim()].into_iter().filter(|text| !text.is_empty() && !text.starts_with('"')));
    }
    scalars
}

fn keys_are_unique_strings() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("n".to_owned()),
        Just("Yes".to_owned()),
        Just("1_000".to_owned()),
        Just("12:30:45".to_owned()),
        Just("0o7".to_owned()),
        Just("1e3".to_owned()),
        Just("2026-11-21".to_owned()),
        Just("~".to_owned()),
        Just(String::new()),
        Just("- a".to_owned()),
        Just("a: b".to_owned()),
        Just("a #b".to_owned()),
        Just("nan".to_owned()),
        "[a-zA-Z0-9./_-]{0,12}",
        ".{0,12}",
        "[\\x00-\\x20\u{7f}-\u{a0}\u{2028}\u{feff}\\\\\"']{0,6}",
    ];
    let leaf = prop_oneof![
        text.clone().prop_map(Value::String),
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        (-1.0e20..1.0e20_f64).prop_map(|number| json!(number)),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(text.clone(), inner, 0..6).prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

proptest! {
    #[test]
    fn a_yaml_1_2_parser_reads_back_what_was_written(value in keys_are_unique_strings()) {
        let yaml = to_yaml(&Object(json!({ "data": value })));
        let read: Value = serde_saphyr::from_str(&yaml).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(read, json!({ "data": value }), "{}", yaml);
    }

    #[test]
    fn strings_are_never_plain_where_yaml_1_1_gives_them_a_type(key in ".{0,10}", value in "[a-zA-Z0-9.:_~<=+-]{0,8}") {
        let yaml = to_yaml(&Object(json!({ (key.clone()): [value], "also": { (value.clone()): key } })));
        for scalar in plain_scalars(&yaml) {
            prop_assert!(!has_a_type_in_yaml_1_1(scalar), "{} in\n{}", scalar, yaml);
        }
    }
}

#[test]
fn keys_that_old_parsers_take_for_booleans_are_quoted() {
    let object = json!({
        "metadata": { "annotations": { "purpose": "line one\nline \"two\"\ttab" }, "name": "x" },
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "data": { "n": "y", "on": "off", "yes": "no", "port": "8080", "version": "1.10", "octal": "0777", "empty": "", "list": [[1, [2.0, 1e30]], {}, [], { "a": 1, "b": [true, null] }] },
    });
    assert_snapshot!(to_yaml(&Object(object)), @r#"
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: x
      annotations:
        purpose: "line one\nline \"two\"\ttab"
    data:
      empty: ""
      list:
      - - 1
        - - 2.0
          - 1.0e+30
      - {}
      - []
      - a: 1
        b:
        - true
        - null
      "n": "y"
      octal: "0777"
      "on": "off"
      port: "8080"
      version: "1.10"
      "yes": "no"
    "#);
}
