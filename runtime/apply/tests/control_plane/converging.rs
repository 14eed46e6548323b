//! From a program's text to a cluster that is as it says: plan, apply, and a plan with nothing left to do.

use std::collections::BTreeMap;

use kspec_apply::{Options, Outcome, Report, ServerDryRun, Work};
use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_model::program::Date;
use kspec_plan::{Action, Basis, Inputs, Planned, plan, refine};
use kspec_schema::Schema;
use kspec_state::live::{Cluster, Want};
use serde_json::json;

use crate::fixture::{Bench, apply_as, outcomes};

const SHOP: &str = r#"
existing namespace edge = "EDGE"
existing workload gateway in edge { pods: { app: "gateway" }, ports: { https: 8443 } }

/// Card data lives here.
namespace payments = "PAYMENTS" {
  labels: { team: "payments" }
  pod_security: restricted
  automount_token: false
  quota { pods: 50, requests.cpu: 20, requests.memory: 40Gi, limits.cpu: 40000m, limits.memory: 80Gi }
  limits container { default: { cpu: 500m, memory: 256Mi }, default_request: { cpu: 100m, memory: 128Mi } }
}

workload api in payments { pods: { app: "api" }, ports: { http: 8080 }, service_account: api_sa }
workload db in payments { pods: { app: "db" }, ports: { pg: 5432 }, service_account: db_sa }
/// Runs the API.
service_account api_sa in payments { automount_token: true }
/// Runs the database.
service_account db_sa in payments { automount_token: false }

group payments_devs = "oidc:payments-devs"

/// What a release needs.
role release in payments {
  allow get, list, watch on pods, pods/log, services, configmaps, deployments.apps
  allow patch on deployments.apps/scale
  allow get on secrets named "api-tls"
}
/// Payments releases its own work.
grant release to payments_devs
/// They look after it at night.
grant view in payments to group "oidc:sre"

network in payments {
  default deny
  allow gateway -> api : http
  allow api -> db : pg
  allow api -> cidr 10.20.0.0/16 except 10.20.5.0/24 : 443/tcp
  allow all -> dns
}
"#;

struct Project<'a> {
    bench: &'a Bench,
    cluster: &'a Cluster,
}

impl Project<'_> {
    fn text(&self) -> String {
        SHOP.replace("EDGE", &format!("{}-edge", self.bench.project())).replace("PAYMENTS", &self.bench.namespace())
    }

    fn plan(&self, text: &str, dry_run: bool) -> Planned {
        let config = parse_config(
            "kspec.toml",
            &format!(
                "name = \"{}\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n[network]\npods = [\"10.244.0.0/16\"]\n\
                 services = [\"10.96.0.0/12\"]\nnodes = [\"192.168.10.0/24\"]\n",
                self.bench.project()
            ),
        )
        .unwrap();
        let schema = Schema::bundled(config.kubernetes);
        let as_of = Date { year: 2026, month: 11, day: 21 };
        let facts = Facts {
            schema: schema.clone(),
            config,
            manifests: Vec::new(),
            environment: None,
            as_of,
            library: kspec_stdlib::FILES,
            rego: std::collections::BTreeMap::new(),
            webhook_ca: None,
        };
        let mut compiler = Compiler::new(facts);
        compiler.set_source("main.kspec", text);
        let errors: Vec<_> = compiler
            .check()
            .into_iter()
            .filter(|finding| finding.severity == kspec_diagnostics::Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let lowered = compiler.lower(&BTreeMap::new());
        let want = Want::of(lowered.objects.iter().map(|lowered| &lowered.object))
            .inventory(&self.bench.inventory.namespace, &self.bench.inventory.name);
        let state = self.cluster.read(&want).unwrap();
        let inputs = Inputs {
            program: compiler.program(),
            desired: &lowered.objects,
            host: &lowered.host.settings,
            state: &state,
            schema: &schema,
            sources: compiler.sources(),
            as_of,
        };
        let mut planned = plan(&inputs);
        if dry_run {
            refine(&mut planned, &inputs, &mut ServerDryRun::new(self.cluster, self.bench.project()));
        }
        assert!(planned.plan.refusals.is_empty(), "{:#?}", planned.plan.refusals);
        planned
    }

    fn apply(&self, planned: &Planned) -> Report {
        apply_as(self.cluster, &Work::of(planned), &Options::default()).unwrap()
    }
}

fn actions(planned: &Planned) -> Vec<String> {
    planned
        .plan
        .changes
        .iter()
        .filter(|change| change.action != Action::None)
        .map(|change| format!("{:?} {} {:?}", change.action, change.object, change.diff))
        .collect()
}

#[test]
fn after_an_apply_the_plan_is_empty_with_and_without_the_servers_help() {
    let bench = Bench::new("converge");
    let cluster = bench.admin();
    let project = Project { bench: &bench, cluster: &cluster };
    let first = project.plan(&project.text(), true);
    // Nothing of it is there: whatever lives in the new namespace is known after apply.
    assert!(first.plan.changes.iter().all(|change| change.action == Action::Create), "{:#?}", actions(&first));
    let pending = first.plan.changes.iter().filter(|change| change.basis == Basis::KnownAfterApply).count();
    assert_eq!(pending, first.plan.changes.len() - 1);

    let report = project.apply(&first);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    for dry_run in [false, true] {
        let second = project.plan(&project.text(), dry_run);
        assert_eq!(actions(&second), Vec::<String>::new(), "dry run: {dry_run}");
        assert!(second.plan.access.gained.is_empty() && second.plan.connectivity.opened.is_empty());
        let basis = if dry_run { Basis::DryRun } else { Basis::Merge };
        assert!(second.plan.changes.iter().all(|change| change.basis == basis));
        assert_eq!(project.apply(&second).changed(), 0);
    }
    let work = Work::of(&first);
    let before = bench.versions(&work);
    // Even where the plan is not believed: every object is written again, and none changes.
    let again = apply_as(&cluster, &work, &Options::default()).unwrap();
    assert_eq!(again.changed(), 0, "{:#?}", outcomes(&again));
    assert_eq!(bench.versions(&work), before);
}

#[test]
fn an_edit_changes_what_it_names_and_a_removal_prunes() {
    let bench = Bench::new("edit");
    let cluster = bench.admin();
    let project = Project { bench: &bench, cluster: &cluster };
    project.apply(&project.plan(&project.text(), true));

    let edited = project
        .text()
        .replace("allow get on secrets named \"api-tls\"\n", "")
        .replace("pods: 50", "pods: 60")
        .replace("/// They look after it at night.\ngrant view in payments to group \"oidc:sre\"\n", "")
        .replace("  allow api -> db : pg\n", "");
    let planned = project.plan(&edited, true);
    let report = project.apply(&planned);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert!(
        report.results.iter().any(|result| result.outcome == Outcome::Deleted && result.object.kind == "RoleBinding")
    );
    let role = bench.work().wanted.iter().map(|wanted| wanted.object.key()).find(|key| key.kind == "Role").unwrap();
    assert!(!bench.get(&role).unwrap()["rules"].to_string().contains("api-tls"));
    assert_eq!(actions(&project.plan(&edited, false)), Vec::<String>::new());

    // Nothing but the settings of the project left: what holds a team's data stays.
    let emptied = project.plan("", false);
    let report = project.apply(&emptied);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    let released: Vec<&str> = report
        .results
        .iter()
        .filter(|result| matches!(result.outcome, Outcome::Released { .. }))
        .map(|result| result.object.kind.as_str())
        .collect();
    assert_eq!(released, ["ServiceAccount", "ServiceAccount", "ServiceAccount", "Namespace"]);
    assert_eq!(actions(&project.plan("", false)), Vec::<String>::new());
}

#[test]
fn what_others_changed_is_put_back_and_what_they_added_stays() {
    let bench = Bench::new("drift");
    let cluster = bench.admin();
    let project = Project { bench: &bench, cluster: &cluster };
    project.apply(&project.plan(&project.text(), true));
    let mut live = bench
        .get(&kspec_model::ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: bench.namespace(),
        })
        .unwrap();
    // In the name of our own manager, as `kubectl edit --field-manager` might: no conflict, but no longer as the program says.
    live["metadata"]["labels"]["added"] = json!("by-hand");
    let path = bench.server.admin().path_of(&live).unwrap();
    bench
        .server
        .admin()
        .request("PUT", &format!("{path}?fieldManager=hand"), Some(("application/json", &live.to_string())))
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(actions(&project.plan(&project.text(), false)), Vec::<String>::new());

    let account = format!("/api/v1/namespaces/{}/serviceaccounts/db-sa", bench.namespace());
    bench.server.admin().delete(&account).unwrap().ok().unwrap();
    let planned = project.plan(&project.text(), true);
    assert_eq!(planned.plan.summary.create, 1, "{:#?}", actions(&planned));
    assert_eq!(project.apply(&planned).changed(), 1);
    assert_eq!(actions(&project.plan(&project.text(), true)), Vec::<String>::new());
    assert_eq!(bench.server.admin().get(&path).unwrap()["metadata"]["labels"]["added"], "by-hand");
}
