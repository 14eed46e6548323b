//! Where something holds.

use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::LabelSelector;
use kspec_syntax::tree::Scope;

use super::Elab;

/// A scope with its names resolved.
pub(super) enum Place {
    /// `in cluster`.
    Cluster,
    /// These namespaces.
    Namespaces(Vec<Arc<str>>),
    /// Namespaces by label.
    Where(LabelSelector),
}

impl Elab<'_, '_> {
    /// Resolves a scope; `None` where something in it was reported.
    pub(super) fn scope(&self, scope: &Scope) -> Option<Place> {
        match scope {
            Scope::Cluster(_) => Some(Place::Cluster),
            Scope::Namespaces(paths) => {
                let names: Vec<Option<Arc<str>>> = paths.iter().map(|path| self.namespace_name(path)).collect();
                let mut known: Vec<Arc<str>> = names.into_iter().collect::<Option<_>>()?;
                let before = known.len();
                known.sort();
                known.dedup();
                if known.len() < before && !self.is_abstract() {
                    self.report(
                        Finding::new(codes::DUPLICATE_FIELD, "a namespace is named twice", self.at(scope_span(scope)))
                            .help("name each namespace once"),
                    );
                }
                Some(Place::Namespaces(known))
            }
            Scope::Where(condition, _) => self.label_selector(condition).map(Place::Where),
        }
    }
}

/// The place of a scope.
pub(super) fn scope_span(scope: &Scope) -> Span {
    match scope {
        Scope::Cluster(span) | Scope::Where(_, span) => *span,
        Scope::Namespaces(paths) => paths.iter().map(|path| path.span).reduce(Span::to).unwrap_or_default(),
    }
}
