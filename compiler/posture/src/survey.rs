//! What is looked at.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap};

use kspec_analysis::review::Review;

use kspec_diagnostics::Place;
use kspec_model::{
    Object, ObjectKey,
    cluster::Cluster,
    program::{Date, Program},
};
use kspec_schema::Schema;
use serde_json::Value;

/// A cluster, what it was read from, and what is declared of it.
#[derive(Debug)]
pub struct Survey<'a> {
    /// What the objects mean.
    pub cluster: Cluster,
    /// What is declared, where there is a program, and the day that end dates are held against.
    pub program: Option<(&'a Program, Date)>,
    /// Types of the version that it runs.
    pub schema: &'a Schema,
    /// What could not be read, one line each, beginning with the resource (`secrets: forbidden …`): absence of such objects
    /// means nothing.
    pub unread: Vec<String>,
    /// Authorizers beside RBAC that the API server is seen to ask.
    pub authorizers: Vec<String>,
    /// What is known of the control plane, where it is a whole cluster that is looked at; none for a program alone.
    pub control_plane: Option<ControlPlane>,
    objects: BTreeMap<ObjectKey, Surveyed<'a>>,
    review: OnceCell<Review>,
}

/// What is known of a cluster's control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPlane {
    /// Whether the API server has an audit policy; none where its flags are not seen.
    pub audits: Option<bool>,
    /// The `EncryptionConfiguration` that it runs with, keys withheld; null where it runs without; none where that is not seen.
    pub encryption: Option<Value>,
}

/// An object, and where it is told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Surveyed<'a> {
    /// The object, secret contents withheld.
    pub object: Cow<'a, Object>,
    /// Its declaration, its file, or itself.
    pub place: Place,
}

impl<'a> Surveyed<'a> {
    /// An object of the cluster that no file holds.
    #[must_use]
    pub fn itself(object: Cow<'a, Object>) -> Self {
        let place = Place::Object(object.key().to_string().into());
        Self { object, place }
    }
}

impl<'a> Survey<'a> {
    /// Looks at objects; of two with one key the first counts. Roles and bindings that every API server creates are added
    /// where none of them is among the objects.
    #[must_use]
    pub fn new(objects: impl IntoIterator<Item = Surveyed<'a>>, schema: &'a Schema) -> Self {
        let mut known: BTreeMap<ObjectKey, Surveyed<'a>> = BTreeMap::new();
        let mut shows_defaults = false;
        for surveyed in objects {
            shows_defaults |= is_default(&surveyed.object);
            known.entry(surveyed.object.key()).or_insert(surveyed);
        }
        if !shows_defaults {
            for value in schema.default_rbac() {
                let surveyed = Surveyed::itself(Cow::Owned(Object(value.clone())));
                known.entry(surveyed.object.key()).or_insert(surveyed);
            }
        }
        let (cluster, _) = Cluster::lift(known.values().map(|surveyed| surveyed.object.as_ref()));
        let (unread, review) = (Vec::new(), OnceCell::new());
        Self {
            cluster,
            program: None,
            schema,
            unread,
            authorizers: Vec::new(),
            control_plane: None,
            objects: known,
            review,
        }
    }

    /// Says what is declared of it.
    #[must_use]
    pub fn declared(mut self, program: &'a Program, as_of: Date) -> Self {
        self.program = Some((program, as_of));
        self
    }

    /// Says which authorizers the API server asks beside RBAC.
    #[must_use]
    pub fn authorized_by(mut self, authorizers: Vec<String>) -> Self {
        self.authorizers = authorizers;
        self
    }

    /// What of its access somebody should look at; looked at once.
    pub(crate) fn review(&self) -> &Review {
        self.review.get_or_init(|| crate::access::reviewed(self))
    }

    /// Says what could not be read.
    #[must_use]
    pub fn unread(mut self, lines: &[String]) -> Self {
        self.unread = lines.to_vec();
        self
    }

    /// Says that it is a whole cluster, and what is known of what runs it: absence then means something.
    #[must_use]
    pub fn whole(self, control_plane: ControlPlane) -> Self {
        Self { control_plane: Some(control_plane), ..self }
    }

    /// Whether the objects are a whole cluster's: what is not among them is not there.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.control_plane.is_some()
    }

    /// What could not be read of some resources: of those, absence means nothing.
    pub(crate) fn unread_of(&self, resources: &[&str]) -> Vec<&str> {
        let is_meant = |line: &&str| line.split([':', '.', ' ']).next().is_some_and(|name| resources.contains(&name));
        self.unread.iter().map(String::as_str).filter(is_meant).collect()
    }

    /// Every object, by key.
    pub fn objects(&self) -> impl Iterator<Item = &Surveyed<'a>> {
        self.objects.values()
    }

    /// A namespace's own object.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Surveyed<'a>> {
        let key =
            ObjectKey { group: String::new(), kind: "Namespace".to_owned(), namespace: None, name: name.to_owned() };
        self.objects.get(&key)
    }

    /// Whether there is an object.
    #[must_use]
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.objects.contains_key(key)
    }

    /// Where an object is told of.
    #[must_use]
    pub fn place(&self, key: &ObjectKey) -> Place {
        // An object that states no namespace is in `default`.
        let stated = || self.objects.get(&ObjectKey { namespace: None, ..key.clone() });
        let found = self.objects.get(key).or_else(|| stated().filter(|_| key.namespace.as_deref() == Some("default")));
        found.map_or_else(|| Place::Object(key.to_string().into()), |surveyed| surveyed.place.clone())
    }
}

/// Whether an object is of those that every API server creates by itself, so that the others are shown too.
fn is_default(object: &Object) -> bool {
    object.group() == "rbac.authorization.k8s.io"
        && object.str_at("/metadata/labels/kubernetes.io~1bootstrapping") == "rbac-defaults"
}
