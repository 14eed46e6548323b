//! What kspec knows of the API server, against what the API server says of itself.

use std::collections::{BTreeMap, BTreeSet};

use kspec_schema::derive::{Published, differences};
use kspec_schema::{KubeVersion, facts};
use kspec_test_harness::{Cluster, ControlPlane, api_server_help};
use serde_json::Value;

/// The words of the comma-separated list that follows `after`, up to `until`.
fn list<'a>(text: &'a str, after: &str, until: &str) -> BTreeSet<&'a str> {
    let (_, rest) = text.split_once(after).unwrap_or_else(|| panic!("no {after:?} in the help"));
    let (list, _) = rest.split_once(until).unwrap();
    list.split(',').map(str::trim).collect()
}

#[test]
fn flags_plugins_and_ciphers_are_those_of_the_newest_server() {
    let version = KubeVersion::NEWEST;
    let help = api_server_help().unwrap();
    let said: BTreeSet<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .filter_map(|line| line.split([' ', '=']).next())
        .collect();
    let known: BTreeSet<&str> = facts::flags(version).map(|flag| flag.name).collect();
    let unknown: Vec<_> = said.difference(&known).collect();
    let hidden: Vec<_> = known.difference(&said).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "flags that kspec does not know");
    // Deprecated flags are taken and not told; `-h` and `-v` stand in the help by their short names.
    let told_otherwise = [
        "apiserver-count",
        "audit-webhook-batch-initial-backoff",
        "default-watch-cache-size",
        "help",
        "kubelet-port",
        "kubelet-read-only-port",
        "v",
    ];
    assert_eq!(hidden, told_otherwise.iter().collect::<Vec<_>>(), "flags that the server does not have");

    let (_, plugins) = help.split_once("--enable-admission-plugins").unwrap();
    let on: BTreeSet<&str> = facts::admission_plugins(version).filter(|it| it.default_on).map(|it| it.name).collect();
    let all: BTreeSet<&str> = facts::admission_plugins(version).map(|it| it.name).collect();
    assert_eq!(list(plugins, "default enabled ones (", ")"), on);
    assert_eq!(list(plugins, "Comma-delimited list of admission plugins: ", "."), all);

    let (_, suites) = help.split_once("--tls-cipher-suites").unwrap();
    assert_eq!(list(suites, "Preferred values: ", "."), facts::TLS_CIPHER_SUITES.iter().copied().collect());
    assert_eq!(list(suites, "Insecure values: ", "."), facts::INSECURE_TLS_CIPHER_SUITES.iter().copied().collect());
    let (_, minimum) = help.split_once("--tls-min-version").unwrap();
    assert_eq!(list(minimum, "Possible values: ", "\n"), facts::TLS_VERSIONS.iter().copied().collect());
}

#[test]
fn types_and_resources_are_those_that_the_newest_server_publishes() {
    // A server of its own: another test's CRDs would be groups that it serves.
    let server = ControlPlane::start(kspec_test_harness::Options::default()).unwrap();
    assert_eq!(publishes(&server), KubeVersion::NEWEST);
}

/// Judges the table of a server's version on what it publishes under `/openapi/v3` and by discovery; gives the version.
pub(crate) fn publishes(server: &Cluster) -> KubeVersion {
    let client = server.admin();
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let release = text(&client.get("/version").unwrap(), "gitVersion");
    let version = KubeVersion::parse(&release).unwrap_or_else(|| panic!("{release} is not a bundled version"));
    let index = client.get("/openapi/v3").unwrap();
    let documents = index["paths"].as_object().unwrap().iter();
    let document = |entry: &Value| client.get(&text(entry, "serverRelativeURL")).unwrap();
    let openapi: BTreeMap<String, Value> = documents.map(|(name, entry)| (name.clone(), document(entry))).collect();
    assert!(openapi.len() > 20, "{:?}", openapi.keys());
    let groups = client.get("/apis").unwrap();
    let mut resources = vec![client.get("/api/v1").unwrap()];
    for version in groups["groups"].as_array().unwrap().iter().flat_map(|group| group["versions"].as_array().unwrap()) {
        resources.push(client.get(&format!("/apis/{}", text(version, "groupVersion"))).unwrap());
    }
    let found = differences(version, &Published { release, openapi, groups, resources });
    assert_eq!(found, Vec::<String>::new(), "the table of {version} differs from what the server publishes");
    version
}
