//! Reading a directory of 10,000 objects, and reading the bytes alone as the baseline.
#![expect(clippy::expect_used, reason = "a bench without its input has nothing to measure")]

use std::{fmt::Write as _, fs};

use kspec_schema::{KubeVersion, Schema};

fn main() {
    divan::main();
}

/// Deployments, roles, bindings and policies as `kubectl get -o yaml` writes them, `per_file` a file.
fn generate(objects: usize, per_file: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = String::new();
    for n in 0..objects {
        let namespace = n % 100;
        let (api, kind, body) = match n % 4 {
            0 => (
                "apps/v1",
                "Deployment",
                "spec:\n  replicas: 3\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels:\n        app: web\n        tier: front\n    spec:\n      serviceAccountName: web\n      containers:\n      - name: web\n        image: registry.example.com/web:1.2.3\n        ports:\n        - containerPort: 8080\n          name: http\n        resources:\n          limits: {cpu: 500m, memory: 256Mi}\n",
            ),
            1 => (
                "rbac.authorization.k8s.io/v1",
                "Role",
                "rules:\n- apiGroups: [\"\"]\n  resources: [pods, pods/log, services]\n  verbs: [get, list, watch]\n- apiGroups: [apps]\n  resources:\n  - deployments\n  verbs:\n  - get\n  - patch\n",
            ),
            2 => (
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: r\nsubjects:\n- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: devs\n",
            ),
            _ => (
                "networking.k8s.io/v1",
                "NetworkPolicy",
                "spec:\n  podSelector:\n    matchLabels:\n      app: web\n  policyTypes:\n  - Ingress\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: gateway\n    ports:\n    - port: 8080\n      protocol: TCP\n",
            ),
        };
        let _ = write!(
            text,
            "---\napiVersion: {api}\nkind: {kind}\nmetadata:\n  name: object-{n}\n  namespace: team-{namespace}\n  uid: 6f1c2d3e-0000-4000-8000-{n:012}\n  resourceVersion: \"{n}\"\n  labels:\n    app.kubernetes.io/managed-by: helm\n{body}"
        );
        if n % per_file == per_file - 1 {
            fs::write(folder.path().join(format!("{n:06}.yaml")), &text).expect("a writable folder");
            text.clear();
        }
    }
    folder
}

#[divan::bench(args = [1_000, 10_000, 50_000], sample_count = 5, sample_size = 1)]
fn read_directory(bencher: divan::Bencher, objects: usize) {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let folder = generate(objects, 20);
    bencher.bench_local(|| {
        let (state, problems) = kspec_state::read_directory(folder.path(), &schema);
        assert!(problems.is_empty() && state.objects.len() == objects);
        state
    });
}

#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn one_file(bencher: divan::Bencher, objects: usize) {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let folder = generate(objects, objects);
    bencher.bench_local(|| kspec_state::read_directory(folder.path(), &schema));
}

#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn baseline_read_bytes(bencher: divan::Bencher, objects: usize) {
    let folder = generate(objects, 20);
    bencher.bench_local(|| {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        files.map(|file| fs::read(file.path()).map_or(0, |bytes| bytes.len())).sum::<usize>()
    });
}

#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn snapshot(bencher: divan::Bencher, objects: usize) {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let folder = generate(objects, 20);
    let (state, _) = kspec_state::read_directory(folder.path(), &schema);
    bencher.bench_local(|| state.to_snapshot());
}
