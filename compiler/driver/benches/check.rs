//! Checking whole projects of 1,000, 10,000 and 50,000 declarations in 200 files, and re-checking after an edit inside one
//! declaration. Parsing the same text alone is the baseline of the same run.

use std::sync::Arc;

use divan::Bencher;
use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_model::program::Date;
use kspec_schema::Schema;

const FILES: usize = 200;

const CONFIG: &str = r#"
name = "bench"
edition = "2026"
kubernetes = "1.36"
[network]
pods = ["10.244.0.0/16"]
services = ["10.96.0.0/12"]
nodes = ["192.168.10.0/24"]
"#;

fn main() {
    divan::main();
}

/// Tenants of ten declarations each, spread over the files; every file but the first uses names of the one before it.
fn sources(declarations: usize) -> Vec<(String, String)> {
    let tenants = (declarations / 10).max(1);
    let mut files: Vec<String> = vec![String::new(); FILES.min(tenants)];
    let count = files.len();
    for (tenant, n) in (0..tenants).zip((0..count).cycle()) {
        let Some(file) = files.get_mut(n) else { continue };
        file.push_str(&format!(
            r#"/// Tenant {tenant}.
namespace t{tenant} {{
  labels: {{ team: "team-{tenant}" }}
  pod_security: restricted
  quota {{ pods: 50, requests.cpu: 20, requests.memory: 40Gi }}
}}

service_account app{tenant} in t{tenant} {{ automount_token: false }}

workload web{tenant} in t{tenant} {{ pods: {{ app: "web" }}, ports: {{ http: 8080 }}, service_account: app{tenant} }}

workload db{tenant} in t{tenant} {{ pods: {{ app: "db" }}, ports: {{ pg: 5432 }} }}

group devs{tenant} = "oidc:team-{tenant}"

/// What a release needs.
role release{tenant} in t{tenant} {{
  allow get, list, watch on pods, pods/log, services, configmaps, deployments.apps
  allow patch on deployments.apps/scale
  allow get on secrets named "web-tls"
}}

/// Developers release.
grant release{tenant} to devs{tenant}

/// The application reads its own release.
grant release{tenant} to app{tenant}

/// They look.
grant view in t{tenant} to devs{tenant}

network in t{tenant} {{
  default deny
  allow web{tenant} -> db{tenant} : pg
  allow all -> dns
}}

"#
        ));
    }
    files.into_iter().zip(0..).map(|(text, n): (String, usize)| (format!("m{n}.kspec"), text)).collect()
}

fn facts() -> Option<Facts> {
    let config = parse_config("kspec.toml", CONFIG).ok()?;
    Some(Facts {
        schema: Schema::bundled(config.kubernetes),
        config,
        manifests: Vec::new(),
        environment: None,
        as_of: Date { year: 2026, month: 11, day: 21 },
        library: kspec_stdlib::FILES,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    })
}

fn checked(sources: &[(String, String)]) -> Option<Compiler> {
    let mut compiler = Compiler::new(facts()?);
    for (path, text) in sources {
        compiler.set_source(path, text.as_str());
    }
    compiler.check();
    Some(compiler)
}

#[divan::bench(args = [1_000, 10_000, 50_000], sample_count = 10)]
fn parse_alone(bencher: Bencher<'_, '_>, declarations: usize) {
    let sources = sources(declarations);
    bencher.bench_local(|| sources.iter().map(|(_, text)| kspec_syntax::parse_module(text).items.len()).sum::<usize>());
}

#[divan::bench(args = [1_000, 10_000, 50_000], sample_count = 10)]
fn check(bencher: Bencher<'_, '_>, declarations: usize) {
    let sources = sources(declarations);
    bencher.bench_local(|| checked(&sources).is_some());
}

/// As `check`, and everything that the project's cluster shows, two guarantees a tenant proved.
#[divan::bench(args = [1_000, 10_000], sample_count = 10)]
fn prove(bencher: Bencher<'_, '_>, declarations: usize) {
    let mut sources = sources(declarations);
    let count = sources.len().max(1);
    for (tenant, n) in (0..declarations / 10).zip((0..count).cycle()) {
        let Some((_, text)) = sources.get_mut(n) else { continue };
        text.push_str(&format!(
            "never devs{tenant} can list, watch on secrets in t{tenant}\nnever internet reaches db{tenant}\n"
        ));
    }
    bencher.bench_local(|| {
        let mut compiler = Compiler::new(facts()?);
        for (path, text) in &sources {
            compiler.set_source(path, text.as_str());
        }
        Some(compiler.prove().findings.len())
    });
}

/// An edit inside one role of the project, and everything that `check` says after it.
#[divan::bench(args = [10_000], sample_count = 50)]
fn recheck_after_an_edit(bencher: Bencher<'_, '_>, declarations: usize) {
    let sources = sources(declarations);
    let (Some(mut compiler), Some((path, before))) = (checked(&sources), sources.get(100)) else { return };
    let before: Arc<str> = Arc::from(before.as_str());
    let after: Arc<str> = Arc::from(before.replacen(
        "allow patch on deployments.apps/scale",
        "allow patch, update on deployments.apps/scale",
        1,
    ));
    let mut edited = false;
    bencher.bench_local(|| {
        edited = !edited;
        compiler.set_source(path, Arc::clone(if edited { &after } else { &before }));
        compiler.check().len()
    });
}
