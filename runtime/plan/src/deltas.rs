//! What the change means for access and connectivity.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use kspec_analysis::{access, net};
use kspec_diagnostics::Place;
use kspec_model::{
    Object, ObjectKey,
    cluster::{Cluster, PodSecurityDefaults},
};
use kspec_posture::{ControlPlane, Survey, SurveyBuilder, Surveyed};
use kspec_schema::Schema;
use kspec_state::{Flags, State, StateObject};

use crate::{
    Inputs, beside,
    document::{Access, Connectivity},
    hosts::running_encryption,
};

/// What a state means. Roles and bindings that every API server creates are added where the state lacks them.
#[must_use]
pub fn cluster(state: &State, schema: &Schema) -> Cluster {
    let mut cluster = kspec_posture::lifted(state.objects.iter().map(|known| &known.object), schema);
    admission(&mut cluster, state);
    cluster
}

/// A state as it is looked at by itself.
#[must_use]
pub fn of_state<'a>(state: &'a State, schema: &'a Schema) -> Survey<'a> {
    let mut survey = Survey::new(state.objects.iter().map(surveyed), schema)
        .unread(&state.unread)
        .authorized_by(state.authorizers());
    let control_plane = ControlPlane { audits: audits(state), encryption: running_encryption(&state.host) };
    admission(&mut survey.cluster, state);
    survey.whole(control_plane)
}

/// As [`of_state`], with objects as they will be, of those that are written, and without those that go away.
pub(crate) fn after<'a>(
    inputs: &Inputs<'a>,
    after: BTreeMap<ObjectKey, Object>,
    deleted: &BTreeSet<ObjectKey>,
) -> Survey<'a> {
    let declared: HashMap<ObjectKey, Place> =
        inputs.desired.iter().map(|lowered| (lowered.object.key(), Place::Source(lowered.origin.at))).collect();
    let place = |key: &ObjectKey, own: &Place| declared.get(key).unwrap_or(own).clone();
    let stay = |key: &ObjectKey| !after.contains_key(key) && !deleted.contains(key);
    let kept: Vec<_> = inputs.state.iter().filter(|(key, _)| stay(key)).collect();
    let (kept, mut builder) = beside(
        || {
            let mut builder = SurveyBuilder::default();
            kept.iter()
                .for_each(|(key, known)| builder.add(Surveyed { place: place(key, &known.place), ..surveyed(known) }));
            builder
        },
        || {
            let mut builder = SurveyBuilder::default();
            after.into_iter().for_each(|(key, object)| {
                let place = place(&key, &Place::Object(key.to_string().into()));
                builder.add(Surveyed { place, object: Cow::Owned(object) });
            });
            builder
        },
    );
    builder.join(kept);
    let mut survey = builder.finish(inputs.schema).declared(inputs.program.view(), inputs.as_of);
    let audits = if inputs.program.audit.is_none() { audits(inputs.state) } else { Some(true) };
    admission(&mut survey.cluster, inputs.state);
    survey
        .unread(&inputs.state.unread)
        .authorized_by(inputs.state.authorizers())
        .whole(ControlPlane { audits, encryption: running_encryption(&inputs.state.host) })
}

/// Adds what the API server's configuration says of Pod Security, and takes away the admission that its flags turn off.
fn admission(cluster: &mut Cluster, state: &State) {
    let read = |(file, text): (&String, &String)| PodSecurityDefaults::read(file, &serde_json::from_str(text).ok()?);
    let lists = |flag: &'static str| state.running().filter_map(move |flags| flags.get(flag)).flatten();
    let names = |list: &String, plugin: &str| list.split(',').any(|name| name == plugin);
    let off = |plugin: &str| lists("disable-admission-plugins").any(|list| names(list, plugin));
    let takes_tokens = lists("enable-bootstrap-token-auth").any(|value| value != "false");
    cluster.no_bootstrap_tokens = state.host.flags.is_some() && !takes_tokens;
    let restricts = |list: &String| names(list, "NodeRestriction");
    let enabled = |flags: &Flags| {
        let mut lists = flags.get("enable-admission-plugins").into_iter().flatten().peekable();
        lists.peek().is_some() && lists.all(restricts)
    };
    let mut servers = state.running().peekable();
    cluster.nodes_restricted = servers.peek().is_some() && servers.all(enabled) && !off("NodeRestriction");
    cluster.pod_security = state.host.files.iter().find_map(read).unwrap_or_default();
    cluster.pod_security.off = off("PodSecurity");
    for (plugin, kind) in [
        ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicy"),
        ("MutatingAdmissionPolicy", "MutatingAdmissionPolicy"),
        ("ValidatingAdmissionWebhook", "ValidatingWebhookConfiguration"),
        ("MutatingAdmissionWebhook", "MutatingWebhookConfiguration"),
    ] {
        if off(plugin) {
            cluster.guards.retain(|key, _| key.kind != kind);
        }
    }
}

/// Whether every API server of a state has an audit policy; none where its flags are not seen.
fn audits(state: &State) -> Option<bool> {
    state.host.flags.as_ref()?;
    Some(state.running().all(|flags| flags.contains_key("audit-policy-file")))
}

fn surveyed(known: &StateObject) -> Surveyed<'_> {
    Surveyed { object: Cow::Borrowed(&known.object), place: known.place.clone() }
}

/// What access changes from a state to what is looked at.
pub(crate) fn access(before: &Cluster, after: &Survey<'_>) -> Access {
    access::delta(before, &after.cluster).into()
}

/// What connectivity changes from a state to what is looked at.
pub(crate) fn connectivity(before: &Cluster, after: &Survey<'_>) -> Connectivity {
    net::delta(before, &after.cluster, &net::NetOptions::default()).into()
}
