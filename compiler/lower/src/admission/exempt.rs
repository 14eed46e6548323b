//! Exemptions, worked into what they exempt from: no engine knows of them.

use std::sync::Arc;

use kspec_diagnostics::Location;
use kspec_model::LabelSelector;
use kspec_model::program::{Date, Exempt, Exemption, View};
use kspec_model::rules::{Body, Each, ExemptionNote, Expr, Namespaces, Op, Root, Scope, Stmt, Target, Ty, Var};

use super::scope::{equal, field, is_pod, require, selected};

/// A pod's lists of containers.
const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
/// Kinds that stamp pods.
const WORKLOADS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"];

/// The exemptions from a rule or mutation that hold on a day, in source order.
pub(super) fn in_force<'p>(
    program: &View<'p>,
    declared: Location,
    as_of: Date,
) -> impl Iterator<Item = &'p Exemption> + use<'p> {
    let exemptions: Vec<&'p Exemption> = program.exemptions.clone();
    exemptions.into_iter().filter(move |exemption| {
        exemption.exception.until >= as_of && exemption.rules.iter().any(|(_, rule)| *rule == declared)
    })
}

/// An exemption as reports tell it.
pub(super) fn note(exemption: &Exemption) -> ExemptionNote {
    let mut what = match &exemption.what {
        Exempt::Namespace(name) => format!("namespace {name}"),
        Exempt::Workload { namespace, name, .. } => format!("workload {namespace}/{name}"),
        Exempt::ServiceAccount { namespace, name } => format!("service account {namespace}/{name}"),
    };
    if let Some(container) = &exemption.container {
        what.push_str(&format!(" container {container:?}"));
    }
    ExemptionNote {
        what,
        reason: exemption.exception.reason.clone(),
        owner: exemption.exception.owner.clone(),
        until: exemption.exception.until.to_string(),
    }
}

/// What exemptions are worked into.
pub(super) struct Exempted<'b> {
    pub(super) targets: &'b mut Vec<Target>,
    pub(super) scope: &'b mut Scope,
}

impl Exempted<'_> {
    /// Works in an exemption of whole objects; one of a container is part of the body.
    pub(super) fn apply(&mut self, exemption: &Exemption) {
        if exemption.container.is_some() {
            return;
        }
        match &exemption.what {
            Exempt::Namespace(name) => match &mut self.scope.namespaces {
                Namespaces::Named(names) => {
                    names.remove(name);
                }
                Namespaces::Selected { except, .. } => {
                    except.insert(name.clone());
                }
            },
            Exempt::Workload { namespace, name, pods } => {
                for target in self.targets.iter_mut() {
                    if is_pod(target) {
                        if let Some(condition) = of_pods(namespace, pods) {
                            require(target, condition.negated());
                        }
                    } else if WORKLOADS.contains(&target.kind.as_str()) && target.subresource.is_none() {
                        let named = equal(metadata_name(), Expr::text(name.as_str()));
                        require(target, both(in_namespace(namespace), named).negated());
                    }
                }
            }
            Exempt::ServiceAccount { namespace, name } => {
                for target in self.targets.iter_mut().filter(|target| is_pod(target)) {
                    require(target, both(in_namespace(namespace), runs_as(name)).negated());
                }
            }
        }
    }
}

/// Takes one container out of the lists that a rule reads, where the exemption is for the pod around it.
pub(super) fn container(bodies: &mut [Body], what: &Exempt, name: &str) {
    let exempt = match what {
        Exempt::Namespace(namespace) => Some(in_namespace(namespace)),
        Exempt::Workload { namespace, pods, .. } => of_pods(namespace, pods),
        Exempt::ServiceAccount { namespace, name } => Some(both(in_namespace(namespace), runs_as(name))),
    };
    let Some(exempt) = exempt else { return };
    let mut filter = Filter { exempt, container: name, count: 0 };
    for body in bodies {
        if let Body::Statements(statements) = body {
            filter.statements(statements);
        }
    }
}

/// A workload's pods; `None` where nothing tells them apart, since an exemption never widens.
fn of_pods(namespace: &str, pods: &LabelSelector) -> Option<Expr> {
    (!pods.is_empty()).then(|| both(in_namespace(namespace), selected(pods)))
}

fn both(a: Expr, b: Expr) -> Expr {
    Expr::new(Ty::Bool, Op::And(vec![a, b]))
}

fn in_namespace(name: &str) -> Expr {
    let request = Expr::new(Ty::Object, Op::Root(Root::Request));
    equal(field(request, "namespace", Ty::Text.optional()), Expr::text(name))
}

fn metadata_name() -> Expr {
    let metadata = field(Expr::new(Ty::Object, Op::Root(Root::Object)), "metadata", Ty::Object.optional());
    field(metadata, "name", Ty::Text.optional())
}

fn runs_as(name: &str) -> Expr {
    let spec = field(Expr::new(Ty::Object, Op::Root(Root::Object)), "spec", Ty::Object.optional());
    let account = field(spec, "serviceAccountName", Ty::Text.optional());
    // A template that names none gets the default one.
    let account = Expr::new(Ty::Text, Op::Coalesce(Box::new(account), Box::new(Expr::text("default"))));
    equal(account, Expr::text(name))
}

struct Filter<'n> {
    exempt: Expr,
    container: &'n str,
    count: u32,
}

impl Filter<'_> {
    fn statements(&mut self, statements: &mut [Stmt]) {
        for statement in statements {
            match statement {
                Stmt::Let(_, value) => self.expr(value),
                Stmt::For { over, body, .. } => {
                    over.iter_mut().for_each(|list| self.expr(list));
                    self.statements(body);
                }
                Stmt::Verdict(verdict) => {
                    self.expr(&mut verdict.when);
                    self.expr(&mut verdict.message);
                }
            }
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        if !is_container_list(expr) {
            expr.op.for_each_child_mut(&mut |child| self.expr(child));
            return;
        }
        self.count += 1;
        let item: Var = format!("exempted{}", self.count).into();
        let of = match expr.ty.present() {
            Ty::List(of) => (**of).clone(),
            _ => Ty::Object,
        };
        let name = field(Expr::new(of, Op::Var(Arc::clone(&item))), "name", Ty::Text.optional());
        let named = equal(name, Expr::text(self.container));
        let body = both(self.exempt.clone(), named).negated();
        let list = expr.clone();
        expr.ty = list.ty.present().clone();
        expr.op = Op::Each { what: Each::Filter, over: Box::new(list), item, value: None, body: Box::new(body) };
    }
}

/// `object.spec.containers` and the like, of a pod or of a template inside the object.
fn is_container_list(expr: &Expr) -> bool {
    let Op::Field(spec, list) = &expr.op else { return false };
    let Op::Field(base, name) = &spec.op else { return false };
    let mut base = base;
    while let Op::Field(inner, _) = &base.op {
        base = inner;
    }
    LISTS.contains(&&**list) && &**name == "spec" && matches!(base.op, Op::Root(Root::Object))
}
