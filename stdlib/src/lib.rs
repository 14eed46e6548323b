//! The standard library's sources, carried in the binary.
//!
//! What can be said in the language is said there; nothing here but the list of files.

/// Path to text, in the order of paths.
pub const FILES: &[(&str, &str)] = &[
    ("std/admission.kspec", include_str!("../std/admission.kspec")),
    ("std/audit.kspec", include_str!("../std/audit.kspec")),
    ("std/encryption.kspec", include_str!("../std/encryption.kspec")),
    ("std/namespaces.kspec", include_str!("../std/namespaces.kspec")),
    ("std/networks.kspec", include_str!("../std/networks.kspec")),
    ("std/pod_security.kspec", include_str!("../std/pod_security.kspec")),
    ("std/roles.kspec", include_str!("../std/roles.kspec")),
    ("std/runtime.kspec", include_str!("../std/runtime.kspec")),
];
