//! Access gained and lost as a person reads it: what a subject has by one role in several namespaces as one, what weighs most
//! first. The document has every row.

use std::collections::{BTreeMap, BTreeSet};

use kspec_plan::{AccessEntry, SubjectName};

/// Resources listed on a line before the rest is counted.
const LISTED: usize = 12;

/// Several rows of a plan, shown as one.
pub(super) struct Group<'a> {
    subject: &'a SubjectName,
    /// Namespaces; none is the whole cluster.
    places: Vec<Option<&'a str>>,
    /// Verbs and what they are for, a line each.
    pub(super) rules: Vec<String>,
    /// Bindings and their roles.
    pub(super) because: String,
    weight: Weight,
}

/// What a reviewer should see first; the least comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Weight {
    /// Any verb on anything, everywhere.
    ClusterAdmin,
    /// Something everywhere.
    Cluster,
    /// Something in namespaces.
    Namespaces,
}

/// Whom it is about, and by which bindings to which roles, the namespace it is in left out.
type By<'a> = (&'a SubjectName, Vec<String>);

/// Namespaces where the same rows are, and those rows.
type Alike<'a> = (Vec<Option<&'a str>>, Vec<&'a AccessEntry>);

/// Rows of one subject and one role are one where they are the same in several namespaces.
pub(super) fn grouped(entries: &[AccessEntry], verbose: bool) -> Vec<Group<'_>> {
    let mut found: BTreeMap<By<'_>, BTreeMap<Option<&str>, Vec<&AccessEntry>>> = BTreeMap::new();
    for entry in entries {
        let namespace = entry.namespace.as_deref();
        found.entry((&entry.subject, because(entry, namespace))).or_default().entry(namespace).or_default().push(entry);
    }
    let mut groups = Vec::new();
    for ((subject, _), places) in found {
        let mut alike: BTreeMap<Vec<String>, Alike<'_>> = BTreeMap::new();
        for (place, rows) in places {
            let slot = alike.entry(rows.iter().map(|row| rule(row, verbose)).collect()).or_default();
            slot.0.push(place);
            slot.1.extend(rows);
        }
        groups.extend(alike.into_iter().map(|(rules, (places, rows))| {
            let alone = places.len() == 1;
            let because: BTreeSet<String> =
                (rows.iter()).flat_map(|row| because(row, row.namespace.as_deref().filter(|_| !alone))).collect();
            let because = because.into_iter().collect::<Vec<_>>().join("; ");
            Group { subject, weight: weight(&rows), places, rules, because }
        }));
    }
    // Stable, so that within a weight subjects stay in order.
    groups.sort_by_key(|group| group.weight);
    groups
}

impl Group<'_> {
    /// `ServiceAccount platform/ci in edge, shop`
    pub(super) fn head(&self) -> String {
        let places: Vec<&str> = self.places.iter().map(|place| place.unwrap_or("the whole cluster")).collect();
        format!("{} in {}", subject(self.subject), places.join(", "))
    }
}

/// `User oncall@example.com`, `ServiceAccount tools/ci`, `Group devs`
pub(super) fn subject(subject: &SubjectName) -> String {
    match &subject.namespace {
        Some(namespace) => format!("{} {namespace}/{}", subject.kind, subject.name),
        None => format!("{} {}", subject.kind, subject.name),
    }
}

/// `binding → role` each; names without `namespace`, where it is given.
fn because(entry: &AccessEntry, namespace: Option<&str>) -> Vec<String> {
    let plain = |name: &str| match namespace {
        Some(namespace) => name.replacen(&format!(" {namespace}/"), " ", 1),
        None => name.to_owned(),
    };
    entry.because.iter().map(|reason| format!("{} → {}", plain(&reason.binding), plain(&reason.role))).collect()
}

fn rule(entry: &AccessEntry, verbose: bool) -> String {
    let (list, kind) = if entry.urls.is_empty() { (&entry.resources, "") } else { (&entry.urls, "paths ") };
    let what = if verbose || list.len() <= LISTED {
        list.join(", ")
    } else {
        let first: Vec<&str> = list.iter().take(LISTED).map(String::as_str).collect();
        format!("{} and {} more (-v lists them)", first.join(", "), list.len() - LISTED)
    };
    let names = if entry.names.is_empty() { String::new() } else { format!(" named {}", entry.names.join(", ")) };
    format!("{} on {kind}{what}{names}", entry.verbs.join(", "))
}

fn weight(rows: &[&AccessEntry]) -> Weight {
    let everywhere = rows.iter().any(|row| row.namespace.is_none());
    let anything = |row: &&AccessEntry| {
        row.verbs.iter().any(|verb| verb == "*") && row.resources.iter().any(|resource| resource == "*.*")
    };
    match everywhere {
        true if rows.iter().any(anything) => Weight::ClusterAdmin,
        true => Weight::Cluster,
        false => Weight::Namespaces,
    }
}
