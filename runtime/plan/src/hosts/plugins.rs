//! Admission plugins that are in effect.

use std::collections::{BTreeMap, BTreeSet};

use kspec_schema::{KubeVersion, facts};
use kspec_state::Flags;

use super::flag_source;
use crate::{
    Inputs,
    document::{HostChange, HostSetting, Severity},
};

pub(super) const ENABLE: &str = "enable-admission-plugins";
pub(super) const DISABLE: &str = "disable-admission-plugins";
/// Off by default, and what keeps a node's credentials from reaching beyond the node.
const NODE_RESTRICTION: &str = "NodeRestriction";

/// Compares effective plugins. Those that a server has by default, and NodeRestriction, are held on unless the program turns
/// one off by name.
pub(super) fn plugins(inputs: &Inputs<'_>, running: Option<&Flags>, target: KubeVersion) -> Option<HostChange> {
    let running = running?;
    let version = inputs.state.version.as_deref().and_then(KubeVersion::parse).unwrap_or(target);
    let lists = |flags: &BTreeMap<String, Vec<String>>, flag: &str| -> BTreeSet<String> {
        let values = flags.get(flag).into_iter().flatten();
        values.flat_map(|value| value.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let stated: BTreeMap<String, Vec<String>> =
        inputs.host.flags.iter().map(|(flag, value)| (flag.clone(), vec![value.clone()])).collect();
    let says = stated.contains_key(ENABLE) || stated.contains_key(DISABLE);

    let before = effective(version, &lists(running, ENABLE), &lists(running, DISABLE));
    let turned_off = lists(&stated, DISABLE);
    let mut after = if says { effective(version, &lists(&stated, ENABLE), &turned_off) } else { before.clone() };
    let held_on = facts::admission_plugins(version)
        .filter(|plugin| plugin.is_active_by_default() || plugin.name == NODE_RESTRICTION)
        .map(|plugin| plugin.name.to_owned())
        .filter(|name| !turned_off.contains(name));
    let held_on: BTreeSet<String> = held_on.collect();
    after.extend(held_on.iter().cloned());
    if before == after {
        return None;
    }
    let missing: Vec<&str> = held_on.difference(&before).map(String::as_str).collect();
    let (severity, message) = if missing.is_empty() {
        (Severity::Warning, "other admission plugins are in effect than the program says".to_owned())
    } else {
        (Severity::Error, format!("off, and every cluster should have it on: {}", missing.join(", ")))
    };
    Some(HostChange {
        setting: HostSetting::AdmissionPlugins,
        name: ENABLE.to_owned(),
        before: before.difference(&after).cloned().collect(),
        after: after.difference(&before).cloned().collect(),
        seen: true,
        servers: Vec::new(),
        severity,
        message,
        source: flag_source(inputs, ENABLE),
    })
}

/// The version's defaults, plus enabled, minus disabled; naming a plugin in both lists enables it. Source:
/// `apiserver/pkg/server/options/admission.go` (`enabledPluginNames`).
fn effective(version: KubeVersion, enabled: &BTreeSet<String>, disabled: &BTreeSet<String>) -> BTreeSet<String> {
    facts::admission_plugins(version)
        .filter(|plugin| {
            let on = enabled.contains(plugin.name) || (plugin.default_on && !disabled.contains(plugin.name));
            on && plugin.closed_gate.is_none()
        })
        .map(|plugin| plugin.name.to_owned())
        .collect()
}
