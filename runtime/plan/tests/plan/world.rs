//! A project and a state, made by hand.

use std::sync::Arc;

use kspec_diagnostics::{FileId, ItemId, Location, Place, SourceFile, SourceMap, Span};
use kspec_lower::{HostSettings, LoweredObject, MANAGED_BY, PART_OF, PROJECT, Phase, inventory};
use kspec_model::{
    Object,
    program::{Date, Moved, NetworkFacts, Origin, Program, Project},
};
use kspec_plan::{Inputs, Planned, plan};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{HostState, State, StateObject, StateOrigin};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) program: Program,
    pub(crate) desired: Vec<LoweredObject>,
    pub(crate) host: HostSettings,
    pub(crate) state: State,
    pub(crate) schema: Arc<Schema>,
    pub(crate) sources: SourceMap,
}

pub(crate) fn origin() -> Origin {
    Origin::from(Location { item: ItemId(0), span: Span::new(0, 4) })
}

impl World {
    pub(crate) fn new(desired: Vec<Value>, actual: Vec<Value>) -> Self {
        let project = Project {
            name: "shop".to_owned(),
            owner: None,
            kubernetes: "1.36".to_owned(),
            inventory_namespace: "kspec".to_owned(),
            environment: None,
            network: NetworkFacts::default(),
            admission: kspec_model::program::AdmissionFacts::default(),
        };
        let mut sources = SourceMap::default();
        sources.set_file(FileId(0), SourceFile::new("shop.kspec", "\n\nrole release in payments {}\n"));
        sources.set_item(ItemId(0), FileId(0), 2);
        let program = Program::empty(project);
        let desired = desired.into_iter().map(|object| lowered(owned(object))).collect();
        Self {
            program,
            desired,
            host: HostSettings::default(),
            state: state(actual),
            schema: Schema::bundled(KubeVersion::NEWEST),
            sources,
        }
    }

    pub(crate) fn moved(mut self, kind: &str, from: (&str, &str), to: (&str, &str)) -> Self {
        let name = |(namespace, name): (&str, &str)| {
            (Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()), name.to_owned())
        };
        self.program.moved.push(Moved { kind: kind.to_owned(), from: name(from), to: name(to), origin: origin() });
        self
    }

    pub(crate) fn plan(&self) -> Planned {
        plan(&self.inputs())
    }

    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            program: &self.program,
            desired: &self.desired,
            host: &self.host,
            state: &self.state,
            schema: &self.schema,
            sources: &self.sources,
            as_of: Date { year: 2026, month: 11, day: 21 },
        }
    }
}

pub(crate) fn state(actual: Vec<Value>) -> State {
    let objects = actual.into_iter().map(|object| StateObject {
        object: Object(object),
        place: Place::File { path: "state/all.yaml".into(), line: 1, column: 1 },
    });
    State::new(StateOrigin::Directory("state".to_owned()), objects.collect(), HostState::default())
}

fn lowered(object: Value) -> LoweredObject {
    let phase = match object["kind"].as_str().unwrap() {
        "Namespace" => Phase::Namespaces,
        "ServiceAccount" => Phase::Accounts,
        "Role" | "ClusterRole" => Phase::Roles,
        "RoleBinding" | "ClusterRoleBinding" => Phase::Grants,
        "NetworkPolicy" => Phase::NetworkAllow,
        _ => Phase::Rest,
    };
    LoweredObject { object: Object(object), origin: origin(), phase }
}

/// With the project's labels.
pub(crate) fn owned(object: Value) -> Value {
    owned_by("shop", object)
}

pub(crate) fn owned_by(project: &str, mut object: Value) -> Value {
    let project = Project {
        name: project.to_owned(),
        owner: None,
        kubernetes: "1.36".to_owned(),
        inventory_namespace: "kspec".to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: kspec_model::program::AdmissionFacts::default(),
    };
    let labels = object["metadata"].as_object_mut().unwrap().entry("labels").or_insert_with(|| json!({}));
    labels[MANAGED_BY.0] = json!(MANAGED_BY.1);
    labels[PROJECT] = json!(project.name);
    labels[PART_OF] = json!(inventory(&project).id);
    object
}

pub(crate) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub(crate) fn role(namespace: &str, name: &str, verbs: &[&str]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"namespace": namespace, "name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}],
    })
}

pub(crate) fn binding(namespace: &str, name: &str, role: &str, group: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    })
}
