//! Derives committed tables and generates inputs; not shipped.

mod apiserver;
mod compare_openapi;
mod generate;
mod kubernetes;
mod measure;
mod rbac;
mod schemas;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Derives the tables of compiler/schema/data from the Kubernetes modules
    Schemas(schemas::Schemas),
    /// Writes inputs of any size for benches
    Generate(generate::Generate),
    /// Measures whole processes of the release binary over generated inputs
    Measure(measure::Measure),
    /// Holds the table of a running API server's version against what it publishes
    CompareOpenapi(compare_openapi::CompareOpenapi),
}

/// What a task ends with: a message for the person who ran it.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Schemas(task) => task.run(),
        Task::Generate(task) => task.run(),
        Task::Measure(task) => task.run(),
        Task::CompareOpenapi(task) => task.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
