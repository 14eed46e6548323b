//! K0804: admission plugins that the rest of the program relies on. What a flag shows by itself is told where it is read.

use kspec_diagnostics::{Finding, codes};

use crate::{Facts, report};

const ENABLED: &str = "enable-admission-plugins";
const DISABLED: &str = "disable-admission-plugins";
/// Off unless enabled, and what keeps a kubelet to its own node.
const NODE_RESTRICTION: &str = "NodeRestriction";

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(server) = facts.program.api_server else { return };
    let Some(enabled) = server.flags.get(ENABLED) else { return };
    let has = |list: &str| list.split(',').any(|plugin| plugin == NODE_RESTRICTION);
    if has(enabled) || server.flags.get(DISABLED).is_some_and(|disabled| has(disabled)) {
        return;
    }
    findings.push(
        report::at(
            codes::WEAK_FLAG,
            "`NodeRestriction` is not among the enabled admission plugins, and is off by default",
            server.stated.get(ENABLED).unwrap_or(&server.origin),
        )
        .witness(vec!["a kubelet whose credentials leak changes the labels and pods of other nodes".to_owned()])
        .help("add `NodeRestriction` to the list"),
    );
}
