//! What the API server gets back.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kspec_model::rules::Severity;
use serde::Serialize;

use crate::request::{API_VERSION, Bad};

/// Longest message of a refusal: the API server writes it into events and headers, and cuts its own at this length.
const LONGEST: usize = 5 * 1024;

/// One ground of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// The rule's name.
    pub(crate) reason: String,
    /// What a violation of it is worth; a mutation has none.
    #[serde(skip)]
    pub(crate) severity: Option<Severity>,
    /// What it says.
    pub(crate) message: String,
    /// The place in the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
}

/// An answer in the making.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Why it is refused; none: it is not.
    pub(crate) causes: Vec<Cause>,
    /// What the requester is told.
    pub(crate) warnings: Vec<String>,
    /// What the audit log is told.
    pub(crate) audit: BTreeMap<String, String>,
    /// Operations of a JSON Patch.
    pub(crate) patch: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'a str,
    code: u16,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    causes: &'a [Cause],
}

impl Answer {
    pub(crate) fn allowed(&self) -> bool {
        self.causes.is_empty()
    }

    /// `{rule} ({severity}): {message}` of every ground, so that a person mends all at once.
    pub(crate) fn message(&self) -> String {
        let mut message = String::new();
        for cause in &self.causes {
            if !message.is_empty() {
                message.push_str("; ");
            }
            message.push_str(&cause.reason);
            if let Some(severity) = cause.severity {
                message.push_str(&format!(" ({})", severity.as_str()));
            }
            message.push_str(": ");
            message.push_str(&cause.message);
        }
        cut(message)
    }

    /// An AdmissionReview, as JSON.
    pub(crate) fn review(&self, uid: &str) -> Vec<u8> {
        let allowed = self.allowed();
        let message = self.message();
        let status = (!allowed).then_some(Status {
            status: "Failure",
            code: 403,
            reason: "Forbidden",
            message: &message,
            details: Some(Details { causes: &self.causes }),
        });
        let patch = self.patch.as_ref().filter(|_| allowed).map(|patch| STANDARD.encode(patch.to_string()));
        json(&Envelope {
            api_version: API_VERSION,
            kind: "AdmissionReview",
            response: Response {
                uid,
                allowed,
                status,
                patch_type: patch.as_ref().map(|_| "JSONPatch"),
                patch,
                warnings: &self.warnings,
                audit_annotations: &self.audit,
            },
        })
    }
}

impl Bad {
    /// An AdmissionReview that refuses, for whoever reads the body of an error.
    pub(crate) fn review(&self) -> Vec<u8> {
        json(&Envelope {
            api_version: API_VERSION,
            kind: "AdmissionReview",
            response: Response {
                uid: self.uid.as_deref().unwrap_or_default(),
                allowed: false,
                status: Some(Status {
                    status: "Failure",
                    code: 400,
                    reason: "BadRequest",
                    message: &self.message,
                    details: None,
                }),
                patch_type: None,
                patch: None,
                warnings: &[],
                audit_annotations: &BTreeMap::new(),
            },
        })
    }
}

fn json(envelope: &Envelope<'_>) -> Vec<u8> {
    // Texts, numbers and maps of text: there is nothing in it that JSON has no form for.
    serde_json::to_vec(envelope).unwrap_or_default()
}

fn cut(mut message: String) -> String {
    if message.len() > LONGEST {
        let end = (0..=LONGEST - '…'.len_utf8()).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}
