//! Exemptions from rules.

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_model::program::{Exempt, Exemption};
use kspec_syntax::tree;
use kspec_types::{EntityKind, EntityRef, Value};

use super::{Elab, exception::EXCEPTION_FIELDS};

const KINDS: [(&str, EntityKind); 3] = [
    ("workload", EntityKind::Workload),
    ("namespace", EntityKind::Namespace),
    ("service_account", EntityKind::ServiceAccount),
];

impl Elab<'_, '_> {
    pub(super) fn exempt(&self, node: &tree::Exempt, span: Span) {
        let what = self.exempted(node);
        let rules: Vec<(String, Location)> = node.rules.iter().flat_map(|path| self.named_rules(path)).collect();
        let fields = self.fields(&node.body, EXCEPTION_FIELDS, "exempt");
        let exception = self.exception(&fields, Some("exempt"), span);
        let container = node.container.as_ref().map(|name| name.value.to_string());
        let (Some(what), Some(exception)) = (what, exception) else { return };
        if rules.is_empty() {
            return;
        }
        self.emit(|part| {
            part.exemptions.push(Exemption { what, container, rules, exception, origin: self.origin(span) });
        });
    }

    fn exempted(&self, node: &tree::Exempt) -> Option<Exempt> {
        let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == &*node.kind.text) else {
            let finding = Finding::new(
                codes::BAD_VALUE,
                format!("a `{}` cannot be exempted", node.kind.text),
                self.at(node.kind.span),
            );
            self.report(finding.help("what can be: a `workload`, a `namespace`, a `service_account`"));
            return None;
        };
        let entity = self.expect_entity(&node.target, &[*kind], kind.noun())?;
        if self.is_abstract() {
            return None;
        }
        let namespace = entity.namespace.as_deref().unwrap_or_default().to_owned();
        let name = entity.name.to_string();
        Some(match kind {
            EntityKind::Namespace => Exempt::Namespace(name),
            EntityKind::ServiceAccount => Exempt::ServiceAccount { namespace, name },
            _ => {
                let workload = entity.decl.and_then(|decl| self.workload_of(&namespace, &name, decl.item))?;
                Exempt::Workload { namespace, name, pods: workload.pods }
            }
        })
    }

    /// Rules by name, or by the name of a list of them, and where each is declared.
    pub(super) fn named_rules(&self, path: &tree::Path) -> Vec<(String, Location)> {
        let of = |entity: &EntityRef| Some((entity.name.to_string(), entity.decl?));
        let value = self.path_value(path);
        if let Value::List(items) = &value {
            let rules = items.iter().map(|item| match item {
                Value::Entity(entity) if entity.kind == EntityKind::Rule => Some(of(entity)),
                Value::Entity(entity) if entity.kind == EntityKind::Mutation => Some(None),
                _ => None,
            });
            if let Some(rules) = rules.collect::<Option<Vec<_>>>() {
                return rules.into_iter().flatten().collect();
            }
        }
        let entity = self.as_entity(value, &[EntityKind::Rule], "a rule", path.span);
        entity.iter().filter_map(of).collect()
    }
}
