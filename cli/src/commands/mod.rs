//! One file a command.

mod access;
mod apply;
mod check;
mod compile;
mod explain;
mod fmt;
mod import;
mod init;
mod model;
mod net;
mod plan;
mod project;
mod snapshot;
mod state;
mod test;
mod vet;
mod webhook;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, Command},
    context::Context,
    exit::{Exit, Failure},
};

/// Runs a command.
///
/// # Errors
/// Where there is no answer to give.
pub(crate) fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Fmt(args) => fmt::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Compile(args) => compile::run(args, context),
        Command::Test(args) => test::run(args, context),
        Command::Plan(args) => plan::run(args, context),
        Command::Apply(args) => apply::run(args, context),
        Command::Access(args) => access::run(args, context),
        Command::Net(args) => net::run(args, context),
        Command::Vet(args) => vet::run(args, context),
        Command::Snapshot(args) => snapshot::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Webhook(args) => webhook::run(args, context),
        Command::Completion(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "kspec", &mut script);
            context.answer(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
        Command::Version => {
            context.answer(&format!("kspec {}\n", env!("CARGO_PKG_VERSION")));
            Ok(Exit::Done)
        }
    }
}
