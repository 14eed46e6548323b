//! What is nowhere in a whole cluster in which something runs beside its own components: K0523, K0524, K0805 and K0901. Of a program
//! alone nothing is missing: the rest of its cluster is not in sight.

use kspec_diagnostics::{Code, Finding, Place, codes};
use serde_json::Value;

use crate::{Survey, limits::SYSTEM};

/// Repositories, or the ends of their names, of what scans images for known vulnerabilities: as the projects' own manifests and
/// charts have them.
const SCANNERS: &[&str] = &[
    "anchore/enterprise",
    "anchore-engine",
    "aquasec/scanner",
    "clair",
    "harbor-core",
    "kubescape",
    "kubevuln",
    "neuvector/scanner",
    "snyk/kubernetes-monitor",
    "starboard-operator",
    "trivy",
    "trivy-operator",
];

/// Likewise of what watches system calls at run time.
const WATCHERS: &[&str] = &[
    "aquasec/enforcer",
    "falco",
    "falco-no-driver",
    "falcon-sensor",
    "inspektor-gadget",
    "kubearmor",
    "kubescape/node-agent",
    "neuvector/enforcer",
    "security-profiles-operator",
    "stackrox-io/collector",
    "sysdig/agent",
    "tetragon",
    "tracee",
];

/// Groups of the custom kinds that scanners bring along.
const SCANNED: [&str; 3] = ["aquasecurity.github.io", "spdx.softwarecomposition.kubescape.io", "wgpolicyk8s.io"];

/// Where a finding of the whole cluster stands.
fn cluster() -> Place {
    Place::Object("the cluster".into())
}

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    let Some(control_plane) = &survey.control_plane else { return };
    // Of a cluster that only runs itself nothing is asked yet.
    if !survey.cluster.workloads.keys().any(|key| key.namespace.as_deref().is_some_and(|name| !SYSTEM.contains(&name)))
    {
        return;
    }
    let seen = |resources: &[&str]| survey.unread_of(resources).is_empty();
    let mut tell = |code: Code, what: &str, witness: String, help: &str| {
        findings.push(Finding::new(code, what, cluster()).witness(vec![witness]).help(help));
    };
    if seen(&["validatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"])
        && !any(survey, |group, kind| {
            group == "admissionregistration.k8s.io"
                && matches!(kind, "ValidatingWebhookConfiguration" | "ValidatingAdmissionPolicyBinding")
        })
    {
        tell(
            codes::NO_ADMISSION_RULES,
            "no admission rule judges anything in this cluster",
            "a pod of any image, from any registry, is admitted where its namespace's Pod Security level lets it"
                .to_owned(),
            "bind rules of `std.admission`: `enforce trusted_registries([…]), no_latest_tag`",
        );
    }
    if control_plane.audits == Some(false) {
        tell(
            codes::NO_AUDIT_POLICY,
            "the API server of this cluster writes no audit log",
            "who read a Secret, or bound a role, is not to be found out: kube-apiserver has no --audit-policy-file"
                .to_owned(),
            "declare one: `use std.audit`, or `audit { … }`",
        );
    }
    if !seen(&["pods", "deployments", "daemonsets"]) {
        return;
    }
    if !runs(survey, SCANNERS) && !any(survey, |group, _| SCANNED.contains(&group)) {
        tell(
            codes::NOTHING_SCANS_IMAGES,
            "nothing that is known to scan images runs in this cluster",
            looked(survey, "an image with a known vulnerability runs on unseen"),
            "scan images here or where they are built, and accept this finding there, with the reason",
        );
    }
    if !runs(survey, WATCHERS) {
        tell(
            codes::NOTHING_WATCHES_RUN_TIME,
            "nothing that is known to watch run time runs in this cluster",
            looked(survey, "a shell in a container is not noticed"),
            "run a watcher such as Falco or Tetragon on every node, or accept this finding with the reason",
        );
    }
}

fn looked(survey: &Survey<'_>, what: &str) -> String {
    format!("{what}; {} workloads were looked at, by the names of their images", survey.cluster.workloads.len())
}

/// Whether there is an object of a kind, outside of what the cluster itself brings along.
fn any(survey: &Survey<'_>, is: impl Fn(&str, &str) -> bool) -> bool {
    survey.objects().any(|surveyed| is(surveyed.object.group(), surveyed.object.kind()))
}

/// Whether a container's image has one of these names.
fn runs(survey: &Survey<'_>, names: &[&str]) -> bool {
    let mut images = Vec::new();
    for surveyed in survey.objects() {
        collect(&surveyed.object.0, &mut images);
    }
    let is_one = |image: &&str| {
        let reference = image.split('@').next().unwrap_or_default();
        // A colon behind the last slash begins the tag.
        let last = reference.rfind('/').map_or(0, |at| at + 1);
        let tag = reference.get(last..).and_then(|name| name.find(':')).map_or(reference.len(), |at| last + at);
        let repository = reference.get(..tag).unwrap_or_default();
        let ends =
            |name: &&str| repository.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        names.iter().any(ends)
    };
    images.iter().any(is_one)
}

/// The images of an object's pod, or of the pod that it stamps.
fn collect<'v>(object: &'v Value, images: &mut Vec<&'v str>) {
    for spec in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        for list in ["containers", "initContainers"] {
            let containers = object.pointer(&format!("{spec}/{list}")).and_then(Value::as_array);
            let image = |container: &'v Value| container.get("image").and_then(Value::as_str);
            images.extend(containers.into_iter().flatten().filter_map(image));
        }
    }
}
