//! `kspec net`: questions about connectivity.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ClusterArgs, Diff, ReportFormat};

#[derive(Debug, Args)]
pub(crate) struct Net {
    #[command(subcommand)]
    pub(crate) question: NetQuestion,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetQuestion {
    /// Who reaches whom, on which ports
    Reach(ReachArgs),
    /// May this connection be opened? Exit 1 where not, 6 where kspec cannot know
    Probe(Probe),
    /// Which policies allow or deny a connection, and the least change that would turn the answer round
    Explain(Probe),
    /// What opens and what closes, from one state to another, or by applying a program
    Diff(NetDiff),
    /// Who reaches whom, drawn; html is a page to look workloads up in
    Graph(Graph),
}

/// Formats of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
    /// One page that needs nothing else, to find a workload in and see what reaches it, and why
    Html,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) blocks: BlocksArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "dot")]
    pub(crate) output: GraphFormat,
    /// Where to write; standard output unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Whom address blocks of NetworkPolicies are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IpBlocks {
    /// Addresses outside the cluster alone
    Outside,
    /// Pods too, by the addresses that the state knows them by
    Pods,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct BlocksArgs {
    /// Whom an ipBlock of a NetworkPolicy is about: network plugins differ where it covers pods' addresses
    #[arg(long, value_enum, default_value = "outside", value_name = "WHOM")]
    pub(crate) ip_blocks: IpBlocks,
}

impl BlocksArgs {
    /// As analyses are told.
    pub(crate) fn mode(self) -> kspec_analysis::net::IpBlocks {
        match self.ip_blocks {
            IpBlocks::Outside => kspec_analysis::net::IpBlocks::Outside,
            IpBlocks::Pods => kspec_analysis::net::IpBlocks::Pods,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct NetDiff {
    #[command(flatten)]
    pub(crate) states: Diff,
    #[command(flatten)]
    pub(crate) blocks: BlocksArgs,
}

/// Formats of who reaches whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReachFormat {
    Human,
    /// Columns src, dst and conn, as netpol-analyzer writes them
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) blocks: BlocksArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReachFormat,
    /// Only which classes of alike ends reach which, human or json: short on a large cluster
    #[arg(long)]
    pub(crate) summary: bool,
}

/// A connection.
#[derive(Debug, Clone, Args)]
pub(crate) struct PacketArgs {
    /// Who opens it: NAMESPACE/NAME[Kind], the kind only where several share the name; an address; or internet
    #[arg(long, value_name = "END", required_unless_present = "batch")]
    pub(crate) from: Option<String>,
    /// Who is called, likewise
    #[arg(long, value_name = "END", required_unless_present = "batch")]
    pub(crate) to: Option<String>,
    /// Port at the destination, such as 80 or 53/udp
    #[arg(long, value_name = "PORT[/PROTOCOL]", required_unless_present = "batch")]
    pub(crate) port: Option<String>,
    /// Connections, one a line as JSON (src, dst, port, protocol); `-` reads standard input. Answers are JSON, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to", "port"])]
    pub(crate) batch: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(crate) packet: PacketArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) blocks: BlocksArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}
