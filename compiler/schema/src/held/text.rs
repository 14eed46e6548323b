//! What is wrong with a name, a label's key or value, or a port's name.

use crate::{
    names::{is_dns_label, is_dns_subdomain, is_label_key, is_label_value, is_port_name},
    version::KubeVersion,
};

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
            Self::Subdomain if !is_dns_subdomain(name) => Some(SUBDOMAIN),
            Self::Label | Self::Service if !is_dns_label(name) => Some(LABEL),
            Self::Service if version < KubeVersion::V1_36 && !begins_with_letter => {
                Some("which does not begin with a letter, as a Service's must before 1.36")
            }
            Self::CronJob if !is_dns_subdomain(name) => Some(SUBDOMAIN),
            Self::CronJob if name.len() > 52 => Some("longer than 52 characters, which its jobs' names leave"),
            Self::PathSegment if matches!(name, "." | "..") || name.contains(['/', '%']) => {
                Some("which cannot stand in a URL: it is `.` or `..`, or contains `/` or `%`")
            }
            Self::Default if name != "default" => Some("and the only one that may be is called `default`"),
            _ => None,
        }
    }
}

/// What is wrong with a label's key (`IsLabelKey`).
pub(super) fn no_label_key(key: &str) -> Option<&'static str> {
    if key.matches('/').count() > 1 {
        return Some("which has more than one `/`");
    }
    if key.split_once('/').is_some_and(|(domain, _)| !is_dns_subdomain(domain)) {
        return Some("whose part before the `/` is no DNS subdomain");
    }
    (!is_label_key(key)).then_some(
        "which is no label key: letters, digits, `-`, `_` and `.`, a letter or digit at both ends, 63 characters at most, after a DNS \
         subdomain and `/` or nothing",
    )
}

/// What is wrong with a label's value (`IsLabelValue`).
pub(super) fn no_label_value(value: &str) -> Option<&'static str> {
    (!is_label_value(value)).then_some(
        "which is no label value: letters, digits, `-`, `_` and `.`, a letter or digit at both ends, 63 characters at most, or nothing",
    )
}

/// What is wrong with a port's name (`IsValidPortName`, IANA_SVC_NAME of RFC 6335).
pub(super) fn no_port_name(name: &str) -> Option<&'static str> {
    (!is_port_name(name)).then_some(
        "which is no port name: lower-case letters, digits and single `-` between them, a letter among them, 15 characters at most",
    )
}

/// What is wrong with a DNS label that names something inside an object.
pub(super) fn no_label(name: &str) -> Option<&'static str> {
    (!is_dns_label(name)).then_some(LABEL)
}

/// What is wrong with a DNS subdomain that names something inside an object.
pub(super) fn no_subdomain(name: &str) -> Option<&'static str> {
    (!is_dns_subdomain(name)).then_some(SUBDOMAIN)
}

/// What is wrong with the name of a role that is bound.
pub(super) fn no_path_segment(name: &str) -> Option<&'static str> {
    Name::PathSegment.refuses(name, KubeVersion::NEWEST)
}
