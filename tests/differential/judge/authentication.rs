//! Authentication and flags: the lowered file and flags start the API server, and take effect.

use std::collections::BTreeMap;
use std::process::Command;

use kspec_model::program::{Anonymous, ApiServer, Authentication, Program};
use kspec_test_harness::{ControlPlane, Options};
use serde_json::json;

use crate::host;
use crate::programs::{empty, origin};

/// The options of a server that runs as the program says, with the files of the host folder in their places.
fn options(server: &ControlPlane, program: &Program, step: &str) -> Options {
    host::options(server, &host::lower(program), step)
}

fn flags(pairs: &[(&str, &str)]) -> Option<ApiServer> {
    Some(ApiServer {
        flags: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        stated: BTreeMap::new(),
        host_paths: BTreeMap::new(),
        origin: origin(),
    })
}

fn status(client: &kspec_test_harness::Client, path: &str) -> u16 {
    client.request("GET", path, None).unwrap().status
}

/// Whether a connection of at most this TLS version is accepted.
fn connects(server: &ControlPlane, most: &str) -> bool {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--noproxy", "*", "--tls-max", most, "--cacert"]);
    curl.arg(server.pki_file("ca.crt")).arg(format!("{}/readyz", server.server()));
    curl.status().unwrap().success()
}

#[test]
fn anonymous_access_and_flags_are_as_the_program_says() {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let anonymous = server.anonymous().unwrap();
    assert_eq!(status(&anonymous, "/version"), 200, "Kubernetes lets everyone read its version by default");
    assert!(connects(&server, "1.2"));

    // On some paths only, by the configuration file.
    let mut program = empty("hardened");
    let paths = vec!["/livez".to_owned(), "/readyz".to_owned()];
    let anonymous_access = Some(Anonymous { enabled: true, paths });
    program.authentication = Some(Authentication { jwt: Vec::new(), anonymous: anonymous_access, origin: origin() });
    program.api_server = flags(&[
        ("authorization-mode", "Node,RBAC"),
        ("enable-admission-plugins", "AlwaysPullImages,NodeRestriction"),
        ("profiling", "false"),
        ("request-timeout", "1m0s"),
        ("service-account-lookup", "true"),
        ("tls-cipher-suites", "TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ("tls-min-version", "VersionTLS13"),
    ]);
    let some_paths = options(&server, &program, "some-paths");
    server.restart(some_paths).unwrap();
    for (path, expected) in [("/livez", 200), ("/readyz", 200), ("/version", 401), ("/api", 401), ("/healthz", 401)] {
        assert_eq!(status(&anonymous, path), expected, "{path}");
    }
    let known = server.client_with_certificate("ann", &[]).unwrap();
    assert_eq!(status(&known, "/version"), 200);
    assert!(!connects(&server, "1.2") && connects(&server, "1.3"));
    assert_eq!(status(server.admin(), "/debug/pprof/"), 404);
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
    server.admin().post("/api/v1/namespaces/default/serviceaccounts", &account).unwrap().ok().unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" },
        "spec": { "containers": [{ "name": "c", "image": "c:1", "imagePullPolicy": "IfNotPresent" }] },
    });
    let pods = "/api/v1/namespaces/default/pods?dryRun=All";
    let admitted = server.admin().post(pods, &pod).unwrap().ok().unwrap();
    assert_eq!(admitted["spec"]["containers"][0]["imagePullPolicy"], "Always", "AlwaysPullImages is on");

    // Nowhere, by the file.
    program.authentication = Some(Authentication {
        jwt: Vec::new(),
        anonymous: Some(Anonymous { enabled: false, paths: Vec::new() }),
        origin: origin(),
    });
    let nowhere = options(&server, &program, "nowhere");
    server.restart(nowhere).unwrap();
    assert_eq!(status(&anonymous, "/livez"), 401);
    assert_eq!(status(&known, "/livez"), 200);

    // Nowhere, by the flag.
    program.authentication = None;
    program.api_server = flags(&[("anonymous-auth", "false")]);
    let by_flag = options(&server, &program, "by-flag");
    server.restart(by_flag).unwrap();
    assert_eq!(status(&anonymous, "/livez"), 401);
    assert_eq!(status(&known, "/livez"), 200);
}
