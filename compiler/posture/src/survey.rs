//! What is looked at.

use std::{
    borrow::Cow,
    collections::{BTreeMap, hash_map::Entry},
    sync::OnceLock,
};

use kspec_analysis::{abuse::Controls, review::Review};
use rustc_hash::FxHashMap;

use kspec_diagnostics::Place;
use kspec_model::{
    Object, ObjectKey,
    cluster::{Cluster, Known, Lift},
    program::{Date, View},
    rules::Table,
};
use kspec_schema::Schema;
use serde_json::Value;

const RBAC: &str = "rbac.authorization.k8s.io";
/// The label of what every API server creates by itself, and its value.
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";
const DEFAULT: &str = "rbac-defaults";

/// A cluster, what it was read from, and what is declared of it.
#[derive(Debug)]
pub struct Survey<'a> {
    /// What the objects mean.
    pub cluster: Cluster,
    /// What is declared, where there is a program, and the day that end dates are held against.
    pub program: Option<(View<'a>, Date)>,
    /// Its rule table of that day, where it is made already.
    rules: Option<&'a Table>,
    /// Types of the version that it runs.
    pub schema: &'a Schema,
    /// What could not be read, one line each, beginning with the resource (`secrets: forbidden …`): absence of such objects
    /// means nothing.
    pub unread: Vec<String>,
    /// Authorizers beside RBAC that the API server is seen to ask.
    pub authorizers: Vec<String>,
    /// What is known of the control plane, where it is a whole cluster that is looked at; none for a program alone.
    pub control_plane: Option<ControlPlane>,
    /// Where each object is told of.
    places: FxHashMap<ObjectKey, Place>,
    /// Those of which more is asked than the cluster tells.
    objects: BTreeMap<ObjectKey, Surveyed<'a>>,
    review: OnceLock<Review>,
    controls: OnceLock<Controls>,
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
        let mut builder = SurveyBuilder::default();
        objects.into_iter().for_each(|surveyed| builder.add(surveyed));
        builder.finish(schema)
    }

    /// Says what is declared of it.
    #[must_use]
    pub fn declared(mut self, program: View<'a>, as_of: Date) -> Self {
        self.program = Some((program, as_of));
        self
    }

    /// Says what the declared rules are on the day: their table, which is made here otherwise.
    #[must_use]
    pub fn ruled(mut self, table: &'a Table) -> Self {
        self.rules = Some(table);
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

    /// What admission says of the ways to a node; asked once.
    pub(crate) fn controls(&self) -> &Controls {
        self.controls.get_or_init(|| {
            let ruled = self.program.as_ref().filter(|(program, _)| !program.rules.is_empty());
            let made = ruled.filter(|_| self.rules.is_none());
            let made = made.map(|(program, as_of)| kspec_lower::admission::lowering(program, *as_of).table);
            let rules = self.rules.filter(|_| ruled.is_some());
            crate::controls::controls(rules.or(made.as_ref()), &self.cluster)
        })
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

    /// Every object by key, but for those of which the cluster tells all: roles, bindings, service accounts and network policies.
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

    /// Where every object is told of, in no order.
    pub fn places(&self) -> impl Iterator<Item = (&ObjectKey, &Place)> {
        self.places.iter()
    }

    /// Whether there is an object.
    #[must_use]
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.places.contains_key(key)
    }

    /// Where an object is told of.
    #[must_use]
    pub fn place(&self, key: &ObjectKey) -> Place {
        // An object that states no namespace is in `default`.
        let stated = || self.places.get(&ObjectKey { namespace: None, ..key.clone() });
        let found = self.places.get(key).or_else(|| stated().filter(|_| key.namespace.as_deref() == Some("default")));
        found.cloned().unwrap_or_else(|| Place::Object(key.to_string().into()))
    }
}

/// [`Survey::new`], an object at a time: of most a whole program's cluster needs little more than their names.
#[derive(Debug, Default)]
pub struct SurveyBuilder<'a> {
    lift: Lift,
    shows_defaults: bool,
    places: FxHashMap<ObjectKey, Place>,
    objects: BTreeMap<ObjectKey, Surveyed<'a>>,
}

impl<'a> SurveyBuilder<'a> {
    /// Looks at an object; of two with one key the first counts.
    pub fn add(&mut self, surveyed: Surveyed<'a>) {
        self.shows_defaults |= is_default(&surveyed.object);
        let Entry::Vacant(slot) = self.places.entry(surveyed.object.key()) else { return };
        self.lift.read(&surveyed.object.0);
        if is_told(&surveyed.object) {
            slot.insert(surveyed.place);
        } else {
            let key = slot.key().clone();
            slot.insert(surveyed.place.clone());
            self.objects.insert(key, surveyed);
        }
    }

    /// As [`SurveyBuilder::add`], for an object of which is known what it means.
    pub fn add_known(&mut self, key: ObjectKey, known: Known, place: Place) {
        self.shows_defaults |= matches!(&known, Known::Role(facts) if facts.labels.get(BOOTSTRAPPING).is_some_and(|label| label == DEFAULT));
        let Entry::Vacant(slot) = self.places.entry(key) else { return };
        self.lift.take(slot.key(), known);
        slot.insert(place);
    }

    /// Takes over what another looked at, which is no object that this one did.
    pub fn join(&mut self, other: Self) {
        let Self { lift, shows_defaults, places, objects } = other;
        self.lift.join(lift);
        self.shows_defaults |= shows_defaults;
        self.places.extend(places);
        self.objects.extend(objects);
    }

    /// All of them as a cluster. Roles and bindings that every API server creates are added where none of them was.
    #[must_use]
    pub fn finish(mut self, schema: &'a Schema) -> Survey<'a> {
        if !self.shows_defaults {
            for value in schema.default_rbac() {
                self.add(Surveyed::itself(Cow::Owned(Object(value.clone()))));
            }
        }
        let (cluster, _) = self.lift.finish();
        Survey {
            cluster,
            program: None,
            rules: None,
            schema,
            unread: Vec::new(),
            authorizers: Vec::new(),
            control_plane: None,
            places: self.places,
            objects: self.objects,
            review: OnceLock::new(),
            controls: OnceLock::new(),
        }
    }
}

/// The cluster of [`Survey::new`] alone, of objects of which no two have one key: all that a question about access or
/// connectivity needs.
#[must_use]
pub fn lifted<'o>(objects: impl Iterator<Item = &'o Object> + Clone, schema: &Schema) -> Cluster {
    let mut lift = Lift::default();
    // First, so that an object of the same name wins.
    if !objects.clone().any(is_default) {
        schema.default_rbac().iter().for_each(|value| lift.read(value));
    }
    objects.for_each(|object| lift.read(&object.0));
    lift.finish().0
}

/// Whether a cluster tells all of an object that anybody asks.
fn is_told(object: &Object) -> bool {
    match object.group() {
        "" => object.kind() == "ServiceAccount",
        "networking.k8s.io" => object.kind() == "NetworkPolicy",
        group => group == RBAC,
    }
}

/// Whether an object is of those that every API server creates by itself, so that the others are shown too.
fn is_default(object: &Object) -> bool {
    let labels = object.0.pointer("/metadata/labels");
    object.group() == RBAC && labels.and_then(|labels| labels.get(BOOTSTRAPPING)?.as_str()) == Some(DEFAULT)
}
