//! A client of one connection, HTTP/1.1 or HTTP/2, with or without TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pki::Identity;

/// How to connect.
#[derive(Clone)]
pub(crate) struct Dial {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) http2: bool,
}

pub(crate) enum Connection {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `response` of the AdmissionReview.
    pub(crate) fn response(&self) -> Value {
        self.json().get("response").cloned().expect("an AdmissionReview with a response")
    }
}

/// Trusts an authority.
pub(crate) fn trusting(
    authority: &str,
    identity: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("an identity")
        }
    };
    Arc::new(config)
}

impl Dial {
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, http2: false }
    }

    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        match &self.tls {
            None => self.over(stream).await,
            Some(config) => {
                let mut config = ClientConfig::clone(config);
                config.alpn_protocols = vec![if self.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
                let name = "127.0.0.1".try_into().expect("a name");
                let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
                self.over(stream.map_err(|error| error.to_string())?).await
            }
        }
    }

    async fn over<S>(&self, stream: S) -> Result<Connection, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        if self.http2 {
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), io).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            return Ok(Connection::Two(sender));
        }
        let (sender, connection) = http1::handshake(io).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Connection::One(sender))
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let mut connection = self.connect().await.expect("a connection");
        connection.ask(method, path, body).await.expect("an answer")
    }

    pub(crate) async fn review(&self, path: &str, review: &Value) -> Answer {
        self.ask("POST", path, review.to_string()).await
    }
}

impl Connection {
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: impl Into<Bytes>) -> Result<Answer, String> {
        let request = Request::builder()
            .method(method)
            .uri(match self {
                Self::One(_) => path.to_owned(),
                Self::Two(_) => format!("https://127.0.0.1{path}"),
            })
            .header("Host", "127.0.0.1")
            .header("Content-Type", "application/json")
            .body(Full::new(body.into()))
            .expect("a request");
        let response = match self {
            Self::One(sender) => {
                sender.ready().await.map_err(|error| error.to_string())?;
                sender.send_request(request).await
            }
            Self::Two(sender) => {
                sender.ready().await.map_err(|error| error.to_string())?;
                sender.send_request(request).await
            }
        };
        let response = response.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}
