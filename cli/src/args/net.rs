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
    Diff(Diff),
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
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReachFormat,
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
    /// Output format
    #[arg(short, long, value_enum, default_value = "human")]
    pub(crate) output: ReportFormat,
}
