//! 4,500 small pods in files of their own by `restricted`, with reading them alone as the baseline.
#![expect(clippy::expect_used, reason = "a bench without its input has nothing to measure")]

use std::{fs, sync::Arc};

use kspec_model::program::PodSecurityLevel;
use kspec_schema::{KubeVersion, Schema};
use kspec_vet::{Standard, Standards, Vet};

fn main() {
    divan::main();
}

const PODS: usize = 4_500;

fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for n in 0..PODS {
        let escalates = n % 7 == 0;
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-{n}\n  namespace: team-{}\n  labels: {{app: web, tier: front}}\nspec:\n  serviceAccountName: web\n  securityContext:\n    runAsNonRoot: true\n    seccompProfile: {{type: RuntimeDefault}}\n  containers:\n  - name: main\n    image: registry.example.com/web:1.2.3\n    ports:\n    - containerPort: 8080\n      name: http\n    resources:\n      limits: {{memory: 256Mi}}\n    securityContext:\n      allowPrivilegeEscalation: {escalates}\n      capabilities: {{drop: [ALL]}}\n    livenessProbe:\n      httpGet: {{path: /healthz, port: http}}\n  volumes:\n  - name: tmp\n    emptyDir: {{}}\n",
            n % 50
        );
        fs::write(folder.path().join(format!("{n}.yaml")), text).expect("a file");
    }
    folder
}

/// As `kspec vet --pss restricted` does, the library compiled anew each time.
#[divan::bench(sample_count = 10)]
fn judged(bencher: divan::Bencher<'_, '_>) {
    let folder = files();
    bencher.bench_local(|| {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        let standards = Standards::new(Arc::clone(&schema), kspec_stdlib::FILES);
        let level = Standard::Given { level: PodSecurityLevel::Restricted, minor: KubeVersion::NEWEST.minor() };
        let mut vet = Vet::new(schema, standards, level);
        let (files, _) = kspec_state::manifest_files(&[folder.path().to_owned()]);
        let mut refused = 0;
        for file in &files {
            for document in kspec_state::read_manifest_file(file).0 {
                refused += usize::from(!vet.judge(document).expect("the library compiles").allowed);
            }
        }
        assert_eq!(refused, PODS.div_ceil(7));
    });
}

/// The files read and parsed, nothing judged.
#[divan::bench(sample_count = 10)]
fn read_alone(bencher: divan::Bencher<'_, '_>) {
    let folder = files();
    bencher.bench_local(|| {
        let (files, _) = kspec_state::manifest_files(&[folder.path().to_owned()]);
        files.iter().map(|file| kspec_state::read_manifest_file(file).0.len()).sum::<usize>()
    });
}

/// The library's standard compiled, which is what one small file waits for.
#[divan::bench]
fn standard_compiled() {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let table = kspec_compiler::pod_security(PodSecurityLevel::Restricted, 36, &schema, kspec_stdlib::FILES);
    divan::black_box(table.expect("the library compiles"));
}
