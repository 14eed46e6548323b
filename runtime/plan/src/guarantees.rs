//! What becomes of the program's guarantees.

use kspec_diagnostics::{Place, SourceMap};
use kspec_posture::{
    Survey,
    guarantees::{Outcome, judge},
};

use crate::document::{GuaranteeResult, GuaranteeStatus, ResponsibleObject, Source};

/// Judges each, over what the plan leaves.
pub(crate) fn guarantees(after: &Survey<'_>, sources: &SourceMap) -> Vec<GuaranteeResult> {
    let source = |place: &Place| {
        let position = sources.position(place)?;
        Some(Source { file: position.path.to_string(), line: position.line })
    };
    let result = |verdict: kspec_posture::guarantees::Verdict<'_>| {
        let plain = GuaranteeResult {
            text: verdict.guarantee.text.clone(),
            status: GuaranteeStatus::Holds,
            source: source(&Place::Source(verdict.guarantee.origin.at)),
            message: None,
            witness: Vec::new(),
            responsible: Vec::new(),
            notes: verdict.notes,
        };
        match verdict.outcome {
            Outcome::Holds => plain,
            Outcome::NotDecided(why) => {
                GuaranteeResult { status: GuaranteeStatus::NotDecided, message: Some(why), ..plain }
            }
            Outcome::Violated(violation) => GuaranteeResult {
                status: GuaranteeStatus::Violated,
                message: Some(violation.message),
                witness: violation.witness,
                responsible: violation
                    .responsible
                    .into_iter()
                    .map(|one| ResponsibleObject {
                        object: one.object.to_string(),
                        text: one.text,
                        source: source(&one.place),
                    })
                    .collect(),
                ..plain
            },
        }
    };
    judge(after).into_iter().map(result).collect()
}
