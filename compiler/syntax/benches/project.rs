//! Parsing and formatting a project of 10,000 declarations in 200 files, about 2 MB. `baseline` reads every byte once,
//! so that the ratio tells more than the time on a busy machine.

use std::fmt::Write as _;

use divan::Bencher;

fn main() {
    divan::main();
}

/// 200 modules of 50 declarations each.
fn project() -> Vec<String> {
    (0..200).map(module).collect()
}

fn module(n: usize) -> String {
    let mut text = format!("use std.roles.{{viewer}}\nuse std.networks.{{default_deny, dns}}\n\n// Module {n}.\n");
    for i in 0..8 {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "/// What service {i} of module {n} needs, and no more.\n\
             namespace shop_{n}_{i} {{\n  labels: {{ team: \"team-{n}\", environment: environment, \"kspec.dev/tier\": \"gold\" }}\n  \
             pod_security: restricted  // the default of this project\n  automount_token: false\n  \
             quota {{ pods: 50, requests.cpu: 20, requests.memory: 40Gi }}\n}}\n\n\
             workload api_{i} in shop_{n}_{i} {{ pods: {{ app: \"api\", part: \"p{i}\" }}, ports: {{ http: 8080, metrics: 9090 }} }}\n\
             workload db_{i} in shop_{n}_{i} from stateful_set \"db-{i}\"\n\n\
             /// Releases are made by the pipeline.\n\
             role release_{i} in shop_{n}_{i} {{\n  allow get, list, watch on pods, pods/log, services, configmaps, deployments.apps\n  \
             allow patch, update on deployments.apps/scale\n  allow get on secrets named \"api-tls\", \"db-tls\"\n}}\n\
             grant release_{i} to devs, group \"oidc:sre\"\n\n\
             network in shop_{n}_{i} {{\n  default deny\n  allow api_{i} -> db_{i} : 5432/tcp\n  allow all -> dns\n  \
             allow api_{i} -> cidr 10.20.0.0/16 except 10.20.5.0/24 : 443/tcp, 8000..8100/tcp\n}}\n\n"
        );
    }
    text
}

#[divan::bench]
fn baseline(bencher: Bencher) {
    let files = project();
    bencher.bench(|| files.iter().flat_map(|f| f.bytes()).fold(0_u32, |sum, b| sum.wrapping_add(u32::from(b))));
}

#[divan::bench]
fn split(bencher: Bencher) {
    let files = project();
    bencher.bench(|| files.iter().map(|f| kspec_syntax::split(f).len()).sum::<usize>());
}

#[divan::bench]
fn parse(bencher: Bencher) {
    let files = project();
    bencher.bench(|| files.iter().map(|f| kspec_syntax::parse_module(f)).collect::<Vec<_>>());
}

#[divan::bench]
fn format(bencher: Bencher) {
    let files = project();
    bencher.bench(|| files.iter().map(|f| kspec_syntax::format_lossy(f).len()).sum::<usize>());
}

/// One keystroke inside one declaration.
#[divan::bench]
fn one_item(bencher: Bencher) {
    let file = module(0);
    let items = kspec_syntax::split(&file);
    let text = items.iter().map(|item| item.text).find(|text| text.contains("role ")).unwrap_or_default();
    bencher.bench(|| kspec_syntax::parse_item(text));
}
