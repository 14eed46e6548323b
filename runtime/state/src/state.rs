//! The state of a cluster as a value.

use std::collections::BTreeMap;

use kspec_diagnostics::Place;
use kspec_model::{Object, ObjectKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::withhold;

/// Everything that was read of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Objects by key. Of two with one key the first read is kept.
    pub objects: Vec<StateObject>,
    /// What runs on the control plane's hosts, as far as it can be seen.
    pub host: HostState,
    /// Flags of each API server whose static pod is seen, by the pod's name, as [`HostState::flags`] has those of one: a control
    /// plane of several hosts runs several, and nothing makes them agree.
    pub servers: BTreeMap<String, Flags>,
    /// Where it was read from.
    pub origin: StateOrigin,
    /// The server's version (`v1.36.3`), where it is known.
    pub version: Option<String>,
    /// What could not be read, one line each, e.g. ``secrets: forbidden for user `ci` ``. Absence of an object means nothing
    /// for the kinds named here.
    pub unread: Vec<String>,
    index: BTreeMap<ObjectKey, usize>,
}

/// An object of the state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateObject {
    /// The object, secret contents withheld.
    pub object: Object,
    /// The file and line it was read from, or the object itself.
    pub place: Place,
}

/// Flags of `kube-apiserver` without dashes, each with every value it was given.
pub type Flags = BTreeMap<String, Vec<String>>;

/// What the control plane runs with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostState {
    /// Configuration files (encryption, audit, authentication) by path; a state holds each as canonical JSON with key
    /// material withheld.
    pub files: BTreeMap<String, String>,
    /// Flags of an API server, the first where there are several; `None` where none is seen.
    pub flags: Option<Flags>,
}

/// Where a state was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateOrigin {
    /// A running cluster.
    Live {
        /// Context of the kubeconfig; none where the configuration came from inside a pod.
        context: Option<String>,
        /// URL of the API server.
        server: String,
    },
    /// A directory of manifests, as the person wrote it.
    Directory(String),
    /// A snapshot file, as the person wrote it.
    Snapshot(String),
}

impl std::fmt::Display for StateOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live { context: Some(context), server } => write!(f, "context {context} ({server})"),
            Self::Live { context: None, server } => write!(f, "{server}"),
            Self::Directory(path) => write!(f, "directory {path}"),
            Self::Snapshot(path) => write!(f, "snapshot {path}"),
        }
    }
}

impl StateObject {
    /// An object with no file behind it.
    #[must_use]
    pub fn live(object: Object) -> Self {
        let place = Place::Object(object.key().to_string().into());
        Self { object, place }
    }
}

impl State {
    /// Makes a state: withholds secret contents, orders by key, and reads the API server's flags from its static pods where
    /// `host` does not have them. Of two objects with one key the first is kept.
    #[must_use]
    pub fn new(origin: StateOrigin, objects: Vec<StateObject>, host: HostState) -> Self {
        let mut keyed: Vec<(ObjectKey, StateObject)> =
            objects.into_iter().map(|object| (object.object.key(), object)).collect();
        keyed.sort_by(|(left, _), (right, _)| left.cmp(right));
        keyed.dedup_by(|(later, _), (earlier, _)| later == earlier);
        let mut state = Self {
            objects: Vec::with_capacity(keyed.len()),
            host,
            servers: BTreeMap::new(),
            origin,
            version: None,
            unread: Vec::new(),
            index: BTreeMap::new(),
        };
        for (position, (key, mut object)) in keyed.into_iter().enumerate() {
            withhold::withhold_secret(&mut object.object.0);
            state.index.insert(key, position);
            state.objects.push(object);
        }
        for text in state.host.files.values_mut() {
            *text = withhold::file(text);
        }
        for object in &state.objects {
            let Some(container) = api_server(&object.object) else { continue };
            let flags = flags(container);
            if state.servers.is_empty() {
                state.host.flags.get_or_insert_with(|| flags.clone());
                state.version = image_version(container);
            }
            state.servers.insert(object.object.name().to_owned(), flags);
        }
        state
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&StateObject> {
        self.index.get(key).and_then(|position| self.objects.get(*position))
    }

    /// The flags of every API server that is seen.
    pub fn running(&self) -> impl Iterator<Item = &Flags> {
        let one = self.host.flags.iter().filter(|_| self.servers.len() < 2);
        one.chain(self.servers.values().filter(|_| self.servers.len() > 1))
    }

    /// Authorizers other than RBAC in the flags of any API server that is seen.
    #[must_use]
    pub fn authorizers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for flags in self.running() {
            let last = |flag: &str| flags.get(flag).and_then(|values| values.last());
            let names: Vec<String> = match last("authorization-config") {
                Some(file) => vec![format!("those of {file}")],
                None => {
                    // An empty list is the default too (`kubeapiserver/options/authorization.go`).
                    let modes = last("authorization-mode").map_or("", String::as_str);
                    let modes = if modes.is_empty() { "AlwaysAllow" } else { modes };
                    modes.split(',').filter(|mode| *mode != "RBAC").map(str::to_owned).collect()
                }
            };
            for name in names {
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }

    /// Every key, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.index.keys()
    }

    /// Keys with their objects, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &StateObject)> {
        self.index.iter().filter_map(|(key, position)| Some((key, self.objects.get(*position)?)))
    }
}

/// The container that runs an API server, where `object` is its static pod (kubeadm's label, or the program's name).
fn api_server(object: &Object) -> Option<&Value> {
    const NAME: &str = "kube-apiserver";
    if object.kind() != "Pod" || object.namespace() != Some("kube-system") {
        return None;
    }
    let containers = object.0.pointer("/spec/containers")?.as_array()?;
    let program = |container: &&Value| {
        let word = container.pointer("/command/0").and_then(Value::as_str).unwrap_or_default();
        word.rsplit('/').next() == Some(NAME)
    };
    containers.iter().find(program).or_else(|| {
        let labelled = object.str_at("/metadata/labels/component") == NAME;
        let named = |container: &&Value| container.get("name").and_then(Value::as_str) == Some(NAME);
        if labelled { containers.iter().find(named).or_else(|| containers.first()) } else { None }
    })
}

fn flags(container: &Value) -> Flags {
    let mut words = ["command", "args"]
        .into_iter()
        .filter_map(|field| container.get(field)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .peekable();
    let mut flags = Flags::new();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value),
            // `--profiling` alone means true; `--v 2` takes the next word.
            None => match words.next_if(|next| !next.starts_with("--")) {
                Some(value) => (flag, value),
                None => (flag, "true"),
            },
        };
        flags.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    flags
}

/// `v1.36.3` of `registry.k8s.io/kube-apiserver:v1.36.3@sha256:…`.
fn image_version(container: &Value) -> Option<String> {
    let image = container.get("image")?.as_str()?;
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    tag.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).then(|| tag.to_owned())
}
