//! Custom resources whose controllers make pods, as their projects' documentation tells.

/// A kind whose objects become pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomWorkload {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Resource, in the plural.
    pub plural: &'static str,
    /// Whether its pods' template stands at `spec.template`, so that it is read as a Deployment is.
    pub templated: bool,
}

const fn templated(group: &'static str, kind: &'static str, plural: &'static str) -> CustomWorkload {
    CustomWorkload { group, kind, plural, templated: true }
}

const fn other(group: &'static str, kind: &'static str, plural: &'static str) -> CustomWorkload {
    CustomWorkload { group, kind, plural, templated: false }
}

/// The kinds that are known: Argo, Knative, OpenKruise, OpenShift, Tekton, Volcano, Kubeflow, Spark, Ray, Flink, the Prometheus operator.
pub const CUSTOM_WORKLOADS: &[CustomWorkload] = &[
    templated("apps.kruise.io", "CloneSet", "clonesets"),
    templated("apps.kruise.io", "DaemonSet", "daemonsets"),
    templated("apps.kruise.io", "StatefulSet", "statefulsets"),
    templated("apps.openshift.io", "DeploymentConfig", "deploymentconfigs"),
    templated("argoproj.io", "Rollout", "rollouts"),
    templated("serving.knative.dev", "Configuration", "configurations"),
    templated("serving.knative.dev", "Service", "services"),
    other("argoproj.io", "CronWorkflow", "cronworkflows"),
    other("argoproj.io", "Workflow", "workflows"),
    other("batch.volcano.sh", "Job", "jobs"),
    other("flink.apache.org", "FlinkDeployment", "flinkdeployments"),
    other("kubeflow.org", "MPIJob", "mpijobs"),
    other("kubeflow.org", "Notebook", "notebooks"),
    other("kubeflow.org", "PyTorchJob", "pytorchjobs"),
    other("kubeflow.org", "TFJob", "tfjobs"),
    other("monitoring.coreos.com", "Alertmanager", "alertmanagers"),
    other("monitoring.coreos.com", "Prometheus", "prometheuses"),
    other("ray.io", "RayCluster", "rayclusters"),
    other("sparkoperator.k8s.io", "SparkApplication", "sparkapplications"),
    other("tekton.dev", "PipelineRun", "pipelineruns"),
    other("tekton.dev", "TaskRun", "taskruns"),
];
