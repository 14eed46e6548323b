//! `kspec vet`.

use serde_json::{Value, json};

use crate::support::{DAY, Done, PROJECT, Place};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: { name: bare, namespace: shop }\nspec:\n  volumes: [{ name: v }]\n  containers:\n  - { name: c, image: example.com/c }\n";

const HARDENED: &str = "apiVersion: v1
kind: Pod
metadata: { name: hardened, namespace: shop }
spec:
  securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
  volumes: [{ name: nothing }]
  containers:
  - name: c
    image: example.com/c
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
";

const PRIVILEGED: &str = "{ hostNetwork: true, containers: [{ name: c, image: c, ports: [{ containerPort: 80 }], securityContext: { privileged: true } }] }";

fn lines(done: &Done) -> Vec<Value> {
    done.out.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
}

fn controls(verdict: &Value) -> Vec<&str> {
    let violations = verdict["violations"].as_array().expect("a list");
    violations.iter().map(|violation| violation["control"].as_str().expect("a control")).collect()
}

#[test]
fn pods_by_level() {
    let place = Place::with(&[("bare.yaml", POD), ("k8s/hardened.yaml", HARDENED)]);
    place.kspec(&["vet", "bare.yaml", "k8s", "--pss", "baseline"]).ends(0).says(&["2 objects: 2 admitted, 0 refused"]);
    let done = place.kspec(&["vet", "bare.yaml", "k8s", "--pss", "restricted", "-o", "json"]).ends(1);
    let [bare, hardened] = &lines(&done)[..] else { panic!("{}", done.out) };
    assert_eq!(
        (&bare["file"], &bare["kind"], &bare["namespace"]),
        (&json!("bare.yaml"), &json!("Pod"), &json!("shop"))
    );
    assert_eq!((&bare["name"], &bare["allowed"]), (&json!("bare"), &json!(false)));
    assert_eq!(
        controls(bare),
        ["allowPrivilegeEscalation", "capabilities_restricted", "runAsNonRoot", "seccompProfile_restricted"]
    );
    assert_eq!(bare["violations"][0]["path"], "spec.containers[0].securityContext.allowPrivilegeEscalation");
    assert_eq!(hardened["allowed"], true);
    let human = place.kspec(&["vet", "bare.yaml", "--pss", "restricted", "--pss-version", "v1.7"]).ends(1);
    assert_eq!(
        human.out,
        "bare.yaml:1: Pod shop/bare: refused\n  runAsNonRoot: runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)\n    at spec.containers[0].securityContext.runAsNonRoot\n1 object: 0 admitted, 1 refused\n"
    );
}

#[test]
fn whatever_stamps_pods() {
    let kinds = [
        ("apps/v1", "Deployment", "spec: { template: { spec: POD } }", "spec.template."),
        ("apps/v1", "StatefulSet", "spec: { template: { spec: POD } }", "spec.template."),
        ("apps/v1", "DaemonSet", "spec: { template: { spec: POD } }", "spec.template."),
        ("apps/v1", "ReplicaSet", "spec: { template: { spec: POD } }", "spec.template."),
        ("v1", "ReplicationController", "spec: { template: { spec: POD } }", "spec.template."),
        ("batch/v1", "Job", "spec: { template: { spec: POD } }", "spec.template."),
        (
            "batch/v1",
            "CronJob",
            "spec: { jobTemplate: { spec: { template: { spec: POD } } } }",
            "spec.jobTemplate.spec.template.",
        ),
        ("v1", "PodTemplate", "template: { spec: POD }", "template."),
        ("v1", "Pod", "spec: POD", ""),
    ];
    let document = |(version, kind, spec, _): &(&str, &str, &str, &str)| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{ name: x }}\n{}\n", spec.replace("POD", PRIVILEGED))
    };
    let all: Vec<String> = kinds.iter().map(document).collect();
    let done =
        Place::empty().kspec_reading(&["vet", "-", "--pss", "baseline", "-o", "json"], &all.join("---\n")).ends(1);
    let verdicts = lines(&done);
    assert_eq!(verdicts.len(), kinds.len());
    for (verdict, (_, kind, _, prefix)) in verdicts.iter().zip(&kinds) {
        assert_eq!(
            (&verdict["file"], &verdict["kind"], &verdict["namespace"]),
            (&json!("-"), &json!(kind), &json!("default"))
        );
        // A port on the host's network is one of the host's: in pods, not yet in templates.
        let expected: &[&str] = if *kind == "Pod" {
            &["hostNamespaces", "hostPorts", "privileged"]
        } else {
            &["hostNamespaces", "privileged"]
        };
        assert_eq!(controls(verdict), expected, "{kind}");
        assert_eq!(verdict["violations"][0]["path"], format!("{prefix}spec.hostNetwork"));
    }
}

#[test]
fn lists_and_what_is_no_pod() {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "a" } },
        { "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } },
        { "apiVersion": "example.com/v1", "kind": "Unheard", "metadata": { "name": "u" } },
    ] });
    let done =
        Place::empty().kspec_reading(&["vet", "-", "--pss", "restricted", "-o", "json"], &list.to_string()).ends(0);
    let verdicts = lines(&done);
    let namespaces: Vec<&Value> = verdicts.iter().map(|verdict| &verdict["namespace"]).collect();
    assert_eq!(namespaces, [&json!("a"), &Value::Null, &Value::Null]);
    assert!(verdicts[2]["notes"][0].as_str().expect("a note").contains("no kind that is known"));
}

#[test]
fn what_cannot_be_read_is_no_refusal() {
    let place = Place::with(&[("good.yaml", HARDENED), ("bad.yaml", "a: [1\n"), ("other.yaml", "just: text\n")]);
    let done = place.kspec(&["vet", ".", "--pss", "restricted"]).ends(6);
    done.says(&["1 object: 1 admitted, 0 refused", "bad.yaml:", "other.yaml:1:1: is no Kubernetes object"]);
    place.kspec(&["vet", "missing.yaml", "--pss", "restricted"]).ends(6).says(&["missing.yaml"]);
}

#[test]
fn wrong_usage() {
    let place = Place::with(&[("good.yaml", HARDENED)]);
    place.kspec(&["vet"]).ends(64);
    place.kspec(&["vet", "good.yaml"]).ends(64).says(&["--project", "--pss"]);
    place.kspec(&["vet", "good.yaml", "--pss", "strict"]).ends(64);
    place.kspec(&["vet", "good.yaml", "--pss", "baseline", "--pss-version", "v2"]).ends(64).says(&["v1.0 to v1.36"]);
}

#[test]
fn namespaces_of_a_project() {
    let module = "namespace shop { pod_security: { enforce: baseline, warn: restricted } }\nnamespace open { pod_security: privileged }\n";
    let elsewhere = POD.replace("namespace: shop", "namespace: elsewhere");
    let open = POD.replace("namespace: shop", "namespace: open");
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: { name: own, labels: { pod-security.kubernetes.io/enforce: restricted } }\n";
    let own = format!("{}{namespace}", POD.replace("namespace: shop", "namespace: own"));
    let place = Place::with(&[
        ("kspec.toml", PROJECT),
        ("main.kspec", module),
        ("k8s/1.yaml", POD),
        ("k8s/2.yaml", &elsewhere),
        ("k8s/3.yaml", &open),
        ("k8s/4.yaml", &own),
    ]);
    let done = place.kspec(&["vet", "k8s", "--project", ".", "--as-of", DAY, "-o", "json"]).ends(1);
    let verdicts = lines(&done);
    let allowed: Vec<&Value> = verdicts.iter().map(|verdict| &verdict["allowed"]).collect();
    assert_eq!(allowed, [true, true, true, false, true]);
    assert_eq!(verdicts[0]["warnings"].as_array().expect("a list").len(), 4);
    assert_eq!(verdicts[0]["warnings"][0]["source"], "restricted:v1.36");
    assert!(verdicts[1]["notes"][0].as_str().expect("a note").contains("`elsewhere` is not known"));
    assert_eq!(verdicts[3]["violations"][0]["control"], "allowPrivilegeEscalation");
}

#[test]
fn manifests_of_a_project_are_checked() {
    let settings = format!("{PROJECT}manifests = [\"k8s\"]\n");
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web, namespace: shop }}\nspec:\n  selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    spec: {PRIVILEGED}\n"
    );
    let module = "namespace shop { pod_security: baseline }\nworkload web in shop from deployment \"web\"\n";
    let place = Place::with(&[("kspec.toml", &settings), ("main.kspec", module), ("k8s/web.yaml", &deployment)]);
    let document = place.kspec(&["check", "-o", "json", "--as-of", DAY]).ends(1).json();
    let findings = document["findings"].as_array().expect("a list");
    let finding = findings.iter().find(|finding| finding["code"] == "K0302").expect("K0302");
    assert_eq!(finding["labels"][0]["file"], "main.kspec");
    assert_eq!(finding["labels"][0]["line"], 2);
    let files: Vec<&Value> = finding["labels"].as_array().expect("a list").iter().map(|label| &label["file"]).collect();
    assert!(files.contains(&&json!("k8s/web.yaml")), "{files:?}");
    let witness = finding["witness"].as_array().expect("a list");
    assert!(witness[0].as_str().expect("text").starts_with("hostNamespaces, at spec.template.spec.hostNetwork: "));
    // Mended, nothing is left to say.
    place.write("k8s/web.yaml", deployment.replace(PRIVILEGED, "{ containers: [{ name: c, image: c }] }"));
    let mended = place.kspec(&["check", "-o", "json", "--as-of", DAY]).ends(0).json();
    assert!(mended["findings"].as_array().expect("a list").iter().all(|finding| finding["code"] != "K0302"));
}

const RULES: &str = "namespace shop {
  limits container { default: { memory: 256Mi }, default_request: { memory: 128Mi } }
}
/// Pods name a team.
rule team(key: String) on Pod {
  severity: high
  deny if !object.metadata.labels[key].exists() because \"no {key} label\"
}
rule registries(prefix: String, names: List<String>) on Pod =
    rego(\"policies/registries.rego\", severity: critical, controls: [\"CIS 5.5.1\"])
rule memory on Pod {
  severity: low
  for c in all_containers {
    deny if !c.resources.limits.memory.exists() because \"{c.name} has no memory limit\"
  }
}
mutation labelled on Pod {
  default object.metadata.labels.tier: \"web\"
}
rule tiered on Pod {
  deny if object.metadata.labels.tier != \"web\" because \"no web tier\"
}
enforce team(\"team\"), registries(\"example.com/\", [\"c\"]), memory, labelled, tiered in shop
warn memory in elsewhere until 2026-10-01 then enforce

namespace elsewhere {}
";

const REGISTRIES: &str = "package registries

violation[{\"msg\": msg}] {
  container := input.review.object.spec.containers[_]
  container.name == input.parameters.names[_]
  not startswith(container.image, input.parameters.prefix)
  msg := sprintf(\"%v is not from %v\", [container.image, input.parameters.prefix])
}
";

fn ruled(pod: &str) -> Place {
    let webhook = "[admission.webhook]\ncert_manager = \"kspec-system/kspec-webhook\"\n";
    Place::with(&[
        ("kspec.toml", &format!("{PROJECT}{webhook}")),
        ("main.kspec", RULES),
        ("policies/registries.rego", REGISTRIES),
        ("pod.yaml", pod),
    ])
}

#[test]
fn rules_mutations_and_rego_of_a_project() {
    let place = ruled(&POD.replace("example.com/c", "docker.io/c"));
    let vet = ["vet", "pod.yaml", "--project", ".", "--as-of", DAY];
    let human = place.kspec(&vet).ends(1);
    assert_eq!(
        human.out,
        "pod.yaml:1: Pod shop/bare: refused\n  team (high): no team label\n    at metadata.labels\n  registries (critical): docker.io/c is not from example.com/\n1 object: 0 admitted, 1 refused\n"
    );
    assert!(human.err.contains("a stage of memory ended on 2026-10-01"), "{}", human.err);
    let done = place.kspec(&[&vet[..], &["-o", "json"]].concat()).ends(1);
    let verdict = &lines(&done)[0];
    let severities: Vec<&Value> =
        verdict["violations"].as_array().expect("a list").iter().map(|violation| &violation["severity"]).collect();
    assert_eq!(severities, ["high", "critical"]);
    assert_eq!(verdict["violations"][0]["source"], "main.kspec:5");

    let log = place.kspec(&[&vet[..], &["-o", "sarif"]].concat()).ends(1).json();
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "registries");
    assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["security-severity"], "9.5");
    assert_eq!(run["results"][0]["ruleId"], "team");
    assert_eq!(run["results"][0]["level"], "error");
    assert_eq!(run["results"][0]["properties"]["severity"], "high");
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "pod.yaml");

    let good = POD.replace("name: bare,", "name: bare, labels: { team: a },");
    ruled(&good).kspec(&vet).ends(0).says(&["1 object: 1 admitted, 0 refused"]);
}

#[test]
fn what_a_limit_range_fills_in_is_there_and_nowhere_else() {
    let good = POD.replace("name: bare,", "name: bare, labels: { team: a, tier: web },");
    let elsewhere = good.replace("namespace: shop", "namespace: elsewhere");
    let place = ruled(&elsewhere);
    let vet = ["vet", "pod.yaml", "--project", ".", "--as-of", DAY];
    place.kspec(&vet).ends(1).says(&["memory (low): c has no memory limit"]);
    // A range among the manifests counts as the project's own does.
    let range = "---\napiVersion: v1\nkind: LimitRange\nmetadata: { name: r, namespace: elsewhere }\nspec: { limits: [{ type: Container, max: { memory: 1Gi } }] }\n";
    place.write("pod.yaml", format!("{elsewhere}{range}"));
    place.kspec(&vet).ends(0);
}

#[test]
fn what_a_limit_range_refuses_of_pods_and_of_what_stamps_them() {
    let place = Place::with(&[
        ("kspec.toml", PROJECT),
        ("main.kspec", "namespace shop {}\n"),
        (
            "range.yaml",
            "apiVersion: v1\nkind: LimitRange\nmetadata: { name: r, namespace: shop }\nspec: { limits: [{ type: Container, min: { cpu: 200m } }, { type: Pod, max: { memory: 1Gi } }] }\n",
        ),
        (
            "job.yaml",
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: j, namespace: shop }\nspec: { schedule: '@daily', jobTemplate: { spec: { template: { spec: { restartPolicy: Never, initContainers: [{ name: i, image: i, restartPolicy: Always, resources: { limits: { cpu: 1, memory: 600Mi } } }], containers: [{ name: c, image: c, resources: { requests: { cpu: 100m }, limits: { memory: 600Mi } } }] } } } } }\n",
        ),
    ]);
    let vet = ["vet", "job.yaml", "range.yaml", "--project", ".", "--as-of", DAY];
    let human = place.kspec(&vet).ends(1);
    assert_eq!(
        human.out,
        "job.yaml:1: CronJob shop/j: refused\n  LimitRange shop/r: minimum cpu usage per Container is 200m, but request is 100m\n    at spec.jobTemplate.spec.template.spec.containers[0].resources\n  LimitRange shop/r: maximum memory usage per Pod is 1Gi, but limit is 1200Mi\n2 objects: 1 admitted, 1 refused\n"
    );
    let log = place.kspec(&[&vet[..], &["-o", "sarif"]].concat()).ends(1).json();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "LimitRange");
}

#[test]
fn what_the_server_does_not_take_as_it_is_written() {
    let place = Place::with(&[
        ("typo.yaml", &HARDENED.replace("allowPrivilegeEscalation", "allowPrivilegeEscalatoin")),
        ("type.yaml", &HARDENED.replace("runAsNonRoot: true", "runAsNonRoot: \"yes\"")),
        (
            "late.yaml",
            &HARDENED.replace("  containers:\n", "  ephemeralContainers: [{ name: e, image: e }]\n  containers:\n"),
        ),
    ]);
    let of = |file: &str| {
        let done = place.kspec(&["vet", file, "--pss", "privileged", "-o", "json"]).ends(1);
        let verdict = lines(&done).remove(0);
        (verdict["violations"][0]["path"].clone(), verdict["violations"][0]["message"].clone())
    };
    assert_eq!(
        of("typo.yaml"),
        (
            json!("spec.containers[0].securityContext.allowPrivilegeEscalatoin"),
            json!("unknown field, did you mean `allowPrivilegeEscalation`")
        )
    );
    assert_eq!(
        of("type.yaml"),
        (json!("spec.securityContext.runAsNonRoot"), json!("expected a boolean, found a string"))
    );
    assert_eq!(of("late.yaml").0, "spec.ephemeralContainers");
}
