//! Runs a command with a control plane of its own: `with-control-plane COMMAND…`. Without a command it prints how to
//! reach the server and runs until its standard input ends.

use std::error::Error;
use std::io::Read as _;
use std::process::{Command, ExitCode};

use kspec_test_harness::{ControlPlane, Options};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let server = ControlPlane::start(Options::default().controllers())?;
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        println!("export KUBECONFIG={}", server.kubeconfig().display());
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(ExitCode::SUCCESS);
    };
    let status = Command::new(program).args(words).env("KSPEC_TEST_KUBECONFIG", server.kubeconfig()).status()?;
    drop(server);
    // A command that a signal ended has no code of its own.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
