//! Where bindings hold: one namespace for each way in which scopes can tell namespaces apart.

use std::collections::BTreeSet;

use kspec_model::Labels;
use kspec_model::rules::{Namespaces, Scope, Table};
use serde_json::{Value, json};

/// A place that objects stand in: a namespace, or none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// The namespace's name, labels and object.
    namespace: Option<(String, Labels, Value)>,
}

impl Place {
    /// A namespace of a name, without labels.
    pub(crate) fn named(name: &str) -> Self {
        Self::labelled(name, Labels::new())
    }

    /// Where objects of the cluster's scope stand.
    pub(crate) const fn none() -> Self {
        Self { namespace: None }
    }

    fn labelled(name: &str, mut labels: Labels) -> Self {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        Self { namespace: Some((name.to_owned(), labels, object)) }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.namespace.as_ref().map(|(name, ..)| name.as_str())
    }

    pub(crate) fn object(&self) -> Option<&Value> {
        self.namespace.as_ref().map(|(.., object)| object)
    }

    pub(crate) fn is_in(&self, scope: &Scope) -> bool {
        let Some((name, labels, _)) = &self.namespace else { return scope.cluster };
        match &scope.namespaces {
            Namespaces::Named(names) => names.contains(name),
            Namespaces::Selected { labels: selector, except } => !except.contains(name) && selector.matches(labels),
        }
    }
}

/// Places that the scopes of a table tell apart: each namespace that one names, one for each selector that carries what
/// the selector asks for, and one of which nothing is said.
pub(crate) fn places(table: &Table, namespaced: bool) -> Vec<Place> {
    if !namespaced {
        return vec![Place::none()];
    }
    let scopes = table.rules.iter().map(|bound| &bound.scope).chain(table.mutations.iter().map(|bound| &bound.scope));
    let (mut names, mut labelled) = (BTreeSet::new(), Vec::new());
    for scope in scopes {
        match &scope.namespaces {
            Namespaces::Named(named) => names.extend(named.iter().map(String::as_str)),
            Namespaces::Selected { labels, .. } => {
                let mut asked = labels.match_labels.clone();
                for requirement in &labels.match_expressions {
                    if let Some(value) = requirement.values.first() {
                        asked.entry(requirement.key.clone()).or_insert_with(|| value.clone());
                    }
                }
                let place = Place::labelled("example", asked);
                if !labels.is_empty() && !labelled.contains(&place) {
                    labelled.push(place);
                }
            }
        }
    }
    let mut places = vec![Place::named("example")];
    places.extend(names.into_iter().map(Place::named));
    places.extend(labelled);
    places
}
