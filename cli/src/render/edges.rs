//! Connections as a person reads them: what shares its ends and its ports on one line, addresses of the outside counted
//! rather than listed. The document has every row.

use std::{collections::BTreeMap, fmt};

use kspec_plan::ConnectivityEntry;

/// Names listed before the rest is counted.
const LISTED: usize = 6;

/// Reasons listed before the rest is counted.
const REASONS: usize = 3;

const EXTERNAL: &str = "[External]";

/// Several rows of a plan, shown as one.
pub(super) struct Group {
    src: String,
    dst: String,
    conn: String,
    /// The policies that bring it about.
    pub(super) because: String,
}

/// Destinations and ports.
type Far = (Vec<String>, String);

/// Sources, and the rows behind them.
type Near<'a> = (Vec<String>, Vec<&'a ConnectivityEntry>);

/// Merges rows of one source and one set of ports, then rows of one destination.
pub(super) fn grouped(entries: &[ConnectivityEntry]) -> Vec<Group> {
    let mut by_source: BTreeMap<(&str, &str), Vec<&ConnectivityEntry>> = BTreeMap::new();
    for entry in entries {
        by_source.entry((&entry.src, &entry.conn)).or_default().push(entry);
    }
    let mut merged: BTreeMap<Far, Near<'_>> = BTreeMap::new();
    for ((src, conn), rows) in by_source {
        let dst: Vec<String> = rows.iter().map(|row| row.dst.clone()).collect();
        let slot = merged.entry((dst, conn.to_owned())).or_default();
        slot.0.push(src.to_owned());
        slot.1.extend(rows);
    }
    let names = |names: &[String]| ends(names.iter().map(String::as_str));
    let group = |((dst, conn), (src, rows)): (Far, Near<'_>)| Group {
        src: names(&src),
        dst: names(&dst),
        conn,
        because: because(&rows),
    };
    merged.into_iter().map(group).collect()
}

/// Policies and what leads callers in: that a namespace or workload changed beside them is rarely the reason.
fn because(rows: &[&ConnectivityEntry]) -> String {
    let mut all: Vec<String> =
        rows.iter().flat_map(|row| &row.because).map(|reason| format!("{} {}", reason.object, reason.change)).collect();
    all.sort();
    all.dedup();
    let tells = |reason: &&String| {
        let kind = reason.split(' ').next().unwrap_or_default();
        matches!(kind, "Service" | "Ingress") || kind.ends_with("NetworkPolicy") || kind.ends_with("Route")
    };
    let telling: Vec<String> = all.iter().filter(tells).cloned().collect();
    let shown = if telling.is_empty() { all } else { telling };
    listed(&shown, REASONS, "; ")
}

fn listed(names: &[String], most: usize, between: &str) -> String {
    let mut text = names.iter().take(most).cloned().collect::<Vec<_>>().join(between);
    if names.len() > most {
        text.push_str(&format!("{between}and {} more", names.len() - most));
    }
    text
}

/// Names, those outside the cluster as one where they are many, and only so many listed.
pub(super) fn ends<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let (mut outside, mut inside, mut more) = (Vec::new(), Vec::new(), 0);
    for name in names {
        if name.ends_with(EXTERNAL) {
            outside.push(name);
        } else if inside.len() < LISTED {
            inside.push(name.to_owned());
        } else {
            more += 1;
        }
    }
    let outside = match outside.as_slice() {
        [] => None,
        [one] if one.starts_with("0.0.0.0-255.255.255.255") => Some("outside (every IPv4 address)".to_owned()),
        [one] if one.starts_with("::-ffff:ffff") => Some("outside (every IPv6 address)".to_owned()),
        [one] => Some((*one).to_owned()),
        several => Some(format!("outside ({} address ranges)", several.len())),
    };
    match outside {
        Some(outside) if inside.len() < LISTED => inside.push(outside),
        Some(_) => more += 1,
        None => {}
    }
    if more > 0 {
        inside.push(format!("and {more} more"));
    }
    inside.join(", ")
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} : {}", self.src, self.dst, self.conn)
    }
}
