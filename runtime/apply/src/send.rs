//! One request, one answer.

use std::collections::BTreeMap;

use http_body_util::BodyExt;
use kspec_model::ObjectKey;
use kspec_state::live::{Asked, Connection, LiveError, Resource, escape};
use serde_json::Value;

use crate::error::Failure;

/// What the server answered with.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Whether it made something new.
    pub(crate) created: bool,
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// An object's place on the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) resource: &'a Resource,
    pub(crate) key: &'a ObjectKey,
}

/// How to apply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applying<'a> {
    pub(crate) manager: &'a str,
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
}

impl<'a> Target<'a> {
    /// Where objects of this key are, at the version stated or the preferred one.
    pub(crate) fn new(connection: &'a Connection, key: &'a ObjectKey, api_version: &str) -> Option<Self> {
        let version = api_version.rsplit('/').next().filter(|version| !version.is_empty());
        let resource = connection.served().find(&key.group, &key.kind, version)?;
        Some(Self { connection, resource, key })
    }

    fn path(&self) -> String {
        self.resource.path(self.key.namespace.as_deref(), Some(&self.key.name))
    }

    /// The object as it is; `None` where there is none.
    pub(crate) async fn get(&self) -> Result<Option<Value>, Failure> {
        match self.send("get", http::Method::GET, &self.path(), None).await {
            Ok(answer) => Ok(Some(answer.object)),
            Err(Refusal::Status(status)) if status.code == 404 => Ok(None),
            Err(refusal) => Err(self.failure(refusal, "get", false)),
        }
    }

    /// The objects of this kind and namespace that a query picks.
    pub(crate) async fn list(&self, query: &str) -> Result<Vec<Value>, Failure> {
        let path = format!("{}?{query}", self.resource.path(self.key.namespace.as_deref(), None));
        match self.send("list", http::Method::GET, &path, None).await {
            Ok(answer) => Ok(answer.object.get("items").and_then(Value::as_array).cloned().unwrap_or_default()),
            Err(refusal) => Err(self.failure(refusal, "list", false)),
        }
    }

    /// Server-side apply with strict field validation.
    pub(crate) async fn apply(&self, object: &Value, how: Applying<'_>) -> Result<Answer, Refusal> {
        let mut path = format!("{}?fieldManager={}&fieldValidation=Strict", self.path(), escape(how.manager));
        if how.force {
            path.push_str("&force=true");
        }
        if how.dry_run {
            path.push_str("&dryRun=All");
        }
        let body = Some(("application/apply-patch+yaml", object));
        self.send("patch", http::Method::PATCH, &path, body).await
    }

    /// A merge patch, on condition of the resource version that it holds.
    pub(crate) async fn merge(&self, patch: &Value, manager: &str) -> Result<Answer, Refusal> {
        let path = format!("{}?fieldManager={}", self.path(), escape(manager));
        self.send("patch", http::Method::PATCH, &path, Some(("application/merge-patch+json", patch))).await
    }

    /// Deletes this very object: another one of the same name, or a changed one, stays.
    pub(crate) async fn delete(&self, live: &Value) -> Result<(), Refusal> {
        let metadata = |field: &str| live.pointer(&format!("/metadata/{field}")).cloned().unwrap_or_default();
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": { "uid": metadata("uid"), "resourceVersion": metadata("resourceVersion") },
        });
        let body = Some(("application/json", &options));
        match self.send("delete", http::Method::DELETE, &self.path(), body).await {
            Ok(_) => Ok(()),
            Err(Refusal::Status(status)) if status.code == 404 => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    async fn send(
        &self,
        verb: &str,
        method: http::Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Answer, Refusal> {
        let mut request = http::Request::builder().method(method).uri(path);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
            bytes = value.to_string().into_bytes();
        }
        let failed = |error: &kube::Error| Refusal::Live(self.asked(verb).explain(error));
        let request = request
            .header(http::header::ACCEPT, "application/json")
            .body(kube::client::Body::from(bytes))
            .map_err(|error| failed(&kube::Error::HttpError(error)))?;
        let (head, body) = self.connection.client().send(request).await.map_err(|error| failed(&error))?.into_parts();
        let bytes = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
        if !head.status.is_success() {
            return Err(match serde_json::from_slice::<kube::core::Status>(&bytes) {
                Ok(status) => Refusal::Status(Box::new(status)),
                Err(_) => Refusal::Live(LiveError::NotKubernetes {
                    server: self.connection.server().to_owned(),
                    reason: format!("HTTP {} to {verb} {}", head.status.as_u16(), self.key),
                }),
            });
        }
        let object = serde_json::from_slice(&bytes).map_err(|error| failed(&kube::Error::SerdeError(error)))?;
        let warnings = head.headers.get_all("warning").iter().filter_map(warning).collect();
        Ok(Answer { created: head.status == http::StatusCode::CREATED, object, warnings })
    }

    fn asked<'b>(&'b self, verb: &'b str) -> Asked<'b> {
        Asked {
            server: self.connection.server(),
            verb,
            resource: &self.resource.plural,
            namespace: self.key.namespace.as_deref(),
        }
    }

    /// A refusal in the person's terms.
    pub(crate) fn failure(&self, refusal: Refusal, verb: &str, adopting: bool) -> Failure {
        match refusal {
            Refusal::Live(error) => Failure::NoAnswer { message: error.to_string() },
            Refusal::Status(status) => match status.code {
                401 | 403 if status.code == 401 || is_unauthorized(&status.message) => {
                    let name = self.resource.name();
                    let asked = Asked { resource: &name, ..self.asked(verb) };
                    Failure::Forbidden { message: asked.explain(&kube::Error::Api(status)).to_string() }
                }
                404 if status.details.as_ref().is_none_or(|details| details.name != self.key.name) => {
                    // What is missing is not the object but the namespace, or the kind.
                    if status.message.contains("the server could not find the requested resource") {
                        Failure::NotServed { kind: format!("{} {}", self.resource.api_version(), self.resource.kind) }
                    } else {
                        Failure::Refused { message: status.message }
                    }
                }
                409 => match conflicts(&status) {
                    managers if managers.is_empty() => Failure::Changed,
                    managers => Failure::Conflict { managers, adopting },
                },
                // 500 is how the server refuses a field that it does not know, and how it says that a webhook failed.
                429 | 501..=599 => Failure::NoAnswer { message: status.message },
                _ => Failure::Refused { message: status.message },
            },
        }
    }
}

/// Why a request was not done.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// The server said so.
    Status(Box<kube::core::Status>),
    /// The server did not get to say anything.
    Live(LiveError),
}

/// Who may not is told by the authorizer in these words; every other 403 is some admission's verdict on the object.
fn is_unauthorized(message: &str) -> bool {
    message.contains("User \"") && message.contains("\" cannot ")
}

/// Fields by the manager that holds them, of the causes of a conflict: `conflict with "helm" using apps/v1`.
fn conflicts(status: &kube::core::Status) -> BTreeMap<String, Vec<String>> {
    let mut managers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        if cause.reason != "FieldManagerConflict" {
            continue;
        }
        let manager = cause
            .message
            .split_once("conflict with \"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or(cause.message.as_str(), |(manager, _)| manager);
        managers.entry(manager.to_owned()).or_default().push(cause.field.trim_start_matches('.').to_owned());
    }
    managers
}

/// The text of a `Warning` header: `299 - "text"`.
fn warning(value: &http::HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let (_, quoted) = text.split_once('"')?;
    Some(quoted.trim_end_matches('"').replace("\\\"", "\""))
}
