//! Guarantees: typed here, proved elsewhere.

use std::sync::Arc;

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{Audited, Can, Claim, ClaimResource, ClaimScope, Guarantee, Reaches, RoleRef, Subject, Who};
use kspec_syntax::tree::{self, Item};
use kspec_types::EntityKind;

use super::{Elab, resources::group_of, scope::Place};

/// What `audited` knows by a word, beside verbs and resources.
#[derive(Clone, Copy)]
enum Word {
    Mutations,
    Authentication,
    BreakGlass,
}

const AUDITED: &[(&str, Word)] =
    &[("mutations", Word::Mutations), ("authentication", Word::Authentication), ("break_glass", Word::BreakGlass)];

impl Elab<'_, '_> {
    pub(super) fn guarantee(&self, node: &tree::Guarantee, item: &Item) {
        let claim = self.claim(&node.claim);
        if let Some((what, help)) = empty(node) {
            self.report(Finding::new(codes::EMPTY_PROMISE, what, self.at(item.span)).help(help));
            return;
        }
        let Some(claim) = claim else { return };
        let bare = Item { doc: None, ..item.clone() };
        let text = kspec_syntax::print_item(&bare).trim().to_owned();
        let always = node.always;
        self.emit(|part| part.guarantees.push(Guarantee { text, always, claim, origin: self.origin(item.span) }));
    }

    /// Resolves a claim; `None` where something in it was reported.
    pub(super) fn claim(&self, claim: &tree::Claim) -> Option<Claim> {
        match claim {
            tree::Claim::Can { subjects, verbs, resources, named, scope, except, by_any_path } => {
                let scope = self.claim_scope(scope.as_ref());
                if let Some(ClaimScope::Namespaces(names)) = &scope
                    && let [only] = names.as_slice()
                {
                    *self.within.borrow_mut() = Some(Arc::from(only.as_str()));
                }
                let subjects: Vec<Option<Who>> = subjects.iter().map(|subject| self.who(subject)).collect();
                let except: Vec<Option<Who>> = except.iter().map(|subject| self.who(subject)).collect();
                let verbs = self.verbs(verbs);
                let resources = resources.iter().map(|resource| self.claim_resource(resource)).collect();
                let names: Vec<Option<String>> = named.iter().map(|name| self.string(name)).collect();
                *self.within.borrow_mut() = None;
                Some(Claim::Can(Can {
                    subjects: subjects.into_iter().collect::<Option<_>>()?,
                    verbs,
                    resources,
                    names: names.into_iter().collect::<Option<_>>()?,
                    scope: scope?,
                    // Who leaves everyone out promises nothing: it is not taken for an exception.
                    except: except.into_iter().collect::<Option<Vec<_>>>()?.into_iter().filter_map(subject).collect(),
                    by_any_path: *by_any_path,
                }))
            }
            tree::Claim::Reaches { from, to, ports, through_any_path } => {
                let (from, to, ports) = self.connection(from, to, ports)?;
                Some(Claim::Reaches(Reaches { from, to, ports, through_any_path: *through_any_path }))
            }
            tree::Claim::Audited { what: Some(word), .. } => {
                let word = self.one_of(word, AUDITED, "sort of request called")?;
                Some(Claim::Audited(match word {
                    Word::Mutations => Audited::Mutations,
                    Word::Authentication => Audited::Authentication,
                    Word::BreakGlass => Audited::BreakGlass,
                }))
            }
            tree::Claim::Audited { what: None, verbs, resources } => {
                let verbs = self.verbs(verbs);
                let resources = resources.iter().map(|resource| self.claim_resource(resource)).collect();
                Some(Claim::Audited(Audited::Requests { verbs, resources }))
            }
            tree::Claim::Both { first, second, scope } => {
                let scope = self.claim_scope(scope.as_ref());
                let role = |path: &tree::Path| {
                    let role = self.expect_entity(path, &[EntityKind::Role], "a role")?;
                    Some(RoleRef {
                        namespace: role.namespace.as_deref().map(str::to_owned),
                        name: role.name.to_string(),
                    })
                };
                let (first, second) = (role(first), role(second));
                Some(Claim::Both { first: first?, second: second?, scope: scope? })
            }
        }
    }

    fn who(&self, subject: &tree::Subject) -> Option<Who> {
        let anyone = matches!(subject, tree::Subject::Path(path)
            if matches!(path.segments.as_slice(), [only] if matches!(only.text.as_ref(), "any" | "all")));
        if anyone { Some(Who::Anyone) } else { self.subject(subject).map(Who::Subject) }
    }

    fn claim_resource(&self, resource: &tree::Resource) -> ClaimResource {
        self.check_resource(resource, &[], false);
        let any = resource.name.as_ref() == "*";
        ClaimResource {
            group: group_of(resource).unwrap_or(if any { "*" } else { "" }).to_owned(),
            resource: resource.name.to_string(),
            subresource: resource.subresource.as_deref().unwrap_or_default().to_owned(),
        }
    }

    fn claim_scope(&self, scope: Option<&tree::Scope>) -> Option<ClaimScope> {
        let Some(scope) = scope else { return Some(ClaimScope::Anywhere) };
        Some(match self.scope(scope)? {
            Place::Cluster => ClaimScope::Cluster,
            Place::Namespaces(names) => ClaimScope::Namespaces(names.iter().map(ToString::to_string).collect()),
            Place::Where(selector) => ClaimScope::Where(selector),
        })
    }
}

/// What `always` cannot promise, and what to write instead.
fn empty(node: &tree::Guarantee) -> Option<(&'static str, &'static str)> {
    if !node.always {
        return None;
    }
    match &node.claim {
        tree::Claim::Can { by_any_path: true, .. } => Some((
            "`always … by any path` would promise that a chain of abuse stays open, which nothing that is granted does",
            "leave `by any path` out to promise what is granted; `never … by any path` is for what must be out of reach",
        )),
        tree::Claim::Reaches { through_any_path: true, .. } => Some((
            "`always … through any path` would promise that pods hand on what reaches them, which no policy says",
            "promise each connection of the chain: `always a reaches b`, `always b reaches c`",
        )),
        tree::Claim::Both { .. } => Some((
            "`always both` would promise that whoever holds one role holds the other too, which makes nothing safe or work",
            "promise what they may do, `always … can …`; `never both` keeps roles apart",
        )),
        _ => None,
    }
}

fn subject(who: Who) -> Option<Subject> {
    match who {
        Who::Anyone => None,
        Who::Subject(subject) => Some(subject),
    }
}
