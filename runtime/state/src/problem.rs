//! What could not be read, and what to do about it.

use std::{fmt, sync::Arc};

use kspec_diagnostics::{Finding, Place, Severity, codes};

/// Something that was met while reading state or manifests. Reading goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as the person would write it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Which.
    pub kind: ProblemKind,
    /// What is wrong; one line, lower case.
    pub message: String,
    /// The remedy.
    pub help: String,
}

/// Families of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The file or directory cannot be opened or listed.
    Unreadable,
    /// The file is not UTF-8.
    NotUtf8,
    /// The file is beyond [`MAX_FILE_BYTES`](crate::read_directory).
    TooLarge,
    /// Aliases, depth or nodes beyond the budget: an anchor bomb.
    Bomb,
    /// Not YAML, or not JSON.
    Syntax,
    /// A document without `apiVersion`, `kind` or a name.
    NotAnObject,
    /// Two documents of one object.
    Duplicate,
    /// A Helm or Go template, which is not YAML until it is rendered. Left out, and no error.
    Template,
    /// A snapshot of another format, or a damaged one.
    Snapshot,
}

impl Problem {
    /// A problem at a place of a file.
    pub fn new(
        file: impl Into<Arc<str>>,
        (line, column): (u32, u32),
        kind: ProblemKind,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line: line.max(1),
            column: column.max(1),
            kind,
            message: message.into(),
            help: help.into(),
        }
    }

    /// Whether what was read without it can still be relied on: only for templates, which are somebody's source and no state.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.kind != ProblemKind::Template
    }

    /// The same as a finding (`K0125`).
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        let place = Place::File { path: Arc::clone(&self.file), line: self.line, column: self.column };
        let mut finding = Finding::new(codes::BAD_MANIFEST, self.message.clone(), place).help(self.help.clone());
        if !self.is_error() {
            finding.severity = Severity::Warning;
        }
        finding
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} ({})", self.file, self.line, self.column, self.message, self.help)
    }
}

impl std::error::Error for Problem {}
