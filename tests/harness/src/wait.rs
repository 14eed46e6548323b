//! Waiting for a condition, and saying aloud that a test cannot run here.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Asks `probe` again and again until it gives a value; what the API server does asynchronously is waited for like this.
///
/// The limit (60 s) is there to fail a broken test, not to measure: a condition that holds is seen within milliseconds.
pub fn wait_until<T>(what: &str, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let limit = Duration::from_secs(60);
    let started = Instant::now();
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if started.elapsed() > limit {
            return Err(Error::new(format!("{what}: not so within {limit:?}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says, past the test runner's capture of output, that a test is not run and why. `scripts/test` counts these lines.
pub fn skip(test: &str, reason: &str) {
    // Best effort: a closed standard error must not fail a test that is skipped anyway.
    let _ = writeln!(std::io::stderr(), "kspec-skip: {test}: {reason}");
}
