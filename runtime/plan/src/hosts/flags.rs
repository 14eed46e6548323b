//! Flags of kube-apiserver.

use std::collections::BTreeSet;

use kspec_schema::{KubeVersion, facts, facts::FlagKind};
use kspec_state::Flags;

use super::{flag_source, plugins};
use crate::{
    Inputs,
    document::{HostChange, HostSetting, Severity},
};

/// What a server does that is not told, for the flags that kspec speaks of. Source: `apiserver/pkg/server/options`,
/// `kubernetes/pkg/kubeapiserver/options`.
const DEFAULTS: &[(&str, &str)] = &[
    ("anonymous-auth", "true"),
    ("audit-log-batch-buffer-size", "10000"),
    ("audit-log-format", "json"),
    ("audit-log-maxage", "0"),
    ("audit-log-maxbackup", "0"),
    ("audit-log-maxsize", "0"),
    ("audit-log-mode", "blocking"),
    ("audit-webhook-mode", "batch"),
    ("authorization-mode", "AlwaysAllow"),
    ("bind-address", "0.0.0.0"),
    ("kubelet-timeout", "5s"),
    ("min-request-timeout", "1800"),
    ("profiling", "true"),
    ("request-timeout", "1m0s"),
    ("secure-port", "6443"),
    ("service-account-lookup", "true"),
    ("tls-min-version", "VersionTLS12"),
];

/// Ways in that kspec refuses: secrets in a file on the host that nobody can revoke without a restart.
const REFUSED: &[(&str, &str)] = &[
    ("basic-auth-file", "static passwords let in whoever reads the file"),
    ("token-auth-file", "static tokens let in whoever reads the file, and never expire"),
];

pub(super) fn flags(inputs: &Inputs<'_>, running: Option<&Flags>, target: KubeVersion) -> Vec<HostChange> {
    let mut changes = Vec::new();
    for (flag, wanted) in &inputs.host.flags {
        if flag == plugins::ENABLE || flag == plugins::DISABLE {
            // Compared by what comes into effect, where that shows.
            if running.is_some() {
                continue;
            }
        }
        let change = |before: Vec<String>, seen: bool, severity: Severity, message: String| HostChange {
            setting: HostSetting::Flag,
            name: flag.clone(),
            before,
            after: vec![wanted.clone()],
            seen,
            servers: Vec::new(),
            severity,
            message,
            source: flag_source(inputs, flag),
        };
        let Some(running) = running else {
            let message = "what the API server runs with is not part of this state".to_owned();
            changes.push(change(Vec::new(), false, Severity::Information, message));
            continue;
        };
        let kind = facts::flag(target, flag).map_or(FlagKind::String, |flag| flag.kind);
        match running.get(flag) {
            Some(values) if same(kind, flag, values, wanted) => {}
            Some(values) => {
                let severity = severity(flag, values);
                changes.push(change(
                    values.clone(),
                    true,
                    severity,
                    "the API server runs with another value".to_owned(),
                ));
            }
            None => {
                let default = DEFAULTS.iter().find(|(name, _)| name == flag).map(|(_, default)| (*default).to_owned());
                match default {
                    Some(default) if same(kind, flag, std::slice::from_ref(&default), wanted) => {}
                    Some(default) => {
                        let message = format!("the API server is not told, and its default is {default}");
                        let severity = severity(flag, &[default]);
                        changes.push(change(Vec::new(), true, severity, message));
                    }
                    None => {
                        changes.push(change(
                            Vec::new(),
                            true,
                            Severity::Warning,
                            "the API server is not told".to_owned(),
                        ));
                    }
                }
            }
        }
    }
    let speaks_of_hosts = *inputs.host != kspec_lower::HostSettings::default();
    for (flag, values) in running.into_iter().flatten().filter(|_| speaks_of_hosts) {
        let refused = REFUSED.iter().find(|(name, _)| name == flag).map(|(_, why)| (*why).to_owned());
        let excluded = || {
            let by = inputs.host.excludes(flag)?;
            Some((by, format!("it must go: `{by}` says it, and the API server does not start with both")))
        };
        let (by, message) = match (refused, excluded()) {
            (Some(why), _) => (flag.as_str(), why),
            (None, Some((by, why))) => (by, why),
            (None, None) => continue,
        };
        changes.push(HostChange {
            setting: HostSetting::Flag,
            name: flag.clone(),
            before: values.clone(),
            after: Vec::new(),
            seen: true,
            servers: Vec::new(),
            severity: Severity::Error,
            message,
            source: flag_source(inputs, by),
        });
    }
    changes.sort_by(|left, right| left.name.cmp(&right.name));
    changes
}

fn severity(flag: &str, running: &[String]) -> Severity {
    let allows_all =
        flag == "authorization-mode" && running.iter().any(|modes| modes.split(',').any(|m| m == "AlwaysAllow"));
    if allows_all { Severity::Error } else { Severity::Warning }
}

/// Whether a flag's values on a command line come to the wanted one.
fn same(kind: FlagKind, flag: &str, running: &[String], wanted: &str) -> bool {
    let last = running.last().map(String::as_str).unwrap_or_default();
    match kind {
        FlagKind::Bool => boolean(last).is_some() && boolean(last) == boolean(wanted),
        FlagKind::Int => last.parse::<i64>().ok().is_some_and(|value| wanted.parse() == Ok(value)),
        FlagKind::Float => last
            .parse::<f64>()
            .is_ok_and(|left| wanted.parse::<f64>().is_ok_and(|right| left.to_bits() == right.to_bits())),
        FlagKind::Duration => duration(last).is_some() && duration(last) == duration(wanted),
        // Authorizers are asked in order; of everything else in lists the order means nothing.
        FlagKind::Commas | FlagKind::List | FlagKind::Map if flag == "authorization-mode" => {
            items(running) == items(&[wanted.to_owned()])
        }
        FlagKind::Commas | FlagKind::List | FlagKind::Map => {
            items(running).into_iter().collect::<BTreeSet<_>>() == items(&[wanted.to_owned()]).into_iter().collect()
        }
        FlagKind::String | FlagKind::Ip => last == wanted,
    }
}

fn items(values: &[String]) -> Vec<String> {
    values.iter().flat_map(|value| value.split(',')).map(|item| item.trim().to_owned()).collect()
}

/// As Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Nanoseconds of a Go duration: `1h30m`, `1.5s`, `0`.
pub(super) fn duration(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_end)?;
        let nanos: u128 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        total =
            total.checked_add(if whole.is_empty() { 0 } else { whole.parse::<u128>().ok()?.checked_mul(nanos)? })?;
        if !fraction.is_empty() {
            let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            total = total.checked_add(fraction.parse::<u128>().ok()?.checked_mul(nanos)?.checked_div(scale)?)?;
        }
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_compare_by_what_they_mean() {
        let one = |text: &str| vec![text.to_owned()];
        assert!(same(FlagKind::Bool, "profiling", &one("F"), "false"));
        assert!(same(FlagKind::Duration, "request-timeout", &one("60s"), "1m0s"));
        assert!(!same(FlagKind::Duration, "request-timeout", &one("60"), "1m0s"));
        assert!(same(FlagKind::Commas, "tls-cipher-suites", &["B".to_owned(), "A".to_owned()], "A,B"));
        assert!(!same(FlagKind::Commas, "authorization-mode", &one("RBAC,Node"), "Node,RBAC"));
        assert!(same(FlagKind::Int, "audit-log-maxage", &["1".to_owned(), "30".to_owned()], "30"));
        assert_eq!(duration("1.5h"), duration("90m"));
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(DEFAULTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
