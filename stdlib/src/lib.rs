//! The standard library's sources, carried in the binary.
//!
//! What can be said in the language is said there; nothing here but the list of files.

/// Path to text, in the order of paths.
pub const FILES: &[(&str, &str)] = &[
    ("std/admission.kspec", include_str!("../std/admission.kspec")),
    ("std/admission/access.kspec", include_str!("../std/admission/access.kspec")),
    ("std/admission/host.kspec", include_str!("../std/admission/host.kspec")),
    ("std/admission/images.kspec", include_str!("../std/admission/images.kspec")),
    ("std/admission/lifecycle.kspec", include_str!("../std/admission/lifecycle.kspec")),
    ("std/admission/metadata.kspec", include_str!("../std/admission/metadata.kspec")),
    ("std/admission/mutations.kspec", include_str!("../std/admission/mutations.kspec")),
    ("std/admission/networking.kspec", include_str!("../std/admission/networking.kspec")),
    ("std/admission/resources.kspec", include_str!("../std/admission/resources.kspec")),
    ("std/admission/secrets.kspec", include_str!("../std/admission/secrets.kspec")),
    ("std/admission/security_context.kspec", include_str!("../std/admission/security_context.kspec")),
    ("std/admission/storage.kspec", include_str!("../std/admission/storage.kspec")),
    ("std/audit.kspec", include_str!("../std/audit.kspec")),
    ("std/encryption.kspec", include_str!("../std/encryption.kspec")),
    ("std/namespaces.kspec", include_str!("../std/namespaces.kspec")),
    ("std/networks.kspec", include_str!("../std/networks.kspec")),
    ("std/pod_security.kspec", include_str!("../std/pod_security.kspec")),
    ("std/roles.kspec", include_str!("../std/roles.kspec")),
    ("std/runtime.kspec", include_str!("../std/runtime.kspec")),
];
