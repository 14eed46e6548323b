//! K0301: a namespace of ours that enforces no Pod Security level, and so admits privileged pods.

use kspec_diagnostics::{Finding, codes};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for namespace in facts.program.namespaces.iter().filter(|namespace| !namespace.existing) {
        let enforced = namespace.pod_security.as_ref().and_then(|security| security.enforce.as_ref());
        if enforced.is_none() {
            findings.push(
                report::at(
                    codes::NO_POD_SECURITY,
                    format!("namespace `{}` enforces no Pod Security level", namespace.name),
                    &namespace.origin,
                )
                .witness(vec![format!("a pod in `{}` with `securityContext: {{ privileged: true }}` is admitted, unless something else refuses it", namespace.name)])
                .help("write `pod_security: restricted` in it, or the strongest level that its pods meet"),
            );
        }
    }
}
