//! `kspec access`: questions about RBAC.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ReportFormat, StateArgs};

#[derive(Debug, Args)]
pub(crate) struct Access {
    #[command(subcommand)]
    pub(crate) question: Question,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// May someone do this? Exit 1 where not
    CanI(CanI),
    /// Who may do this?
    WhoCan(WhoCan),
    /// What may someone do?
    Rules(Rules),
    /// Would the API server's escalation check let someone write a role, or bind one? Exit 1 where not
    Covers(Covers),
    /// How could what someone was given be abused? The shortest chains to a goal, each step with what allows it
    Paths(Paths),
    /// Who gains and loses what, from one state to another, or by applying a program
    Diff(Diff),
}

/// The cluster that is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// A project: alone, or as it would change the state. Without it and --state, the state that ./kspec.toml names is asked
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Environment of kspec.toml
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// The day that `until` is held against, as YYYY-MM-DD; today in UTC unless given
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Who is asked about.
#[derive(Debug, Clone, Args)]
pub(crate) struct AskerArgs {
    /// User; a service account's is system:serviceaccount:NAMESPACE:NAME
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Group, beside those that authentication adds; may be given again
    #[arg(long = "as-group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
}

/// What is asked about.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeedArgs {
    /// Verb, such as get
    #[arg(value_name = "VERB")]
    pub(crate) verb: String,
    /// RESOURCE[.GROUP][/SUBRESOURCE], or a URL path
    #[arg(value_name = "RESOURCE|/PATH")]
    pub(crate) target: String,
    /// Name of the object; any unless given
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Namespace; over the whole cluster unless given
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CanI {
    /// Verb, such as get
    #[arg(value_name = "VERB", required_unless_present = "batch")]
    pub(crate) verb: Option<String>,
    /// RESOURCE[.GROUP][/SUBRESOURCE], or a URL path
    #[arg(value_name = "RESOURCE|/PATH", required_unless_present = "batch")]
    pub(crate) target: Option<String>,
    /// Name of the object; any unless given
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Namespace; over the whole cluster unless given
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) asker: AskerArgs,
    /// Questions, one a line as JSON (user, groups, verb, group, resource, subresource, name, namespace, or path); `-` reads
    /// standard input. Answers are JSON, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["verb", "target", "name", "namespace", "user", "groups"])]
    pub(crate) batch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Args)]
pub(crate) struct WhoCan {
    #[command(flatten)]
    pub(crate) deed: DeedArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(flatten)]
    pub(crate) asker: AskerArgs,
    /// Namespace; only what holds over the whole cluster unless given
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Covers {
    /// The role to bind: clusterrole/NAME, or role/NAME in the namespace
    #[arg(value_name = "ROLE", required_unless_present = "file")]
    pub(crate) role: Option<String>,
    /// Namespace of the binding; a ClusterRoleBinding unless given
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Roles and bindings to write, as manifests; `-` reads standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["role", "namespace"])]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) asker: AskerArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Paths {
    /// Where chains begin: user/NAME, group/NAME, serviceaccount/NAMESPACE/NAME, or a workload as pod/NAMESPACE/NAME; everyone
    /// unless given
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) from: Option<String>,
    /// Where they lead: cluster-admin, node[/NAME], secret[/NAMESPACE[/NAME]], all-secrets, a subject, a workload,
    /// ports/WORKLOAD, or traffic/NAMESPACE/SERVICE; may be given again
    #[arg(long, value_name = "GOAL", default_value = "cluster-admin")]
    pub(crate) to: Vec<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

/// What is compared with what: of access, or of connectivity.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// The state that it is compared with: a directory or a snapshot file
    #[arg(long, value_name = "STATE", conflicts_with = "project")]
    pub(crate) to: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}
