//! A collection as it changes: listed once, then watched.

use futures::TryStreamExt as _;
use kube::core::WatchEvent;
use serde_json::Value;

use super::{Asked, Connection, LiveError, Resource, escape};

/// Objects in one page of a list.
const PAGE: u32 = 500;
/// For how long the server keeps one watch open: shorter than the connection may be silent, and it says by a bookmark just
/// before the end that nothing was missed.
const WATCH_SECONDS: u32 = 50;

/// What became of a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// These are all there are.
    Listed(Vec<Value>),
    /// This is there, new or changed.
    Set(Value),
    /// This is there no more.
    Gone(Value),
    /// Nothing else changed up to now.
    Current,
}

/// Follows every object of a kind until that fails, and says why it did. Secrets come without their contents, and nothing
/// comes with `managedFields`.
pub async fn follow(connection: &Connection, resource: &Resource, mut told: impl FnMut(Change)) -> LiveError {
    loop {
        let (objects, mut version) = match list(connection, resource).await {
            Ok(listed) => listed,
            Err(error) => return error,
        };
        told(Change::Listed(objects));
        loop {
            match watch(connection, resource, &mut version, &mut told).await {
                Ok(()) => told(Change::Current),
                // Etcd compacted the revision that the watch was at.
                Err(LiveError::Answer { code: 410, .. }) => break,
                Err(error) => return error,
            }
        }
    }
}

/// One object by name, as the collection has it; none where there is none.
///
/// # Errors
/// Where the server does not answer, or may not be asked.
pub async fn look_up(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<Value>, LiveError> {
    let shown = resource.name();
    let asked = Asked { server: connection.server(), verb: "get", resource: &shown, namespace };
    let request = http::Request::get(resource.path(namespace, Some(name)))
        .body(Vec::new())
        .map_err(|error| asked.explain(&kube::Error::HttpError(error)))?;
    match connection.client().request(request).await.map_err(|error| asked.explain(&error)) {
        Ok(object) => Ok(Some(dressed(object, resource))),
        Err(LiveError::Answer { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everything, and the version that a watch goes on from.
async fn list(connection: &Connection, resource: &Resource) -> Result<(Vec<Value>, String), LiveError> {
    let shown = resource.name();
    let asked = Asked { server: connection.server(), verb: "list", resource: &shown, namespace: None };
    let mut objects = Vec::new();
    let mut token = String::new();
    loop {
        let mut path = format!("{}?limit={PAGE}", resource.path(None, None));
        if !token.is_empty() {
            path.push_str("&continue=");
            path.push_str(&escape(&token));
        }
        let request =
            http::Request::get(path).body(Vec::new()).map_err(|error| asked.explain(&kube::Error::HttpError(error)))?;
        let mut page: Value = connection.client().request(request).await.map_err(|error| asked.explain(&error))?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            objects.extend(items.into_iter().map(|item| dressed(item, resource)));
        }
        let text = |pointer: &str| page.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        token = text("/metadata/continue");
        if token.is_empty() {
            return Ok((objects, text("/metadata/resourceVersion")));
        }
    }
}

/// One watch, to its end.
async fn watch(
    connection: &Connection,
    resource: &Resource,
    version: &mut String,
    told: &mut impl FnMut(Change),
) -> Result<(), LiveError> {
    let shown = resource.name();
    let asked = Asked { server: connection.server(), verb: "watch", resource: &shown, namespace: None };
    let path = format!(
        "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
        resource.path(None, None),
        escape(version)
    );
    let request =
        http::Request::get(path).body(Vec::new()).map_err(|error| asked.explain(&kube::Error::HttpError(error)))?;
    let events = connection.client().request_events::<Value>(request).await.map_err(|error| asked.explain(&error))?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await.map_err(|error| asked.explain(&error))? {
        let change = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => Change::Set(dressed(object, resource)),
            WatchEvent::Deleted(object) => Change::Gone(dressed(object, resource)),
            WatchEvent::Bookmark(mark) => {
                *version = mark.metadata.resource_version;
                told(Change::Current);
                continue;
            }
            WatchEvent::Error(status) => return Err(asked.explain(&kube::Error::Api(status))),
        };
        if let Change::Set(object) | Change::Gone(object) = &change
            && let Some(seen) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str)
        {
            seen.clone_into(version);
        }
        told(change);
    }
    Ok(())
}

fn dressed(mut item: Value, resource: &Resource) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("apiVersion".to_owned(), Value::String(resource.api_version()));
        fields.insert("kind".to_owned(), Value::String(resource.kind.clone()));
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
    crate::withhold_secret(&mut item);
    item
}
