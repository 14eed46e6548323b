//! What every command shares: where text goes, and how loud.

use std::io::{IsTerminal as _, Write as _};

use kspec_diagnostics::Severity;

use crate::{
    args::{Cli, When},
    exit::Failure,
};

/// How to speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// Colour on standard output.
    pub(crate) color: bool,
    /// Colour on standard error.
    pub(crate) color_errors: bool,
    /// Least severity shown to people.
    pub(crate) least: Severity,
    /// `-v`
    pub(crate) verbose: bool,
    /// `-q`
    pub(crate) quiet: bool,
}

impl Context {
    pub(crate) fn new(cli: &Cli) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let decide = |terminal: bool| match cli.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !plain,
        };
        let least = match (cli.quiet, cli.verbose) {
            (true, _) => Severity::Error,
            (false, true) => Severity::Information,
            (false, false) => Severity::Warning,
        };
        Self {
            color: decide(std::io::stdout().is_terminal()),
            color_errors: decide(std::io::stderr().is_terminal()),
            least,
            verbose: cli.verbose,
            quiet: cli.quiet,
        }
    }

    /// The answer, to standard output. A reader that went away ends the command quietly, as for other tools in a pipe.
    pub(crate) fn answer(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// A word to the person, on standard error, so that a pipe carries the answer only.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// As [`Context::note`], whatever `-q` says.
    pub(crate) fn note_always(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let (red, reset) = if self.color_errors { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        let _ = writeln!(std::io::stderr(), "{red}error{reset}: {}", failure.message);
        if let Some(help) = &failure.help {
            let _ = writeln!(std::io::stderr(), "  help: {help}");
        }
    }
}
