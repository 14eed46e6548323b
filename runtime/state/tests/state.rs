//! Directories, snapshots and manifests, as files that people have.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::{fs, path::Path};

use kspec_model::ObjectKey;
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{
    ManifestDoc, Part, Problem, ProblemKind, State, read_directory, read_manifests, read_path, read_snapshot,
};
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn read(files: &[(&str, &[u8])]) -> (State, Vec<Problem>) {
    let folder = folder(files);
    let (state, mut problems) = read_directory(folder.path(), &Schema::bundled(KubeVersion::NEWEST));
    let root = format!("{}/", folder.path().display());
    for problem in &mut problems {
        problem.file = problem.file.replace(&root, "").into();
        problem.message = problem.message.replace(&root, "");
    }
    (state, problems)
}

fn keys(state: &State) -> Vec<String> {
    state.keys().map(ToString::to_string).collect()
}

fn key(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectKey {
    ObjectKey { group: group.into(), kind: kind.into(), namespace: namespace.map(Into::into), name: name.into() }
}

fn place(state: &State, key: &ObjectKey) -> String {
    match &state.get(key).unwrap().place {
        kspec_diagnostics::Place::File { path, line, .. } => {
            format!("{}:{line}", Path::new(&**path).file_name().unwrap().to_str().unwrap())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_directory_is_read_with_its_places() {
    let (state, problems) = read(&[
        (
            "app/all.yaml",
            b"# a comment\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n",
        ),
        (
            "list.yml",
            b"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata: {name: a, namespace: shop}\n- apiVersion: rbac.authorization.k8s.io/v1\n  kind: ClusterRole\n  metadata: {name: r, namespace: wrong}\n",
        ),
        ("pods.json", br#"{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"p","namespace":"shop"}}]}"#),
        (
            "crd.yaml",
            b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gizmos.x.io}\nspec: {group: x.io, names: {kind: Gizmo}, scope: Namespaced}\n---\napiVersion: x.io/v1\nkind: Gizmo\nmetadata: {name: g}\n",
        ),
        (".git/config.yaml", b"not: [read"),
        ("Chart.yaml", b"apiVersion: v2\nname: shop\n"),
        ("readme.txt", b"{{ not a manifest"),
    ]);
    assert_eq!(problems, []);
    assert_eq!(
        keys(&state),
        [
            "Namespace shop",
            "Pod shop/p",
            "ServiceAccount shop/a",
            "CustomResourceDefinition.apiextensions.k8s.io gizmos.x.io",
            "Deployment.apps default/web",
            "ClusterRole.rbac.authorization.k8s.io r",
            "Gizmo.x.io default/g",
        ]
    );
    assert_eq!(place(&state, &key("apps", "Deployment", Some("default"), "web")), "all.yaml:9");
    assert_eq!(place(&state, &key("rbac.authorization.k8s.io", "ClusterRole", None, "r")), "list.yml:7");
    assert_eq!(place(&state, &key("", "Namespace", None, "shop")), "all.yaml:3");
}

#[test]
fn every_bad_file_is_named_with_its_remedy_and_hides_no_other() {
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let alias = format!("*a{n}");
        format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, [alias.as_str(); 9].join(","))
    });
    let deep = format!("a: {}{}", "[".repeat(150), "]".repeat(150));
    let deep_json = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let (state, problems) = read(&[
        ("bomb.yaml", bomb.as_bytes()),
        ("deep.yaml", deep.as_bytes()),
        ("deep.json", deep_json.as_bytes()),
        ("latin1.yaml", b"kind: Pod\nmetadata: {name: caf\xe9}\n"),
        ("broken.yaml", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: before}\n---\nkind: [unclosed\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: after}\n"),
        ("broken.json", b"{\n  \"kind\": \"Pod\",,\n}"),
        ("no-kind.yaml", b"\n\nreplicas: 3\n"),
        ("no-name.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {}\n"),
        ("twice.yaml", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: one, labels: {second: \"true\"}}\n"),
        ("double-key.yaml", b"apiVersion: v1\nkind: Pod\nkind: Service\nmetadata: {name: x}\n"),
        ("templates/deployment.yaml", b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"),
        ("templates/quoted.yaml", b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"{{ .Release.Name }}-web\"\n"),
        ("templates/if.yaml", b"{{- if .Values.on }}\nkind: Pod\n{{- end }}\n"),
        ("fine.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alert}\ndata: {text: \"{{ $labels.pod }} is down\"}\n"),
    ]);
    assert_eq!(keys(&state), ["ConfigMap default/alert", "Namespace after", "Namespace before", "Namespace one"]);
    assert!(state.get(&key("", "Namespace", None, "one")).unwrap().object.labels().is_empty());
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
    assert_eq!(problems.iter().filter(|problem| !problem.is_error()).count(), 3);
}

#[test]
fn a_huge_file_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("huge.yaml")).unwrap();
    file.set_len(kspec_state::MAX_FILE_BYTES + 1).unwrap();
    let (state, problems) = read_directory(folder.path(), &Schema::bundled(KubeVersion::NEWEST));
    assert!(state.objects.is_empty());
    assert_eq!(problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), [ProblemKind::TooLarge]);
}

#[test]
fn a_path_that_is_not_there_is_a_problem() {
    let problem =
        read_path(Path::new("/no/such/folder"), &Schema::bundled(KubeVersion::NEWEST), Part::Whole).unwrap_err();
    assert_eq!(problem.to_string(), "/no/such/folder:1:1: there is no such file or folder (check the path)");
}

const SECRET: &[u8] = b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"password\":\"aHVudGVyMg==\"}}'\ndata: {password: aHVudGVyMg==}\nstringData: {token: hunter2}\n";
const ENCRYPTION: &[u8] = b"apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n  - aescbc: {keys: [{name: key1, secret: aHVudGVyMg==}]}\n  - identity: {}\n";

#[test]
fn secret_material_is_nowhere_in_a_state() {
    let (state, problems) = read(&[("secret.yaml", SECRET), ("encryption.yaml", ENCRYPTION)]);
    assert_eq!(problems, []);
    let everything = format!("{state:?}{}", state.to_snapshot());
    assert!(!everything.contains("hunter2") && !everything.contains("aHVudGVyMg"), "{everything}");
    assert!(everything.contains("password") && everything.contains("token") && everything.contains("key1"));
}

#[test]
fn the_api_servers_flags_are_read_from_its_static_pod() {
    let (state, problems) = read(&[(
        "kube-apiserver.yaml",
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system, labels: {component: kube-apiserver}}\nspec:\n  containers:\n  - name: kube-apiserver\n    image: registry.k8s.io/kube-apiserver:v1.36.3\n    command: [kube-apiserver, --anonymous-auth=false, --profiling, --v, \"2\", --tls-cipher-suites=A, --tls-cipher-suites=B]\n",
    )]);
    assert_eq!(problems, []);
    assert_eq!(state.version.as_deref(), Some("v1.36.3"));
    insta::assert_json_snapshot!(state.host.flags, @r#"
    {
      "anonymous-auth": [
        "false"
      ],
      "profiling": [
        "true"
      ],
      "tls-cipher-suites": [
        "A",
        "B"
      ],
      "v": [
        "2"
      ]
    }
    "#);
}

#[test]
fn a_snapshot_reads_back_as_the_same_state() {
    let (mut state, _) = read(&[
        ("secret.yaml", SECRET),
        ("encryption.yaml", ENCRYPTION),
        ("ns.yaml", b"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, resourceVersion: \"7\", managedFields: [{manager: kspec.shop, time: \"2026-01-01T00:00:00Z\"}]}\nstatus: {phase: Active}\n"),
    ]);
    state.unread.push("pods: forbidden".to_owned());
    let text = state.to_snapshot();
    let folder = folder(&[("state.json", text.as_bytes())]);
    let (again, problems) =
        read_path(&folder.path().join("state.json"), &Schema::bundled(KubeVersion::NEWEST), Part::Whole).unwrap();
    assert_eq!(problems, []);
    assert_eq!(keys(&again), keys(&state));
    assert_eq!(again.host.files.values().collect::<Vec<_>>(), state.host.files.values().collect::<Vec<_>>());
    assert_eq!(again.unread, state.unread);
    let strip =
        |text: &str| text.lines().filter(|line| !line.starts_with("  \"source\"")).collect::<Vec<_>>().join("\n");
    assert_eq!(strip(&again.to_snapshot()), strip(&text));
    let namespace = again.get(&key("", "Namespace", None, "shop")).unwrap();
    insta::assert_compact_json_snapshot!(namespace.object.0, @r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"managedFields": [{"manager": "kspec.shop"}], "name": "shop"}}"#);
}

#[test]
fn of_a_snapshot_what_access_takes_can_be_read_alone() {
    let objects = [
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: []}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver-a, namespace: kube-system}\nspec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --authorization-mode=Node]}]}\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\naggregationRule: {clusterRoleSelectors: []}\nrules: []\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {}\n",
    ];
    let (state, _) = read(&[("all.yaml", objects.join("---\n").as_bytes())]);
    let folder = folder(&[("state.json", state.to_snapshot().as_bytes())]);
    let part = |part: Part| read_snapshot(&folder.path().join("state.json"), part).unwrap();
    assert_eq!(keys(&part(Part::Whole)), keys(&state));
    let access = part(Part::Access);
    let names: Vec<_> = access.keys().map(|key| key.name.clone()).collect();
    assert_eq!(names, ["kube-apiserver-a", "r"]);
    assert_eq!(access.host.flags, state.host.flags);
    assert_eq!(
        access.get(&key("rbac.authorization.k8s.io", "ClusterRole", None, "r")).unwrap().object,
        state.get(&key("rbac.authorization.k8s.io", "ClusterRole", None, "r")).unwrap().object
    );
}

#[test]
fn a_damaged_or_foreign_snapshot_says_so() {
    let folder = folder(&[
        ("cut.json", b"{\n\"format_version\": 1,\n\"kind\": \"kspec-snapshot\", \"obj"),
        ("newer.json", br#"{"format_version":2,"kind":"kspec-snapshot","version":null,"source":{"directory":"x"},"unread":[],"host":{"files":{},"flags":null},"objects":[]}"#),
    ]);
    let of = |name: &str| read_snapshot(&folder.path().join(name), Part::Whole).unwrap_err();
    assert_eq!((of("cut.json").kind, of("cut.json").line), (ProblemKind::Snapshot, 3));
    assert!(of("newer.json").message.contains("format 2"), "{}", of("newer.json"));
}

#[test]
fn manifests_are_named_relative_to_the_project() {
    let folder = folder(&[
        ("k8s/a.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"),
        ("k8s/sub/b.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"),
        ("other/c.yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: c}\n"),
    ]);
    let patterns = ["k8s".to_owned(), "k8s/*.yaml".to_owned(), "oth*/**/*.yaml".to_owned(), "none/*.yaml".to_owned()];
    let (documents, problems) = read_manifests(folder.path(), &patterns);
    let files: Vec<&str> = documents.iter().map(|ManifestDoc { file, .. }| &**file).collect();
    assert_eq!(files, ["k8s/a.yaml", "k8s/sub/b.yaml", "other/c.yaml"]);
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["none/*.yaml:1:1: matches no file (check the pattern; it is relative to the project's folder)"]
    );
}

#[test]
fn anchors_and_merges_mean_what_they_say() {
    let (state, problems) = read(&[(
        "anchors.yaml",
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: &n x\n  labels: &l {app: web, tier: front}\n  annotations:\n    <<: *l\n    tier: back\ndata: {name: *n, n: \"1\"}\n",
    )]);
    assert_eq!(problems, []);
    let object = &state.objects[0].object;
    insta::assert_json_snapshot!(object.0, @r#"
    {
      "apiVersion": "v1",
      "data": {
        "false": "1",
        "name": "x"
      },
      "kind": "ConfigMap",
      "metadata": {
        "annotations": {
          "app": "web",
          "tier": "back"
        },
        "labels": {
          "app": "web",
          "tier": "front"
        },
        "name": "x",
        "namespace": "default"
      }
    }
    "#);
}

mod never_panics {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn on_any_text(text in "[ \\-a-z:&*\\[\\]{}\"'|>#\n<%!0-9,?]{0,200}") {
            let folder = folder(&[("x.yaml", text.as_bytes()), ("x.json", text.as_bytes())]);
            let _ = read_directory(folder.path(), &Schema::bundled(KubeVersion::NEWEST));
        }
    }
}
