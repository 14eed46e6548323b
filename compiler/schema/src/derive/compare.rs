//! What a running server publishes, held against the bundled table of its version.

use std::collections::BTreeMap;

use super::{Published, table};
use crate::bundled;
use crate::version::KubeVersion;

/// Where a server differs from the table of its version: a line each, `-` for what the table says and `+` for what the
/// server does. A server need not serve alpha and beta versions, and may serve groups that the table does not know.
#[must_use]
pub fn differences(version: KubeVersion, published: &Published) -> Vec<String> {
    let served = table(published);
    let (bundled, served) = (blocks(bundled::table(version)), blocks(&served));
    let mut lines = Vec::new();
    for (key, ours) in &bundled {
        match served.get(key) {
            Some(theirs) => lines.extend(changed(ours, theirs)),
            None if key.0 == "kind" && key.1.split('\t').nth(1).is_some_and(is_stable) => {
                lines.push(format!("- {} {}", key.0, key.1.replace('\t', " ")));
            }
            None => {}
        }
    }
    let known = |key: &&(String, String)| match key.0.as_str() {
        "type" => key.1.starts_with("io.k8s.api.") || key.1.starts_with("io.k8s.apimachinery."),
        _ => bundled.keys().any(|ours| ours.0 == "group" && Some(ours.1.as_str()) == key.1.split('\t').next()),
    };
    let unknown = served.keys().filter(|key| !bundled.contains_key(*key)).filter(known);
    lines.extend(unknown.map(|key| format!("+ {} {}", key.0, key.1.replace('\t', " "))));
    lines
}

fn is_stable(version: &str) -> bool {
    !version.contains("alpha") && !version.contains("beta")
}

/// The blocks of a table that are compared, by what begins each and what it is about.
fn blocks(table: &str) -> BTreeMap<(String, String), Vec<&str>> {
    let mut blocks: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in table.lines().skip(1) {
        let mut cells = line.split('\t');
        let first = cells.next().unwrap_or_default();
        let about: Vec<&str> = match first {
            "" | "sub" => {
                if let Some(key) = &current {
                    blocks.entry(Clone::clone(key)).or_default().push(line);
                }
                continue;
            }
            "kind" | "object" => cells.take(3).collect(),
            _ => cells.take(1).collect(),
        };
        let key = (first.to_owned(), about.join("\t"));
        let lines = blocks.entry(key.clone()).or_default();
        // A server leaves out the versions that it does not serve.
        if first != "group" {
            lines.push(line);
        }
        current = Some(key);
    }
    blocks
}

fn changed(ours: &[&str], theirs: &[&str]) -> Vec<String> {
    let about = ours.first().and_then(|line| line.split('\t').nth(1)).unwrap_or_default();
    let gone = ours.iter().filter(|line| !theirs.contains(line)).map(|line| format!("- {about}: {line}"));
    let new = theirs.iter().filter(|line| !ours.contains(line)).map(|line| format!("+ {about}: {line}"));
    gone.chain(new).collect()
}
