//! More than it takes, changes under way, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kspec_admission::{Ended, Limits};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Dial;
use crate::running::{Running, Said, limits, review, until, write_bundle};
use crate::table::{labelled, plain, rule, table};

async fn serving(limits: Limits) -> Running {
    Running::start(&plain(), limits, None, Arc::new(Said::default())).await
}

/// A request of which the last byte is kept back.
async fn begun(server: &Running) -> (TcpStream, Vec<u8>) {
    let body = review(json!({ "bad": "yes" })).to_string();
    let head = format!(
        "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut bytes = [head.into_bytes(), body.into_bytes()].concat();
    let last = bytes.split_off(bytes.len() - 1);
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(&bytes).await.expect("sent");
    let in_flight = async || server.metric("kspec_admission_in_flight").await.filter(|count| *count >= 1.0);
    until("it is in flight", in_flight).await;
    (stream, last)
}

/// The rest of it, and what comes back.
async fn finished((mut stream, last): (TcpStream, Vec<u8>)) -> String {
    stream.write_all(&last).await.expect("sent");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn what_is_too_much_at_once_is_shed() {
    let server = serving(Limits { in_flight: 1, ..limits() }).await;
    let one = begun(&server).await;
    let answer = server.dial().review("/validate", &review(json!({}))).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers.get("retry-after").map(|value| value.as_bytes()), Some(&b"1"[..]));
    assert_eq!(server.metric(r#"kspec_admission_shed_total{reason="in_flight"}"#).await, Some(1.0));
    assert!(finished(one).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.dial().review("/validate", &review(json!({}))).await.status, 200);
}

#[tokio::test]
async fn bodies_have_a_limit_together() {
    let server = serving(Limits { bodies: 2048, ..limits() }).await;
    let one = begun(&server).await;
    let large = review(json!({ "much": "x".repeat(1500) }));
    assert_eq!(server.dial().review("/validate", &large).await.status, 429);
    assert!(finished(one).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.dial().review("/validate", &large).await.status, 200);
}

#[tokio::test]
async fn a_bundle_is_swapped_under_load_without_a_dropped_request() {
    let server = serving(limits()).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for client in 0..4 {
        let dial = Dial { http2: client % 2 == 0, ..server.dial() };
        let done = Arc::clone(&done);
        clients.push(tokio::spawn(async move {
            let mut connection = dial.connect().await.expect("a connection");
            let mut messages = std::collections::BTreeSet::new();
            while !done.load(Ordering::SeqCst) {
                let body = review(json!({ "bad": "yes" })).to_string();
                let answer = connection.ask("POST", "/validate", body).await.expect("no dropped request");
                assert_eq!(answer.status, 200);
                messages.insert(answer.response()["status"]["message"].to_string());
            }
            messages
        }));
    }
    let in_force = async |revision: &str| {
        let line = format!(r#"kspec_admission_table_info{{project="shop",kubernetes="1.36",revision="{revision}"}}"#);
        server.metric(&line).await.filter(|value| *value == 1.0)
    };
    until("the first", async || in_force("first").await).await;
    write_bundle(&server.bundle(), &table("second", vec![rule("not-bad", labelled("bad", "yes"))], Vec::new()));
    until("the second", async || in_force("second").await).await;
    std::fs::write(server.bundle(), "{").expect("written");
    until("the broken one is noticed", async || {
        let kept = r#"kspec_admission_reloads_total{what="bundle",outcome="kept_old"}"#;
        server.metric(kept).await.filter(|count| *count >= 1.0)
    })
    .await;
    assert!(in_force("second").await.is_some(), "the last good one stays in force");
    write_bundle(&server.bundle(), &table("third", Vec::new(), Vec::new()));
    until("the third", async || in_force("third").await).await;
    assert_eq!(server.metric(r#"kspec_admission_verdicts_total{rule="no-bad""#).await, None, "its rule is no more");
    done.store(true, Ordering::SeqCst);
    for client in clients {
        let messages = client.await.expect("no panic");
        let known = ["null", "\"no-bad (high): no-bad says no\"", "\"not-bad (high): not-bad says no\""];
        assert!(messages.iter().all(|message| known.contains(&message.as_str())), "{messages:?}");
    }
}

#[tokio::test]
async fn a_stop_ends_what_is_in_flight() {
    let mut server = serving(limits()).await;
    let one = begun(&server).await;
    let mut idle = server.dial().connect().await.expect("a connection");
    assert_eq!(idle.ask("GET", "/readyz", "").await.expect("an answer").status, 200);
    server.stop();
    until("no new connection", async || server.dial().connect().await.err()).await;
    let answer = finished(one).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("no-bad says no"), "{answer}");
    assert_eq!(server.ended().await, Ended::Clean);
}

#[tokio::test]
async fn requests_are_taken_while_the_stop_gets_about() {
    let mut server = serving(Limits { drain: std::time::Duration::from_secs(60), ..limits() }).await;
    server.stop();
    until("not ready", async || (server.dial().ask("GET", "/readyz", "").await.status == 503).then_some(())).await;
    let answer = server.dial().review("/validate", &review(json!({ "bad": "yes" }))).await;
    assert_eq!(answer.response()["allowed"], false);
    assert_eq!(answer.headers.get("connection").map(|value| value.as_bytes()), Some(&b"close"[..]));
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let server = serving(Limits { grace: std::time::Duration::from_millis(20), ..limits() }).await;
    let one = begun(&server).await;
    assert_eq!(server.ended().await, Ended::CutOff);
    drop(one);
}
