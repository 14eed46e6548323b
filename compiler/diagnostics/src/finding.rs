//! One finding.

use serde::{Deserialize, Serialize};

use crate::{Code, Location, Place};

/// How much a finding weighs. Errors make `check` exit 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Information,
    /// Very probably wrong, yet it has a meaning.
    Warning,
    /// Has no meaning, or breaks what the program promises.
    Error,
}

/// One party to a finding, and what it has to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What this place contributes; may be empty for the primary place.
    pub text: String,
}

/// What shows that the finding is true: the path, the pod, the packet, the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Witness {
    /// One step a line, in order.
    pub steps: Vec<String>,
}

/// Replace a span by a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub location: Location,
    /// What stands there afterwards.
    pub text: String,
}

/// A mechanical mend. Applying all its edits resolves the finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fix {
    /// Imperative, lower case: ``write `pods` ``.
    pub title: String,
    /// Disjoint edits.
    pub edits: Vec<Edit>,
}

/// What a phase has to say about its input.
///
/// Prose: what is wrong in the user's own names, why, and in `help` what to write instead; lower case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Finding {
    /// Stable code.
    pub code: Code,
    /// The catalogue's severity unless the check lowered it.
    pub severity: Severity,
    /// One line.
    pub message: String,
    /// All parties; the first is the primary one.
    pub labels: Vec<Label>,
    /// The remedy in words.
    pub help: Option<String>,
    /// What shows it.
    pub witness: Option<Witness>,
    /// Mechanical mends, best first.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// A finding of the catalogue's severity at one place.
    pub fn new(code: Code, message: impl Into<String>, at: impl Into<Place>) -> Self {
        Self {
            code,
            severity: code.info().severity,
            message: message.into(),
            labels: vec![Label { place: at.into(), text: String::new() }],
            help: None,
            witness: None,
            fixes: Vec::new(),
        }
    }

    /// Says what the primary place contributes.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Adds a further party.
    #[must_use]
    pub fn label(mut self, at: impl Into<Place>, text: impl Into<String>) -> Self {
        self.labels.push(Label { place: at.into(), text: text.into() });
        self
    }

    /// Adds the remedy in words.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds what shows it.
    #[must_use]
    pub fn witness(mut self, steps: Vec<String>) -> Self {
        self.witness = Some(Witness { steps });
        self
    }

    /// Adds a mend of a single replacement.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, location: Location, text: impl Into<String>) -> Self {
        self.fixes.push(Fix { title: title.into(), edits: vec![Edit { location, text: text.into() }] });
        self
    }
}
