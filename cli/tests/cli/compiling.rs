//! `kspec compile`: the same input, the same bytes.

use std::fs;

use crate::support::{DAY, Place, repository, tree};

/// The shop, its files written in the order given.
fn shop(reverse: bool) -> Place {
    let place = Place::empty();
    let mut files = tree(&repository().join("examples/shop"));
    files.retain(|(path, _)| path != "kspec.lock");
    if reverse {
        files.reverse();
    }
    for (path, bytes) in files {
        place.write(&format!("shop/{path}"), bytes);
    }
    place
}

#[test]
fn byte_for_byte_reproducible() {
    let (one, two) = (shop(false), shop(true));
    for place in [&one, &two] {
        place.kspec(&["compile", "shop", "--env", "prod", "--as-of", DAY, "--out", "out"]).ends(0);
    }
    let (first, second) = (tree(&one.path("out")), tree(&two.path("out")));
    assert!(first.iter().any(|(path, _)| path == "bundle.json"));
    assert!(first.iter().any(|(path, _)| path == "host/README.md"));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    for ((path, one), (_, two)) in first.iter().zip(&second) {
        assert!(one == two, "{path} differs");
    }

    // And once more over what is there: one file is as long as it should be and says something else, the others keep their time.
    let written = |path: &str| fs::metadata(one.path(path)).expect("a file").modified().expect("a time");
    let (bundle, before) = ("out/bundle.json", written("out/host/README.md"));
    let mut text = fs::read(one.path(bundle)).expect("a bundle");
    *text.last_mut().expect("bytes") = b' ';
    one.write(bundle, text);
    one.kspec(&["compile", "shop", "--env", "prod", "--as-of", DAY, "--out", "out"]).ends(0);
    assert_eq!(tree(&one.path("out")), second);
    assert_eq!(written("out/host/README.md"), before);
}

#[test]
fn what_left_the_program_leaves_the_folder_and_nothing_else_does() {
    let place = Place::with(&[
        ("kspec.toml", "name = \"demo\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n"),
        ("main.kspec", "namespace one { pod_security: restricted }\nnamespace two { pod_security: restricted }\n"),
        ("out/manifests/mine.yaml", "# mine\n"),
    ]);
    place.kspec(&["compile", "--out", "out"]).ends(0);
    assert!(place.path("out/manifests/cluster/namespace-two.yaml").exists());
    place.write("main.kspec", "namespace one { pod_security: restricted }\n");
    place.kspec(&["compile", "--out", "out"]).ends(0);
    assert!(place.path("out/manifests/cluster/namespace-one.yaml").exists());
    assert!(!place.path("out/manifests/cluster/namespace-two.yaml").exists());
    assert_eq!(place.read("out/manifests/mine.yaml"), "# mine\n");
}

#[test]
fn key_material_is_nowhere() {
    let place = Place::with_examples();
    place.kspec(&["compile", "examples/hardened-control-plane", "--as-of", DAY, "--out", "out"]).ends(0);
    let template = fs::read_to_string(place.path("out/host/encryption.template.yaml")).expect("the template");
    let secrets: Vec<&str> = template.lines().filter(|line| line.trim_start().starts_with("secret:")).collect();
    assert_eq!(secrets.len(), 2, "{template}");
    for (line, key) in secrets.iter().zip(["2026-11", "2026-05"]) {
        assert!(line.contains(key), "a marker names its key: {line}");
    }
}

const RULES: &str = "namespace web {}
rule unique_host on Ingress {
  deny if cluster.all(Ingress).any(other => other.metadata.name != object.metadata.name) because \"there is one already\"
}
rule default_class on Ingress {
  deny if !object.spec.ingressClassName.exists() because \"name a class\"
}
enforce unique_host, default_class in web
";
const PROJECT: &str =
    "name = \"demo\"\nedition = \"2026\"\nkubernetes = \"1.36\"\ninventory_namespace = \"kspec-system\"\n";
const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn engines(settings: &str) -> Place {
    Place::with(&[
        ("kspec.toml", &format!("{PROJECT}{settings}")),
        ("main.kspec", RULES),
        ("ca.pem", PEM),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
    ])
}

/// The file of `bundle.json`'s object of a kind.
fn object(place: &Place, kind: &str) -> serde_json::Value {
    let bundle: serde_json::Value = serde_json::from_str(&place.read("out/bundle.json")).expect("JSON");
    let objects = bundle.get("objects").and_then(|objects| objects.as_array()).expect("objects");
    objects.iter().find(|object| object["kind"] == kind).cloned().unwrap_or_default()
}

#[test]
fn the_engine_is_chosen_in_the_project_file() {
    let of = |settings: &str| {
        let place = engines(settings);
        place.kspec(&["compile", "--as-of", DAY, "--out", "out"]).ends(0);
        let policies = object(&place, "ValidatingAdmissionPolicy");
        let webhook = object(&place, "ValidatingWebhookConfiguration");
        (!policies.is_null(), webhook["webhooks"][0]["rules"].clone())
    };
    let (policies, rules) = of("[admission]\nengine = \"auto\"\n");
    assert!(policies && rules.is_array(), "each where it can be said");
    let (policies, rules) = of("[admission]\nengine = \"webhook\"\n");
    assert!(!policies && rules.is_array(), "all in the webhook");
    let place = engines("[admission]\nengine = \"cel\"\n");
    place.kspec(&["compile", "--as-of", DAY, "--out", "out"]).ends(1).says(&[
        "K0517",
        "the API server cannot decide `unique_host`",
        "kspec.toml",
    ]);
    engines("[admission]\nengine = \"rego\"\n").kspec(&["check"]).ends(1).says(&[
        "kspec.toml:6:1",
        "`rego` is no engine of admission rules",
        "\"auto\", \"cel\" or \"webhook\"",
    ]);
}

#[test]
fn the_webhook_is_what_the_project_file_says() {
    let client = |settings: &str| {
        let place = engines(settings);
        place.kspec(&["compile", "--as-of", DAY, "--out", "out"]).ends(0);
        let webhook = object(&place, "ValidatingWebhookConfiguration");
        (webhook["webhooks"][0]["clientConfig"].clone(), webhook["metadata"]["annotations"].clone())
    };
    let service = |name: &str, namespace: &str, port: u16| serde_json::json!({ "name": name, "namespace": namespace, "path": "/validate/fail/10", "port": port });
    let encoded = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
    let (config, _) = client("[admission.webhook]\nca = \"ca.pem\"\n");
    assert_eq!(config["caBundle"], encoded);
    assert_eq!(config["service"], service("kspec-webhook", "kspec-system", 443));
    let (config, annotations) = client(
        "[admission.webhook]\nservice = \"gate\"\nnamespace = \"gates\"\nport = 8443\ncert_manager = \"gates/gate\"\n",
    );
    assert_eq!(config["service"], service("gate", "gates", 8443));
    assert_eq!(annotations["cert-manager.io/inject-ca-from"], "gates/gate");
    let (config, _) = client("[admission.webhook]\nurl = \"https://gate.example.com/kspec\"\n");
    assert_eq!(config, serde_json::json!({ "url": "https://gate.example.com/kspec/validate/fail/10" }));

    engines("").kspec(&["check"]).ends(0).says(&["K0518", "`unique_host` is decided by the webhook", "caBundle"]);
    engines("[admission.webhook]\nca = \"none.pem\"\n").kspec(&["check"]).ends(1).says(&["K0123", "none.pem"]);
    engines("[admission.webhook]\nca = \"key.pem\"\n").kspec(&["check"]).ends(1).says(&["holds a private key"]);
    engines("[admission.webhook]\nca = \"kspec.toml\"\n").kspec(&["check"]).ends(1).says(&["holds no certificate"]);
}

#[test]
fn what_runs_the_webhook_is_among_the_manifests_where_its_image_is_named() {
    let place = engines("[admission.webhook]\nca = \"ca.pem\"\nimage = \"registry.example.com/kspec:0.1.0\"\n");
    place.kspec(&["compile", "--as-of", DAY, "--out", "out"]).ends(0);
    let config = object(&place, "ConfigMap");
    let table = config["data"]["bundle.json"].as_str().expect("the rules");
    let table: serde_json::Value = serde_json::from_str(table).expect("JSON");
    let rules: Vec<&str> =
        table["rules"].as_array().expect("rules").iter().filter_map(|rule| rule["rule"]["name"].as_str()).collect();
    assert_eq!(rules, ["unique_host"], "what the API server decides is not the webhook's");
    assert_eq!(table["rules"][0]["rule"]["source"], "main.kspec:2");
    let role = object(&place, "ClusterRole");
    assert_eq!(
        role["rules"],
        serde_json::json!([{ "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "watch"] }])
    );
    for kind in ["ServiceAccount", "ClusterRoleBinding", "Deployment", "Service", "PodDisruptionBudget"] {
        assert!(!object(&place, kind).is_null(), "{kind}");
    }
    // It would be let into a namespace of the strictest level.
    place.kspec(&["vet", "out/manifests", "--pss", "restricted"]).ends(0);
    let bundle = place.read("out/bundle.json");
    let order = |kind: &str| bundle.find(&format!("\"kind\":\"{kind}\"")).expect(kind);
    assert!(order("Deployment") < order("ValidatingWebhookConfiguration"), "what answers comes before who asks");
}
