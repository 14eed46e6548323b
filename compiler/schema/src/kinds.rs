//! The kinds and resources that a server offers.

use crate::types::{Text, TypeId};

/// A kind that is served as a resource, in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindInfo {
    /// API group; empty for the core group.
    pub group: Text,
    /// `v1`, `v1beta1`, …
    pub version: Text,
    /// `Pod`
    pub kind: Text,
    /// The type of the whole object.
    pub ty: TypeId,
    /// The resource's name: `pods`
    pub plural: Text,
    /// `pod`
    pub singular: Text,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// `po`
    pub short_names: Vec<Text>,
    /// `all`
    pub categories: Vec<Text>,
    /// What can be asked of it, in alphabetical order.
    pub verbs: Vec<Text>,
    /// `pods/log` and the like, in alphabetical order.
    pub subresources: Vec<Subresource>,
    /// Whether this is the version that the server prefers for this resource.
    pub preferred: bool,
}

impl KindInfo {
    /// `apps/v1`, `v1`
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, `pods`
    #[must_use]
    pub fn qualified_plural(&self) -> String {
        if self.group.is_empty() { self.plural.to_string() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The subresource of this name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether it can be asked for this.
    #[must_use]
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|have| have == verb)
    }

    /// Whether this version is neither alpha nor beta. The API server serves built-in alpha and beta versions only when
    /// told to (`--runtime-config`).
    #[must_use]
    pub fn is_stable(&self) -> bool {
        !self.version.contains("alpha") && !self.version.contains("beta")
    }
}

/// A part of a resource with verbs of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// `log`
    pub name: Text,
    /// Group of the kind it speaks.
    pub group: Text,
    /// Version of the kind it speaks.
    pub version: Text,
    /// The kind it speaks: `Scale`, `Eviction`
    pub kind: Text,
    /// What can be asked of it, in alphabetical order.
    pub verbs: Vec<Text>,
}

/// An API group and its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Empty for the core group.
    pub name: Text,
    /// Its versions, the one that the server prefers first.
    pub versions: Vec<Text>,
}
