//! Size: what is linear stays feasible where what is quadratic would not.

use crate::{checked, fixture::*};

/// Thirty thousand declarations in one namespace, each drawn to the same few keys.
#[test]
fn a_large_program_is_checked() {
    let mut program = program();
    program.namespaces = vec![namespace("a")];
    program.workloads = (0..10_000).map(|index| workload("a", &format!("w{index}"))).collect();
    program.roles = (0..10_000)
        .map(|index| role(Some("a"), &format!("r{index}"), vec![rule(&["get"], &[""], &["pods"])]))
        .collect();
    let edges = (0..10_000)
        .map(|index| edge(pod("a", &format!("w{index}")), pod("a", &format!("w{}", index / 2)), vec![named("http")]))
        .collect();
    program.networks = vec![network(&["a"], vec![deny()], edges)];
    let findings = checked(&program);
    assert_eq!(findings.iter().filter(|finding| finding.code.to_string() == "K0126").count(), 10_000);
}
