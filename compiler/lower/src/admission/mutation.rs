//! MutatingAdmissionPolicies.

use kspec_model::rules::BoundMutation;

use super::cel::Unsaid;

/// The version from which the API server takes mutations in CEL without a feature gate.
const SINCE: u32 = 36;

/// A mutation's patches in CEL, in order, for each shape of its targets.
pub(super) fn expressions(_bound: &BoundMutation, minor: u32) -> Result<Vec<Vec<String>>, Unsaid> {
    if minor < SINCE {
        return Err(Unsaid(format!("mutations in CEL are on by default from Kubernetes 1.{SINCE}")));
    }
    Err(Unsaid("mutations go to the webhook".to_owned()))
}
