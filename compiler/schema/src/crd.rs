//! Custom kinds, from their CustomResourceDefinitions.

mod convert;

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::bundled;
use crate::kinds::{GroupInfo, KindInfo, Subresource};
use crate::schema::Schema;
use crate::types::{Text, TypeId};
use crate::walk::Path;
use convert::Converter;

/// A CRD, or a part of one, that could not be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrdProblem {
    /// Which of the objects that were given, counted from 0.
    pub index: usize,
    /// Its `metadata.name`; empty if it has none.
    pub name: String,
    /// Where in the CRD.
    pub path: Path,
    /// What is wrong there.
    pub kind: CrdProblemKind,
}

/// What can be wrong with a CRD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrdProblemKind {
    /// It is no CustomResourceDefinition of `apiextensions.k8s.io/v1`. It is left out.
    NotACrd,
    /// A field that must be there is not, or holds no text. What needs it is left out.
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// The name is not `PLURAL.GROUP`, which the server demands. It is taken nevertheless.
    Misnamed {
        /// What it must be.
        expected: String,
    },
    /// The kind or resource is there already. The earlier one stays.
    Duplicate {
        /// `certificates.cert-manager.io/v1`
        resource: String,
    },
    /// The schema is not structural here, so any value is taken: it must say its `type`, and whether it has `properties` or
    /// `additionalProperties`.
    NotStructural {
        /// What is missing or contradicts.
        reason: &'static str,
    },
}

impl fmt::Display for CrdProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACrd => write!(f, "no CustomResourceDefinition of apiextensions.k8s.io/v1"),
            Self::Missing { field } => write!(f, "`{field}` is missing"),
            Self::Misnamed { expected } => write!(f, "the name must be `{expected}`"),
            Self::Duplicate { resource } => write!(f, "`{resource}` is defined already"),
            Self::NotStructural { reason } => write!(f, "the schema is not structural: {reason}"),
        }
    }
}

impl Schema {
    /// This schema and the kinds that these CRDs define, in every version that each serves.
    #[must_use]
    pub fn with_crds(&self, crds: &[Value]) -> (Arc<Self>, Vec<CrdProblem>) {
        let mut adding = Adding { schema: self.clone(), problems: Vec::new(), index: 0, name: String::new() };
        for (index, crd) in crds.iter().enumerate() {
            adding.index = index;
            adding.name = crd.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
            adding.crd(crd);
        }
        let Adding { mut schema, problems, .. } = adding;
        schema.groups.sort_by(|a, b| a.name.cmp(&b.name));
        schema.index();
        schema.digest = bundled::digest_with(self.digest(), crds).into();
        (Arc::new(schema), problems)
    }
}

struct Adding {
    schema: Schema,
    problems: Vec<CrdProblem>,
    index: usize,
    name: String,
}

impl Adding {
    fn report(&mut self, path: Path, kind: CrdProblemKind) {
        self.problems.push(CrdProblem { index: self.index, name: self.name.clone(), path, kind });
    }

    fn text(&mut self, value: &Value, path: &Path, field: &'static str) -> Option<Text> {
        let text = value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text.is_none() {
            self.report(path.clone(), CrdProblemKind::Missing { field });
        }
        text.map(|text| text.to_owned().into())
    }

    fn crd(&mut self, crd: &Value) {
        let is = |field: &str, text: &str| crd.get(field).and_then(Value::as_str) == Some(text);
        if !is("apiVersion", "apiextensions.k8s.io/v1") || !is("kind", "CustomResourceDefinition") {
            self.report(Path::default(), CrdProblemKind::NotACrd);
            return;
        }
        let spec_path = Path::default().field("spec");
        let (spec, names_path) = (crd.get("spec").unwrap_or(&Value::Null), spec_path.field("names"));
        let names = spec.get("names").unwrap_or(&Value::Null);
        let (group, scope) = (self.text(spec, &spec_path, "group"), self.text(spec, &spec_path, "scope"));
        let (kind, plural) = (self.text(names, &names_path, "kind"), self.text(names, &names_path, "plural"));
        let (Some(group), Some(scope), Some(kind), Some(plural)) = (group, scope, kind, plural) else {
            return;
        };
        let expected = format!("{plural}.{group}");
        if self.name != expected {
            self.report(Path::default().field("metadata").field("name"), CrdProblemKind::Misnamed { expected });
        }
        let singular = names.get("singular").and_then(Value::as_str).filter(|text| !text.is_empty());
        let info = KindInfo {
            singular: singular.map_or_else(|| kind.to_lowercase(), str::to_owned).into(),
            namespaced: scope == "Namespaced",
            short_names: texts(names, "shortNames"),
            categories: texts(names, "categories"),
            verbs: VERBS.iter().map(|verb| Text::Borrowed(verb)).collect(),
            subresources: Vec::new(),
            preferred: false,
            version: Text::Borrowed(""),
            ty: TypeId(0),
            group,
            kind,
            plural,
        };
        let versions = spec.get("versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if versions.is_empty() {
            self.report(spec_path.clone(), CrdProblemKind::Missing { field: "versions" });
        }
        for (at, version) in versions.iter().enumerate() {
            self.version(&info, version, &spec_path.field("versions").index(at));
        }
        self.prefer(&info);
    }

    fn version(&mut self, info: &KindInfo, version: &Value, path: &Path) {
        let Some(name) = self.text(version, path, "name") else {
            return;
        };
        if version.get("served") != Some(&Value::Bool(true)) {
            return;
        }
        let schema = &self.schema;
        let same_kind = schema.object_type(&info.group, &name, &info.kind).is_some();
        if same_kind
            || schema.kinds.iter().any(|k| (&k.group, &k.version, &k.plural) == (&info.group, &name, &info.plural))
        {
            let resource = format!("{}.{}/{name}", info.plural, info.group);
            self.report(path.clone(), CrdProblemKind::Duplicate { resource });
            return;
        }
        let Some(root) = version.pointer("/schema/openAPIV3Schema") else {
            self.report(path.clone(), CrdProblemKind::Missing { field: "schema" });
            return;
        };
        let type_name = format!("{}/{name}.{}", info.group, info.kind);
        let mut converter = Converter { schema: &mut self.schema, problems: Vec::new() };
        let ty = converter.root(root, &type_name, &path.field("schema").field("openAPIV3Schema"));
        let list = converter.list_of(ty, &type_name);
        for (path, reason) in converter.problems {
            self.report(path, CrdProblemKind::NotStructural { reason });
        }
        let mut kind = KindInfo { version: name.clone(), ty, ..info.clone() };
        let subresources = version.get("subresources");
        if subresources.is_some_and(|sub| sub.get("scale").is_some()) {
            kind.subresources.push(subresource("scale", "autoscaling", "v1", "Scale"));
        }
        if subresources.is_some_and(|sub| sub.get("status").is_some()) {
            kind.subresources.push(subresource("status", &info.group, &name, &info.kind));
        }
        let list_kind = Text::Owned(format!("{}List", info.kind));
        self.schema.objects.insert((info.group.clone(), name.clone(), list_kind), list);
        self.schema.kinds.push(kind);
        match self.schema.groups.iter_mut().find(|group| group.name == info.group) {
            Some(group) if group.versions.contains(&name) => {}
            Some(group) => {
                group.versions.push(name);
                group.versions.sort_by_cached_key(|version| Reverse(priority(version)));
            }
            None => self.schema.groups.push(GroupInfo { name: info.group.clone(), versions: vec![name] }),
        }
    }

    /// Marks the version that the server prefers: the first in its own order of versions.
    fn prefer(&mut self, info: &KindInfo) {
        let here = self.schema.kinds.iter_mut().filter(|kind| kind.group == info.group && kind.plural == info.plural);
        let mut here: Vec<_> = here.collect();
        here.sort_by_cached_key(|kind| Reverse(priority(&kind.version)));
        for (at, kind) in here.into_iter().enumerate() {
            kind.preferred = at == 0;
        }
    }
}

/// What every custom resource can be asked for.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn subresource(name: &'static str, group: &str, version: &str, kind: &str) -> Subresource {
    Subresource {
        name: Text::Borrowed(name),
        group: group.to_owned().into(),
        version: version.to_owned().into(),
        kind: kind.to_owned().into(),
        verbs: ["get", "patch", "update"].map(Text::Borrowed).to_vec(),
    }
}

fn texts(value: &Value, field: &str) -> Vec<Text> {
    let list = value.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|item| item.as_str().map(|text| text.to_owned().into())).collect()
}

/// Kubernetes' own order of versions (`k8s.io/apimachinery/pkg/version`): stable before beta before alpha, newer before
/// older, and whatever is no such version last, by name.
fn priority(version: &str) -> (u8, u32, u32, Reverse<String>) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u32 = rest.get(..digits)?.parse().ok()?;
        let tail = rest.get(digits..)?;
        if tail.is_empty() {
            return Some((3, major, 0));
        }
        let (stage, number) = match tail.strip_prefix("beta") {
            Some(number) => (2, number),
            None => (1, tail.strip_prefix("alpha")?),
        };
        Some((stage, major, number.parse().ok()?))
    };
    let (stage, major, minor) = parse().unwrap_or((0, 0, 0));
    (stage, major, minor, Reverse(version.to_owned()))
}
