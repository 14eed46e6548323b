//! The mend of a grant that is wider than it need be.

use kspec_diagnostics::{Severity, codes};

use crate::support::compile;

#[test]
fn a_grant_over_the_cluster_is_narrowed_where_it_is_declared() {
    let source = "namespace ci { pod_security: restricted }\nservice_account runner in ci {}\n/// Reads its settings.\nrole reader { allow get on configmaps }\n/// It reads.\ngrant reader in cluster to runner\n";
    let (compiler, findings) = compile(source);
    let wide = findings.iter().find(|finding| finding.code == codes::WIDER_THAN_NEEDED).expect("a finding");
    let edit = &wide.fixes[0].edits[0];
    let (_, _, range) = compiler.sources().absolute(edit.location).expect("a place in the source");
    let mut mended = source.to_owned();
    mended.replace_range(range.start as usize..range.end as usize, &edit.text);
    assert!(mended.contains("grant reader in ci to runner"), "{mended}");
    let (_, findings) = compile(&mended);
    assert!(
        findings.iter().all(|finding| finding.code != codes::WIDER_THAN_NEEDED && finding.severity < Severity::Warning)
    );
}
