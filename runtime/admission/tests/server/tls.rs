//! Certificates.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use kspec_admission::TlsFiles;
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::client::{Dial, trusting};
use crate::pki::{Authority, Identity};
use crate::running::{Running, Said, limits, review, until};
use crate::table::plain;

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        clients: None,
        client_names: Default::default(),
    }
}

async fn serving(files: TlsFiles) -> Running {
    Running::start(&plain(), limits(), Some(files), Arc::new(Said::default())).await
}

#[tokio::test]
async fn both_protocols_and_both_versions_are_spoken() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("authority");
    authority.server("a").write(folder.path());
    let server = serving(files(folder.path())).await;
    for version in [&TLS12, &TLS13] {
        for http2 in [false, true] {
            let tls = Some(trusting(&authority.pem(), None, &[version]));
            let dial = Dial { address: server.address, tls, http2 };
            let response = dial.review("/validate", &review(json!({ "bad": "yes" }))).await.response();
            assert_eq!(response["allowed"], false, "{version:?}, HTTP/2: {http2}");
        }
    }
    let stranger = Some(trusting(&Authority::new("other").pem(), None, &[&TLS13]));
    assert!(Dial { address: server.address, tls: stranger, http2: false }.connect().await.is_err());
}

#[tokio::test]
async fn a_client_certificate_is_demanded_where_an_authority_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    authority.server("a").write(folder.path());
    let ca = folder.path().join("clients.crt");
    std::fs::write(&ca, clients.pem()).expect("written");
    let server = serving(TlsFiles { clients: Some(ca), ..files(folder.path()) }).await;
    let asked = async |identity: Option<&Identity>| {
        let tls = Some(trusting(&authority.pem(), identity, &[&TLS13]));
        let dial = Dial { address: server.address, tls, http2: false };
        // In TLS 1.3 the client learns of it with its first answer.
        let mut connection = dial.connect().await?;
        connection.ask("POST", "/validate", review(json!({})).to_string()).await.map(|answer| answer.status.as_u16())
    };
    assert_eq!(asked(Some(&clients.client())).await, Ok(200));
    assert!(asked(None).await.is_err());
    assert!(asked(Some(&Authority::new("clients").client())).await.is_err());
    assert_eq!(Dial::plain(server.metrics).ask("GET", "/healthz", "").await.status, 200);
}

#[tokio::test]
async fn only_named_clients_may_ask_where_names_are_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("authority");
    authority.server("a").write(folder.path());
    let ca = folder.path().join("clients.crt");
    std::fs::write(&ca, authority.pem()).expect("written");
    let names = ["kube-apiserver".to_owned(), "apiserver.example.com".to_owned()].into();
    let server = serving(TlsFiles { clients: Some(ca), client_names: names, ..files(folder.path()) }).await;
    for version in [&TLS12, &TLS13] {
        let asked = async |identity: Identity| {
            let tls = Some(trusting(&authority.pem(), Some(&identity), &[version]));
            let mut connection = Dial { address: server.address, tls, http2: false }.connect().await?;
            connection
                .ask("POST", "/validate", review(json!({})).to_string())
                .await
                .map(|answer| answer.status.as_u16())
        };
        assert_eq!(asked(authority.client_named("kube-apiserver", &[])).await, Ok(200));
        assert_eq!(asked(authority.client_named("other", &["apiserver.example.com"])).await, Ok(200));
        assert!(asked(authority.client_named("kube-apiserver-2", &["other.example.com"])).await.is_err());
        assert!(asked(authority.client()).await.is_err(), "a certificate without a name");
        assert!(asked(Authority::new("authority").client_named("kube-apiserver", &[])).await.is_err(), "a stranger's");
    }
}

/// As kubelet writes a Secret: `tls.crt` leads to `..data/tls.crt`, and `..data` is swapped.
fn swap(volume: &Path, generation: &str, identity: &Identity) {
    identity.write(&volume.join(generation));
    let next = volume.join("..data_tmp");
    symlink(generation, &next).expect("a link");
    std::fs::rename(&next, volume.join("..data")).expect("swapped");
}

#[tokio::test]
async fn certificates_are_swapped_under_load_without_a_dropped_request() {
    let volume = tempfile::tempdir().expect("a folder");
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    swap(volume.path(), "..2026_1", &first.server("a"));
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), volume.path().join(name)).expect("a link");
    }
    let server = serving(files(volume.path())).await;
    let dial = |authority: &Authority, http2| Dial {
        address: server.address,
        tls: Some(trusting(&authority.pem(), None, &[&TLS13])),
        http2,
    };

    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut clients = Vec::new();
    for client in 0..4 {
        let (dial, done) = (dial(&first, client % 2 == 0), Arc::clone(&done));
        clients.push(tokio::spawn(async move {
            let mut connection = dial.connect().await.expect("a connection");
            let mut answered = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let body = review(json!({ "bad": "yes" })).to_string();
                let answer = connection.ask("POST", "/validate", body).await.expect("no dropped request");
                assert_eq!(answer.status, 200);
                answered += 1;
            }
            answered
        }));
    }
    swap(volume.path(), "..2026_2", &second.server("a"));
    until("the new certificate", async || dial(&second, false).connect().await.ok()).await;
    assert!(dial(&first, false).connect().await.is_err(), "the old certificate is out of force");

    // A key of another certificate is not taken.
    let mismatched = Identity { key: first.server("b").key, ..second.server("b") };
    swap(volume.path(), "..2026_3", &mismatched);
    until("the bad certificate is noticed", async || {
        let kept = r#"kspec_admission_reloads_total{what="certificate",outcome="kept_old"}"#;
        server.metric(kept).await.filter(|count| *count >= 1.0)
    })
    .await;
    dial(&second, true).connect().await.expect("the last good certificate stays in force");
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    for client in clients {
        assert!(client.await.expect("no panic") > 0);
    }
}
