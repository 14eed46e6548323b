//! Guarantees: typed here, proved elsewhere.

use kspec_model::program::Guarantee;
use kspec_syntax::tree::{self, Claim, Item};
use kspec_types::EntityKind;

use super::Elab;

impl Elab<'_, '_> {
    pub(super) fn guarantee(&self, node: &tree::Guarantee, item: &Item) {
        self.claim(&node.claim);
        let bare = Item { doc: None, ..item.clone() };
        let text = kspec_syntax::print_item(&bare).trim().to_owned();
        self.emit(|part| part.guarantees.push(Guarantee { text, origin: self.origin(item.span) }));
    }

    /// Checks every name of a claim.
    pub(super) fn claim(&self, claim: &Claim) {
        match claim {
            Claim::Can { subjects, verbs, resources, named, scope, except, .. } => {
                if let Some(tree::Scope::Namespaces(paths)) = scope
                    && let [only] = paths.as_slice()
                {
                    *self.within.borrow_mut() = self.namespace_name(only);
                } else if let Some(scope) = scope {
                    self.scope(scope);
                }
                for subject in subjects.iter().chain(except) {
                    let anybody = matches!(subject, tree::Subject::Path(path)
                        if matches!(path.segments.as_slice(), [only] if matches!(only.text.as_ref(), "any" | "all")));
                    if !anybody {
                        self.subject(subject);
                    }
                }
                self.verbs(verbs);
                for resource in resources {
                    self.check_resource(resource, false);
                }
                for name in named {
                    self.string(name);
                }
                *self.within.borrow_mut() = None;
            }
            Claim::Reaches { from, to, ports, .. } => {
                self.check_peer(from, &[]);
                self.check_peer(to, ports);
            }
            Claim::Audited { verbs, resources, .. } => {
                self.verbs(verbs);
                for resource in resources {
                    self.check_resource(resource, false);
                }
            }
            Claim::Both { first, second, scope } => {
                if let Some(scope) = scope {
                    self.scope(scope);
                }
                for role in [first, second] {
                    self.expect_entity(role, &[EntityKind::Role], "a role");
                }
            }
        }
    }
}
