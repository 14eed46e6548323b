//! A directory of manifests as a state.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
    sync::Arc,
};

use kspec_diagnostics::Place;
use kspec_model::{Object, ObjectKey, cluster::Cluster};
use kspec_schema::Schema;
use serde_json::{Map, Value};

use crate::{
    HostState, ManifestDoc, Problem, ProblemKind, State, StateObject, StateOrigin, files,
    manifests::{self, Named},
};

/// Reads every manifest under `root` (or `root` itself, where it is a file) as a cluster's state.
///
/// As `kubectl apply` would, objects of namespaced kinds without a namespace are taken to be in `default`; `schema` and the
/// directory's own CRDs say which kinds are namespaced. Control-plane files and the API server's static pod make up the
/// host's part.
#[must_use]
pub fn read_directory(root: &Path, schema: &Schema) -> (State, Vec<Problem>) {
    let (files, mut problems) = files::walk(root);
    let (documents, read_problems) = manifests::read(&files);
    problems.extend(read_problems);
    let scopes = Scopes { schema, custom: custom_scopes(&documents) };
    let mut host = HostState::default();
    let mut objects = Vec::with_capacity(documents.len());
    let mut places: BTreeMap<ObjectKey, (Arc<str>, u32)> = BTreeMap::new();
    for document in documents {
        match manifests::named(&document) {
            Named::Not(problem) => problems.push(problem),
            Named::Configuration => host_file(&mut host, document),
            Named::Object => {
                let ManifestDoc { mut value, file, line } = document;
                scopes.settle(&mut value);
                let object = Object(value);
                match places.entry(object.key()) {
                    Entry::Occupied(first) => {
                        let (first_file, first_line) = first.get();
                        problems.push(Problem::new(
                            file,
                            (line, 1),
                            ProblemKind::Duplicate,
                            format!(
                                "{} stands twice, first at {first_file}:{first_line}, which is the one used",
                                first.key()
                            ),
                            "keep one of them",
                        ));
                    }
                    Entry::Vacant(entry) => {
                        entry.insert((Arc::clone(&file), line));
                        objects.push(StateObject { object, place: Place::File { path: file, line, column: 1 } });
                    }
                }
            }
        }
    }
    problems.sort();
    let origin = StateOrigin::Directory(files::shown(root).to_string());
    let mut state = State::new(origin, objects, host);
    // What no API server would hold is left out of every answer, which has to say so.
    let (_, left_out) = Cluster::lift(state.objects.iter().map(|known| &known.object));
    state.unread.extend(left_out.iter().map(ToString::to_string));
    (state, problems)
}

fn host_file(host: &mut HostState, document: ManifestDoc) {
    const SERVERS_OWN: &[&str] = &[
        "EncryptionConfiguration",
        "AuthenticationConfiguration",
        "AuthorizationConfiguration",
        "AdmissionConfiguration",
        "PodSecurityConfiguration",
    ];
    let ManifestDoc { value, file, line } = document;
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind").to_owned();
    let audit = kind == "Policy" && text("apiVersion").starts_with("audit.k8s.io/");
    if !audit && !SERVERS_OWN.contains(&kind.as_str()) {
        return;
    }
    let path = if host.files.contains_key(file.as_ref()) { format!("{file}#{line}") } else { file.to_string() };
    host.files.insert(path, value.to_string());
}

struct Scopes<'a> {
    schema: &'a Schema,
    /// Group and kind to whether namespaced.
    custom: BTreeMap<(String, String), bool>,
}

fn custom_scopes(documents: &[ManifestDoc]) -> BTreeMap<(String, String), bool> {
    let of = |document: &ManifestDoc| {
        let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str);
        if text("/kind") != Some("CustomResourceDefinition") {
            return None;
        }
        let key = (text("/spec/group")?.to_owned(), text("/spec/names/kind")?.to_owned());
        Some((key, text("/spec/scope") != Some("Cluster")))
    };
    documents.iter().filter_map(of).collect()
}

impl Scopes<'_> {
    fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        let known = self.schema.kinds_named(kind).find(|info| info.group == group).map(|info| info.namespaced);
        known.or_else(|| self.custom.get(&(group.to_owned(), kind.to_owned())).copied())
    }

    /// Puts an object where the server would have it. Kinds that nobody knows stay as they are.
    fn settle(&self, value: &mut Value) {
        let (group, kind) = {
            let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
            let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
            (group.to_owned(), text("kind").to_owned())
        };
        let Some(namespaced) = self.namespaced(&group, &kind) else { return };
        let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if namespaced {
            default_namespace(metadata);
        } else {
            metadata.remove("namespace");
        }
    }
}

fn default_namespace(metadata: &mut Map<String, Value>) {
    let namespace = metadata.entry("namespace").or_insert(Value::Null);
    if namespace.as_str().is_none_or(str::is_empty) {
        *namespace = Value::String("default".to_owned());
    }
}
