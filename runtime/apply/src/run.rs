//! The order of things.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use kspec_lower::Phase;
use kspec_model::{Object, ObjectKey};
use kspec_plan::{ObjectName, Service, awaited, unchecked};
use kspec_state::live::Connection;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    blocked::Blocked,
    deletions, effect,
    error::{ApplyError, Failure, UnknownKind},
    inventory::{self, Trouble},
    ready, remove,
    report::{Effect, ObjectResult, Outcome, Report},
    send::Target,
    work::{Deletion, Intent, Wanted, Work},
    write::{self, Managers, Written},
};

/// The pause between two looks at what is served.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// Take over fields that others hold, on objects that are being adopted.
    pub force_adopt: bool,
    /// Objects to delete although they would be released.
    pub deletions: Vec<Deletion>,
    /// Objects of one phase that are written at a time.
    pub at_once: usize,
    /// How long to wait until written objects show that they are in force.
    pub patience: Duration,
    /// How long to wait until the Services that webhook configurations name have an endpoint that is ready.
    pub webhooks: Duration,
    /// Ends the run early, between two objects.
    pub stop: Stop,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            force_adopt: false,
            deletions: Vec::new(),
            at_once: 16,
            patience: Duration::from_secs(20),
            webhooks: Duration::from_secs(60),
            stop: Stop::default(),
        }
    }
}

/// Ends a run early: what is under way is finished, the rest is not tried.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn now(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Applies. `progress` is told of each object as it is done, in no particular order.
///
/// # Errors
/// Where nothing was begun. What went wrong with single objects is in the report.
pub async fn apply(
    connection: &Connection,
    work: &Work,
    options: &Options,
    progress: &(dyn Fn(&ObjectResult) + Sync),
) -> Result<Report, ApplyError> {
    let managers = Managers::new(&work.inventory.project, &work.inventory.id);
    unknown_kinds(connection, &work.wanted)?;
    let mut run = Run {
        connection: connection.clone(),
        work,
        options,
        managers,
        progress,
        blocked: Blocked::default(),
        results: BTreeMap::new(),
        written: Vec::new(),
        lost: Mutex::new(None),
    };
    let removals = deletions::resolve(&run.connection, work, &options.deletions, &run.managers).await?;
    let begun = run.announce(&removals).await?;
    for phase in phases(&work.wanted) {
        run.phase(phase, begun.as_ref()).await?;
    }
    run.remove(&removals).await;
    let inventory = run.conclude(&removals).await;
    run.effects().await;
    Ok(run.report(&removals, inventory))
}

/// As [`apply`], and an interrupt or a request to end (`SIGINT`, `SIGTERM`) ends it between two objects.
///
/// # Errors
/// As [`apply`].
pub async fn apply_until_signalled(
    connection: &Connection,
    work: &Work,
    options: &Options,
    progress: &(dyn Fn(&ObjectResult) + Sync),
) -> Result<Report, ApplyError> {
    let stop = options.stop.clone();
    let listening = tokio::spawn(async move {
        // Where signals cannot be listened to, they end the process, as ever.
        if signalled().await.is_ok() {
            stop.now();
        }
    });
    let result = apply(connection, work, options, progress).await;
    listening.abort();
    result
}

#[cfg(unix)]
async fn signalled() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signalled() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

struct Run<'a> {
    connection: Connection,
    work: &'a Work,
    options: &'a Options,
    managers: Managers,
    progress: &'a (dyn Fn(&ObjectResult) + Sync),
    blocked: Blocked,
    results: BTreeMap<ObjectKey, ObjectResult>,
    /// What changed, to see whether it is in force.
    written: Vec<(ObjectKey, String, Value)>,
    /// Why the rest is not worth trying.
    lost: Mutex<Option<String>>,
}

impl Run<'_> {
    /// Writes the inventory, which must know of every kind before its first object. Its own namespace may have to come before
    /// it: that is returned.
    async fn announce(&mut self, removals: &[deletions::Resolved]) -> Result<Option<ObjectKey>, ApplyError> {
        let key = self.work.inventory.key();
        match self.write_inventory(removals, true).await {
            Ok(()) => Ok(None),
            Err(Trouble::Failed(failure)) => Err(ApplyError::Inventory { key, failure: Box::new(failure) }),
            Err(Trouble::NoNamespace) => {
                let namespace = self.work.wanted.iter().find(|wanted| {
                    let object = &wanted.object;
                    object.group().is_empty()
                        && object.kind() == "Namespace"
                        && object.name() == self.work.inventory.namespace
                });
                let Some(namespace) = namespace else {
                    return Err(ApplyError::NoInventoryNamespace {
                        namespace: self.work.inventory.namespace.clone(),
                        inventory: self.work.inventory.name.clone(),
                    });
                };
                let result = self.one(namespace).await;
                if let Outcome::Failed { failure } = result.0.outcome {
                    return Err(ApplyError::Inventory { key, failure: Box::new(failure) });
                }
                let namespace = result.0.object.key();
                self.record(vec![result]);
                match self.write_inventory(removals, true).await {
                    Ok(()) => Ok(Some(namespace)),
                    Err(Trouble::Failed(failure)) => Err(ApplyError::Inventory { key, failure: Box::new(failure) }),
                    Err(Trouble::NoNamespace) => Err(ApplyError::NoInventoryNamespace {
                        namespace: self.work.inventory.namespace.clone(),
                        inventory: self.work.inventory.name.clone(),
                    }),
                }
            }
        }
    }

    async fn write_inventory(&self, removals: &[deletions::Resolved], keep: bool) -> Result<(), Trouble> {
        let mut members: Vec<ObjectKey> = self.work.wanted.iter().map(|wanted| wanted.object.key()).collect();
        if keep {
            members.extend(removals.iter().map(|removal| removal.object.key()));
        }
        inventory::write(&self.connection, &self.work.inventory, &self.managers, &members, keep).await
    }

    /// Applies every object of a phase, save the one that was applied for the inventory's sake.
    async fn phase(&mut self, phase: Phase, begun: Option<&ObjectKey>) -> Result<(), ApplyError> {
        let (waiting, due): (Vec<&Wanted>, Vec<&Wanted>) = self
            .work
            .wanted
            .iter()
            .filter(|wanted| wanted.phase == phase && begun != Some(&wanted.object.key()))
            .partition(|wanted| wanted.intent != Intent::Keep && must_answer(&wanted.object));
        let results: Vec<_> = stream::iter(due.iter().map(|wanted| self.one(wanted)))
            .buffered(self.options.at_once.max(1))
            .collect()
            .await;
        let definitions = phase == Phase::Definitions && results.iter().any(|(result, _)| result.outcome.is_change());
        for (wanted, (result, _)) in due.iter().zip(&results) {
            if !result.outcome.is_done() {
                self.blocked.add(&wanted.object, phase);
            }
        }
        self.record(results);
        if definitions {
            self.effects().await;
            self.await_kinds().await?;
        }
        self.guarded(&waiting).await;
        Ok(())
    }

    /// Applies what would refuse whatever it covers while nobody answers behind its Services, once somebody does.
    async fn guarded(&mut self, waiting: &[&Wanted]) {
        if waiting.is_empty() {
            return;
        }
        let services: BTreeSet<Service> = waiting.iter().flat_map(|wanted| awaited(&wanted.object)).collect();
        let missing = match self.not_to_try() {
            Some(_) => BTreeMap::new(),
            None => {
                let stopped = || self.not_to_try().is_some();
                ready::wait(&self.connection, &services, self.options.webhooks, &stopped).await
            }
        };
        for wanted in waiting {
            let held = awaited(&wanted.object).iter().find_map(|service| missing.get(service));
            let result = match held {
                None => {
                    let (mut result, object) = self.one(wanted).await;
                    if result.outcome.is_change() {
                        result.unchecked.extend(unchecked(&wanted.object));
                    }
                    (result, object)
                }
                Some(why) => {
                    let because = format!(
                        "{why}, and what this covers would be refused until it has; start the webhook, then apply again, \
                         or bind its rules with `failure_policy: ignore`"
                    );
                    (self.told(ObjectName::of(&wanted.object), Outcome::HeldBack { because }, Vec::new()), None)
                }
            };
            self.record(vec![result]);
        }
    }

    /// Asks what is served until the kinds that were defined are: the server lists them a moment after it takes them.
    async fn await_kinds(&mut self) -> Result<(), ApplyError> {
        let defined: Vec<(String, String)> = self
            .work
            .wanted
            .iter()
            .filter(|wanted| self.results.get(&wanted.object.key()).is_some_and(|result| result.outcome.is_done()))
            .filter_map(|wanted| defines(&wanted.object))
            .collect();
        let end = Instant::now() + self.options.patience;
        loop {
            self.connection = self.connection.refreshed().await?;
            let served = self.connection.served();
            if defined.iter().all(|(group, kind)| served.find(group, kind, None).is_some()) || Instant::now() > end {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Applies one object.
    async fn one(&self, wanted: &Wanted) -> (ObjectResult, Option<(String, Value)>) {
        let key = wanted.object.key();
        let name = ObjectName::of(&wanted.object);
        if wanted.intent == Intent::Keep {
            return (self.told(name, Outcome::Unchanged, Vec::new()), None);
        }
        if let Some(because) = self.not_to_try().or_else(|| self.blocked.why(&wanted.object, wanted.phase)) {
            return (self.told(name, Outcome::NotTried { because }, Vec::new()), None);
        }
        let api_version = wanted.object.api_version();
        let written = match Target::new(&self.connection, &key, api_version) {
            Some(target) => write::write(target, wanted, &self.managers, self.options.force_adopt).await,
            None => Err(Failure::NotServed { kind: format!("{api_version} {}", key.kind) }),
        };
        match written {
            Ok(Written { outcome, object, warnings }) => {
                (self.told(name, outcome, warnings), Some((api_version.to_owned(), object)))
            }
            Err(failure) => {
                self.note(&failure);
                (self.told(name, Outcome::Failed { failure }, Vec::new()), None)
            }
        }
    }

    /// Removes what left the program, unless something of it could not be applied: a half-done move must not lose its source.
    async fn remove(&mut self, removals: &[deletions::Resolved]) {
        let undone = self.results.values().filter(|result| !result.outcome.is_done()).count();
        let ranks: BTreeSet<u8> = removals.iter().map(|removal| removal.rank).collect();
        for rank in ranks {
            let due = removals.iter().filter(|removal| removal.rank == rank);
            let results: Vec<_> = stream::iter(due.map(|removal| self.remove_one(removal, undone)))
                .buffered(self.options.at_once.max(1))
                .collect()
                .await;
            self.record(results.into_iter().map(|result| (result, None)).collect());
        }
    }

    async fn remove_one(&self, removal: &deletions::Resolved, undone: usize) -> ObjectResult {
        let key = removal.object.key();
        let because = match undone {
            0 => self.not_to_try(),
            1 => Some("an object could not be applied, and removing comes last".to_owned()),
            several => Some(format!("{several} objects could not be applied, and removing comes last")),
        };
        if let Some(because) = because {
            return self.told(ObjectName::of(&removal.object), Outcome::NotTried { because }, Vec::new());
        }
        let api_version = removal.object.api_version();
        let outcome = match Target::new(&self.connection, &key, api_version) {
            Some(target) => remove::remove(target, &self.managers, removal.keep.as_deref(), removal.named).await,
            // Its definition is gone, and it with it.
            None => Ok(Outcome::Unchanged),
        };
        let outcome = outcome.unwrap_or_else(|failure| {
            self.note(&failure);
            Outcome::Failed { failure }
        });
        self.told(ObjectName::of(&removal.object), outcome, Vec::new())
    }

    /// Writes the inventory as it is now. While something is left undone it keeps what it said before.
    async fn conclude(&self, removals: &[deletions::Resolved]) -> Option<Failure> {
        let keep = self.results.values().any(|result| !result.outcome.is_done());
        match self.write_inventory(removals, keep).await {
            Ok(()) => None,
            Err(Trouble::Failed(failure)) => Some(failure),
            Err(Trouble::NoNamespace) => Some(Failure::Changed),
        }
    }

    /// Waits until what was written is in force.
    async fn effects(&mut self) {
        let written = std::mem::take(&mut self.written);
        let patience = if self.not_to_try().is_some() { Duration::ZERO } else { self.options.patience };
        let effects: Vec<(ObjectKey, Effect)> = stream::iter(written.iter().map(|(key, api_version, object)| {
            let target = Target::new(&self.connection, key, api_version);
            async move {
                let effect = match target {
                    Some(target) => effect::wait(target, object, patience).await,
                    None => Effect::NotObservable,
                };
                (key.clone(), effect)
            }
        }))
        .buffer_unordered(self.options.at_once.max(1))
        .collect()
        .await;
        for (key, effect) in effects {
            if let Some(result) = self.results.get_mut(&key) {
                result.effect = Some(effect);
            }
        }
    }

    fn record(&mut self, results: Vec<(ObjectResult, Option<(String, Value)>)>) {
        for (result, object) in results {
            if let Some((api_version, object)) = object.filter(|_| result.outcome.is_change()) {
                self.written.push((result.object.key(), api_version, object));
            }
            self.results.insert(result.object.key(), result);
        }
    }

    fn report(mut self, removals: &[deletions::Resolved], inventory: Option<Failure>) -> Report {
        let mut results = Vec::with_capacity(self.results.len());
        let mut ordered: Vec<&deletions::Resolved> = removals.iter().collect();
        ordered.sort_by_key(|removal| removal.rank);
        let wanted = phases(&self.work.wanted)
            .into_iter()
            .flat_map(|phase| self.work.wanted.iter().filter(move |wanted| wanted.phase == phase))
            .map(|wanted| wanted.object.key());
        for key in wanted.chain(ordered.iter().map(|removal| removal.object.key())) {
            results.extend(self.results.remove(&key));
        }
        let stopped = self.not_to_try();
        Report { results, stopped, inventory, ..Report::default() }
    }

    fn told(&self, object: ObjectName, outcome: Outcome, warnings: Vec<String>) -> ObjectResult {
        let result = ObjectResult { object, outcome, effect: None, warnings, unchecked: Vec::new() };
        (self.progress)(&result);
        result
    }

    /// One server that stopped answering is not worth asking again for every object that is left.
    fn note(&self, failure: &Failure) {
        if let (Failure::NoAnswer { message }, Ok(mut lost)) = (failure, self.lost.lock()) {
            lost.get_or_insert_with(|| message.clone());
        }
    }

    fn not_to_try(&self) -> Option<String> {
        if self.options.stop.is_asked() {
            return Some("interrupted".to_owned());
        }
        self.lost.lock().ok().and_then(|lost| lost.clone())
    }
}

fn phases(wanted: &[Wanted]) -> BTreeSet<Phase> {
    wanted.iter().map(|wanted| wanted.phase).collect()
}

/// Refuses to begin where the server lacks a kind that the program does not define itself.
fn unknown_kinds(connection: &Connection, wanted: &[Wanted]) -> Result<(), ApplyError> {
    let defined: BTreeSet<(String, String)> = wanted.iter().filter_map(|wanted| defines(&wanted.object)).collect();
    let mut unknown: BTreeMap<(String, String), UnknownKind> = BTreeMap::new();
    for found in wanted.iter().filter_map(|wanted| unknown_kind(connection, &wanted.object, &defined)) {
        unknown.entry((found.api_version.clone(), found.kind.clone())).or_insert(found);
    }
    if unknown.is_empty() { Ok(()) } else { Err(ApplyError::UnknownKinds(unknown.into_values().collect())) }
}

/// That a server does not serve an object's kind, which none of the definitions beside it brings.
pub(crate) fn unknown_kind(
    connection: &Connection,
    object: &Object,
    defined: &BTreeSet<(String, String)>,
) -> Option<UnknownKind> {
    let (key, api_version) = (object.key(), object.api_version());
    if Target::new(connection, &key, api_version).is_some() || defined.contains(&(key.group.clone(), key.kind.clone()))
    {
        return None;
    }
    let versions = connection.served().versions(&key.group, &key.kind);
    let served = versions.iter().map(|version| format!("{}/{version}", key.group)).collect();
    Some(UnknownKind { api_version: api_version.to_owned(), kind: key.kind.clone(), example: key, served })
}

/// Whether an object refuses whatever it covers while nobody answers somewhere: then it comes after all others of its phase.
fn must_answer(object: &Object) -> bool {
    !awaited(object).is_empty() || !unchecked(object).is_empty()
}

/// Group and kind that a CustomResourceDefinition defines.
pub(crate) fn defines(object: &Object) -> Option<(String, String)> {
    (object.group() == "apiextensions.k8s.io" && object.kind() == "CustomResourceDefinition")
        .then(|| (object.str_at("/spec/group").to_owned(), object.str_at("/spec/names/kind").to_owned()))
}
