//! What becomes unreadable when one encryption takes another's place, and what is wrong with one that runs.

use std::borrow::Cow;

use kspec_model::{
    Object,
    program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider, Program},
};
use kspec_posture::{ControlPlane, Survey, Surveyed, findings, keys::lost};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

use crate::support::{DAY, origin, project};

fn keyed(algorithm: KeyedProvider, keys: &[&str]) -> EncryptionProvider {
    EncryptionProvider::Keyed { algorithm, keys: keys.iter().map(|key| (*key).to_owned()).collect() }
}

fn wanted(rules: Vec<(&[&str], Vec<EncryptionProvider>)>) -> Encryption {
    let rule = |(resources, providers): (&[&str], _)| EncryptionRule {
        resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
        providers,
        origin: origin(),
    };
    Encryption { rules: rules.into_iter().map(rule).collect(), origin: origin() }
}

fn live(entries: Value) -> Value {
    json!({ "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": entries })
}

fn provider(algorithm: &str, keys: &[&str]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| json!({ "name": key, "secret": "<withheld 32 bytes>" })).collect();
    json!({ algorithm: { "keys": keys } })
}

#[test]
fn what_nothing_declared_reads() {
    use EncryptionProvider::{Identity, Kms};
    use KeyedProvider::{AesCbc, SecretBox};
    let old =
        live(json!([{ "resources": ["secrets"], "providers": [provider("aescbc", &["a", "b"]), { "identity": {} }] }]));
    let lost = |live: &Value, providers: Vec<EncryptionProvider>| -> Vec<String> {
        lost(live, &wanted(vec![(&["secrets"], providers)]))
            .into_iter()
            .map(|(what, by)| format!("{what}: {by}"))
            .collect()
    };
    assert_eq!(lost(&old, vec![keyed(SecretBox, &["n"])]), ["secrets: the key `a` of aescbc"]);
    assert!(lost(&old, vec![keyed(SecretBox, &["n"]), keyed(AesCbc, &["a"])]).is_empty());
    assert!(lost(&old, vec![keyed(AesCbc, &["n", "a"])]).is_empty());
    // The second key writes nothing: that everything was written anew is for the rotation to see to.
    assert!(lost(&old, vec![keyed(AesCbc, &["a"])]).is_empty());
    // A key of that name of another algorithm is another key.
    assert_eq!(lost(&old, vec![keyed(SecretBox, &["a"])]).len(), 1);
    let kms =
        live(json!([{ "resources": ["*.*"], "providers": [{ "kms": { "apiVersion": "v2", "name": "vault" } }] }]));
    assert_eq!(
        lost(&kms, vec![keyed(SecretBox, &["n"])]),
        ["*.*: the KMS plugin `vault`", "secrets: the KMS plugin `vault`"]
    );
    let same = Kms { name: "vault".to_owned(), endpoint: "unix:///run/kms.sock".to_owned(), timeout: None };
    assert_eq!(lost(&kms, vec![same]), ["*.*: the KMS plugin `vault`"]);
    // What nothing encrypts is in the clear.
    assert_eq!(lost(&Value::Null, vec![keyed(SecretBox, &["n"])]), ["secrets: `identity`"]);
    assert!(lost(&Value::Null, vec![keyed(SecretBox, &["n"]), Identity]).is_empty());
    // The first entry that names a resource decides.
    let twice = live(json!([
        { "resources": ["configmaps"], "providers": [{ "identity": {} }] },
        { "resources": ["*."], "providers": [provider("secretbox", &["s"])] },
    ]));
    let both = wanted(vec![(&["configmaps"], vec![Identity]), (&["*."], vec![keyed(SecretBox, &["s"])])]);
    assert!(kspec_posture::keys::lost(&twice, &both).is_empty());
    let swapped = wanted(vec![(&["*."], vec![keyed(SecretBox, &["s"])])]);
    assert_eq!(kspec_posture::keys::lost(&twice, &swapped), [("configmaps".to_owned(), "`identity`".to_owned())]);
}

fn told(program: Option<&Program>, encryption: Option<Value>) -> Vec<String> {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "w" }, "webhooks": [],
    });
    let objects = [Surveyed::itself(Cow::Owned(Object(webhook)))];
    let survey = Survey::new(objects, &schema).whole(ControlPlane { audits: Some(true), encryption });
    let survey = match program {
        Some(program) => survey.declared(program.view(), DAY),
        None => survey,
    };
    let found = findings(&survey).into_iter().filter(|finding| finding.code.to_string().starts_with("K06"));
    found.map(|finding| format!("{} {}", finding.code, finding.message)).collect()
}

#[test]
fn a_program_is_held_against_what_runs() {
    let mut program = Program::empty(project());
    program.encryption = Some(wanted(vec![(&["secrets"], vec![keyed(KeyedProvider::SecretBox, &["n"])])]));
    let old = live(json!([{ "resources": ["secrets"], "providers": [provider("aesgcm", &["a"])] }]));
    assert_eq!(
        told(Some(&program), Some(old)),
        [
            "K0605 secrets would become unreadable: the key `a` of aesgcm writes them today, and nothing declared reads that"
        ]
    );
    assert!(told(Some(&program), None).is_empty(), "what runs is not seen");
}

#[test]
fn what_runs_is_looked_at_where_nothing_is_declared() {
    let of = |providers: Value| told(None, Some(live(json!([{ "resources": ["secrets"], "providers": providers }]))));
    assert_eq!(told(None, Some(Value::Null)), ["K0602 the API server stores Secrets in the clear"]);
    assert_eq!(
        told(None, Some(live(json!([{ "resources": ["configmaps"], "providers": [{ "identity": {} }] }])))),
        ["K0602 the API server stores Secrets in the clear"]
    );
    assert_eq!(
        of(json!([{ "identity": {} }, provider("secretbox", &["a"])])),
        ["K0601 the API server writes Secrets in the clear: `identity` comes first"]
    );
    assert_eq!(of(json!([provider("aescbc", &["a"])])), ["K0604 `aescbc` writes Secrets"]);
    assert!(of(json!([provider("secretbox", &["a"]), { "identity": {} }])).is_empty());
    let mut short = provider("secretbox", &["a"]);
    short["secretbox"]["keys"][0]["secret"] = json!("<withheld 16 bytes>");
    assert_eq!(of(json!([short])), ["K0606 the key `a` of secretbox has 16 bytes"]);
    let mut unknown = provider("secretbox", &["a"]);
    unknown["secretbox"]["keys"][0]["secret"] = json!("<withheld>");
    assert!(of(json!([unknown])).is_empty());
    assert!(told(None, None).is_empty());
}
