//! A blocking client for the API server: plain requests, and the few things tests ask for again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::pki::Identity;
use crate::{Error, Result};

/// A connection to one API server as one identity. Cheap to clone; connections are pooled and kept alive.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    server: String,
    headers: Vec<(String, String)>,
    kinds: Arc<Mutex<BTreeMap<String, Kinds>>>,
}

/// The kinds of one apiVersion: plural, and whether they are namespaced.
type Kinds = BTreeMap<String, (String, bool)>;

/// What the API server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as it came.
    pub body: String,
    /// The `Warning` headers.
    pub warnings: Vec<String>,
}

/// A question to `SubjectAccessReview`; empty strings are the core group, no subresource, any name, no namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Who asks.
    pub user: String,
    /// The groups that they are in (`system:authenticated` is not added).
    pub groups: Vec<String>,
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The resource, plural.
    pub resource: String,
    /// The subresource.
    pub subresource: String,
    /// The object's name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// A non-resource URL, instead of all the resource fields.
    pub path: Option<String>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(Error::doing(format_args!("{} {}", self.status, self.body)))
    }

    /// Whether the status is 2xx.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The JSON of a 2xx answer; anything else is an error with the server's own words.
    pub fn ok(self) -> Result<Value> {
        if self.is_ok() { self.json() } else { Err(Error::new(format!("{}: {}", self.status, self.message()))) }
    }

    /// The message of a `Status`, or the body where it is none.
    pub fn message(&self) -> String {
        let status: Option<Value> = serde_json::from_str(&self.body).ok();
        let message = status.as_ref().and_then(|status| status.get("message")).and_then(Value::as_str);
        message.unwrap_or(&self.body).to_owned()
    }
}

impl Client {
    pub(crate) fn new(server: &str, authority: &str, identity: Option<&Identity>) -> Result<Client> {
        let root = Certificate::from_pem(authority.as_bytes()).map_err(Error::doing("the cluster's authority"))?;
        let certificate = match identity {
            None => None,
            Some(identity) => {
                let chain = Certificate::from_pem(identity.certificate.as_bytes())
                    .map_err(Error::doing("a client certificate"))?;
                let key = PrivateKey::from_pem(identity.key.as_bytes()).map_err(Error::doing("a client key"))?;
                Some(ClientCert::new_with_certs(&[chain], key))
            }
        };
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).client_cert(certificate).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            // A proxy of the environment is for the outside, not for a server under test.
            .proxy(None)
            .build()
            .new_agent();
        Ok(Client {
            agent,
            server: server.trim_end_matches('/').to_owned(),
            headers: Vec::new(),
            kinds: Arc::default(),
        })
    }

    /// The same client with a bearer token.
    pub fn with_token(&self, token: &str) -> Client {
        let mut client = self.clone();
        client.headers.push(("Authorization".into(), format!("Bearer {token}")));
        client
    }

    /// The same client, impersonating a user.
    pub fn acting_as(&self, user: &str, groups: &[&str]) -> Client {
        let mut client = self.clone();
        client.headers.push(("Impersonate-User".into(), user.to_owned()));
        client.headers.extend(groups.iter().map(|group| ("Impersonate-Group".into(), (*group).to_owned())));
        client
    }

    /// One request; `body` is a content type and its bytes. Any status is an answer, not an error.
    pub fn request(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match body {
            Some((content_type, body)) => {
                let request = request.header("Content-Type", content_type).body(body);
                self.agent.run(request.map_err(Error::doing(&what))?)
            }
            None => self.agent.run(request.body(()).map_err(Error::doing(&what))?),
        };
        let mut response = response.map_err(Error::doing(&what))?;
        let warnings = response.headers().get_all("Warning").iter();
        let warnings = warnings.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        let status = response.status().as_u16();
        let reading = response.body_mut().with_config().limit(256 << 20).read_to_string();
        Ok(Answer { status, body: reading.map_err(Error::doing(&what))?, warnings })
    }

    /// `GET path`, which must succeed.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.request("GET", path, None)?.ok().map_err(Error::doing(path))
    }

    /// `POST path` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.request("POST", path, Some(("application/json", &body.to_string())))
    }

    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.request("DELETE", path, None)
    }

    /// Server-side apply of `object` with strict field validation, forced; with `dry_run` nothing is stored.
    pub fn apply(&self, object: &Value, manager: &str, dry_run: bool) -> Result<Answer> {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let path = self.path_of(object)?;
        let query = format!("fieldManager={manager}&fieldValidation=Strict&force=true{dry_run}");
        self.request("PATCH", &format!("{path}?{query}"), Some(("application/apply-patch+yaml", &object.to_string())))
    }

    /// The path under which the API server serves `object`, by its apiVersion, kind, namespace and name.
    pub fn path_of(&self, object: &Value) -> Result<String> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let (plural, namespaced) = self.plural(&root, kind)?;
        let name = text("/metadata/name");
        Ok(if namespaced {
            let namespace = Some(text("/metadata/namespace")).filter(|it| !it.is_empty()).unwrap_or("default");
            format!("{root}/namespaces/{namespace}/{plural}/{name}")
        } else {
            format!("{root}/{plural}/{name}")
        })
    }

    fn plural(&self, root: &str, kind: &str) -> Result<(String, bool)> {
        let mut cache = self.kinds.lock().map_err(Error::doing("the kinds that are known"))?;
        if let Some(found) = cache.get(root).and_then(|kinds| kinds.get(kind)) {
            return Ok(found.clone());
        }
        let listed = self.get(root)?;
        let mut kinds = Kinds::new();
        for resource in listed.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let text = |field: &str| resource.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            if !text("name").contains('/') {
                let namespaced = resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false);
                kinds.insert(text("kind"), (text("name"), namespaced));
            }
        }
        let found = kinds.get(kind).cloned();
        cache.insert(root.to_owned(), kinds);
        found.ok_or_else(|| Error::new(format!("the server has no kind {kind} under {root}")))
    }

    /// What `SubjectAccessReview` answers.
    pub fn can(&self, question: &Question) -> Result<bool> {
        let (attributes, value) = match &question.path {
            Some(path) => ("nonResourceAttributes", json!({ "path": path, "verb": question.verb })),
            None => (
                "resourceAttributes",
                json!({
                    "verb": question.verb, "group": question.group, "version": "*", "resource": question.resource,
                    "subresource": question.subresource, "name": question.name, "namespace": question.namespace,
                }),
            ),
        };
        let spec = json!({ "user": question.user, "groups": question.groups, attributes: value });
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec });
        let answer = self.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)?.ok()?;
        answer
            .pointer("/status/allowed")
            .and_then(Value::as_bool)
            .ok_or_else(|| Error::new(format!("a SubjectAccessReview without an answer: {answer}")))
    }
}
