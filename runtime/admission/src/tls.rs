//! Certificates.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::clients::Named;

/// Where the certificates are, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of clients; where given, a client without a certificate of one of them is turned away.
    pub clients: Option<PathBuf>,
    /// Common or DNS names of clients that may ask; none: every client of the authorities.
    pub client_names: BTreeSet<String>,
}

/// Certificates that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for TlsError {}

impl TlsFiles {
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        [Some(&self.certificate), Some(&self.key), self.clients.as_ref()].into_iter().flatten().cloned().collect()
    }

    /// Reads them: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    pub(crate) fn load(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&self.certificate, error))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(path)? {
                    roots.add(authority).map_err(|error| failed(path, error))?;
                }
                let authorities: Arc<dyn ClientCertVerifier> =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| failed(path, error))?;
                builder.with_client_cert_verifier(match self.client_names.clone() {
                    names if names.is_empty() => authorities,
                    names => Arc::new(Named { authorities, names }),
                })
            }
        };
        let chain = certificates(&self.certificate)?;
        let key = read(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| failed(&self.key, format!("no key: {error}")))?;
        // Refuses a key of another certificate, as there is one in the middle of a change.
        let mut config = builder.with_single_cert(chain, key).map_err(|error| failed(&self.key, error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(failed(path, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(failed(path, error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| failed(path, error))
}

fn failed(path: &Path, reason: impl fmt::Display) -> TlsError {
    TlsError { path: path.to_owned(), reason: reason.to_string() }
}
