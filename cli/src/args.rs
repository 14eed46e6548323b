//! The command line as data. Names are a contract: people script against them.

mod access;
mod net;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::access::{Access, AskerArgs, CanI, ClusterArgs, Covers, Diff, Paths, Question, Rules, WhoCan};
pub(crate) use self::net::{
    BlocksArgs, Graph, GraphFormat, Net, NetDiff, NetQuestion, PacketArgs, Probe, ReachArgs, ReachFormat,
};

/// Security as code for Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "kspec", version, about, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: When,
    /// Say less: errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more: information too
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a project: kspec.toml, a first module, a CI workflow
    Init(Init),
    /// Compile and prove; print findings
    Check(Check),
    /// Format sources
    Fmt(Fmt),
    /// Print the page of a finding
    Explain(Explain),
    /// Write what the program lowers to: manifests, host files, bundle.json
    Compile(Compile),
    /// Run the project's tests
    Test(Test),
    /// Show what would change: objects, access, connectivity, hosts
    Plan(Plan),
    /// Plan, ask, apply, verify
    Apply(Apply),
    /// Would these manifests be admitted? By the project's rules, and by Pod Security
    Vet(Vet),
    /// Ask who may do what, with the chain that answers
    Access(Access),
    /// Ask who reaches whom, with the policies that answer
    Net(Net),
    /// Save the security-relevant state of a live cluster; never the contents of secrets
    Snapshot(Snapshot),
    /// Write a program for what is there already
    Import(Import),
    /// Serve admission reviews: the rules that the API server cannot decide itself
    Webhook(Webhook),
    /// Print a shell's completion script
    Completion(Completion),
    /// Print the version
    Version,
}

/// A project and how to read it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectArgs {
    /// The project's folder
    #[arg(default_value = ".", value_name = "PROJECT")]
    pub(crate) project: PathBuf,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ChoiceArgs {
    /// Environment of kspec.toml
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// The day that `until` is held against, as YYYY-MM-DD; today in UTC unless given
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    /// Take the pins that this kspec carries, and write them to kspec.lock
    #[arg(long)]
    pub(crate) update_lock: bool,
}

/// Where cluster state comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct StateArgs {
    /// `live`, a directory of manifests, or a snapshot file
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Context of the kubeconfig, for live state
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder to make it in
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Formats of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingFormat {
    Human,
    Json,
    Sarif,
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Look at the cluster as it would be after apply; without a project, at the state itself
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: FindingFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files and folders; `-` reads standard input
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write nothing; exit 1 if something is not formatted
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The finding's code, such as K0102; every code without one
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Compile {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Where to write
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    /// Only tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

/// Formats of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Human,
    Json,
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: PlanFormat,
    /// Save the plan, for `kspec apply FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit 2 if there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Do not refine the plan by a server-side dry-run
    #[arg(long)]
    pub(crate) no_dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The project's folder, or a plan saved by `kspec plan --out`
    #[arg(default_value = ".", value_name = "PROJECT|PLAN")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Context of the kubeconfig
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Take over objects that the program declares and others made
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Delete an object that would only be released, as KIND/NAME or KIND/NAMESPACE/NAME
    #[arg(long, value_name = "KIND/NAME")]
    pub(crate) delete: Vec<String>,
    /// For how long to wait until a webhook has an endpoint that is ready, before what would refuse without it is held back
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub(crate) wait: u32,
    /// Output format of the report
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Human,
    Json,
}

/// Formats of verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VetFormat {
    Human,
    /// A JSON document for each manifest document, one a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// Levels of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PodSecurity {
    Privileged,
    Baseline,
    Restricted,
}

#[derive(Debug, Args)]
pub(crate) struct Vet {
    /// Manifests: files, and folders with what is under them; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Judge by this project's rules, and by the Pod Security of its namespaces; `.` unless --pss is given
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Judge pods by this level, wherever they stand
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) pss: Option<PodSecurity>,
    /// Edition of the level: `latest`, or v1.0 and on
    #[arg(long, value_name = "VERSION")]
    pub(crate) pss_version: Option<String>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: VetFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// Where to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Where to write the project
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the project; the folder's unless given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Target Kubernetes version; the state's unless given
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes: Option<String>,
    /// Output format of the report
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Webhook {
    /// `bundle.json` of `kspec compile`; read anew when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Where to listen for reviews
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// The server's certificate and its chain, in PEM; read anew when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Authorities of clients, in PEM: who has no certificate of theirs is turned away
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// A client's common or DNS name; where given, others are turned away too. May be given again
    #[arg(long = "client-name", value_name = "NAME", requires = "client_ca")]
    pub(crate) client_names: Vec<String>,
    /// Where to serve health and metrics without TLS, beside the address of reviews
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Context of the kubeconfig, for objects that rules look up; the pod's own cluster where there is no kubeconfig
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// For how long one review may take
    #[arg(long, value_name = "SECONDS", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=30))]
    pub(crate) timeout: u32,
    /// Reviews at once; more are turned away
    #[arg(long, value_name = "COUNT", default_value = "512", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_in_flight: u32,
    /// Largest body of a review
    #[arg(long, value_name = "BYTES", default_value = "7340032", value_parser = clap::value_parser!(u32).range(1024..))]
    pub(crate) max_body: u32,
    /// For how long the cluster may have said nothing before rules that look objects up have no verdict
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) stale_after: u32,
    /// For how long reviews are still taken after SIGTERM
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    pub(crate) drain: u32,
    /// Threads that answer; one a core unless given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
