//! A project of teams, each with a namespace in one file and its access in another.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::random::Random;

/// What a team declares in its own file: namespace, two accounts, three workloads, a network.
const OWN: usize = 7;
/// What it declares among accesses: a group, two roles, three grants.
const ACCESS: usize = 6;

/// The files of a project, by their paths.
pub(super) fn files(declarations: usize, files: usize, seed: u64) -> Result<BTreeMap<String, String>, String> {
    let teams = declarations / (OWN + ACCESS);
    let pairs = files / 2;
    if teams == 0 || pairs == 0 {
        return Err(format!("a project needs {} declarations and 2 files at least", OWN + ACCESS));
    }
    let mut written = BTreeMap::from([("kspec.toml".to_owned(), manifest(seed))]);
    // Each pair of files holds a run of teams; an odd file more holds nothing but a comment.
    for pair in 0..pairs {
        let run = (pair * teams / pairs)..((pair + 1) * teams / pairs);
        let (mut own, mut access) = (String::new(), String::new());
        if let Some(first) = run.clone().next() {
            let mut names = Vec::new();
            for team in run.clone() {
                names.extend([format!("t{team}"), format!("t{team}_deployer")]);
            }
            if first > 0 {
                let from = pair_of(first - 1, teams, pairs);
                if from != pair {
                    let _ = writeln!(own, "use teams.f{from}.{{t{}_web}}\n", first - 1);
                }
            }
            let _ = writeln!(access, "use teams.f{pair}.{{{}}}\n", names.join(", "));
        }
        for team in run {
            let mut random = Random::new(seed, team);
            namespace(&mut own, team, &mut random);
            roles(&mut access, team, &mut random);
        }
        if pair == 0 {
            for extra in 0..declarations - teams * (OWN + ACCESS) {
                let _ = writeln!(access, "/// Looks on.\ngrant view in t0 to group \"oidc:onlookers-{extra}\"");
            }
        }
        written.insert(format!("teams/f{pair}.kspec"), own);
        written.insert(format!("access/f{pair}.kspec"), access);
    }
    if files % 2 == 1 {
        written.insert("notes.kspec".to_owned(), "// Nothing is declared here.\n".to_owned());
    }
    Ok(written)
}

fn pair_of(team: usize, teams: usize, pairs: usize) -> usize {
    (0..pairs).find(|pair| ((pair * teams / pairs)..((pair + 1) * teams / pairs)).contains(&team)).unwrap_or_default()
}

fn manifest(seed: u64) -> String {
    format!(
        "# Made by `cargo xtask generate project`, seed {seed}.
name = \"generated\"
edition = \"2026\"
kubernetes = \"1.36\"
owner = \"platform\"

[network]
pods = [\"10.244.0.0/16\"]
services = [\"10.96.0.0/12\"]
nodes = [\"192.168.0.0/24\"]
"
    )
}

fn namespace(out: &mut String, team: usize, random: &mut Random) {
    let level = random.pick(&["baseline", "restricted"]);
    let environment = random.pick(&["dev", "staging", "prod"]);
    let (pods, cpu, memory) = (20 + random.below(80), 4 + random.below(28), 8 + random.below(56));
    let (http, pg) = (8000 + random.below(1000), 5432 + random.below(10));
    let octet = random.below(256);
    let _ = writeln!(
        out,
        "/// Team {team} owns what runs here.
namespace t{team} = \"team-{team}\" {{
  labels: {{ team: \"team-{team}\", environment: \"{environment}\" }}
  pod_security: {level}
  automount_token: false
  quota {{ pods: {pods}, requests.cpu: {cpu}, limits.memory: {memory}Gi }}
  limits container {{ default: {{ cpu: 500m, memory: 256Mi }}, default_request: {{ cpu: 100m, memory: 128Mi }} }}
}}

service_account t{team}_runner in t{team} = \"runner\" {{ automount_token: false }}
service_account t{team}_deployer in t{team} = \"deployer\" {{ automount_token: false }}

workload t{team}_web in t{team} {{ pods: {{ app: \"web\" }}, ports: {{ http: {http} }} }}
workload t{team}_api in t{team} {{ pods: {{ app: \"api\" }}, ports: {{ http: {http} }}, service_account: t{team}_runner }}
workload t{team}_db in t{team} {{ pods: {{ app: \"db\" }}, ports: {{ pg: {pg} }} }}

network in t{team} {{
  default deny
  allow t{team}_web -> t{team}_api : http
  allow t{team}_api -> t{team}_db : pg
  allow t{team}_web -> cidr 10.{octet}.0.0/16 : 443/tcp"
    );
    if let Some(before) = team.checked_sub(1) {
        let _ = writeln!(out, "  allow t{before}_web -> t{team}_web : http");
    }
    let _ = writeln!(out, "  allow all -> dns\n}}\n");
}

fn roles(out: &mut String, team: usize, random: &mut Random) {
    let written = random.pick(&["deployments.apps", "statefulsets.apps", "daemonsets.apps"]);
    let verbs = random.pick(&["patch", "patch, update", "create, patch"]);
    let read = random.pick(&["services", "services, endpointslices.discovery.k8s.io", "jobs.batch, cronjobs.batch"]);
    let secret = random.pick(&["api-tls", "db-tls", "registry"]);
    let _ = writeln!(
        out,
        "group t{team}_devs = \"oidc:team-{team}\"

/// What a release of team {team} needs.
role t{team}_release in t{team} = \"release\" {{
  allow get, list, watch on pods, configmaps, {written}
  allow {verbs} on {written}
  allow get on secrets named \"{secret}\"
}}

/// What team {team} looks at.
role t{team}_look in t{team} = \"look\" {{
  allow get, list, watch on pods, pods/log, {read}
}}

/// Releases are made by the pipeline.
grant t{team}_release to t{team}_deployer
/// The team sees what it runs.
grant t{team}_look to t{team}_devs
/// And what the namespace says.
grant view in t{team} to t{team}_devs
"
    );
}
