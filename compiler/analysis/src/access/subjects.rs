//! Questions the other way round: who may do this, and what may they do.

use kspec_model::ObjectKey;
use serde::{Deserialize, Serialize};

use super::{
    Because, Index, PolicyRule, Request, SubjectRef, effective_groups,
    index::{Held, masters, role_key},
    request::MASTERS,
};

/// A subject that may do what was asked: whoever is this user, or in this group, may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Allowed {
    /// The subject, as bindings name it.
    pub subject: SubjectRef,
    /// Every binding that gives it, each with its first rule that does.
    pub because: Vec<Because>,
}

/// A rule that someone holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeldRule {
    /// The rule.
    pub rule: PolicyRule,
    /// Namespace that it holds in; none for everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The subject that they hold it as.
    pub subject: SubjectRef,
    /// The binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<ObjectKey>,
    /// The role it binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ObjectKey>,
}

impl Index<'_> {
    /// Every subject that a binding names and that may do what is asked, ascending; `request.user` and its groups are ignored.
    /// `system:masters` is always among them. Members of a group are not listed each: bindings do not know them.
    #[must_use]
    pub fn who_can(&self, request: &Request) -> Vec<Allowed> {
        let mut found = std::collections::BTreeMap::<SubjectRef, Vec<Because>>::new();
        found.insert(SubjectRef::Group { name: MASTERS.to_owned() }, masters());
        for (subject, because) in self.all_that_allow(request) {
            found.entry(subject).or_default().push(because);
        }
        found.into_iter().map(|(subject, because)| Allowed { subject, because }).collect()
    }

    /// Every rule that a user holds by name or by group, in a namespace (empty: over the whole cluster), in the order of
    /// bindings. A RoleBinding gives no URLs, so that such rules are left out of it.
    #[must_use]
    pub fn rules(&self, user: &str, groups: &[String], namespace: &str) -> Vec<HeldRule> {
        let groups = effective_groups(user, groups);
        let mut rules = Vec::new();
        if groups.iter().any(|group| group == MASTERS) {
            let all = || vec!["*".to_owned()];
            let rule = PolicyRule {
                verbs: all(),
                api_groups: all(),
                resources: all(),
                resource_names: Vec::new(),
                non_resource_urls: all(),
            };
            let subject = SubjectRef::Group { name: MASTERS.to_owned() };
            rules.push(HeldRule { rule, namespace: None, subject, binding: None, role: None });
        }
        rules.extend(self.rules_for(user, &groups, namespace).filter_map(|Held { grant, rule, subject }| {
            let mut rule = PolicyRule::from(rule);
            if grant.binding.namespace.is_some() {
                rule.non_resource_urls.clear();
                if rule.resources.is_empty() {
                    return None;
                }
            }
            Some(HeldRule {
                rule,
                namespace: grant.binding.namespace.clone(),
                subject,
                binding: Some(grant.binding.clone()),
                role: Some(role_key(grant.role)),
            })
        }));
        rules
    }
}
