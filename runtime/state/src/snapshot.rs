//! Snapshots: a state as one file, for later.
//!
//! Canonical: two snapshots of one state are the same bytes, one object a line, so that `diff` reads them. What changes
//! without anybody's doing (status but for pods' addresses, resource versions, times) is left out; managed fields stay, since plans need them.

use std::path::Path;

use kspec_model::Object;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    HostState, Problem, ProblemKind, State, StateObject, StateOrigin,
    files::{self, FileName},
    withhold,
};

/// Format that [`State::to_snapshot`] writes.
pub const SNAPSHOT_FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format_version: u32,
    kind: String,
    version: Option<String>,
    source: StateOrigin,
    unread: Vec<String>,
    host: HostState,
}

#[derive(Deserialize)]
struct Snapshot<O> {
    #[serde(flatten)]
    header: Header,
    objects: Vec<O>,
}

/// How much of a state is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// Roles, bindings, and the API server's own pods, which show its flags: what questions about access take. A snapshot's other
    /// objects are passed over, where they are told apart by their first fields; other states are read whole.
    Access,
}

/// An object, unless questions about access have no use for it.
struct OfAccess(Option<Value>);

impl<'de> Deserialize<'de> for OfAccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AccessVisitor)
    }
}

struct AccessVisitor;

impl<'de> Visitor<'de> for AccessVisitor {
    type Value = OfAccess;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OfAccess, A::Error> {
        let mut read = Map::new();
        while let Some(field) = map.next_key::<String>()? {
            // Fields are in order, so that these are known before what is large.
            let text = |field: &str| read.get(field).and_then(Value::as_str);
            let known = match (text("apiVersion"), text("kind"), read.get("metadata")) {
                (Some(version), Some(_), _) if version.starts_with("rbac.authorization.k8s.io/") => true,
                (Some("v1"), Some("Pod"), Some(metadata)) => {
                    metadata.get("namespace").and_then(Value::as_str) == Some("kube-system")
                }
                (Some("v1"), Some("Pod"), None) | (None, ..) | (_, None, _) => true,
                _ => false,
            };
            if known {
                read.insert(field, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(OfAccess(None));
            }
        }
        Ok(OfAccess(Some(Value::Object(read))))
    }
}

const KIND: &str = "kspec-snapshot";

impl State {
    /// The state as a snapshot's text.
    #[must_use]
    pub fn to_snapshot(&self) -> String {
        let header = serde_json::json!({
            "format_version": SNAPSHOT_FORMAT,
            "kind": KIND,
            "version": self.version,
            "source": self.origin,
            "unread": self.unread,
            "host": self.host,
        });
        let mut text = String::from("{\n");
        for (name, value) in header.as_object().into_iter().flatten() {
            text.push_str(&format!("  {}: {value},\n", Value::from(name.as_str())));
        }
        text.push_str("  \"objects\": [");
        let mut separator = "\n    ";
        for (_, object) in self.iter() {
            text.push_str(separator);
            text.push_str(&settled(object.object.0.clone()).to_string());
            separator = ",\n    ";
        }
        text.push_str("\n  ]\n}\n");
        text
    }
}

/// An object without what changes by itself.
fn settled(mut object: Value) -> Value {
    withhold::without_marks(&mut object);
    let is_pod = (object.get("apiVersion"), object.get("kind")) == (Some(&"v1".into()), Some(&"Pod".into()));
    if let Some(fields) = object.as_object_mut() {
        match fields.get_mut("status").and_then(Value::as_object_mut).filter(|_| is_pod) {
            // Where address blocks are about pods too, their addresses decide.
            Some(status) => status.retain(|field, _| ["phase", "podIP", "podIPs"].contains(&field.as_str())),
            None => drop(fields.remove("status")),
        }
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["resourceVersion", "generation", "selfLink"] {
            metadata.remove(field);
        }
        for entry in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("time");
            }
        }
    }
    object
}

/// Reads a snapshot, or a part of it.
///
/// # Errors
/// The problem that makes it unreadable.
pub fn read_snapshot(path: &Path, part: Part) -> Result<State, Problem> {
    let file = FileName::new(path);
    let text = files::read(&file)?;
    let problem = |at: (u32, u32), message: String, help: &str| {
        Problem::new(file.shown.clone(), at, ProblemKind::Snapshot, message, help)
    };
    let again = "write it again with `kspec snapshot --out FILE`";
    let read = match part {
        Part::Whole => serde_json::from_str::<Snapshot<Value>>(&text).map(|read| (read.header, read.objects)),
        Part::Access => serde_json::from_str::<Snapshot<OfAccess>>(&text)
            .map(|read| (read.header, read.objects.into_iter().filter_map(|object| object.0).collect())),
    };
    let (header, objects) = read.map_err(|error| {
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        problem((place(error.line()), place(error.column())), format!("is no snapshot: {error}"), again)
    })?;
    if header.kind != KIND || header.format_version != SNAPSHOT_FORMAT {
        let message = format!(
            "is `{}` of format {}, and this version reads `{KIND}` of format {SNAPSHOT_FORMAT}",
            header.kind, header.format_version
        );
        return Err(problem((1, 1), message, again));
    }
    let objects = objects.into_iter().map(|value| StateObject::live(Object(value))).collect();
    let mut state = State::new(StateOrigin::Snapshot(file.shown.to_string()), objects, header.host);
    state.version = header.version;
    state.unread = header.unread;
    Ok(state)
}

/// Whether a file says that it is a snapshot; manifests in JSON do not.
pub(crate) fn is_snapshot(path: &Path) -> bool {
    use std::io::Read;
    let mut start = Vec::new();
    // What cannot be opened is somebody else's to report.
    let read = std::fs::File::open(path).and_then(|file| file.take(512).read_to_end(&mut start));
    let start = String::from_utf8_lossy(&start);
    read.is_ok() && start.trim_start().starts_with('{') && start.contains("\"format_version\"")
}
