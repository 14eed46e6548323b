//! What the API server sends.

use kspec_rules::{Reads, Review};
use serde_json::Value;

/// The version that is spoken.
pub(crate) const API_VERSION: &str = "admission.k8s.io/v1";

/// An AdmissionReview with a request.
#[derive(Debug)]
pub(crate) struct Request {
    body: Value,
}

/// A body that holds none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Of the request, as far as it could be read.
    pub(crate) uid: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
}

impl Request {
    /// Reads a body, its objects as far as `reads` says.
    pub(crate) fn read(bytes: &[u8], reads: &Reads) -> Result<Self, Bad> {
        let body =
            reads.review(bytes).map_err(|error| Bad { uid: None, message: format!("the body is no JSON: {error}") })?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let request = body.get("request").unwrap_or(&Value::Null);
        let uid = request.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        let bad = |message: String| Err(Bad { uid: uid.map(str::to_owned), message });
        match (text("apiVersion"), text("kind")) {
            (Some(API_VERSION), Some("AdmissionReview")) => {}
            (version, kind) => {
                return bad(format!(
                    "expected an AdmissionReview of {API_VERSION}, not `{}` of `{}`",
                    kind.unwrap_or_default(),
                    version.unwrap_or_default()
                ));
            }
        }
        if uid.is_none() {
            return bad("the AdmissionReview has no request with a uid".to_owned());
        }
        if let Err(why) = Review::from_request(request) {
            return bad(why);
        }
        Ok(Self { body })
    }

    /// The AdmissionRequest.
    pub(crate) fn request(&self) -> &Value {
        self.body.get("request").unwrap_or(&Value::Null)
    }

    pub(crate) fn uid(&self) -> &str {
        self.text("uid")
    }

    /// The namespace that it is in, or is.
    pub(crate) fn namespace(&self) -> Option<&str> {
        Some(self.text("namespace")).filter(|name| !name.is_empty())
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.request().get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn resource(&self) -> &str {
        self.part("resource", "resource")
    }

    pub(crate) fn user(&self) -> &str {
        self.part("userInfo", "username")
    }

    fn part(&self, part: &str, field: &str) -> &str {
        let part = self.request().get(part).and_then(|part| part.get(field));
        part.and_then(Value::as_str).unwrap_or_default()
    }
}
