//! `… can …`: what RBAC allows, asked as sets of requests.

use std::collections::BTreeSet;

use kspec_analysis::access::{Because, Extent, Pattern, PolicyRule, Spot, SubjectRef};
use kspec_model::{
    ObjectKey,
    cluster::Cluster,
    program::{Can, ClaimResource, ClaimScope, Who},
};

use super::{
    EMPTY, Outcome, Prover, Violation,
    minimal::{minimal, only},
    say, short,
};

/// Kinds of which a part unread would make a "no" a guess.
const RBAC: &[&str] = &["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
/// How many further subjects are named.
const NAMED: usize = 12;

/// One thing that a claim says somebody may do.
pub(super) struct Deed<'c> {
    pub(super) pattern: Pattern<'c>,
    /// Namespaces it is about; none for whatever place.
    pub(super) namespaces: Option<BTreeSet<&'c str>>,
    /// Whether it is about no namespace.
    pub(super) of_cluster: bool,
}

impl Deed<'_> {
    pub(super) fn spot(&self) -> Spot<'_> {
        match &self.namespaces {
            _ if self.of_cluster => Spot::Cluster,
            Some(namespaces) => Spot::In(namespaces),
            None => Spot::Anywhere,
        }
    }
}

impl Prover<'_, '_> {
    pub(super) fn can(&self, always: bool, can: &Can, notes: &mut Vec<String>) -> Outcome {
        if can.by_any_path {
            return match always {
                true => Outcome::NotDecided(EMPTY.to_owned()),
                false => self.never_by_any_path(can, notes),
            };
        }
        let violation = if always { self.always_can(can) } else { self.never_can(can, notes) };
        match violation {
            Some(violation) => Outcome::Violated(violation),
            None => {
                let others = || self.authorizers().filter(|_| !always);
                self.unread(RBAC).or_else(others).map_or_else(|| self.whole(), Outcome::NotDecided)
            }
        }
    }

    pub(super) fn never_can(&self, can: &Can, notes: &mut Vec<String>) -> Option<Violation> {
        let cluster = &self.coming.cluster;
        notes.push(
            "members of `system:masters` may do everything, whatever RBAC says: they are no part of this".to_owned(),
        );
        let counts = |subject: &SubjectRef| !subject.is_masters() && !is_excepted(can, subject);
        let mut found: Vec<(bool, Because, Deed<'_>, Option<SubjectRef>)> = Vec::new();
        for who in &can.subjects {
            let who = subject(who);
            if who.as_ref().is_some_and(|who| !counts(who)) {
                continue;
            }
            match &who {
                Some(SubjectRef::User { name }) => {
                    notes.push(format!("groups that only the authenticator of `{name}` knows are not looked at"));
                }
                Some(group @ SubjectRef::Group { name }) if !group.has_known_members() => {
                    let only = "only the authenticator knows, and what they have by themselves is not looked at";
                    notes.push(format!("who is in group `{name}` {only}"));
                }
                _ => {}
            }
            for pattern in patterns(can) {
                let deed = self.deed(pattern, &can.scope);
                for chain in self.chains(&deed, who.as_ref()) {
                    if counts(&chain.subject) {
                        let built_in = self.is_built_in(&chain);
                        let deed = Deed { namespaces: deed.namespaces.clone(), ..deed };
                        found.push((built_in, chain, deed, who.clone()));
                    }
                }
            }
        }
        // What somebody declared comes before what every API server has.
        found.sort_by_key(|(built_in, ..)| *built_in);
        let (_, chain, deed, who) = found.first()?;
        let others: BTreeSet<String> = found.iter().skip(1).map(|(_, chain, ..)| say(&chain.subject)).collect();
        // Whoever is asked about acts as the subject that is bound, or is a group that it is in.
        let group = who.as_ref().filter(|who| !who.acts_as(&chain.subject));
        let acts = who.as_ref().filter(|_| group.is_none()).unwrap_or(&chain.subject);
        let message = self.sentence(&member(acts, group), chain, deed);
        let mut witness = vec![message.clone()];
        if *acts != chain.subject {
            witness.push(format!("as every other {} does", say(&chain.subject)));
        }
        witness.extend(steps(chain));
        let others: Vec<String> = others.into_iter().filter(|other| *other != say(&chain.subject)).collect();
        if !others.is_empty() {
            let more = others.len().saturating_sub(NAMED);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<String> = others.into_iter().take(NAMED).collect();
            witness.push(format!("so may {}{rest}", named.join(", ")));
        }
        let allowed = |part: &Cluster| {
            let chains = deed.pattern.chains(part, deed.spot(), who.as_ref(), Extent::Some);
            chains.into_iter().chain(of_members(part, deed, who.as_ref())).any(|chain| counts(&chain.subject))
        };
        let responsible = self.responsible_for(cluster, chain, &allowed);
        let help = "take the binding away, or what the role allows; who is meant to is named after `except`".to_owned();
        Some(Violation { message, witness, responsible, help })
    }

    /// Bindings that allow somebody some of it, by name, by a group, or as a member of the group asked about.
    pub(super) fn chains(&self, deed: &Deed<'_>, who: Option<&SubjectRef>) -> Vec<Because> {
        let mut chains = self.grantees.chains(&deed.pattern, deed.spot(), who, Extent::Some);
        chains.extend(of_members(&self.coming.cluster, deed, who));
        chains
    }

    fn always_can(&self, can: &Can) -> Option<Violation> {
        for who in can.subjects.iter().filter(|who| !subject(who).is_some_and(|subject| is_excepted(can, &subject))) {
            // Whoever has proved who they are has no more than everyone has.
            let who = subject(who).unwrap_or_else(|| SubjectRef::Group { name: "system:authenticated".to_owned() });
            if who.is_masters() {
                continue;
            }
            for pattern in patterns(can) {
                let deed = self.deed(pattern, &can.scope);
                let everywhere: BTreeSet<Option<&str>> = match &deed.namespaces {
                    Some(namespaces) => namespaces.iter().copied().map(Some).collect(),
                    None => BTreeSet::from([None]),
                };
                for namespace in everywhere {
                    let one: BTreeSet<&str> = namespace.into_iter().collect();
                    let spot = if one.is_empty() || deed.of_cluster { Spot::Cluster } else { Spot::In(&one) };
                    if self.grantees.chains(&pattern, spot, Some(&who), Extent::All).is_empty() {
                        let place =
                            namespace.map_or_else(|| "the whole cluster".to_owned(), |name| self.coming.say(name));
                        let message = format!("nothing allows {} to {} in {place}", say(&who), said(&pattern));
                        return Some(Violation {
                            witness: vec![message.clone()],
                            message,
                            responsible: Vec::new(),
                            help: "grant it there".to_owned(),
                        });
                    }
                }
            }
        }
        None
    }

    /// Where a claim asks for a pattern.
    pub(super) fn deed<'c>(&'c self, pattern: Pattern<'c>, scope: &'c ClaimScope) -> Deed<'c> {
        let of_cluster = matches!(scope, ClaimScope::Cluster) || self.is_of_cluster(&pattern);
        let namespaces = match scope {
            ClaimScope::Anywhere | ClaimScope::Cluster => None,
            ClaimScope::Namespaces(names) => Some(names.iter().map(String::as_str).collect()),
            ClaimScope::Where(selector) => {
                let namespaces = self.coming.cluster.namespaces.iter();
                Some(
                    namespaces
                        .filter(|(_, facts)| selector.matches(&facts.labels))
                        .map(|(name, _)| name.as_str())
                        .collect(),
                )
            }
        };
        Deed { pattern, namespaces, of_cluster }
    }

    /// Whether its objects are of no namespace, so that no RoleBinding gives it. Of a namespace itself, the server takes the name
    /// for the request's namespace.
    fn is_of_cluster(&self, pattern: &Pattern<'_>) -> bool {
        let kind = self.survey.schema.resource(pattern.group, pattern.resource);
        kind.is_some_and(|kind| !kind.namespaced) && (pattern.group, pattern.resource) != ("", "namespaces")
    }

    pub(super) fn is_built_in(&self, chain: &Because) -> bool {
        let binding = chain.binding.as_ref().and_then(|binding| self.coming.cluster.bindings.get(binding));
        binding.is_some_and(|binding| binding.built_in)
    }

    /// The binding and roles of a chain, without those that it does without.
    pub(super) fn responsible_for(
        &self,
        cluster: &Cluster,
        chain: &Because,
        allowed: &dyn Fn(&Cluster) -> bool,
    ) -> Vec<super::Responsible> {
        let objects = gathered(cluster, chain.binding.iter().chain(&chain.role).cloned().collect());
        let kept = minimal(objects, |kept| allowed(&only(cluster, kept)));
        let mut responsible: Vec<_> = kept.iter().map(|object| self.responsible(object, part(object, chain))).collect();
        // Whom the person is most likely to change first.
        responsible.sort_by_key(|responsible| chain.binding.as_ref() != Some(&responsible.object));
        responsible
    }

    fn sentence(&self, acts: &str, chain: &Because, deed: &Deed<'_>) -> String {
        let namespace = chain.binding.as_ref().and_then(|binding| binding.namespace.as_deref());
        let namespace = namespace.or_else(|| deed.namespaces.as_ref()?.first().copied()).filter(|_| !deed.of_cluster);
        let place = namespace.map_or_else(|| "the whole cluster".to_owned(), |name| self.coming.say(name));
        format!("{acts} may {} in {place}", said(&narrowed(&deed.pattern, chain.rule.as_ref())))
    }
}

/// What members of a group have by themselves, where authentication alone says who is one.
fn of_members(cluster: &Cluster, deed: &Deed<'_>, who: Option<&SubjectRef>) -> Vec<Because> {
    let Some(group) = who.filter(|who| who.has_known_members()) else { return Vec::new() };
    let mut chains = deed.pattern.chains(cluster, deed.spot(), None, Extent::Some);
    // What the group has, and whatever groups its members are in, is its own.
    chains.retain(|chain| chain.subject.acts_as(group) && !group.acts_as(&chain.subject));
    chains
}

/// A subject, and the group for whose sake it is named.
pub(super) fn member(subject: &SubjectRef, group: Option<&SubjectRef>) -> String {
    group.map_or_else(|| say(subject), |group| format!("{}, of {},", say(subject), say(group)))
}

/// What of a pattern a rule allows: where the pattern says all and the rule names some, the first of these.
pub(super) fn narrowed<'c>(pattern: &Pattern<'c>, rule: Option<&'c PolicyRule>) -> Pattern<'c> {
    let Some(rule) = rule else { return *pattern };
    let first = |wanted: &'c str, allowed: &'c [String]| match allowed.first() {
        Some(first) if wanted == "*" && !allowed.iter().any(|word| word == "*") => first.as_str(),
        _ => wanted,
    };
    let name = pattern.name.or_else(|| rule.resource_names.first().map(String::as_str));
    // Of objects that a rule names it allows nothing that is asked without a name.
    let named = rule.verbs.iter().find(|verb| *verb != "deletecollection").filter(|_| name.is_some());
    let verb = match first(pattern.verb, &rule.verbs) {
        verb if verb == pattern.verb => verb,
        verb => named.map_or(verb, String::as_str),
    };
    let mut resources = rule.resources.iter().map(|path| path.split_once('/').unwrap_or((path, "")));
    let all = rule.resources.iter().any(|path| path == "*");
    let (resource, subresource) = match (pattern.resource, pattern.subresource) {
        // Alone it is every resource and subresource.
        ("*", "") if !all => resources.next(),
        ("*", wanted) if !all => {
            resources.find(|(_, sub)| if wanted == "*" { !sub.is_empty() } else { *sub == wanted })
        }
        (wanted, "*") if !all => resources.find(|(main, sub)| [wanted, "*"].contains(main) && !sub.is_empty()),
        _ => None,
    }
    .map_or((pattern.resource, pattern.subresource), |(main, sub)| {
        (if main == "*" { pattern.resource } else { main }, if sub == "*" { pattern.subresource } else { sub })
    });
    Pattern { verb, group: first(pattern.group, &rule.api_groups), resource, subresource, name }
}

/// Whether a claim leaves a subject out, by its name or by a group that authentication adds it to.
pub(super) fn is_excepted(can: &Can, subject: &SubjectRef) -> bool {
    can.except.iter().any(|except| subject.acts_as(&SubjectRef::from(except).plain()))
}

/// Every combination that a claim is about.
pub(super) fn patterns(can: &Can) -> impl Iterator<Item = Pattern<'_>> {
    let names = || can.names.iter().map(|name| Some(name.as_str())).chain(can.names.is_empty().then_some(None));
    can.verbs.iter().flat_map(move |verb| {
        can.resources.iter().flat_map(move |resource| names().map(move |name| pattern(verb, resource, name)))
    })
}

pub(super) fn pattern<'c>(verb: &'c str, resource: &'c ClaimResource, name: Option<&'c str>) -> Pattern<'c> {
    let ClaimResource { group, resource, subresource } = resource;
    Pattern { verb, group, resource, subresource, name }
}

pub(super) fn subject(who: &Who) -> Option<SubjectRef> {
    match who {
        Who::Anyone => None,
        Who::Subject(subject) => Some(SubjectRef::from(subject)),
    }
}

/// Objects, and the roles that those among them gather.
pub(super) fn gathered(cluster: &Cluster, mut objects: BTreeSet<ObjectKey>) -> BTreeSet<ObjectKey> {
    loop {
        let mut more = BTreeSet::new();
        for (name, facts) in &cluster.roles {
            let key = kspec_analysis::access::role_key(name);
            let Some(selectors) = facts.aggregation.as_ref().filter(|_| objects.contains(&key)) else { continue };
            let gathered = cluster.roles.iter().filter(|(other, facts)| {
                other.namespace.is_none() && selectors.iter().any(|selector| selector.matches(&facts.labels))
            });
            more.extend(gathered.map(|(other, _)| kspec_analysis::access::role_key(other)));
        }
        let before = objects.len();
        objects.extend(more);
        if objects.len() == before {
            return objects;
        }
    }
}

fn part(object: &ObjectKey, chain: &Because) -> String {
    if chain.binding.as_ref() == Some(object) {
        format!("{} binds it to {}", short(object), say(&chain.subject))
    } else if chain.role.as_ref() == Some(object) {
        format!("{} allows it", short(object))
    } else {
        format!("{} is gathered by the role bound", short(object))
    }
}

pub(super) fn steps(chain: &Because) -> Vec<String> {
    let mut steps = Vec::new();
    if let (Some(binding), Some(role)) = (&chain.binding, &chain.role) {
        steps.push(format!("{} binds {} to {}", short(binding), short(role), say(&chain.subject)));
        if let Some(rule) = &chain.rule {
            steps.push(format!("{} allows {}", short(role), rule_text(rule)));
        }
    }
    steps
}

fn rule_text(rule: &PolicyRule) -> String {
    let groups: Vec<&str> = rule.api_groups.iter().filter(|group| !group.is_empty()).map(String::as_str).collect();
    let of = if groups.is_empty() { String::new() } else { format!(" of {}", groups.join(", ")) };
    let named = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(" named {}", rule.resource_names.join(", "))
    };
    format!("{} on {}{of}{named}", rule.verbs.join(", "), rule.resources.join(", "))
}

/// A pattern as a program writes it.
pub(super) fn said(pattern: &Pattern<'_>) -> String {
    let word = |text: &str| if text == "*" { "any".to_owned() } else { text.to_owned() };
    let mut resource = word(pattern.resource);
    if !pattern.group.is_empty() && (pattern.group, pattern.resource) != ("*", "*") {
        resource = format!("{resource}.{}", word(pattern.group));
    }
    if !pattern.subresource.is_empty() {
        resource = format!("{resource}/{}", word(pattern.subresource));
    }
    let named = pattern.name.map(|name| format!(" named `{name}`")).unwrap_or_default();
    format!("`{}` {resource}{named}", word(pattern.verb))
}
