//! Who sends a request, where conditions of policies go by that: users by their name, groups by their members' being of them, service
//! accounts by both.
//!
//! Which other groups a user is of, whoever authenticates them says, so that only being of a group is ever known of them. What pods do is
//! not asked by sender: most pods are sent by the control plane's controllers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kspec_analysis::{
    abuse::{Attempt, Controls, Refusal, Refuser, SenderRefusal},
    access::SubjectRef,
};
use kspec_model::{
    cluster::Cluster,
    program::{RoleRule, Subject},
};
use kspec_rules::partial::Part;
use serde_json::json;

use super::{Askable, Asked, Spot, Ways, attempts::request, policy::Policy};

/// Somebody who may send a request.
pub(super) struct Sender {
    pub(super) subject: SubjectRef,
    /// `request.userInfo`, as far as it is known.
    pub(super) info: Part,
}

/// Whether an attempt's requests are sent by whoever makes it, each by itself.
pub(super) const fn is_sent_directly(attempt: Attempt) -> bool {
    matches!(
        attempt,
        Attempt::AnyContainer
            | Attempt::Exec
            | Attempt::Attach
            | Attempt::Forward
            | Attempt::ProxyPod
            | Attempt::ProxyService
            | Attempt::Volume
            | Attempt::Token
            | Attempt::TokenSecret
            | Attempt::RetargetedSecret
            | Attempt::Bind
            | Attempt::Rebind
            | Attempt::BindEverywhere
            | Attempt::RebindEverywhere
    )
}

/// Everybody that a binding names.
pub(super) fn senders(cluster: &Cluster) -> Vec<Sender> {
    let exact = groups_are_their_own(cluster);
    let named: BTreeSet<SubjectRef> =
        cluster.bindings.values().flat_map(|facts| &facts.subjects).map(subject).collect();
    named.into_iter().map(|subject| Sender { info: info(&subject, exact), subject }).collect()
}

fn subject(subject: &Subject) -> SubjectRef {
    match subject.clone() {
        Subject::User(name) => SubjectRef::User { name },
        Subject::Group(name) => SubjectRef::Group { name },
        Subject::ServiceAccount { namespace, name } => SubjectRef::ServiceAccount { namespace, name },
    }
}

/// What a request says of who sends it ("Authenticating", Kubernetes documentation). The groups of service accounts are `exact`
/// unless somebody chooses others with their name.
fn info(subject: &SubjectRef, exact: bool) -> Part {
    let some = |groups: &[&str]| Part::open(&json!(groups));
    let (name, groups) = match subject {
        SubjectRef::User { name } => (Part::Text(name.as_str().into()), some(&[])),
        SubjectRef::Group { name } => (Part::OtherText("system:apiserver".into()), some(&[name])),
        SubjectRef::ServiceAccount { namespace, name } => {
            let all = "system:serviceaccounts";
            let groups = json!([all, format!("{all}:{namespace}"), "system:authenticated"]);
            let groups = if exact { Part::closed(&groups) } else { some(&[]) };
            (Part::Text(format!("system:serviceaccount:{namespace}:{name}").into()), groups)
        }
    };
    Part::open(&json!({})).with("username", name).with("groups", groups)
}

/// Whether nobody may put other groups beside a service account's name: by impersonation, or by a certificate. Who may do everything
/// has no need to.
fn groups_are_their_own(cluster: &Cluster) -> bool {
    let bound: BTreeSet<_> = cluster.bindings.values().map(|facts| &facts.role).collect();
    let roles = cluster.roles.iter().filter(|(role, _)| bound.contains(role));
    !roles.flat_map(|(_, facts)| &facts.rules).any(chooses_groups)
}

fn chooses_groups(rule: &RoleRule) -> bool {
    let says =
        |words: &[String], known: &[&str]| words.iter().any(|word| word == "*" || known.contains(&word.as_str()));
    let all = |words: &[String]| words.iter().any(|word| word == "*");
    let impersonates = says(&rule.verbs, &["impersonate", "impersonate:user-info"])
        && says(&rule.api_groups, &["", "authentication.k8s.io"])
        && says(&rule.resources, &["groups"]);
    let client = |name: &String| ["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"].contains(&name.as_str());
    let approves = says(&rule.verbs, &["approve"])
        && says(&rule.api_groups, &["certificates.k8s.io"])
        && says(&rule.resources, &["signers"])
        && (rule.resource_names.is_empty() || rule.resource_names.iter().any(client));
    let everything =
        all(&rule.verbs) && all(&rule.api_groups) && all(&rule.resources) && rule.resource_names.is_empty();
    (impersonates || approves) && !everything
}

/// Adds to whom a policy lets some way of an attempt pass that somebody sends directly, though not to whoever sends it.
pub(super) fn passes_to(policy: &Policy<'_>, examples: &[(Attempt, Vec<Part>)], senders: &[Sender], to: &mut Controls) {
    let open = |attempt: Attempt| !to.passes.contains(&(attempt, policy.key.clone()));
    let asked = examples.iter().filter(|(attempt, _)| is_sent_directly(*attempt) && policy.is_about(*attempt));
    let asked: Vec<_> = asked.filter(|(attempt, _)| open(*attempt)).collect();
    for (attempt, objects) in asked {
        for sender in senders {
            let request = || request(*attempt, None).with("userInfo", sender.info.clone());
            if objects.iter().any(|object| policy.passes_as(request(), *attempt, object)) {
                to.passes_to.insert((*attempt, policy.key.clone(), sender.subject.clone()));
            }
        }
    }
}

/// By what refuses an attempt, and whether that lasts: those whom it is refused.
type Refused = BTreeMap<(Vec<Refuser>, bool), Arc<BTreeSet<SubjectRef>>>;

/// The same, by what is asked in a place, and once its labels are changed.
pub(super) type Alike = BTreeMap<(Vec<usize>, Vec<usize>), Arc<Refused>>;

impl Asked<'_> {
    /// Adds to whom it is refused there, though not to whoever sends it.
    pub(super) fn tell_senders(&self, here: &Spot<'_>, relabelled: &Spot<'_>, whole: &Ways, to: &mut Controls) {
        if self.senders.is_empty() {
            return;
        }
        for ((by, lasting), senders) in self.to_whom(here, relabelled, whole).iter() {
            let refusal = Refusal {
                by: by.clone(),
                namespace: here.place.name().map(str::to_owned),
                attempt: self.attempt,
                name: None,
                lasting: *lasting,
            };
            to.of_senders.push(SenderRefusal { refusal, senders: Arc::clone(senders) });
        }
    }

    fn to_whom(&self, here: &Spot<'_>, relabelled: &Spot<'_>, whole: &Ways) -> Arc<Refused> {
        let mut asked = here.there.iter().chain(&relabelled.there).filter_map(|one| self.askable.get(*one));
        let key = (here.there.clone(), relabelled.there.clone());
        let alike = !asked.any(Askable::reads_namespace);
        if let Some(known) = self.alike.borrow().get(&key).filter(|_| alike) {
            return Arc::clone(known);
        }
        let mut found: BTreeMap<(BTreeSet<Refuser>, bool), BTreeSet<SubjectRef>> = BTreeMap::new();
        for (at, sender) in self.senders.iter().enumerate() {
            if let Some(by) = self.refused_to(here, whole, at) {
                let lasting = self.refused_to(relabelled, whole, at).is_some();
                found.entry((by, lasting)).or_default().insert(sender.subject.clone());
            }
        }
        let shared = found.into_iter().map(|((by, lasting), who)| ((by.into_iter().collect(), lasting), Arc::new(who)));
        let found = Arc::new(shared.collect::<Refused>());
        if alike {
            self.alike.borrow_mut().insert(key, Arc::clone(&found));
        }
        found
    }

    /// What together refuses every way there to a sender, unless one gets through.
    fn refused_to(&self, spot: &Spot<'_>, ways: &Ways, sender: usize) -> Option<BTreeSet<Refuser>> {
        let info = &self.senders.get(sender)?.info;
        let mut by = BTreeSet::new();
        for way in 0..ways.objects.len() {
            let refuses = |one: &&usize| {
                let asked = |(namespace, request): &(Part, Part)| {
                    let request = request.clone().with("userInfo", info.clone());
                    self.asks((way, **one), ways, &(namespace.clone(), request))
                };
                if self.askable.get(**one).is_some_and(Askable::reads_namespace) {
                    return asked(&spot.known);
                }
                let known = self.to_sender.borrow().get(&(sender, way, **one)).copied();
                known.unwrap_or_else(|| {
                    let refuses = asked(&self.anywhere);
                    self.to_sender.borrow_mut().insert((sender, way, **one), refuses);
                    refuses
                })
            };
            let one = spot.there.iter().find(refuses)?;
            by.extend(self.askable.get(*one).map(Askable::name));
        }
        Some(by)
    }
}
