//! The same judgements by an older server, where the person gives a kubeconfig to one: `KSPEC_TEST_OLDER_KUBECONFIG`.

use kspec_schema::KubeVersion;
use kspec_test_harness::{Cluster, skip};

use crate::{access, admission, pod_security, projects, server_facts};

/// The older server and the version of its tables; without one, says that `test` is not run.
fn older(test: &str) -> Option<(Cluster, KubeVersion)> {
    let Some(cluster) = Cluster::older().unwrap() else {
        skip(test, "KSPEC_TEST_OLDER_KUBECONFIG names no older cluster (scripts/test-older starts one)");
        return None;
    };
    let minor = cluster.minor().unwrap();
    let version = KubeVersion::parse(&format!("1.{minor}")).unwrap_or_else(|| panic!("1.{minor} is not bundled"));
    Some((cluster, version))
}

#[test]
fn an_older_server_publishes_what_its_table_says() {
    let Some((cluster, version)) = older("an_older_server_publishes_what_its_table_says") else { return };
    assert_eq!(server_facts::publishes(&cluster), version);
}

#[test]
fn an_older_server_accepts_every_project_made_for_it() {
    let Some((cluster, version)) = older("an_older_server_accepts_every_project_made_for_it") else { return };
    projects::accepts_every_project(&cluster, version);
}

#[test]
fn an_older_authorizer_answers_as_the_model_does() {
    let Some((cluster, _)) = older("an_older_authorizer_answers_as_the_model_does") else { return };
    access::authorizer_answers_on(&cluster);
}

#[test]
fn an_older_server_refuses_what_a_level_forbids() {
    let Some((cluster, _)) = older("an_older_server_refuses_what_a_level_forbids") else { return };
    pod_security::levels_refuse_on(&cluster);
}

#[test]
fn an_older_server_decides_every_construct_as_the_others_do() {
    let Some((cluster, version)) = older("an_older_server_decides_every_construct_as_the_others_do") else { return };
    admission::rules::constructs_on(&cluster, version);
}

#[test]
fn an_older_server_has_the_webhook_mutate() {
    let Some((cluster, version)) = older("an_older_server_has_the_webhook_mutate") else { return };
    admission::rules::mutations_on(&cluster, version);
}

#[test]
fn every_host_folder_starts_an_older_server() {
    let Some((_, version)) = older("every_host_folder_starts_an_older_server") else { return };
    if Cluster::starts_older() {
        projects::host_folders_start_servers(version);
    } else {
        skip("every_host_folder_starts_an_older_server", "KSPEC_TEST_CONTROL_PLANE names no older version to start");
    }
}
