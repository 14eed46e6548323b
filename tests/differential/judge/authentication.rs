//! Authentication and flags: the lowered file and flags start the API server, and take effect.

use std::collections::BTreeMap;
use std::process::Command;

use kspec_model::program::{Anonymous, ApiServer, Authentication, Program};
use kspec_project::{Choice, load};
use kspec_test_harness::{ControlPlane, Issuer, Options, wait_until};
use serde_json::{Value, json};

use crate::host;
use crate::programs::{TODAY, empty, origin};

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

/// The options of a server with the authentication that a program's source says.
fn authenticating(server: &ControlPlane, source: &str) -> Options {
    let root = server.folder().join("authentication");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("kspec.toml"), "name = \"id\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n").unwrap();
    std::fs::write(root.join("main.kspec"), source).unwrap();
    let choice = Choice { environment: None, as_of: TODAY, update_lock: true };
    let mut project = load(&root, &choice).unwrap();
    let findings = project.compiler.check();
    assert!(findings.iter().all(|it| it.severity != kspec_diagnostics::Severity::Error), "{findings:#?}");
    host::options(server, &project.compiler.lower(&BTreeMap::new()).host, "authenticated")
}

#[test]
fn tokens_are_accepted_as_the_program_says() {
    let issuer = Issuer::start().unwrap();
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let source = format!(
        r#"authentication {{
  jwt: [{{
    issuer: {{ url: {url}, audiences: ["kubernetes", "kspec"], audience_match_policy: "MatchAny", certificate_authority: {authority} }}
    claim_validation_rules: [{{ claim: "hd", required_value: "example.com" }}]
    claim_mappings: {{
      username: {{ claim: "email", prefix: "oidc:" }}
      groups: {{ claim: "groups", prefix: "oidc:" }}
      uid: {{ expression: "'id-' + claims.sub" }}
      extra: [{{ key: "example.com/tenant", value_expression: "claims.tenant" }}]
    }}
    user_validation_rules: [{{ expression: "!user.username.endsWith('@contractors.example.com')", message: "no contractors" }}]
  }}]
  anonymous: {{ enabled: false }}
}}
"#,
        url = json!(issuer.url()),
        authority = json!(issuer.authority_pem()),
    );
    let options = authenticating(&server, &source);
    server.restart(options).unwrap();

    let nobody = server.anonymous().unwrap();
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let ask = |token: &str| {
        nobody.with_token(token).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).unwrap()
    };
    let claims = |change: Value| {
        let mut claims = json!({
            "sub": "1", "aud": "kspec", "email": "ann@example.com", "email_verified": true, "hd": "example.com",
            "groups": ["devs", "sre"], "tenant": "shop",
        });
        let all = claims.as_object_mut().unwrap();
        all.extend(change.as_object().unwrap().clone());
        all.retain(|_, value| !value.is_null());
        claims
    };
    let token = |change: Value| issuer.token(&claims(change)).unwrap();

    // The server fetches the issuer's keys once it runs.
    let good = token(json!({}));
    let answer = wait_until("the issuer is known", || {
        let answer = ask(&good);
        Ok((answer.status != 401).then_some(answer))
    });
    let user = answer.unwrap().ok().unwrap()["status"]["userInfo"].clone();
    assert_eq!(user["username"], "oidc:ann@example.com");
    assert_eq!(user["groups"], json!(["oidc:devs", "oidc:sre", "system:authenticated"]));
    assert_eq!(user["uid"], "id-1");
    assert_eq!(user["extra"]["example.com/tenant"], json!(["shop"]));

    // Everything else is as before and one thing is not: each is refused for that.
    let stranger = Issuer::start().unwrap();
    for (what, token) in [
        ("another audience", token(json!({ "aud": "somebody-else" }))),
        ("another issuer", token(json!({ "iss": "https://id.example.com" }))),
        ("another key", stranger.token(&claims(json!({ "iss": issuer.url() }))).unwrap()),
        ("an old token", token(json!({ "exp": 1_000_000_000 }))),
        ("another domain", token(json!({ "hd": "example.org" }))),
        ("no user name", token(json!({ "email": null }))),
        ("a user whom a rule refuses", token(json!({ "email": "eve@contractors.example.com" }))),
    ] {
        assert_eq!(ask(&token).status, 401, "{what}");
    }
    assert!(ask(&token(json!({ "aud": "kubernetes" }))).is_ok(), "either audience will do");
}
