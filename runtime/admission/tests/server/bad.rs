//! What is no review.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::running::{Running, Said, limits, review, until};
use crate::table::plain;

#[tokio::test]
async fn a_body_that_is_no_review_is_a_bad_request() {
    let server = Running::of(&plain()).await;
    for (body, said) in [
        ("{", "the body is no JSON: "),
        ("", "the body is no JSON: "),
        ("[]", "expected an AdmissionReview of admission.k8s.io/v1, not `` of ``"),
        (
            r#"{"apiVersion": "v1", "kind": "Pod"}"#,
            "expected an AdmissionReview of admission.k8s.io/v1, not `Pod` of `v1`",
        ),
        (
            r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#,
            "the AdmissionReview has no request with a uid",
        ),
        (
            r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "PATCH"}}"#,
            "`PATCH` is no operation of an admission request",
        ),
    ] {
        for path in ["/validate", "/mutate"] {
            let answer = server.dial().ask("POST", path, body).await;
            assert_eq!(answer.status, 400, "{body}");
            let response = answer.response();
            assert_eq!(response["allowed"], false);
            assert_eq!(response["status"]["code"], 400);
            let message = response["status"]["message"].as_str().expect("a message");
            assert!(message.starts_with(said), "{message}");
        }
    }
}

#[tokio::test]
async fn another_version_is_refused_with_its_uid() {
    let server = Running::of(&plain()).await;
    let mut beta = review(json!({}));
    beta["apiVersion"] = json!("admission.k8s.io/v1beta1");
    let answer = server.dial().review("/validate", &beta).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.response()["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
}

#[tokio::test]
async fn methods_types_and_paths_are_held_to() {
    let server = Running::of(&plain()).await;
    let get = server.dial().ask("GET", "/validate", "").await;
    assert_eq!(
        (get.status.as_u16(), get.headers.get("allow").map(|value| value.as_bytes())),
        (405, Some(&b"POST"[..]))
    );
    assert_eq!(server.dial().ask("POST", "/metrics", "").await.status, 405);
    assert_eq!(server.dial().ask("POST", "/elsewhere", "").await.status, 404);
    assert_eq!(server.dial().ask("GET", "/healthz", "").await.text(), "ok");
    let raw = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    assert!(raw_answer(&server, raw).await.starts_with("HTTP/1.1 415 "));
    let metrics = crate::client::Dial::plain(server.metrics);
    assert_eq!(metrics.review("/validate", &review(json!({}))).await.status, 404);
    assert_eq!(metrics.ask("GET", "/readyz", "").await.status, 200);
}

#[tokio::test]
async fn a_body_has_a_limit_announced_or_not() {
    let mut limits = limits();
    limits.body = 4096;
    let server = Running::start(&plain(), limits, None, std::sync::Arc::new(Said::default())).await;
    assert_eq!(server.dial().ask("POST", "/validate", " ".repeat(4097)).await.status, 413);
    let mut raw =
        b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    raw.extend_from_slice(b"1001\r\n");
    raw.extend_from_slice(&[b' '; 0x1001]);
    raw.extend_from_slice(b"\r\n0\r\n\r\n");
    assert!(raw_answer(&server, &raw).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(server.dial().review("/validate", &review(json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_has_a_limit_too() {
    let mut limits = limits();
    limits.request = std::time::Duration::from_millis(50);
    let server = Running::start(&plain(), limits, None, std::sync::Arc::new(Said::default())).await;
    let raw = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    assert!(raw_answer(&server, raw).await.starts_with("HTTP/1.1 504 "));
    until("nothing is in flight", async || {
        (server.metric("kspec_admission_in_flight").await == Some(0.0)).then_some(())
    })
    .await;
}

/// The beginning of what comes back.
async fn raw_answer(server: &Running, raw: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(raw).await.expect("sent");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
