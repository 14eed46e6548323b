//! How a concern is said.

use kspec_analysis::{
    abuse::NodeWay,
    review::{Concern, ConcernKind},
};
use kspec_diagnostics::{Code, codes};
use kspec_model::ObjectKey;

/// `RoleBinding shop/readers`.
pub(super) fn object(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
        None => format!("{} {}", key.kind, key.name),
    }
}

/// Whom a concern is about.
fn who(concern: &Concern) -> String {
    let mut subjects = concern.subjects.iter();
    match (subjects.next(), subjects.next()) {
        (Some(only), None) => only.to_string(),
        (Some(_), Some(_)) => format!("{} subjects", concern.subjects.len()),
        (None, _) => match concern.objects.first() {
            Some(key) if concern.count == 1 => format!("whoever runs code in {}", object(key)),
            _ => format!("whoever runs code in one of {} workloads", concern.count),
        },
    }
}

/// `is` for one, `are` for several.
fn verb<'w>(concern: &Concern, one: &'w str, many: &'w str) -> &'w str {
    if concern.subjects.len() > 1 { many } else { one }
}

/// What stands for objects: the one, or how many.
fn what(concern: &Concern, many: &str) -> String {
    match concern.objects.first() {
        Some(key) if concern.count == 1 => object(key),
        _ => format!("{} {many}", concern.count),
    }
}

/// What is said of a name that no issuer yields.
pub(super) fn no_issuer(name: &str) -> (String, &'static str) {
    (
        format!("no issuer that is declared yields {name}: nobody can be it"),
        "write the name with the issuer's prefix, or declare the issuer under `authentication`; where it signs in by a \
         client certificate, accept this",
    )
}

/// What cuts a way to a node, whatever else is so: Pod Security is about pods that are made, their fields, and nothing behind a claim.
fn cuts(way: Option<NodeWay>) -> &'static str {
    match way {
        Some(NodeWay::Unlevelled) => "enforce Pod Security level `baseline` or `restricted` where the pod is made",
        Some(NodeWay::Exempt) => {
            "Pod Security asks nothing there: take away the exemption in the API server's configuration (or turn the plugin \
             on) and enforce level `baseline` or `restricted`, or refuse such pods by an admission rule"
        }
        Some(NodeWay::Lifted) => {
            "take away the step before the pod is made: who makes pods need not change the labels of namespaces, make \
             namespaces, or rewrite admission policies"
        }
        Some(NodeWay::OwnVolume) => {
            "take away `create` on persistentvolumes, or refuse volumes of `hostPath` and `local` by an admission rule: Pod \
             Security looks behind no claim"
        }
        Some(NodeWay::Claimed) => {
            "remove the volume, or refuse pods that claim it by an admission rule: a volume keeps its path, and Pod Security looks \
             behind no claim"
        }
        Some(NodeWay::Running) | None => {
            "drop what opens the node from the pod: what is enforced of pods is asked when they are made"
        }
        Some(NodeWay::RunningClaim) => {
            "have the pod claim a volume of no node's path: Pod Security looks behind no claim"
        }
    }
}

/// A concern's code, its message, and the remedy.
pub(super) fn of(concern: &Concern) -> (Code, String, &'static str) {
    let who = || who(concern);
    let held = concern.what == "directly";
    match concern.kind {
        ConcernKind::ToClusterAdmin if held => (
            codes::PATH_TO_CLUSTER_ADMIN,
            format!("{} {} cluster-admin", who(), verb(concern, "is", "are")),
            "keep it for break-glass: grant the roles that the daily work takes",
        ),
        ConcernKind::ToClusterAdmin => (
            codes::PATH_TO_CLUSTER_ADMIN,
            format!("{} can become cluster-admin ({})", who(), concern.what),
            "take away the first step that is not needed: `kspec access paths` shows every other way",
        ),
        ConcernKind::ToAllSecrets if held => (
            codes::PATH_TO_ALL_SECRETS,
            format!("{} may read every secret of every namespace", who()),
            "grant it in the namespaces that need it, and name the secrets",
        ),
        ConcernKind::ToAllSecrets => (
            codes::PATH_TO_ALL_SECRETS,
            format!("{} can come to read every secret of every namespace ({})", who(), concern.what),
            "take away the first step that is not needed: `kspec access paths --to all-secrets` shows every other way",
        ),
        ConcernKind::ToNode => (
            codes::PATH_TO_NODE,
            format!("{} can become root on a node ({})", who(), concern.what),
            cuts(concern.node_way),
        ),
        ConcernKind::ReadsAllSecrets => (
            codes::READS_ALL_SECRETS,
            format!("{} lets {} read every secret of a namespace", concern.what, who()),
            "name the secrets: `allow get on secrets named \"…\"`; `list` and `watch` without a name show the contents of all",
        ),
        ConcernKind::ReadsUnusedSecrets => (
            codes::READS_UNUSED_SECRETS,
            format!("{} may read secrets that {} workloads do not use", who(), verb(concern, "its", "their")),
            "allow only those that it uses; a secret that is mounted needs no permission at all",
        ),
        ConcernKind::NeedlessToken => (
            codes::NEEDLESS_TOKEN,
            format!(
                "{} {} a token that may do nothing",
                what(concern, "workloads"),
                if concern.count == 1 { "mounts" } else { "mount" }
            ),
            "set `automount_token: false` (`automountServiceAccountToken`) on the account or the pod: a token is still an \
             identity to the API server",
        ),
        ConcernKind::SharedAccount => (
            codes::SHARED_ACCOUNT,
            format!("{} is shared by {} applications", concern.what, concern.evidence.len()),
            "give each application an account of its own, with what it needs",
        ),
        ConcernKind::UnusedAccount if concern.what == "missing" => (
            codes::UNUSED_ACCOUNT,
            format!("{} {} granted something, and not there", who(), verb(concern, "is", "are")),
            "remove the grant: whoever may create service accounts there gains it",
        ),
        ConcernKind::UnusedAccount => (
            codes::UNUSED_ACCOUNT,
            format!("{} {} granted something, and nothing runs as it", who(), verb(concern, "is", "are")),
            "remove the grant, or say in an `accept` who asks for the account's tokens from outside",
        ),
        ConcernKind::DeploysAndKeepsSecrets => (
            codes::DEPLOYS_AND_KEEPS_SECRETS,
            format!(
                "{} both {} workloads and {} secrets ({})",
                who(),
                verb(concern, "deploys", "deploy"),
                verb(concern, "writes", "write"),
                concern.what
            ),
            "give secrets to a subject that deploys nothing, and state it: `never … can create, update, patch, delete on secrets`",
        ),
        ConcernKind::WiderThanNeeded if concern.what.is_empty() => (
            codes::WIDER_THAN_NEEDED,
            format!(
                "{} of namespaced resources to accounts over the whole cluster",
                if concern.count == 1 { "a grant".to_owned() } else { format!("{} grants", concern.count) }
            ),
            "grant it in the account's own namespace, where that is all it looks after",
        ),
        ConcernKind::WiderThanNeeded => (
            codes::WIDER_THAN_NEEDED,
            format!(
                "{} gives over the whole cluster what namespace {} alone has",
                what(concern, "grants"),
                concern.what
            ),
            "grant it in that namespace",
        ),
        ConcernKind::SingleUser => (
            codes::SINGLE_USER,
            format!(
                "{} {} granted something by name",
                if concern.subjects.len() > 1 { format!("{} single users", concern.subjects.len()) } else { who() },
                verb(concern, "is", "are")
            ),
            "grant it to a group, so that joining and leaving is the identity provider's; to one person, by `break_glass`",
        ),
        ConcernKind::NoIssuer => {
            let (message, help) = no_issuer(&concern.what);
            (codes::NO_ISSUER, message, help)
        }
        ConcernKind::SubsumedRole => (
            codes::SUBSUMED_ROLE,
            format!("role subsumed by another that all of its holders have: {}", concern.what),
            "remove it with its bindings",
        ),
        ConcernKind::ChangesNothing => (
            codes::GRANT_CHANGES_NOTHING,
            format!(
                "{} of {} {} nothing",
                what(concern, "grants"),
                concern.what,
                if concern.count == 1 { "changes" } else { "change" }
            ),
            "remove it: taking away the other grant would not take away the access",
        ),
        ConcernKind::NoSuchRole => (
            codes::NO_SUCH_ROLE,
            format!(
                "{} {} {}, which is not there",
                what(concern, "bindings"),
                if concern.count == 1 { "binds" } else { "bind" },
                concern.what
            ),
            "remove the binding: whoever may create a role of that name decides what it gives",
        ),
        ConcernKind::Wildcard => (
            codes::WILDCARD,
            format!(
                "{} {} {}",
                what(concern, "roles"),
                if concern.count == 1 { "allows" } else { "allow" },
                concern.what
            ),
            "name the verbs and resources: a wildcard also allows what later versions and others' CRDs add",
        ),
        ConcernKind::EscalatingVerb => (
            codes::ESCALATING_VERB,
            format!(
                "{} {} `{}`",
                what(concern, "roles"),
                if concern.count == 1 { "allows" } else { "allow" },
                concern.what
            ),
            "drop the verb, or limit it with `resourceNames` to what it is needed for",
        ),
    }
}
