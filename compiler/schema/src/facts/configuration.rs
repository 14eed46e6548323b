//! The files and settings that an API server is configured with.

use crate::version::KubeVersion;

/// A configuration file of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Configuration {
    /// `--authentication-config`
    Authentication,
    /// `--authorization-config`
    Authorization,
    /// `--encryption-provider-config`
    Encryption,
    /// `--admission-control-config-file`
    Admission,
    /// `--tracing-config-file`
    Tracing,
    /// `--audit-policy-file`
    AuditPolicy,
}

/// The newest stable API version of each file, by the first Kubernetes version that reads it. The last row that applies
/// holds. Source: `apiserver/pkg/apis/{apiserver,audit}/*/types*.go`.
const API_VERSIONS: &[(Configuration, KubeVersion, &str)] = &[
    (Configuration::Authentication, KubeVersion::V1_33, "apiserver.config.k8s.io/v1beta1"),
    (Configuration::Authentication, KubeVersion::V1_34, "apiserver.config.k8s.io/v1"),
    (Configuration::Authorization, KubeVersion::V1_33, "apiserver.config.k8s.io/v1"),
    (Configuration::Encryption, KubeVersion::V1_33, "apiserver.config.k8s.io/v1"),
    (Configuration::Admission, KubeVersion::V1_33, "apiserver.config.k8s.io/v1"),
    (Configuration::Tracing, KubeVersion::V1_33, "apiserver.config.k8s.io/v1beta1"),
    (Configuration::Tracing, KubeVersion::V1_34, "apiserver.config.k8s.io/v1"),
    (Configuration::AuditPolicy, KubeVersion::V1_33, "audit.k8s.io/v1"),
];

/// The `apiVersion` to write a configuration file in.
#[must_use]
pub fn configuration_api_version(file: Configuration, version: KubeVersion) -> &'static str {
    let mut rows = API_VERSIONS.iter().filter(|(row, since, _)| *row == file && *since <= version);
    rows.next_back().map_or("", |(_, _, api_version)| api_version)
}

/// The values of `--tls-cipher-suites` that Go holds for secure: those of TLS 1.3 (which are always on), then those of
/// TLS 1.2, each by name. The same in all bundled versions. Source: `component-base/cli/flag/ciphersuites_flag.go` with Go
/// 1.24 to 1.26, and `kube-apiserver --help`.
pub const TLS_CIPHER_SUITES: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The other values of `--tls-cipher-suites` that the server takes.
pub const INSECURE_TLS_CIPHER_SUITES: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
];

/// The values of `--tls-min-version`, weakest first.
pub const TLS_VERSIONS: &[&str] = &["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"];

/// The values of a `pod-security.kubernetes.io/*-version` label that mean something to a server of this version: `latest`,
/// and every minor version up to its own. Source: `pod-security-admission/api/helpers.go`.
#[must_use]
pub fn pod_security_versions(version: KubeVersion) -> Vec<String> {
    let minors = (0..=version.minor()).map(|minor| format!("v1.{minor}"));
    std::iter::once("latest".to_owned()).chain(minors).collect()
}
