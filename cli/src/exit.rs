//! Exit codes: a contract.

use std::{fmt, process::ExitCode};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; nothing refused.
    Done = 0,
    /// Findings of error severity, an object refused, an answer "no".
    No = 1,
    /// With `--detailed-exitcode`: there are changes.
    Changes = 2,
    /// A safety guard refused.
    Guard = 3,
    /// The saved plan is stale.
    Stale = 4,
    /// Applied in part.
    Partial = 5,
    /// Could not find out: unreachable, forbidden, unreadable.
    Unknown = 6,
    /// Wrong usage.
    Usage = 64,
}

impl Exit {
    /// The exit of a code that another crate promises.
    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::No,
            2 => Self::Changes,
            3 => Self::Guard,
            4 => Self::Stale,
            5 => Self::Partial,
            64 => Self::Usage,
            _ => Self::Unknown,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not answer at all.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How to end.
    pub(crate) exit: Exit,
    /// What is wrong, in the person's own names.
    pub(crate) message: String,
    /// The remedy.
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A file that cannot be written or read.
    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Unknown, format!("{}: {error}", path.display()))
    }
}
