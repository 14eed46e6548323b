//! Reading collections: paged, bounded, and honest about what was not read.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use kspec_model::{Object, ObjectKey};
use serde_json::Value;

use super::{
    Want,
    connection::Connection,
    discovery::Resource,
    error::{Asked, LiveError},
    kinds::{Depth, SECURITY_KINDS},
};

/// Objects a page: a page of pods stays in the low megabytes, and a large cluster in a few dozen requests.
const PAGE: usize = 500;
/// Collections read at a time. The API server's own fairness limits a person to a few dozen seats.
const AT_ONCE: usize = 8;
/// How often a collection is begun anew because its continuation expired.
const RESTARTS: usize = 3;

const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const ONE_METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// A collection to read.
struct Task<'a> {
    resource: &'a Resource,
    depth: Depth,
    /// Whether the program declares objects of it, so that not reading it is an error.
    needed: bool,
    /// What to read where the whole collection is refused: the namespaces, or for cluster-scoped kinds the names.
    fallback: BTreeSet<&'a str>,
    /// Of kinds that hold what is nobody's business, the only objects that are read: namespace and name.
    only: BTreeSet<(&'a str, &'a str)>,
}

/// Whether objects of a kind are read by name alone, those that the program declares.
fn is_private(group: &str, kind: &str) -> bool {
    group.is_empty() && matches!(kind, "Secret" | "ConfigMap")
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) objects: Vec<Object>,
    /// Lines for `State::unread`, ascending.
    pub(super) unread: Vec<String>,
}

/// Reads everything that bears on security and everything wanted.
pub(super) async fn everything(connection: &Connection, want: &Want) -> Result<Read, LiveError> {
    let tasks = tasks(connection, want);
    let mut results: Vec<Read> =
        stream::iter(tasks.into_values().map(|task| read(connection, task))).buffered(AT_ONCE).try_collect().await?;
    let mut whole = Read::default();
    for result in &mut results {
        whole.objects.append(&mut result.objects);
        whole.unread.append(&mut result.unread);
    }
    if let Some(inventory) = &want.inventory {
        let members = inventory_of(connection, inventory, want, &mut whole).await?;
        whole.objects.extend(members);
    }
    whole.unread.sort();
    whole.unread.dedup();
    Ok(whole)
}

/// Every namespace; none where the person may not list them.
pub(super) async fn namespaces(connection: &Connection) -> Result<Vec<Object>, LiveError> {
    let Some(resource) = connection.served().find("", "Namespace", None) else { return Ok(Vec::new()) };
    match list(connection, resource, None, Depth::Metadata, None).await {
        Err(LiveError::Forbidden { .. }) => Ok(Vec::new()),
        answer => answer,
    }
}

/// What to read, by group and kind.
fn tasks<'a>(connection: &'a Connection, want: &'a Want) -> BTreeMap<(&'a str, &'a str), Task<'a>> {
    let mut tasks = BTreeMap::new();
    for kind in SECURITY_KINDS {
        if let Some(resource) = connection.served().find(kind.group, kind.kind, None) {
            let task =
                Task { resource, depth: kind.depth, needed: false, fallback: BTreeSet::new(), only: BTreeSet::new() };
            tasks.insert((kind.group, kind.kind), task);
        }
    }
    for (api_version, key) in &want.objects {
        let version = api_version.rsplit('/').next();
        // A kind that is not served has no objects: `apply` says so where it matters.
        let Some(resource) = connection.served().find(&key.group, &key.kind, version) else { continue };
        let task = tasks.entry((key.group.as_str(), key.kind.as_str())).or_insert_with(|| Task {
            resource,
            depth: Depth::Whole,
            needed: true,
            fallback: BTreeSet::new(),
            only: BTreeSet::new(),
        });
        // The program's version wins: it is what the diff compares.
        task.resource = resource;
        task.depth = Depth::Whole;
        task.needed = true;
        task.fallback.insert(key.namespace.as_deref().unwrap_or(&key.name));
        if is_private(&key.group, &key.kind) {
            task.only.insert((key.namespace.as_deref().unwrap_or("default"), &key.name));
        }
    }
    tasks.retain(|_, task| task.resource.verbs.iter().any(|verb| verb == "list"));
    tasks
}

/// Reads one collection; where that is refused, what of it is wanted.
async fn read(connection: &Connection, task: Task<'_>) -> Result<Read, LiveError> {
    if !task.only.is_empty() {
        let mut objects = Vec::new();
        for (namespace, name) in &task.only {
            objects.extend(get(connection, task.resource, Some(namespace), name, task.depth).await?);
        }
        return Ok(Read { objects, unread: Vec::new() });
    }
    let refusal = match list(connection, task.resource, None, task.depth, None).await {
        Ok(objects) => return Ok(Read { objects, unread: Vec::new() }),
        Err(refusal @ LiveError::Forbidden { .. }) => refusal,
        // Served a moment ago: its definition is being removed, or its server is away.
        Err(LiveError::Answer { code: 404 | 503, message, .. }) if !task.needed => {
            return Ok(Read { objects: Vec::new(), unread: vec![format!("{}: {message}", task.resource.name())] });
        }
        Err(error) => return Err(error),
    };
    let LiveError::Forbidden { user, .. } = &refusal else { return Err(refusal) };
    let mut objects = Vec::new();
    for part in &task.fallback {
        if task.resource.namespaced {
            objects.extend(list(connection, task.resource, Some(part), task.depth, None).await?);
        } else {
            // The first refusal is the better message: it names the verb that a plan lives on.
            match get(connection, task.resource, None, part, task.depth).await {
                Ok(found) => objects.extend(found),
                Err(LiveError::Forbidden { .. }) => return Err(refusal),
                Err(error) => return Err(error),
            }
        }
    }
    let read = if task.fallback.is_empty() {
        String::new()
    } else if task.resource.namespaced {
        let namespaces: Vec<&str> = task.fallback.iter().copied().collect();
        format!(" outside {}", namespaces.join(", "))
    } else {
        " other than the program's".to_owned()
    };
    let whom = user.as_deref().map_or(String::new(), |user| format!(" for user `{user}`"));
    Ok(Read { objects, unread: vec![format!("{}{read}: forbidden{whom}", task.resource.name())] })
}

/// The inventory, and the objects of kinds that it lists and nothing above read.
async fn inventory_of(
    connection: &Connection,
    inventory: &(String, String),
    want: &Want,
    whole: &mut Read,
) -> Result<Vec<Object>, LiveError> {
    let (namespace, name) = inventory;
    let Some(config_maps) = connection.served().find("", "ConfigMap", None) else { return Ok(Vec::new()) };
    let Some(parent) = get(connection, config_maps, Some(namespace), name, Depth::Whole).await? else {
        return Ok(Vec::new());
    };
    let set = parent.labels().get("applyset.kubernetes.io/id").cloned();
    let group_kinds =
        parent.annotations().get("applyset.kubernetes.io/contains-group-kinds").cloned().unwrap_or_default();
    let mut members = vec![parent];
    let Some(set) = set else { return Ok(members) };
    let wanted = want.objects.iter().map(|(_, key)| (key.group.as_str(), key.kind.as_str()));
    let read: BTreeSet<(&str, &str)> = SECURITY_KINDS
        .iter()
        .map(|kind| (kind.group, kind.kind))
        // Of these only some were read; the first of two with one key is kept, so that what was read whole stays so.
        .chain(wanted.filter(|(group, kind)| !is_private(group, kind)))
        .collect();
    for group_kind in group_kinds.split(',').filter(|entry| !entry.is_empty()) {
        let (kind, group) = group_kind.split_once('.').unwrap_or((group_kind, ""));
        if read.contains(&(group, kind)) {
            continue;
        }
        let Some(resource) = connection.served().find(group, kind, None) else { continue };
        let selector = format!("applyset.kubernetes.io/part-of={set}");
        let depth = if is_private(group, kind) { Depth::Metadata } else { Depth::Whole };
        match list(connection, resource, None, depth, Some(&selector)).await {
            Ok(objects) => members.extend(objects),
            Err(LiveError::Forbidden { .. }) => {
                whole.unread.push(format!("{} of this project's inventory: forbidden", resource.name()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(members)
}

/// A collection, page by page.
async fn list(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
    depth: Depth,
    selector: Option<&str>,
) -> Result<Vec<Object>, LiveError> {
    let mut restarts = 0;
    'anew: loop {
        let mut objects = Vec::new();
        let mut token = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", resource.path(namespace, None));
            for (parameter, value) in [("labelSelector", selector.unwrap_or_default()), ("continue", &token)] {
                if !value.is_empty() {
                    path.push_str(&format!("&{parameter}={}", super::discovery::escape(value)));
                }
            }
            let accept = if depth == Depth::Metadata { METADATA_ONLY } else { "application/json" };
            let mut page = match request(connection, resource, "list", namespace, &path, accept).await {
                Ok(page) => page,
                // Etcd compacted the revision that the pages are of.
                Err(LiveError::Answer { code: 410, .. }) if restarts < RESTARTS => {
                    restarts += 1;
                    continue 'anew;
                }
                Err(error) => return Err(error),
            };
            token = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                objects.extend(items.into_iter().map(|item| dressed(item, resource)));
            }
            if token.is_empty() {
                return Ok(objects);
            }
        }
    }
}

/// One object, where it is there.
async fn get(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
    name: &str,
    depth: Depth,
) -> Result<Option<Object>, LiveError> {
    let accept = if depth == Depth::Metadata { ONE_METADATA_ONLY } else { "application/json" };
    let path = resource.path(namespace, Some(name));
    match request(connection, resource, "get", namespace, &path, accept).await {
        Ok(object) => Ok(Some(dressed(object, resource))),
        Err(LiveError::Answer { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn request(
    connection: &Connection,
    resource: &Resource,
    verb: &str,
    namespace: Option<&str>,
    path: &str,
    accept: &str,
) -> Result<Value, LiveError> {
    let name = resource.name();
    let asked = Asked { server: connection.server(), verb, resource: &name, namespace };
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, accept)
        .body(Vec::new())
        .map_err(|error| asked.explain(&kube::Error::HttpError(error)))?;
    connection.client().request(request).await.map_err(|error| asked.explain(&error))
}

/// Items of lists come without their type, and metadata-only ones with another's.
fn dressed(mut item: Value, resource: &Resource) -> Object {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("apiVersion".to_owned(), Value::String(resource.api_version()));
        fields.insert("kind".to_owned(), Value::String(resource.kind.clone()));
    }
    // Before anything can keep it.
    crate::withhold_secret(&mut item);
    let mut object = Object(item);
    thin(&mut object);
    object
}

/// Drops what no analysis reads of kinds that come by the thousand and that no program declares.
fn thin(object: &mut Object) {
    let numerous = match (object.group(), object.kind()) {
        ("", "Pod") => {
            if let Some(status) = object.0.get_mut("status").and_then(Value::as_object_mut) {
                status.retain(|field, _| ["phase", "podIP", "podIPs"].contains(&field.as_str()));
            }
            true
        }
        ("apps", "ReplicaSet") => true,
        ("", "Node") => {
            if let Some(status) = object.0.get_mut("status").and_then(Value::as_object_mut) {
                status.retain(|field, _| field == "addresses");
            }
            true
        }
        _ => false,
    };
    if numerous && let Some(metadata) = object.0.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// The key and version of an object to want.
pub(super) fn wanted(object: &Object) -> (String, ObjectKey) {
    (object.api_version().to_owned(), object.key())
}
