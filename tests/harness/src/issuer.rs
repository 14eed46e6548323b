//! An OpenID Connect issuer on 127.0.0.1: what the API server asks of one, and tokens that it signs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::pki::server_below_own_authority;
use crate::{Error, Result};

/// The only key's name in the set that the issuer publishes.
const KEY: &str = "test";

/// A running issuer; it ends when dropped.
pub struct Issuer {
    address: SocketAddr,
    authority: String,
    key: EcdsaKeyPair,
    ended: Arc<AtomicBool>,
}

impl Issuer {
    /// Starts one with its own certificate authority and signing key.
    pub fn start() -> Result<Issuer> {
        let (authority, identity) = server_below_own_authority("127.0.0.1")?;
        let chain: std::result::Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(Error::doing("the issuer's key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::doing("the issuer's TLS"))?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(Error::doing("the issuer's certificate"))?, key)
            .map_err(Error::doing("the issuer's TLS"))?;

        let random = SystemRandom::new();
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(signing, &random).map_err(Error::doing("a signing key"))?;
        let key = EcdsaKeyPair::from_pkcs8(signing, made.as_ref(), &random).map_err(Error::doing("a signing key"))?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::doing("the issuer's port"))?;
        let address = listener.local_addr().map_err(Error::doing("the issuer's port"))?;
        let ended = Arc::new(AtomicBool::new(false));
        let issuer = Issuer { address, authority, key, ended: Arc::clone(&ended) };
        let (discovery, keys) = (issuer.discovery().to_string(), issuer.keys().to_string());
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                // A client that goes away costs its own answer.
                let _ = answer(stream, &config, &discovery, &keys);
            }
        });
        Ok(issuer)
    }

    /// Its URL, which is the `iss` of its tokens.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority that its certificate is signed by, in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    /// A signed token of these claims; `iss`, `iat` and `exp` are added where they are not stated.
    pub fn token(&self, claims: &Value) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut all = json!({ "iss": self.url(), "iat": now, "exp": now + 600 });
        for (name, value) in claims.as_object().into_iter().flatten() {
            if let Some(all) = all.as_object_mut() {
                all.insert(name.clone(), value.clone());
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": KEY, "typ": "JWT" })), part(&all));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(Error::doing("signing"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn discovery(&self) -> Value {
        let url = self.url();
        json!({
            "issuer": url, "jwks_uri": format!("{url}/keys"), "authorization_endpoint": format!("{url}/authorize"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// The JSON Web Key Set (RFC 7517; the coordinates of RFC 7518, 6.2.1).
    fn keys(&self) -> Value {
        // The point is uncompressed: a byte that says so, then both coordinates.
        let point = self.key.public_key().as_ref();
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY, "x": coordinate(1), "y": coordinate(33),
        }] })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread; where that fails, it ends with the process.
        let _ = TcpStream::connect(self.address);
    }
}

/// One request, one answer, and the end of the connection.
fn answer(stream: TcpStream, config: &Arc<ServerConfig>, discovery: &str, keys: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match request.split(' ').nth(1) {
        Some("/.well-known/openid-configuration") => ("200 OK", discovery),
        Some("/keys") => ("200 OK", keys),
        _ => ("404 Not Found", "{}"),
    };
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
