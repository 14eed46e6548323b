//! Ingresses: hosts, paths and the ports of backends (`pkg/apis/networking/validation`, `validateIngressRules`).

use serde_json::Value;

use super::{items, ports, text, text::no_subdomain};
use crate::names::is_dns_subdomain;

/// Parts of a path that stand for something else.
const PARTS: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
/// Likewise, at its end.
const ENDS: [&str; 2] = ["/..", "/."];

pub(super) fn ingress(object: &Value, told: &mut Vec<String>) {
    let Some(spec) = object.get("spec") else { return };
    let default = spec.get("defaultBackend").filter(|backend| !backend.is_null());
    if default.is_none() && items(spec, "rules").is_empty() {
        told.push("spec has neither rules nor a defaultBackend".to_owned());
    }
    backend(default, "spec.defaultBackend", told);
    for (at, tls) in items(spec, "tls").iter().enumerate() {
        for (index, host) in items(tls, "hosts").iter().filter_map(Value::as_str).enumerate() {
            if let Some(wanted) = no_host(host) {
                told.push(format!("spec.tls[{at}].hosts[{index}] is `{host}`, {wanted}"));
            }
        }
    }
    for (at, rule) in items(spec, "rules").iter().enumerate() {
        let place = format!("spec.rules[{at}]");
        let host = text(rule, "host");
        let wanted = if is_address(host) { Some("which is an address, and a host is a name") } else { no_host(host) };
        if let Some(wanted) = wanted.filter(|_| !host.is_empty()) {
            told.push(format!("{place}.host is `{host}`, {wanted}"));
        }
        let Some(http) = rule.get("http").filter(|http| http.is_object()) else { continue };
        if items(http, "paths").is_empty() {
            told.push(format!("{place}.http has no paths"));
        }
        for (index, entry) in items(http, "paths").iter().enumerate() {
            let place = format!("{place}.http.paths[{index}]");
            path(entry, &place, told);
            backend(entry.get("backend"), &format!("{place}.backend"), told);
        }
    }
}

/// `validateIngressBackend`, as far as ports go.
fn backend(backend: Option<&Value>, path: &str, told: &mut Vec<String>) {
    if let Some(port) = backend.and_then(|backend| backend.pointer("/service/port")) {
        ports::by_name(port, "name", &format!("{path}.service.port"), told);
    }
}

/// `validateHTTPIngressPath`.
fn path(entry: &Value, place: &str, told: &mut Vec<String>) {
    let path = text(entry, "path");
    let Some(kind) = entry.get("pathType").and_then(Value::as_str) else {
        return told.push(format!("{place} has no pathType: `Exact`, `Prefix` or `ImplementationSpecific`"));
    };
    match kind {
        "Exact" | "Prefix" => {
            if !path.starts_with('/') {
                told.push(format!("{place}.path is `{path}`, which does not begin with `/`"));
            }
            let within = PARTS.into_iter().filter(|part| path.contains(part));
            for part in within.chain(ENDS.into_iter().filter(|end| path.ends_with(end))) {
                told.push(format!("{place}.path is `{path}`, which may not have `{part}`"));
            }
        }
        "ImplementationSpecific" if !path.is_empty() && !path.starts_with('/') => {
            told.push(format!("{place}.path is `{path}`, which does not begin with `/`"));
        }
        "ImplementationSpecific" => {}
        other => {
            told.push(format!("{place}.pathType is `{other}`, none of `Exact`, `Prefix`, `ImplementationSpecific`"));
        }
    }
}

/// What is wrong with a host: a DNS subdomain, or one after `*.` (`IsWildcardDNS1123Subdomain`).
fn no_host(host: &str) -> Option<&'static str> {
    if !host.contains('*') {
        return no_subdomain(host);
    }
    let is_wildcard = host.len() <= 253 && host.strip_prefix("*.").is_some_and(is_dns_subdomain);
    (!is_wildcard).then_some("which is no wildcard: `*.` and a DNS subdomain")
}

/// Whether a host is an IPv4 address, with zeros before its numbers or not (`ParseIPSloppy`); one of IPv6 is no DNS subdomain.
fn is_address(host: &str) -> bool {
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part.bytes().all(|byte| byte == b'0') || part.trim_start_matches('0').parse::<u8>().is_ok())
    };
    host.split('.').count() == 4 && host.split('.').all(is_number)
}
