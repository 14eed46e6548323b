//! How Kubernetes wants names, label keys and values, and port names to be written.
//!
//! `k8s.io/apimachinery/pkg/util/validation/validation.go` and `pkg/api/validate/content`. Lengths are in bytes.

use crate::version::KubeVersion;

/// How a kind wants its objects called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// `NameIsDNSSubdomain`.
    Subdomain,
    /// `NameIsDNSLabel`.
    Label,
    /// A DNS label, which begins with a letter before 1.36 (`RelaxedServiceNameValidation`).
    Service,
    /// A subdomain, of which the job's time leaves 52 characters.
    CronJob,
    /// `IsPathSegmentName`: whatever can stand in a URL.
    PathSegment,
    /// `default`.
    Default,
}

const SUBDOMAIN: &str = "which is no DNS subdomain: lower-case letters, digits, `-` and `.`, a letter or digit at both ends of every \
                         part, 253 characters at most";
const LABEL: &str =
    "which is no DNS label: lower-case letters, digits and `-`, a letter or digit at both ends, 63 characters at most";

impl Name {
    /// What is wrong with a name.
    pub(super) fn refuses(self, name: &str, version: KubeVersion) -> Option<&'static str> {
        let begins_with_letter = name.starts_with(|first: char| first.is_ascii_lowercase());
        match self {
            Self::Subdomain if !is_subdomain(name) => Some(SUBDOMAIN),
            Self::Label | Self::Service if !is_label(name) => Some(LABEL),
            Self::Service if version < KubeVersion::V1_36 && !begins_with_letter => {
                Some("which does not begin with a letter, as a Service's must before 1.36")
            }
            Self::CronJob if !is_subdomain(name) => Some(SUBDOMAIN),
            Self::CronJob if name.len() > 52 => Some("longer than 52 characters, which its jobs' names leave"),
            Self::PathSegment if matches!(name, "." | "..") || name.contains(['/', '%']) => {
                Some("which cannot stand in a URL: it is `.` or `..`, or contains `/` or `%`")
            }
            Self::Default if name != "default" => Some("and the only one that may be is called `default`"),
            _ => None,
        }
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether a text is a DNS label, of whatever length: those of a subdomain are only bounded together.
fn is_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// What is wrong with a label's key (`IsLabelKey`).
pub(super) fn no_label_key(key: &str) -> Option<&'static str> {
    let parts: Vec<&str> = key.split('/').collect();
    let (domain, name) = match parts.as_slice() {
        [name] => (None, *name),
        [domain, name] => (Some(*domain), *name),
        _ => return Some("which has more than one `/`"),
    };
    if domain.is_some_and(|domain| !is_subdomain(domain)) {
        return Some("whose part before the `/` is no DNS subdomain");
    }
    (name.is_empty() || !is_value(name)).then_some(
        "which is no label key: letters, digits, `-`, `_` and `.`, a letter or digit at both ends, 63 characters at most, after a DNS \
         subdomain and `/` or nothing",
    )
}

/// What is wrong with a label's value (`IsLabelValue`).
pub(super) fn no_label_value(value: &str) -> Option<&'static str> {
    (!is_value(value)).then_some(
        "which is no label value: letters, digits, `-`, `_` and `.`, a letter or digit at both ends, 63 characters at most, or nothing",
    )
}

fn is_value(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let outer = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(inside) && outer(bytes.first()) && outer(bytes.last())
}

/// What is wrong with a port's name (`IsValidPortName`, IANA_SVC_NAME of RFC 6335).
pub(super) fn no_port_name(name: &str) -> Option<&'static str> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_one = name.len() <= 15
        && name.bytes().all(inside)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-');
    (!is_one).then_some(
        "which is no port name: lower-case letters, digits and single `-` between them, a letter among them, 15 characters at most",
    )
}

/// What is wrong with a DNS label that names something inside an object.
pub(super) fn no_label(name: &str) -> Option<&'static str> {
    (!is_label(name)).then_some(LABEL)
}

/// What is wrong with a DNS subdomain that names something inside an object.
pub(super) fn no_subdomain(name: &str) -> Option<&'static str> {
    (!is_subdomain(name)).then_some(SUBDOMAIN)
}

/// What is wrong with the name of a role that is bound.
pub(super) fn no_path_segment(name: &str) -> Option<&'static str> {
    Name::PathSegment.refuses(name, KubeVersion::NEWEST)
}
