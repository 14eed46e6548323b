//! The kspec command: argument parsing and rendering.
//!
//! In: arguments. Out: what the other crates answer, as text or as a document, and the exit code that
//! docs/reference/cli.md promises. Nothing is decided here.

mod args;
mod commands;
mod context;
mod exit;
mod render;

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};

/// A check allocates some hundred thousand small nodes and frees them at the end: the system's allocator takes a third of
/// its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nothing can be said where even this cannot be written.
            let _ = error.print();
            return if asked { ExitCode::SUCCESS } else { exit::Exit::Usage.into() };
        }
    };
    let context = context::Context::new(&cli);
    match commands::run(&cli.command, &context) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            context.failure(&failure);
            failure.exit.into()
        }
    }
}
