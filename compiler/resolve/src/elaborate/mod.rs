//! From one item's tree to what it means: names resolved, parameters filled in, templates expanded.
//!
//! A file a kind of declaration. Each takes an [`Elab`], adds to its contribution, and returns the value its name stands
//! for.

mod access;
mod amounts;
mod api_server;
mod audit;
mod authentication;
mod bind;
mod encryption;
mod exception;
mod exempt;
mod fields;
mod guarantee;
mod issuers;
mod lookup;
mod manifest;
mod mutation;
mod namespace;
mod network;
mod pending;
mod resources;
mod rule;
mod scope;
mod selector;
mod target;
mod template;
mod test;
mod values;
mod workload;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use kspec_diagnostics::{Finding, ItemId, Location, Span};
use kspec_model::program::{Origin, Part};
use kspec_syntax::tree::{Item, ItemKind};
use kspec_types::{EntityKind, EntityRef, Value};

use crate::db::{Db, Exports, Unit, Uses};

pub use api_server::managed_flags;
pub(crate) use template::Frame;

/// Stands for a text that a template's abstract reading does not know.
const UNKNOWN: &str = "unknown";

/// What elaborating one item yields, filled as it goes.
#[derive(Default)]
pub(crate) struct Out {
    part: RefCell<Part>,
    findings: RefCell<Vec<Finding>>,
    uses: RefCell<Uses>,
    /// Declarations stamped so far, against templates that multiply.
    stamped: Cell<usize>,
}

/// The place that an elaboration stands in.
pub(crate) struct Elab<'d, 's> {
    db: &'d Db<'s>,
    /// Whose text is read: a template's item while its body is stamped.
    item: ItemId,
    module: Arc<str>,
    /// Innermost template or `for` around this place.
    frame: Option<Rc<Frame<'s>>>,
    /// The namespace of the statement being read, which bare names resolve in first.
    within: RefCell<Option<Arc<str>>>,
    out: &'d Out,
}

/// Elaborates one item.
pub(crate) fn item(db: &Db<'_>, id: ItemId, item: &Item) -> Unit {
    let out = Out::default();
    let elab = Elab { db, item: id, module: db.module_of(id), frame: None, within: RefCell::new(None), out: &out };
    let mut exports = elab.declare(item);
    if db.is_cyclic(id)
        && let Some((_, value)) = &mut exports
    {
        *value = Value::Error;
    }
    let mut findings = out.findings.into_inner();
    findings.extend(db.take_cycles(id));
    let part = out.part.into_inner();
    let mut uses = out.uses.into_inner();
    // A misspelt name uses the one that was meant.
    let misspelt = findings.iter().filter(|finding| finding.code == kspec_diagnostics::codes::UNKNOWN_NAME);
    for edit in misspelt.flat_map(|finding| &finding.fixes).flat_map(|fix| &fix.edits) {
        uses.name(&db.module_of(id), &edit.text);
    }
    Unit { exports, part, findings, uses, whole: db.seen_whole(id) }
}

impl<'d, 's> Elab<'d, 's> {
    /// Elaborates a declaration, at the top of a module or inside a template, and returns the name it declares, if it does.
    fn declare(&self, item: &'s Item) -> Exports {
        *self.within.borrow_mut() = None;
        let doc = item.doc.as_deref();
        let named = |name: &kspec_syntax::tree::Name, value: Value| Some((Arc::clone(&name.text), value));
        match &item.kind {
            ItemKind::Use(node) => {
                self.check_use(node);
                None
            }
            ItemKind::Param(node) => named(&node.name, self.param(node)),
            ItemKind::Let(node) => named(&node.name, self.let_value(node)),
            ItemKind::Fn(node) => named(&node.name, self.function(node)),
            ItemKind::Template(node) => named(&node.name, self.template(node)),
            ItemKind::For(node) => {
                self.for_each(node);
                None
            }
            ItemKind::Stamp(node) => {
                self.stamp(&node.call);
                None
            }
            ItemKind::Manifest(node) => {
                let value = self.manifest(node, item.span);
                node.name.as_ref().and_then(|name| named(name, value))
            }
            ItemKind::Namespace(node) => named(&node.name, self.namespace(node, doc)),
            ItemKind::Workload(node) => named(&node.name, self.workload(node, doc)),
            ItemKind::ServiceAccount(node) => named(&node.name, self.service_account(node, doc)),
            ItemKind::Principal(node) => named(&node.name, self.principal(node)),
            ItemKind::Role(node) => named(&node.name, self.role(node, doc)),
            ItemKind::Grant(node) => {
                self.grant(node, doc, item.span);
                None
            }
            ItemKind::Network(node) => {
                self.network(node, item.span);
                None
            }
            ItemKind::Guarantee(node) => {
                self.guarantee(node, item);
                None
            }
            ItemKind::Encryption(node) => {
                self.encryption(node, item.span);
                None
            }
            ItemKind::Audit(node) => {
                self.audit(node, item.span);
                None
            }
            ItemKind::Authentication(record) => {
                self.authentication(record, item.span);
                None
            }
            ItemKind::ApiServer(record) => {
                self.api_server(record, item.span);
                None
            }
            ItemKind::Moved(node) => {
                self.moved(node, item.span);
                None
            }
            ItemKind::Accept(node) => {
                self.accept(node, item.span);
                None
            }
            ItemKind::Rule(node) => named(&node.name, self.rule(node)),
            ItemKind::Mutation(node) => named(&node.name, self.mutation(node)),
            ItemKind::Runtime(node) => named(&node.name, self.runtime(node, item.span)),
            ItemKind::Bind(node) => {
                self.bind(node, item.span);
                None
            }
            ItemKind::Exempt(node) => {
                self.exempt(node, item.span);
                None
            }
            ItemKind::Protect(node) => {
                self.protect(node, item.span);
                None
            }
            ItemKind::Test(node) => {
                self.test(node, item.span);
                None
            }
            ItemKind::Error(name) => name.as_ref().and_then(|name| named(name, Value::Error)),
        }
    }

    fn at(&self, span: Span) -> Location {
        Location { item: self.item, span }
    }

    fn origin(&self, span: Span) -> Origin {
        Origin { at: self.at(span), uses: self.frame.as_ref().map(|frame| Arc::clone(&frame.uses)).unwrap_or_default() }
    }

    /// Records a finding; inside a stamp it names the uses that led here.
    fn report(&self, mut finding: Finding) {
        if let Some(frame) = &self.frame {
            for place in frame.uses.iter() {
                finding = finding.label(*place, "stamped here");
            }
        }
        let mut findings = self.out.findings.borrow_mut();
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    /// Adds to the contribution, unless this is the abstract reading of a template.
    fn emit(&self, add: impl FnOnce(&mut Part)) {
        if !self.is_abstract() {
            add(&mut self.out.part.borrow_mut());
        }
    }

    /// Whether a template's body is being read with unknown arguments, only to check it.
    fn is_abstract(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.is_abstract)
    }

    fn entity(&self, kind: EntityKind, namespace: Option<&str>, name: &str, span: Span, existing: bool) -> Value {
        Value::Entity(EntityRef {
            kind,
            namespace: namespace.map(Arc::from),
            name: Arc::from(name),
            decl: Some(self.at(span)),
            existing,
            members: None,
        })
    }
}
