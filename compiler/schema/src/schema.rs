//! What a server of one version knows, and how to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::bundled;
use crate::kinds::{GroupInfo, KindInfo};
use crate::suggest::closest;
use crate::table::Table;
use crate::types::{ObjectType, Text, Type, TypeId};
use crate::version::KubeVersion;

/// The kinds, resources and types of one Kubernetes version, and of the CRDs that were added to it.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) version: KubeVersion,
    pub(crate) release: Text,
    pub(crate) digest: OnceLock<String>,
    /// The bundled types, shared by every schema made from them.
    pub(crate) types: Arc<Vec<Type>>,
    /// The types of CRDs; their ids go on where the bundled ones end.
    pub(crate) custom: Vec<Type>,
    pub(crate) named: Arc<FxHashMap<Text, TypeId>>,
    pub(crate) kinds: Vec<KindInfo>,
    pub(crate) objects: BTreeMap<(Text, Text, Text), TypeId>,
    pub(crate) groups: Vec<GroupInfo>,
    by_kind: BTreeMap<Text, Vec<usize>>,
    by_plural: BTreeMap<Text, Vec<usize>>,
}

static ANYTHING: Type = Type::Any;

impl Schema {
    /// What an API server of this version knows by itself. Read once a process.
    #[must_use]
    pub fn bundled(version: KubeVersion) -> Arc<Self> {
        bundled::schema(version)
    }

    pub(crate) fn of_table(version: KubeVersion, table: Table) -> Self {
        let mut schema = Self {
            version,
            release: table.release,
            digest: OnceLock::new(),
            types: Arc::new(table.types),
            custom: Vec::new(),
            named: Arc::new(table.named),
            kinds: table.kinds,
            objects: table.objects,
            groups: table.groups,
            by_kind: BTreeMap::new(),
            by_plural: BTreeMap::new(),
        };
        schema.index();
        schema
    }

    /// Sorts the kinds and rebuilds the look-ups over them.
    pub(crate) fn index(&mut self) {
        let order: BTreeMap<(&str, &str), usize> = self
            .groups
            .iter()
            .flat_map(|group| group.versions.iter().enumerate().map(|(at, v)| ((group.name.as_ref(), v.as_ref()), at)))
            .collect();
        self.kinds.sort_by(|a, b| {
            let rank = |kind: &KindInfo| order.get(&(kind.group.as_ref(), kind.version.as_ref())).copied();
            (&a.group, rank(a), &a.kind, &a.plural).cmp(&(&b.group, rank(b), &b.kind, &b.plural))
        });
        self.by_kind.clear();
        self.by_plural.clear();
        for (at, kind) in self.kinds.iter().enumerate() {
            self.by_kind.entry(kind.kind.clone()).or_default().push(at);
            self.by_plural.entry(kind.plural.clone()).or_default().push(at);
        }
    }

    /// The minor version that it describes.
    #[must_use]
    pub const fn version(&self) -> KubeVersion {
        self.version
    }

    /// The exact release that its built-in part was derived from: `v1.36.3`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Names its content: the same digest, the same types. Kept in the lock file.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| bundled::digest(self.version))
    }

    /// The type of this id. An id of another schema may name nothing here, which is anything at all.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> &Type {
        let at = id.0 as usize;
        let custom = || self.custom.get(at.checked_sub(self.types.len())?);
        self.types.get(at).or_else(custom).unwrap_or(&ANYTHING)
    }

    /// Whether the type comes from a CRD.
    #[must_use]
    pub fn is_custom(&self, id: TypeId) -> bool {
        id.0 as usize >= self.types.len()
    }

    /// The struct of this id, if it is one.
    #[must_use]
    pub fn object(&self, id: TypeId) -> Option<&ObjectType> {
        self.ty(id).as_object()
    }

    /// The built-in type of this OpenAPI name: `io.k8s.api.core.v1.PodSpec`.
    #[must_use]
    pub fn named_type(&self, name: &str) -> Option<TypeId> {
        self.named.get(name).copied()
    }

    /// Every id, with its type.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, &Type)> {
        (0..).map(TypeId).zip(self.types.iter().chain(&self.custom))
    }

    /// Every kind that is served as a resource, by group, then version (the preferred first), then name.
    #[must_use]
    pub fn kinds(&self) -> &[KindInfo] {
        &self.kinds
    }

    /// Every API group; the preferred version of each comes first.
    #[must_use]
    pub fn groups(&self) -> &[GroupInfo] {
        &self.groups
    }

    /// The kind of this exact name. `group` is empty for the core group.
    #[must_use]
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&KindInfo> {
        self.kinds_named(kind).find(|info| info.group == group && info.version == version)
    }

    /// The kind of an object that says `apiVersion` and `kind`.
    #[must_use]
    pub fn kind_of(&self, object: &Value) -> Option<&KindInfo> {
        let (group, version) = split_api_version(object.get("apiVersion")?.as_str()?);
        self.kind(group, version, object.get("kind")?.as_str()?)
    }

    /// The kinds of this name, of every group and version.
    pub fn kinds_named<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a KindInfo> + use<'a> {
        self.by_kind.get(kind).into_iter().flatten().filter_map(|at| self.kinds.get(*at))
    }

    /// The resource of this group and plural name, in the version that the server prefers.
    #[must_use]
    pub fn resource(&self, group: &str, plural: &str) -> Option<&KindInfo> {
        self.resources_named(plural).find(|info| info.group == group)
    }

    /// The resources of this plural name, one a group, each in its preferred version.
    pub fn resources_named<'a>(&'a self, plural: &str) -> impl Iterator<Item = &'a KindInfo> + use<'a> {
        self.by_plural
            .get(plural)
            .into_iter()
            .flatten()
            .filter_map(|at| self.kinds.get(*at))
            .filter(|info| info.preferred)
    }

    /// Every resource, in its preferred version.
    pub fn resources(&self) -> impl Iterator<Item = &KindInfo> {
        self.kinds.iter().filter(|info| info.preferred)
    }

    /// The type of the whole object, for kinds that are no resource as well (`PodList`, `Eviction`, `Scale`).
    #[must_use]
    pub fn object_type(&self, group: &str, version: &str, kind: &str) -> Option<TypeId> {
        self.kind(group, version, kind).map(|info| info.ty).or_else(|| {
            let key = (group.to_owned().into(), version.to_owned().into(), kind.to_owned().into());
            self.objects.get(&key).copied()
        })
    }

    /// The roles and bindings that an API server of this version creates by itself, each with `apiVersion` and `kind`.
    #[must_use]
    pub fn default_rbac(&self) -> &'static [Value] {
        bundled::default_rbac(self.version)
    }

    /// Every verb that some resource or subresource can be asked for. Verbs that only authorization knows (`bind`,
    /// `impersonate`, …) are in [`facts`](crate::facts).
    #[must_use]
    pub fn discoverable_verbs(&self) -> BTreeSet<&str> {
        self.kinds
            .iter()
            .flat_map(|kind| kind.verbs.iter().chain(kind.subresources.iter().flat_map(|sub| &sub.verbs)))
            .map(AsRef::as_ref)
            .collect()
    }

    /// The kind whose name is closest to one that there is not.
    #[must_use]
    pub fn suggest_kind(&self, kind: &str) -> Option<&str> {
        closest(kind, self.by_kind.keys().map(AsRef::as_ref))
    }

    /// The resource whose plural name someone most likely meant: by its singular or short name or kind, else the closest.
    #[must_use]
    pub fn suggest_resource(&self, name: &str) -> Option<&str> {
        let same = |text: &Text| text.eq_ignore_ascii_case(name);
        self.resources()
            .find(|info| same(&info.singular) || same(&info.kind) || info.short_names.iter().any(same))
            .map(|info| info.plural.as_ref())
            .or_else(|| closest(name, self.by_plural.keys().map(AsRef::as_ref)))
    }

    /// The field of a struct whose name is closest to one that there is not.
    #[must_use]
    pub fn suggest_field(&self, ty: TypeId, field: &str) -> Option<&str> {
        closest(field, self.object(ty)?.fields().map(|(name, _)| name))
    }
}

/// `apps/v1` is `("apps", "v1")`; `v1` is `("", "v1")`.
#[must_use]
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
