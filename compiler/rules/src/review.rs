//! What is judged.

use kspec_model::rules::{Lookup, Operation};
use serde_json::{Map, Value, json};

/// A request that the API server asks about (`admission.k8s.io/v1` AdmissionRequest), borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Review<'a> {
    /// What is done.
    pub operation: Operation,
    /// The resource's API group; empty for the core group.
    pub group: &'a str,
    /// Plural resource.
    pub resource: &'a str,
    /// Subresource.
    pub subresource: Option<&'a str>,
    /// The object's namespace; `None` for what stands in none. A Namespace stands in none.
    pub namespace: Option<&'a str>,
    /// The object's name; empty where the API server is to make one up.
    pub name: &'a str,
    /// The object; for a DELETE there is none.
    pub object: Option<&'a Value>,
    /// The object as it was.
    pub old: Option<&'a Value>,
    /// The whole AdmissionRequest: what `request` reads.
    pub request: &'a Value,
    /// The namespace's object, where it is known.
    pub namespace_object: Option<&'a Value>,
}

impl<'a> Review<'a> {
    /// Reads an AdmissionRequest. `Err` says what it lacks.
    ///
    /// # Errors
    ///
    /// An operation that there is not, or no resource.
    pub fn from_request(request: &'a Value) -> Result<Self, String> {
        let given =
            |part: &'a Value, name: &str| part.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let object = |name: &str| request.get(name).filter(|object| object.is_object());
        let operation = match given(request, "operation").unwrap_or_default() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            other => return Err(format!("`{other}` is no operation of an admission request")),
        };
        let named = request.get("resource").unwrap_or(&Value::Null);
        let resource = given(named, "resource").ok_or("an admission request without a resource")?;
        let group = given(named, "group").unwrap_or_default();
        // A request about a Namespace names that very namespace.
        let is_namespace = group.is_empty() && resource == "namespaces";
        let object_given = object("object");
        let name = given(request, "name").or_else(|| object_given?.get("metadata")?.get("name")?.as_str());
        Ok(Self {
            operation,
            group,
            resource,
            subresource: given(request, "subResource"),
            namespace: given(request, "namespace").filter(|_| !is_namespace),
            name: name.unwrap_or_default(),
            object: object_given,
            old: object("oldObject"),
            request,
            namespace_object: None,
        })
    }

    /// The same, with the namespace's object.
    #[must_use]
    pub const fn in_namespace(self, namespace: Option<&'a Value>) -> Self {
        Self { namespace_object: namespace, ..self }
    }
}

/// A request as the API server would ask about an object given in a file or a test.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// What is done.
    pub operation: Operation,
    /// API group, version and plural resource.
    pub resource: (&'a str, &'a str, &'a str),
    /// Subresource.
    pub subresource: Option<&'a str>,
    /// Kind of the object.
    pub kind: &'a str,
    /// The namespace that the request is made in, where the resource has one.
    pub namespace: Option<&'a str>,
    /// The object.
    pub object: Option<&'a Value>,
    /// The object as it was.
    pub old: Option<&'a Value>,
    /// Who asks.
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
}

impl Asked<'_> {
    /// The AdmissionRequest, for [`Review::from_request`].
    #[must_use]
    pub fn request(&self) -> Value {
        let (group, version, resource) = self.resource;
        let mut request = Map::new();
        let mut put = |name: &str, value: Value| request.insert(name.to_owned(), value);
        put("uid", json!("00000000-0000-0000-0000-000000000000"));
        put("kind", json!({ "group": group, "version": version, "kind": self.kind }));
        // Nothing was converted: what was written is what is judged.
        put("requestKind", json!({ "group": group, "version": version, "kind": self.kind }));
        put("resource", json!({ "group": group, "version": version, "resource": resource }));
        if let Some(subresource) = self.subresource {
            put("subResource", json!(subresource));
        }
        let name = self.object.or(self.old).and_then(|object| object.pointer("/metadata/name"));
        if let Some(name) = name {
            put("name", name.clone());
        }
        if let Some(namespace) = self.namespace {
            put("namespace", json!(namespace));
        }
        put("operation", json!(self.operation));
        put("userInfo", json!({ "username": self.user, "groups": self.groups }));
        put("object", self.object.cloned().unwrap_or(Value::Null));
        put("oldObject", self.old.cloned().unwrap_or(Value::Null));
        put("dryRun", json!(false));
        Value::Object(request)
    }
}

/// Objects beside the one that is judged: what `cluster.all(…)` reads.
pub trait Objects: Sync {
    /// Every object of a kind; `None` where they are not at hand.
    fn all(&self, lookup: &Lookup) -> Option<&[Value]>;
}

/// Nothing is at hand.
#[derive(Debug, Clone, Copy)]
pub struct NoObjects;

impl Objects for NoObjects {
    fn all(&self, _: &Lookup) -> Option<&[Value]> {
        None
    }
}
