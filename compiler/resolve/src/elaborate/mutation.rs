//! Mutations: what a declaration is, and what it becomes where it is bound.

use std::collections::BTreeSet;

use kspec_diagnostics::Location;
use kspec_model::rules::{Change, Expr, Mutation, Op, Operation, Root, Target};
use kspec_syntax::tree::{self, ItemKind};
use kspec_types::{EntityKind, OnKind, Value};

use super::{
    Elab,
    rule::Use,
    target::{default_operations, is_pod, stamping},
};

impl<'s> Elab<'_, 's> {
    pub(super) fn mutation(&self, node: &'s tree::Mutation) -> Value {
        self.with_cx(|cx| kspec_types::check_mutation(node, cx));
        self.admission_entity(EntityKind::Mutation, &node.name, &node.params)
    }

    /// A mutation where it is bound.
    pub(super) fn bound_mutation(&self, used: &Use) -> Option<(Mutation, Location)> {
        let (declared, decl) = self.declared_rule(&used.entity)?;
        let ItemKind::Mutation(node) = &declared.item.kind else { return None };
        let params = self.bound_params(used, &declared, decl)?;
        let there = self.inside(used, decl);
        let kinds: Vec<OnKind> = there.with_cx(|cx| kspec_types::on_kinds(&node.on, cx));
        let mut bodies: Vec<Vec<Change>> = Vec::new();
        let mut targets: Vec<Target> = Vec::new();
        for kind in &kinds {
            let body = there.with_cx(|cx| kspec_types::lower_mutation(&node.body, kind, &node.params, &params, cx))?;
            let at = bodies.iter().position(|known| *known == body).unwrap_or_else(|| {
                bodies.push(body.clone());
                bodies.len() - 1
            });
            if is_pod(kind) {
                // Of a pod that is there, little may change.
                let operations = if body.iter().all(may_change) {
                    BTreeSet::from([Operation::Create, Operation::Update])
                } else {
                    BTreeSet::from([Operation::Create])
                };
                targets.push(kind.target(operations, at));
                let both = BTreeSet::from([Operation::Create, Operation::Update]);
                targets.extend(stamping(&both, false, &kinds, at).into_iter().map(|mut target| {
                    // A job's template is never changed.
                    if target.resource == "jobs" {
                        target.operations.remove(&Operation::Update);
                    }
                    target
                }));
            } else {
                targets.push(kind.target(default_operations(kind), at));
            }
        }
        let mutation = Mutation {
            name: node.name.text.to_string(),
            help: declared.item.doc.as_deref().map(str::to_owned),
            source: String::new(),
            targets,
            bodies,
        };
        Some((mutation, decl))
    }
}

/// Whether Kubernetes lets what is written change in a pod that exists: its metadata, and containers' images.
fn may_change(change: &Change) -> bool {
    match change {
        Change::For { body, .. } | Change::If { body, .. } => body.iter().all(may_change),
        Change::Write { place, .. } | Change::Remove { place, .. } => is_metadata(place) || is_image(place),
    }
}

fn is_metadata(place: &Expr) -> bool {
    match &place.op {
        Op::Field(base, name) => (&**name == "metadata" && base.op == Op::Root(Root::Object)) || is_metadata(base),
        Op::Index(base, _) => is_metadata(base),
        _ => false,
    }
}

fn is_image(place: &Expr) -> bool {
    matches!(&place.op, Op::Field(base, name) if &**name == "image" && matches!(base.op, Op::Var(_)))
}
