//! One step of a chain: its kind, and how it is said.

use serde::{Deserialize, Serialize};

/// How someone gets from one thing to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Is allowed everything by a binding, or by being of `system:masters`.
    HoldEverything,
    /// Writes a binding of a role for themselves, past the escalation check by the verb `bind`.
    Bind,
    /// Adds themselves to a binding that is there, past the escalation check by the verb `bind`.
    Rebind,
    /// Gives a role that they are bound to every permission, past the escalation check by the verb `escalate`.
    Escalate,
    /// Writes a role with every permission and binds it, by the verbs `escalate` and `bind`.
    WriteRole,
    /// Writes a role that another, to which they are bound, gathers by its labels; past the escalation check by the verb `escalate`.
    WriteAggregated,
    /// Sends requests as somebody else.
    Impersonate,
    /// Has a certificate request of their own approved, as anyone.
    ApproveCertificate,
    /// Asks for a service account's token.
    IssueToken,
    /// Writes a secret that the control plane fills with a service account's token, and reads it.
    CreateTokenSecret,
    /// Writes a bootstrap token, and is who it says.
    WriteBootstrapToken,
    /// Rewrites such a secret of one account, so that the control plane fills it with another's token, and reads it.
    RewriteTokenSecret,
    /// Reads a secret.
    ReadSecret,
    /// Finds a service account's token in a secret.
    ReadTokenSecret,
    /// Creates a pod, or a controller that does.
    CreatePod,
    /// Rewrites a controller's template, so that it creates other pods.
    RewriteTemplate,
    /// Creates a persistent volume of a path of a node.
    CreateVolume,
    /// Mounts it in a pod of their own, by a claim.
    MountVolume,
    /// Runs a command in a pod.
    Exec,
    /// Takes over the input and output of a pod's process.
    Attach,
    /// Adds an ephemeral container to a pod.
    AddContainer,
    /// Changes the image of a pod's container.
    RewritePod,
    /// Runs a command in a pod through the API server's way to its kubelet.
    Kubelet,
    /// Has every object altered that someone else writes, by a mutating webhook or policy.
    AlterWrites,
    /// Is shown every object that someone else writes, by a webhook.
    ObserveWrites,
    /// Changes a namespace's labels, so that Pod Security lets anything in, and policies that go by labels.
    LiftPodSecurity,
    /// Takes away, or rewrites, an admission policy that refuses pods.
    TakePolicy,
    /// Makes a namespace without labels, where Pod Security lets anything in.
    CreateNamespace,
    /// Runs a pod of their own as a service account of its namespace.
    RunAs,
    /// Mounts a secret of the namespace in a pod of their own.
    MountSecret,
    /// Makes a pod of their own privileged.
    RunPrivileged,
    /// Uses the token that a pod mounts.
    UseToken,
    /// Uses a secret that a pod mounts.
    UseSecret,
    /// Leaves a privileged container for its node.
    LeavePrivileged,
    /// Leaves a container by a capability it was given.
    LeaveByCapability,
    /// Leaves a container by one of the node's paths that it mounts.
    LeaveByHostPath,
    /// Reads what the node's other processes keep, by sharing its process namespace.
    ReadNeighbours,
    /// Reads what the node keeps of its pods, by one of its paths.
    ReadNodeFiles,
    /// Uses what the node itself is to the API server, by its kubelet's key.
    UseNodeCredentials,
    /// Is given a certificate as a node, which the control plane approves by itself.
    RequestNodeCertificate,
    /// Reads the node's files through a link that it puts among the logs, which the kubelet follows.
    ReadThroughLogs,
    /// Shares memory with another pod of its node.
    ShareMemory,
    /// Keeps pods away from every node but one that it holds, so that they move there.
    SteerPods,
    /// Has custom resources altered whenever they are read or written, by the conversion webhook of their definition.
    AlterConversion,
    /// Answers for a webhook: alters or sees what the API server asks it about.
    AnswerWebhook,
    /// Labels a namespace that a grant's scope covers by its labels, so that the next apply binds the role there.
    JoinScope,
    /// Opens a connection to a pod's ports through the API server.
    Connect,
    /// Has a service lead to a pod of its own.
    Redirect,
    /// Is one of the pods that a service leads to.
    Serve,
    /// Enters the pods that run on a node.
    EnterPods,
    /// Takes the control plane's keys from its node.
    TakeControlPlane,
    /// Reads the control plane's keys through a path of its node that is mounted.
    TakeKeys,
    /// Writes the control plane's store through such a path.
    WriteStore,
    /// Reads the control plane's store through such a path.
    ReadStore,
}

impl StepKind {
    /// The word it goes by in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::HoldEverything => "hold-everything",
            Self::Bind => "bind",
            Self::Rebind => "rebind",
            Self::Escalate => "escalate",
            Self::WriteRole => "write-role",
            Self::WriteAggregated => "write-aggregated",
            Self::Impersonate => "impersonate",
            Self::ApproveCertificate => "approve-certificate",
            Self::IssueToken => "issue-token",
            Self::CreateTokenSecret => "create-token-secret",
            Self::WriteBootstrapToken => "write-bootstrap-token",
            Self::RewriteTokenSecret => "rewrite-token-secret",
            Self::ReadSecret => "read-secret",
            Self::ReadTokenSecret => "read-token-secret",
            Self::CreatePod => "create-pod",
            Self::RewriteTemplate => "rewrite-template",
            Self::CreateVolume => "create-volume",
            Self::MountVolume => "mount-volume",
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::AddContainer => "add-container",
            Self::RewritePod => "rewrite-pod",
            Self::Kubelet => "kubelet",
            Self::AlterWrites => "alter-writes",
            Self::ObserveWrites => "observe-writes",
            Self::LiftPodSecurity => "lift-pod-security",
            Self::TakePolicy => "take-policy",
            Self::CreateNamespace => "create-namespace",
            Self::RunAs => "run-as",
            Self::MountSecret => "mount-secret",
            Self::RunPrivileged => "run-privileged",
            Self::UseToken => "use-token",
            Self::UseSecret => "use-secret",
            Self::LeavePrivileged => "leave-privileged",
            Self::LeaveByCapability => "leave-by-capability",
            Self::LeaveByHostPath => "leave-by-host-path",
            Self::ReadNeighbours => "read-neighbours",
            Self::ReadNodeFiles => "read-node-files",
            Self::UseNodeCredentials => "use-node-credentials",
            Self::RequestNodeCertificate => "request-node-certificate",
            Self::ReadThroughLogs => "read-through-logs",
            Self::ShareMemory => "share-memory",
            Self::SteerPods => "steer-pods",
            Self::AlterConversion => "alter-conversion",
            Self::AnswerWebhook => "answer-webhook",
            Self::JoinScope => "join-scope",
            Self::Connect => "connect",
            Self::Redirect => "redirect",
            Self::Serve => "serve",
            Self::EnterPods => "enter-pods",
            Self::TakeControlPlane => "take-control-plane",
            Self::TakeKeys => "take-keys",
            Self::WriteStore => "write-store",
            Self::ReadStore => "read-store",
        }
    }

    /// What is done, with what is reached by it.
    pub(super) fn say(self, to: &str) -> String {
        match self {
            Self::HoldEverything => "may do everything".to_owned(),
            Self::Bind => format!("binds itself to {to}"),
            Self::Rebind => format!("adds itself to a binding of {to}"),
            Self::Escalate => format!("raises a role of its own to {to}"),
            Self::WriteRole => format!("writes a role and binds it: {to}"),
            Self::WriteAggregated => format!("writes a role that one of its own gathers: {to}"),
            Self::Impersonate => format!("impersonates {to}"),
            Self::ApproveCertificate => format!("approves a certificate for itself as {to}"),
            Self::IssueToken => format!("asks for a token of {to}"),
            Self::CreateTokenSecret => format!("creates a secret for a token of {to}"),
            Self::WriteBootstrapToken => format!("writes a bootstrap token of {to}"),
            Self::RewriteTokenSecret => format!("rewrites a secret for a token of {to}"),
            Self::ReadSecret => format!("reads {to}"),
            Self::ReadTokenSecret => format!("finds in it a token of {to}"),
            Self::CreatePod => format!("creates {to}"),
            Self::RewriteTemplate => format!("rewrites a controller's template: {to}"),
            Self::CreateVolume => format!("creates {to}"),
            Self::MountVolume => format!("claims the volume, and writes through it to {to}"),
            Self::Exec => format!("runs a command in {to}"),
            Self::Attach => format!("attaches to {to}"),
            Self::AddContainer => format!("adds a container to {to}"),
            Self::RewritePod => format!("changes the image of {to}"),
            Self::Kubelet => format!("runs a command through the kubelet in {to}"),
            Self::AlterWrites => format!("alters what others write: {to}"),
            Self::ObserveWrites => format!("is shown what others write: {to}"),
            Self::LiftPodSecurity => format!("changes the labels that hold pods back of {to}"),
            Self::TakePolicy => format!("takes away {to}"),
            Self::CreateNamespace => format!("creates {to}"),
            Self::RunAs => format!("runs it as {to}"),
            Self::MountSecret => format!("mounts {to}"),
            Self::RunPrivileged => format!("makes it privileged, on {to}"),
            Self::UseToken => format!("uses the token there of {to}"),
            Self::UseSecret => format!("finds there {to}"),
            Self::LeavePrivileged => format!("leaves a privileged container for {to}"),
            Self::LeaveByCapability => format!("leaves a container by its capabilities for {to}"),
            Self::LeaveByHostPath => format!("writes through a host path to {to}"),
            Self::ReadNeighbours => format!("reads through the node's processes {to}"),
            Self::ReadNodeFiles => format!("reads through a host path {to}"),
            Self::UseNodeCredentials => format!("uses the kubelet's key: {to}"),
            Self::RequestNodeCertificate => format!("asks for a certificate, which is approved: {to}"),
            Self::ReadThroughLogs => format!("reads through a link among the logs {to}"),
            Self::ShareMemory => format!("alters the memory that it shares with {to}"),
            Self::SteerPods => format!("keeps pods off the other nodes, and enters on its own {to}"),
            Self::AlterConversion => format!("alters custom resources by their conversion: {to}"),
            Self::AnswerWebhook => format!("answers for a webhook: {to}"),
            Self::JoinScope => format!("labels a namespace into the scope of a grant: {to}"),
            Self::Connect => format!("opens a connection to {to}"),
            Self::Redirect => format!("has a service lead to itself: {to}"),
            Self::Serve => format!("serves {to}"),
            Self::EnterPods => format!("enters {to}, which runs there"),
            Self::TakeKeys => "reads through a host path the control plane's keys".to_owned(),
            Self::WriteStore => "writes through a host path what the control plane stores".to_owned(),
            Self::ReadStore => format!("reads through a host path what the control plane stores: {to}"),
            Self::TakeControlPlane => "takes the control plane's keys, which lie there".to_owned(),
        }
    }
}
