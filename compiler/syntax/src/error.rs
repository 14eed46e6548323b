//! What is wrong with a text.

use kspec_diagnostics::{Code, Finding, ItemId, Location, Span};

/// One thing that could not be read, before it is known which item of which file it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// One of K0001 to K0008.
    pub code: Code,
    /// What was found and what was expected, in the user's terms.
    pub message: String,
    /// Where, relative to the item's start.
    pub span: Span,
    /// Another place that explains it: the opening bracket, for instance.
    pub label: Option<(Span, String)>,
    /// What to write instead, in words.
    pub help: Option<String>,
    /// A mechanical mend: its title, what it replaces, by what.
    pub fix: Option<(String, Span, String)>,
}

impl SyntaxError {
    /// An error with neither help nor fix.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self { code, message: message.into(), span, label: None, help: None, fix: None }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.label = Some((span, text.into()));
        self
    }

    /// Adds a mend that replaces `span` by `text`.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some((title.into(), span, text.into()));
        self
    }

    /// The same error with its places moved by `by` bytes.
    #[must_use]
    pub fn shifted(mut self, by: u32) -> Self {
        let shift = |span: Span| Span::new(span.start.saturating_add(by), span.end.saturating_add(by));
        self.span = shift(self.span);
        self.label = self.label.map(|(span, text)| (shift(span), text));
        self.fix = self.fix.map(|(title, span, text)| (title, shift(span), text));
        self
    }

    /// The finding, now that the item has an identity.
    #[must_use]
    pub fn into_finding(self, item: ItemId) -> Finding {
        let mut finding = Finding::new(self.code, self.message, Location { item, span: self.span });
        if let Some((span, text)) = self.label {
            finding = finding.label(Location { item, span }, text);
        }
        if let Some(help) = self.help {
            finding = finding.help(help);
        }
        if let Some((title, span, text)) = self.fix {
            finding = finding.fix(title, Location { item, span }, text);
        }
        finding
    }
}
