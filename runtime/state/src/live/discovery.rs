//! What the server serves.

use std::collections::BTreeMap;

use kube::core::discovery::v2::APIGroupDiscoveryList;

/// A kind at one version, as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural, as in URLs.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Verbs it takes.
    pub verbs: Vec<String>,
}

impl Resource {
    /// `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `roles.rbac.authorization.k8s.io`, `pods`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The URL of the collection, or of one object of it.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            path.push_str("/namespaces/");
            path.push_str(&escape(namespace));
        }
        path.push('/');
        path.push_str(&self.plural);
        if let Some(name) = name {
            path.push('/');
            path.push_str(&escape(name));
        }
        path
    }
}

/// Percent-encodes one segment of a URL. Names of RBAC objects may hold almost any character.
#[must_use]
pub fn escape(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Every kind that the server serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// By group and kind; versions in the server's order of preference.
    kinds: BTreeMap<(String, String), Vec<Resource>>,
}

impl Served {
    /// Reads the two documents of aggregated discovery, `/api` and `/apis`.
    pub(super) fn new(documents: [APIGroupDiscoveryList; 2]) -> Self {
        let mut kinds: BTreeMap<(String, String), Vec<Resource>> = BTreeMap::new();
        for group in documents.into_iter().flat_map(|document| document.items) {
            let group_name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            for version in group.versions {
                let version_name = version.version.unwrap_or_default();
                for resource in version.resources {
                    let (Some(plural), Some(response)) = (resource.resource, resource.response_kind) else { continue };
                    let kind = response.kind.unwrap_or_default();
                    kinds.entry((group_name.clone(), kind.clone())).or_default().push(Resource {
                        group: group_name.clone(),
                        version: version_name.clone(),
                        kind,
                        plural,
                        namespaced: resource.scope.as_deref() == Some("Namespaced"),
                        verbs: resource.verbs,
                    });
                }
            }
        }
        Self { kinds }
    }

    /// A kind at a version, or at the version that the server prefers.
    #[must_use]
    pub fn find(&self, group: &str, kind: &str, version: Option<&str>) -> Option<&Resource> {
        let versions = self.kinds.get(&(group.to_owned(), kind.to_owned()))?;
        match version {
            Some(version) => versions.iter().find(|resource| resource.version == version),
            None => versions.first(),
        }
    }

    /// Every kind, each at the version that the server prefers.
    pub fn kinds(&self) -> impl Iterator<Item = &Resource> {
        self.kinds.values().filter_map(|versions| versions.first())
    }

    /// The versions at which a kind is served, the preferred first.
    #[must_use]
    pub fn versions(&self, group: &str, kind: &str) -> Vec<&str> {
        self.kinds
            .get(&(group.to_owned(), kind.to_owned()))
            .into_iter()
            .flatten()
            .map(|resource| resource.version.as_str())
            .collect()
    }
}
