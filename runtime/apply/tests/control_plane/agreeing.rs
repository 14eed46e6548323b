//! `diff_object` merges by schema and managed fields; the API server's own dry run says what an apply would change. Over objects
//! that others changed and programs that changed meanwhile, both must come to the same verdict on every field that is ours.

use std::collections::BTreeSet;

use kspec_model::Object;
use kspec_plan::{diff_object, diff_result};
use kspec_schema::{KubeVersion, Schema};
use kspec_test_harness::{Client, ControlPlane};
use serde_json::{Value, json};

use crate::subjects::{Subject, common, subjects};

/// Rounds a kind: with 14 kinds well over the 300 that the verdict is to be held against.
const ROUNDS: u64 = 32;
const MANAGER: &str = "kspec.agreeing";

/// Small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// Sets what is at a pointer, making what leads there; `null` takes it away.
pub(crate) fn set(object: &mut Value, pointer: &str, value: &Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/");
    if value.is_null() {
        match object.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(&last)),
            Some(Value::Array(items)) if items.len() > last.parse().unwrap() => {
                drop(items.remove(last.parse().unwrap()))
            }
            _ => {}
        }
        return;
    }
    if object.pointer(parent).is_none() {
        set(object, parent, &json!({}));
    }
    match object.pointer_mut(parent).unwrap() {
        Value::Array(items) if items.len() <= last.parse().unwrap() => items.push(value.clone()),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value.clone(),
        fields => fields[last.as_str()] = value.clone(),
    }
}

fn edit(object: &mut Value, subject: &Subject, dice: &mut Dice, most: usize) {
    for _ in 0..dice.roll(most + 1) {
        let common = common();
        let edits = if dice.roll(3) == 0 { &common } else { &subject.edits };
        let (pointer, values) = &edits[dice.roll(edits.len())];
        set(object, pointer, &values[dice.roll(values.len())]);
    }
}

/// Fields that the server writes by itself; the last one it takes away with the affinity that it belongs to.
const SERVERS_OWN: [&str; 5] = [
    "metadata/managedFields",
    "metadata/resourceVersion",
    "metadata/generation",
    "status",
    "spec/sessionAffinityConfig",
];

/// Where two objects differ, whatever lies behind an array being one place.
fn raw_changes(before: &Value, after: &Value, path: &str, changes: &mut BTreeSet<String>) {
    let (Value::Object(left), Value::Object(right)) = (before, after) else {
        if before != after {
            changes.insert(path.to_owned());
        }
        return;
    };
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}/{key}") };
        if SERVERS_OWN.contains(&path.as_str()) {
            continue;
        }
        let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
        raw_changes(&value(left), &value(right), &path, changes);
    }
}

/// Lists that merge by key, in an order of their own: an apply puts them into the program's, which changes no field.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let mut value = unordered(value);
                if let (
                    Value::Array(items),
                    "ports" | "containers" | "env" | "secrets" | "imagePullSecrets" | "variables",
                ) = (&mut value, name.as_str())
                {
                    items.sort_by_key(Value::to_string);
                }
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(unordered).collect(),
        other => other.clone(),
    }
}

/// The place of a path as a diff writes it: `spec.ports[port=80].name` is in `spec/ports`, `metadata.labels["a.b"]` is
/// `metadata/labels/a.b`.
fn place(path: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, after) = quoted.split_once("\"]").unwrap();
            parts.push(name.to_owned());
            rest = after;
        } else if rest.starts_with('[') {
            break;
        } else {
            rest = rest.trim_start_matches('.');
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            parts.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    parts.join("/")
}

/// Each of one set lies in, or around, one of the other.
fn covered(ones: &BTreeSet<String>, others: &BTreeSet<String>) -> bool {
    let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
    ones.iter().all(|one| others.iter().any(|other| within(one, other) || within(other, one)))
}

/// Places as the server writes them in conflicts, where a dot in a name looks like a dot between names.
fn dotless(places: &BTreeSet<String>) -> BTreeSet<String> {
    places.iter().map(|place| place.replace('.', "/")).collect()
}

struct Verdict {
    compared: usize,
    refused: usize,
    changed: usize,
    conflicted: usize,
}

#[test]
fn the_diff_and_the_servers_dry_run_come_to_the_same_verdict() {
    let server = ControlPlane::shared().unwrap();
    let version = KubeVersion::parse(&format!("1.{}", server.minor().unwrap())).unwrap_or(KubeVersion::NEWEST);
    let schema = Schema::bundled(version);
    let namespace = server.unique_namespace("agree").unwrap();
    let subjects = subjects(&namespace);
    let verdicts: Vec<Result<Verdict, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = subjects
            .iter()
            .enumerate()
            .map(|(position, subject)| {
                let (schema, admin) = (&schema, server.admin());
                scope.spawn(move || rounds(admin, schema, subject, u64::try_from(position).unwrap()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let failures: Vec<&String> = verdicts.iter().filter_map(|verdict| verdict.as_ref().err()).collect();
    assert!(failures.is_empty(), "{}", failures.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n\n"));
    let sum = |of: fn(&Verdict) -> usize| verdicts.iter().flatten().map(of).sum::<usize>();
    let (compared, changed, conflicted) = (sum(|it| it.compared), sum(|it| it.changed), sum(|it| it.conflicted));
    // Of no use if most of it said nothing.
    assert!(compared >= 300, "{compared} compared, {} refused", sum(|it| it.refused));
    assert!(
        changed >= 100 && compared - changed >= 50 && conflicted >= 30,
        "{compared} compared, {changed} changed, {conflicted} in conflict"
    );
}

fn rounds(admin: &Client, schema: &Schema, subject: &Subject, kind: u64) -> Result<Verdict, String> {
    let mut verdict = Verdict { compared: 0, refused: 0, changed: 0, conflicted: 0 };
    for round in 0..ROUNDS {
        let seed = (kind + 1) * 1_000_003 + round * 7919 + 1;
        let mut dice = Dice(seed);
        let mut object = subject.object.clone();
        let name = format!("{}{round}", object["metadata"]["name"].as_str().unwrap());
        object["metadata"]["name"] = json!(name);
        let path = admin.path_of(&object).unwrap();
        let ask = |query: &str, body: &Value| {
            let patch = Some(("application/apply-patch+yaml", body.to_string()));
            let patch = patch.as_ref().map(|(kind, body)| (*kind, body.as_str()));
            admin.request("PATCH", &format!("{path}?fieldValidation=Strict&{query}"), patch).unwrap()
        };
        ask(&format!("fieldManager={MANAGER}"), &object).ok().map_err(|error| format!("seed {seed}: {error}"))?;
        disturb(admin, &path, &object, subject, &mut dice);
        let mut desired = object.clone();
        edit(&mut desired, subject, &mut dice, 3);

        // Controllers write when they like: what was read must be what was asked about.
        let (live, forced, polite) = loop {
            let live = admin.get(&path).unwrap();
            let forced = ask(&format!("fieldManager={MANAGER}&dryRun=All&force=true"), &desired);
            let polite = ask(&format!("fieldManager={MANAGER}&dryRun=All"), &desired);
            if admin.get(&path).unwrap()["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"] {
                break (live, forced, polite);
            }
        };
        if !forced.is_ok() {
            verdict.refused += 1;
            continue;
        }
        let result = forced.json().unwrap();
        let (live, result, desired) = (Object(live), Object(result), Object(desired));
        let diff = diff_object(&desired, &live, schema, MANAGER);
        let ours: BTreeSet<String> = diff.changes.iter().map(|change| place(&change.path)).collect();
        let mut theirs = BTreeSet::new();
        raw_changes(&unordered(&live.0), &unordered(&result.0), "", &mut theirs);
        let told = |what: &str| {
            Err(format!(
                "seed {seed}: {what}\n  diff {:?}\n  server {theirs:?}\n  dry run {:?}\n  desired {}\n  live {}\n  result {}",
                diff.changes,
                diff_result(&live, &result, schema, MANAGER).changes,
                desired.0,
                live.0,
                result.0
            ))
        };
        if !covered(&ours, &theirs) || !covered(&theirs, &ours) {
            return told("the diff and the server change different fields");
        }
        if diff.replaces || !diff.immutable.is_empty() {
            return told("the diff holds immutable what the server changes");
        }
        let refined = diff_result(&live, &result, schema, MANAGER);
        let refined: BTreeSet<String> = refined.changes.iter().map(|change| place(&change.path)).collect();
        if !covered(&ours, &refined) || !covered(&refined, &ours) {
            return told("the diff and what is made of the dry run differ");
        }
        let refusal = if polite.is_ok() { Value::Null } else { polite.json().unwrap() };
        let causes = refusal.pointer("/details/causes").and_then(Value::as_array).cloned().unwrap_or_default();
        let said: BTreeSet<(String, String)> = causes
            .iter()
            .filter_map(|cause| {
                let manager = cause["message"].as_str()?.split('"').nth(1)?;
                let field = cause["field"].as_str()?.trim_start_matches('.').split("[").next()?;
                Some((field.replace('/', "."), manager.to_owned()))
            })
            // A value that is stored alike is written anew all the same, which others may mind; but then nothing changes.
            .filter(|(field, _)| covered(&[field.replace('.', "/")].into(), &dotless(&theirs)))
            .collect();
        let holders: BTreeSet<(String, String)> = diff
            .conflicts
            .iter()
            .flat_map(|conflict| {
                conflict.managers.iter().map(|manager| (place(&conflict.path).replace('/', "."), manager.clone()))
            })
            .collect();
        if holders != said {
            return told(&format!("conflicts with {holders:?}, the server says {said:?}: {}", polite.message()));
        }
        verdict.compared += 1;
        verdict.changed += usize::from(!theirs.is_empty());
        verdict.conflicted += usize::from(!said.is_empty());
    }
    Ok(verdict)
}

/// Others come by: somebody who edits in place, and a tool that applies a part and insists.
fn disturb(admin: &Client, path: &str, object: &Value, subject: &Subject, dice: &mut Dice) {
    for _ in 0..dice.roll(3) {
        let (method, kind, query, body) = if dice.roll(2) == 0 {
            let mut live = admin.get(path).unwrap();
            edit(&mut live, subject, dice, 3);
            ("PUT", "application/json", "fieldManager=kubectl-edit", live)
        } else {
            let mut part = object.clone();
            edit(&mut part, subject, dice, 3);
            ("PATCH", "application/apply-patch+yaml", "fieldManager=helm&force=true", part)
        };
        // What the server refuses disturbs nothing.
        let _ = admin.request(method, &format!("{path}?{query}"), Some((kind, &body.to_string()))).unwrap();
    }
}
