//! The baselines, of the same libraries: a handler that receives the body and says yes without a look at it, one that looks for
//! the uid that every answer must name, and one that reads the body as JSON.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

fn yes(uid: &str) -> Bytes {
    let yes = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{uid}","allowed":true}}}}"#
    );
    Bytes::from(yes)
}

/// What a handler does with the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Baseline {
    Null,
    Uid,
    Json,
}

impl Baseline {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "uid" => Self::Uid,
            "json" => Self::Json,
            _ => return None,
        })
    }

    fn answer(self, body: &[u8]) -> Bytes {
        match self {
            Self::Null => yes(UID),
            Self::Uid => yes(serde_json::from_slice::<Named<'_>>(body).unwrap().request.uid),
            Self::Json => {
                let review: serde_json::Value = serde_json::from_slice(body).unwrap();
                yes(review["request"]["uid"].as_str().unwrap())
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    request: Uid<'a>,
}

#[derive(serde::Deserialize)]
struct Uid<'a> {
    uid: &'a str,
}

pub(crate) async fn serve(folder: &Path, baseline: Baseline) {
    let chain = vec![CertificateDer::from_pem_file(folder.join("tls.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("tls.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            let answer = service_fn(move |request: http::Request<Incoming>| async move {
                let body = request.into_body().collect().await;
                let answer = body.map_or_else(|_| yes(UID), |body| baseline.answer(&body.to_bytes()));
                let mut response = http::Response::new(Full::new(answer));
                let kind = http::HeaderValue::from_static("application/json");
                response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                Ok::<_, Infallible>(response)
            });
            // A client that goes away is no error here.
            let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
