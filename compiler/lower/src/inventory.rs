//! The project's inventory: the parent object of an ApplySet (KEP-3659), so that `kubectl` and others can tell what belongs
//! to the project.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kspec_model::{Object, ObjectKey, program::Project};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::objects::{MANAGED_BY, PROJECT};

/// The label that makes an object a member of an ApplySet.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// What `applyset.kubernetes.io/tooling` says of us: `name/version`.
pub const TOOLING: &str = concat!("kspec/v", env!("CARGO_PKG_VERSION"));

/// The ApplySet of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The project.
    pub project: String,
    /// The parent ConfigMap's name: `kspec-PROJECT`.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The ApplySet's id, which is also the value of [`PART_OF`] on every member.
    pub id: String,
}

/// The inventory of a project.
#[must_use]
pub fn inventory(project: &Project) -> Inventory {
    inventory_in(&project.name, &project.inventory_namespace)
}

/// The inventory that a project of a name keeps in a namespace.
#[must_use]
pub fn inventory_in(project: &str, namespace: &str) -> Inventory {
    let name = format!("kspec-{project}");
    // KEP-3659: base64url without padding of the SHA-256 of NAME.NAMESPACE.KIND.GROUP; the core group is empty.
    let identity = format!("{name}.{namespace}.ConfigMap.");
    let id = format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(Sha256::digest(identity.as_bytes())));
    Inventory { project: project.to_owned(), name, namespace: namespace.to_owned(), id }
}

impl Inventory {
    /// The parent's identity.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: "ConfigMap".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
        }
    }

    /// The parent object, given every member there is or may be (during an apply: the old ones and the new ones).
    #[must_use]
    pub fn object<'a>(&self, members: impl IntoIterator<Item = &'a ObjectKey>) -> Object {
        let mut kinds = BTreeSet::new();
        let mut namespaces = BTreeSet::new();
        for member in members {
            kinds.insert(if member.group.is_empty() {
                member.kind.clone()
            } else {
                format!("{}.{}", member.kind, member.group)
            });
            namespaces.extend(member.namespace.as_deref().filter(|namespace| *namespace != self.namespace));
        }
        let kinds = kinds.into_iter().collect::<Vec<_>>().join(",");
        let namespaces = namespaces.into_iter().collect::<Vec<_>>().join(",");
        Object(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {
                    "applyset.kubernetes.io/id": self.id,
                    (MANAGED_BY.0): MANAGED_BY.1,
                    (PROJECT): self.project,
                },
                "annotations": {
                    "applyset.kubernetes.io/tooling": TOOLING,
                    "applyset.kubernetes.io/contains-group-kinds": kinds,
                    "applyset.kubernetes.io/additional-namespaces": namespaces,
                },
            },
        }))
    }
}
