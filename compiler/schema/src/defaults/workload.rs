//! What stamps pods.

use serde_json::{Value, json};

use super::Filled::{Bool, Int, Object as Empty, Text};
use super::{Defaults, Fields, Object, is_absent, object, pod};

/// The defaults of a kind.
pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static Defaults> {
    let row = KINDS.iter().find(|(version, name, _)| *version == api_version && *name == kind);
    row.map(|(_, _, defaults)| *defaults)
}

/// Every kind that carries a pod.
const KINDS: &[(&str, &str, &Defaults)] = &[
    ("v1", "Pod", &pod::POD),
    ("v1", "PodTemplate", &TEMPLATED),
    ("v1", "ReplicationController", &REPLICATION_CONTROLLER),
    ("apps/v1", "Deployment", &DEPLOYMENT),
    ("apps/v1", "StatefulSet", &STATEFUL_SET),
    ("apps/v1", "DaemonSet", &DAEMON_SET),
    ("apps/v1", "ReplicaSet", &REPLICA_SET),
    ("batch/v1", "Job", &JOB),
    ("batch/v1", "CronJob", &CRON_JOB),
];

static TEMPLATED: Defaults = Defaults { fields: &[], inside: &[("template", Object, &pod::TEMPLATE)], computed: &[] };

static REPLICATION_CONTROLLER: Defaults =
    Defaults { fields: &[], inside: &[("spec", Object, &REPLICATED)], computed: &[] };

static REPLICA_SET: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &REPLICATED)], computed: &[] };

static REPLICATED: Defaults =
    Defaults { fields: &[("replicas", Int(1))], inside: &[("template", Object, &pod::TEMPLATE)], computed: &[] };

static DEPLOYMENT: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &DEPLOYMENT_SPEC)], computed: &[] };

static DEPLOYMENT_SPEC: Defaults = Defaults {
    fields: &[
        ("progressDeadlineSeconds", Int(600)),
        ("replicas", Int(1)),
        ("revisionHistoryLimit", Int(10)),
        ("strategy", Empty),
    ],
    inside: &[("template", Object, &pod::TEMPLATE), ("strategy", Object, &ROLLING)],
    computed: &[|spec| rolling(spec, "strategy", &[("maxSurge", "25%".into()), ("maxUnavailable", "25%".into())])],
};

static ROLLING: Defaults = Defaults { fields: &[("type", Text("RollingUpdate"))], inside: &[], computed: &[] };

static STATEFUL_SET: Defaults =
    Defaults { fields: &[], inside: &[("spec", Object, &STATEFUL_SET_SPEC)], computed: &[] };

static STATEFUL_SET_SPEC: Defaults = Defaults {
    fields: &[
        ("persistentVolumeClaimRetentionPolicy", Empty),
        ("podManagementPolicy", Text("OrderedReady")),
        ("replicas", Int(1)),
        ("revisionHistoryLimit", Int(10)),
        ("updateStrategy", Empty),
    ],
    inside: &[
        ("template", Object, &pod::TEMPLATE),
        ("persistentVolumeClaimRetentionPolicy", Object, &RETENTION),
        ("updateStrategy", Object, &ROLLING),
    ],
    computed: &[|spec| rolling(spec, "updateStrategy", &[("partition", 0.into())])],
};

static RETENTION: Defaults =
    Defaults { fields: &[("whenDeleted", Text("Retain")), ("whenScaled", Text("Retain"))], inside: &[], computed: &[] };

static DAEMON_SET: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &DAEMON_SET_SPEC)], computed: &[] };

static DAEMON_SET_SPEC: Defaults = Defaults {
    fields: &[("revisionHistoryLimit", Int(10)), ("updateStrategy", Empty)],
    inside: &[("template", Object, &pod::TEMPLATE), ("updateStrategy", Object, &ROLLING)],
    computed: &[|spec| rolling(spec, "updateStrategy", &[("maxSurge", 0.into()), ("maxUnavailable", 1.into())])],
};

static JOB: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &JOB_SPEC)], computed: &[] };

static JOB_SPEC: Defaults = Defaults {
    fields: &[("completionMode", Text("NonIndexed")), ("manualSelector", Bool(false)), ("suspend", Bool(false))],
    inside: &[("template", Object, &pod::TEMPLATE)],
    computed: &[job],
};

static CRON_JOB: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &CRON_JOB_SPEC)], computed: &[] };

/// Of its job, the template alone: what a Job gets, it gets once it is stamped.
static CRON_JOB_SPEC: Defaults = Defaults {
    fields: &[
        ("concurrencyPolicy", Text("Allow")),
        ("failedJobsHistoryLimit", Int(1)),
        ("successfulJobsHistoryLimit", Int(3)),
        ("suspend", Bool(false)),
    ],
    inside: &[("jobTemplate", Object, &JOB_TEMPLATE)],
    computed: &[],
};

static JOB_TEMPLATE: Defaults =
    Defaults { fields: &[], inside: &[("spec", Object, &JOB_TEMPLATE_SPEC)], computed: &[] };

static JOB_TEMPLATE_SPEC: Defaults =
    Defaults { fields: &[], inside: &[("template", Object, &pod::TEMPLATE)], computed: &[] };

/// The parameters of a rolling update, where that is the strategy.
fn rolling(spec: &mut Fields, strategy: &str, parameters: &[(&str, Value)]) {
    let Some(strategy) = object(spec, strategy) else { return };
    if strategy.get("type").and_then(Value::as_str) != Some("RollingUpdate") {
        return;
    }
    if is_absent(strategy.get("rollingUpdate")) {
        strategy.insert("rollingUpdate".to_owned(), json!({}));
    }
    let Some(update) = object(strategy, "rollingUpdate") else { return };
    for (name, value) in parameters {
        if is_absent(update.get(*name)) {
            update.insert((*name).to_owned(), value.clone());
        }
    }
}

/// `SetDefaults_Job`, what depends on other fields.
fn job(spec: &mut Fields) {
    if is_absent(spec.get("parallelism")) {
        if is_absent(spec.get("completions")) {
            spec.insert("completions".to_owned(), json!(1));
        }
        spec.insert("parallelism".to_owned(), json!(1));
    }
    if is_absent(spec.get("backoffLimit")) {
        let limit = if is_absent(spec.get("backoffLimitPerIndex")) { 6 } else { i32::MAX };
        spec.insert("backoffLimit".to_owned(), json!(limit));
    }
    if is_absent(spec.get("podReplacementPolicy")) {
        let policy = if is_absent(spec.get("podFailurePolicy")) { "TerminatingOrFailed" } else { "Failed" };
        spec.insert("podReplacementPolicy".to_owned(), json!(policy));
    }
}
