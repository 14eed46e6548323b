//! K0201, K0202, K0221 to K0235: what of a cluster's access somebody should look at.
//!
//! What is so is decided by [`kspec_analysis::review`]; here it gets its places, its words and its mends.

mod wording;

use std::collections::BTreeSet;

use kspec_analysis::{
    abuse::DynamicGrant,
    access::SubjectRef,
    review::{Concern, ConcernKind, Issuers, Review, ReviewSettings, review},
};
use kspec_diagnostics::{Code, Edit, Finding, Fix, Place, codes};
use kspec_model::{
    ObjectKey,
    program::{GrantScope, View},
};
use kspec_schema::KubeVersion;

use crate::Survey;

/// Kinds without which absence of a role, a workload or an account means nothing.
const READ: [&str; 12] = [
    "clusterrolebindings",
    "clusterroles",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "pods",
    "replicasets",
    "rolebindings",
    "roles",
    "serviceaccounts",
    "statefulsets",
];
/// Places that a finding names beside its first.
const SHOWN: usize = 5;
/// Names that a witness lists of what is alike.
const NAMED: usize = 20;

/// Codes that only a whole cluster shows.
pub(crate) const CODES: &[Code] = &[
    codes::PATH_TO_CLUSTER_ADMIN,
    codes::PATH_TO_ALL_SECRETS,
    codes::PATH_TO_NODE,
    codes::READS_ALL_SECRETS,
    codes::READS_UNUSED_SECRETS,
    codes::NEEDLESS_TOKEN,
    codes::SHARED_ACCOUNT,
    codes::UNUSED_ACCOUNT,
    codes::DEPLOYS_AND_KEEPS_SECRETS,
    codes::WIDER_THAN_NEEDED,
    codes::SINGLE_USER,
    codes::NO_ISSUER,
    codes::SUBSUMED_ROLE,
    codes::GRANT_CHANGES_NOTHING,
    codes::NO_SUCH_ROLE,
];
/// Codes that a declaration shows as well: here they are told of what others wrote.
pub(crate) const SHARED: &[Code] = &[codes::WILDCARD, codes::ESCALATING_VERB];

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    let review = survey.review();
    findings.extend(review.concerns.iter().map(|concern| finding(survey, concern)));
    findings.extend(principals(survey));
}

/// What is left out since it comes with every cluster.
pub(crate) fn left_out(survey: &Survey<'_>) -> Vec<Finding> {
    survey.review().of_the_system.iter().map(|concern| finding(survey, concern)).collect()
}

/// Reviews a survey's cluster.
pub(crate) fn reviewed(survey: &Survey<'_>) -> Review {
    let program = declared(survey);
    let issuers = program.and_then(issuers);
    let dynamic = program.map(dynamic_grants).unwrap_or_default();
    let version = survey.schema.version();
    review(
        &survey.cluster,
        &ReviewSettings {
            exec_by_get: version < KubeVersion::V1_35,
            constrained_impersonation: version >= KubeVersion::V1_36,
            dynamic: &dynamic,
            controls: Some(survey.controls()),
            complete: survey.is_whole() && survey.unread_of(&READ).is_empty(),
            break_glass: &break_glass(survey),
            own: &|key| matches!(survey.place(key), Place::Source(_)),
            namespaced: &|group, plural| survey.schema.resource(group, plural).map(|info| info.namespaced),
            issuers: issuers.as_ref(),
        },
    )
}

fn declared<'s, 'a>(survey: &'s Survey<'a>) -> Option<&'s View<'a>> {
    survey.program.as_ref().map(|(program, _)| program)
}

/// Bindings that break-glass grants are lowered to.
fn break_glass(survey: &Survey<'_>) -> BTreeSet<ObjectKey> {
    let grants = declared(survey).into_iter().flat_map(|program| &program.grants);
    let places: BTreeSet<_> = grants.filter(|grant| grant.break_glass).map(|grant| grant.origin.at).collect();
    survey
        .places()
        .filter(|(_, place)| matches!(place, Place::Source(place) if places.contains(place)))
        .map(|(key, _)| key.clone())
        .collect()
}

/// An authentication that names no issuer says nothing about who may sign in.
fn issuers(program: &View<'_>) -> Option<Issuers> {
    let authentication = program.authentication.as_ref().filter(|authentication| !authentication.jwt.is_empty())?;
    Some(Issuers::of(&authentication.jwt))
}

/// A program's grants whose scope is told by labels of namespaces.
#[must_use]
pub fn dynamic_grants(program: &View<'_>) -> Vec<DynamicGrant> {
    let of = |grant: &kspec_model::program::Grant| {
        let GrantScope::Where(scope) = &grant.scope else { return None };
        let subjects = grant.subjects.iter().map(SubjectRef::from).collect();
        Some(DynamicGrant { scope: scope.clone(), role: grant.role.clone(), subjects })
    };
    program.grants.iter().copied().filter_map(of).collect()
}

fn finding(survey: &Survey<'_>, concern: &Concern) -> Finding {
    let (code, message, help) = wording::of(concern);
    let mut objects = concern.objects.iter();
    let first = objects.next().map_or_else(|| Place::Object("the cluster".into()), |key| survey.place(key));
    let mut finding = Finding::new(code, message, first.clone()).help(help);
    finding.severity = concern.severity;
    let mut places = BTreeSet::from([first]);
    for key in objects {
        let place = survey.place(key);
        if places.len() <= SHOWN && places.insert(place.clone()) {
            // A place that is no more than the object says so itself.
            let text = if matches!(place, Place::Object(_)) { String::new() } else { wording::object(key) };
            finding = finding.label(place, text);
        }
    }
    finding = finding.witness(witness(concern));
    if concern.kind == ConcernKind::WiderThanNeeded {
        finding.fixes.extend(narrowed(survey, concern));
    }
    finding
}

/// What shows it, and who shares it.
fn witness(concern: &Concern) -> Vec<String> {
    let mut lines = concern.evidence.clone();
    let names: Vec<String> = if concern.subjects.len() > 1 {
        concern.subjects.iter().map(ToString::to_string).collect()
    } else if concern.count > 1 {
        concern.objects.iter().map(wording::object).collect()
    } else {
        Vec::new()
    };
    if !names.is_empty() {
        let more = names.len().saturating_sub(NAMED);
        let mut line = format!("all alike: {}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "));
        if more > 0 {
            line.push_str(&format!(" and {more} more"));
        }
        lines.push(line);
    }
    lines
}

/// The grant with the namespace in place of `cluster`, where the program declares both.
fn narrowed(survey: &Survey<'_>, concern: &Concern) -> Option<Fix> {
    let program = declared(survey)?;
    let Place::Source(place) = survey.place(concern.objects.first()?) else { return None };
    let mut grants = program.grants.iter().filter(|grant| grant.origin.at == place);
    let (Some(grant), None) = (grants.next(), grants.next()) else { return None };
    let home = concern.subjects.iter().find_map(|subject| match subject {
        SubjectRef::ServiceAccount { namespace, .. } => Some(namespace),
        _ => None,
    });
    let wanted = if concern.what.is_empty() { home? } else { &concern.what };
    let namespace = program.namespaces.iter().find(|namespace| namespace.name == *wanted)?;
    let name = namespace.name.replace('-', "_");
    let edit = Edit { location: grant.scope_at?, text: format!("in {name}") };
    Some(Fix { title: format!("grant it in `{name}` alone"), edits: vec![edit] })
}

/// Declared users and groups that no issuer yields, granted or not.
fn principals(survey: &Survey<'_>) -> Vec<Finding> {
    let Some(program) = declared(survey) else { return Vec::new() };
    let Some(issuers) = issuers(program) else { return Vec::new() };
    let told: BTreeSet<&SubjectRef> = (survey.review().concerns.iter())
        .filter(|concern| concern.kind == ConcernKind::NoIssuer)
        .flat_map(|concern| &concern.subjects)
        .collect();
    let strangers = program.principals.iter().filter(|principal| {
        let subject = SubjectRef::from(&principal.subject);
        !told.contains(&subject) && !issuers.may_be(&principal.subject)
    });
    strangers
        .map(|principal| {
            let subject = SubjectRef::from(&principal.subject);
            let (message, help) = wording::no_issuer(&subject.to_string());
            Finding::new(codes::NO_ISSUER, message, principal.origin.at).help(help).witness(issuers.lines().collect())
        })
        .collect()
}
