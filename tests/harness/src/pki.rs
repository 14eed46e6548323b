//! Certificates and keys of one control plane.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::{Error, Result};

/// The cluster's certificate authority and the folder with what it issued.
pub(crate) struct Pki {
    folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pki {
    /// Makes the authorities, the API server's certificate and the service accounts' key under `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Pki> {
        std::fs::create_dir_all(folder).map_err(Error::doing(folder.display()))?;
        let authority = authority("kspec-test-ca")?;
        let pki = Pki { folder: folder.to_owned(), authority };
        pki.write("ca.crt", &pki.authority.pem())?;

        let front_proxy = self::authority("kspec-test-front-proxy-ca")?;
        pki.write("front-proxy-ca.crt", &front_proxy.pem())?;
        let client = issue(&front_proxy, client_params("front-proxy-client", &[])?)?;
        pki.write_identity("front-proxy-client", &client)?;

        let names = ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
        let mut server = CertificateParams::new(names.map(String::from)).map_err(failed)?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        pki.write_identity("apiserver", &issue(&pki.authority, server)?)?;

        let service_accounts = KeyPair::generate().map_err(failed)?;
        pki.write("sa.key", &service_accounts.serialize_pem())?;
        pki.write("sa.pub", &service_accounts.public_key_pem())?;
        Ok(pki)
    }

    /// A file of this folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority's certificate, in PEM.
    pub(crate) fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// A client certificate that the API server knows as `user` in `groups`.
    pub(crate) fn client(&self, user: &str, groups: &[&str]) -> Result<Identity> {
        issue(&self.authority, client_params(user, groups)?)
    }

    fn write_identity(&self, name: &str, identity: &Identity) -> Result<()> {
        self.write(&format!("{name}.crt"), &identity.certificate)?;
        self.write(&format!("{name}.key"), &identity.key)
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::write(&path, content).map_err(Error::doing(path.display()))
    }
}

fn failed(cause: rcgen::Error) -> Error {
    Error::new(format!("making a certificate: {cause}"))
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(failed)?).map_err(failed)
}

/// A server's certificate for an address, below an authority of its own, whose certificate comes first, in PEM.
pub(crate) fn server_below_own_authority(address: &str) -> Result<(String, Identity)> {
    let authority = authority("kspec-test-issuer-ca")?;
    let mut server = CertificateParams::new([address.to_owned()]).map_err(failed)?;
    server.distinguished_name.push(DnType::CommonName, "kspec-test-issuer");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((authority.pem(), issue(&authority, server)?))
}

/// Writes `tls.crt` and `tls.key` of a server on 127.0.0.1, as a Secret has them; yields the authority that they are below,
/// in PEM, for `caBundle`.
pub fn write_server_certificate(folder: &Path) -> Result<String> {
    let (authority, server) = server_below_own_authority("127.0.0.1")?;
    for (name, content) in [("tls.crt", &server.certificate), ("tls.key", &server.key)] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(Error::doing(path.display()))?;
    }
    Ok(authority)
}

fn client_params(user: &str, groups: &[&str]) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    // Several organizations would need repeated names, which rcgen's ordered map of them does not hold.
    if groups.len() > 1 {
        return Err(Error::new("a client certificate here carries one group at most; impersonate for more"));
    }
    for group in groups {
        params.distinguished_name.push(DnType::OrganizationName, *group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn issue(authority: &CertifiedIssuer<'static, KeyPair>, params: CertificateParams) -> Result<Identity> {
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, authority).map_err(failed)?;
    Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}
