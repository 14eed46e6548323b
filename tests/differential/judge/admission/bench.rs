//! Engines side by side, each in a namespace of its own, and one where no rule is.

use kspec_model::rules::{Operation, Table};
use kspec_rules::{Asked, Engines, Evaluator, NoObjects, Review};
use kspec_schema::KubeVersion;
use kspec_schema::defaults::carries_pod;
use kspec_test_harness::{Answer, Client, Cluster, wait_until};
use serde_json::{Value, json};

use super::laptop::{Laptop, USER, given};
use super::policies::{self, Policies};
use super::program::{AS_OF, Compiled, compiled, folder, source};
use super::told::{self, Told};
use super::webhook::{self, Webhook};

/// A request, which can be made in any namespace.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    pub(crate) resource: (&'static str, &'static str, &'static str),
    pub(crate) subresource: Option<&'static str>,
    pub(crate) kind: &'static str,
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The path, with `{}` for the namespace.
    pub(crate) path: String,
    /// The object that is sent.
    pub(crate) body: Option<Value>,
    /// Groups of who asks.
    pub(crate) groups: Vec<String>,
}

impl Ask {
    /// To create an object in a namespace, not for good.
    pub(crate) fn create(
        resource: (&'static str, &'static str, &'static str),
        kind: &'static str,
        body: &Value,
    ) -> Self {
        let (group, version, plural) = resource;
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        Self {
            operation: Operation::Create,
            resource,
            subresource: None,
            kind,
            method: "POST",
            path: format!("{root}/namespaces/{{}}/{plural}?dryRun=All"),
            body: Some(body.clone()),
            groups: groups(),
        }
    }

    pub(crate) fn send(&self, client: &Client, namespace: &str, body: Option<&Value>) -> Answer {
        let path = self.path.replace("{}", namespace);
        let text = body.map(Value::to_string);
        client.request(self.method, &path, text.as_deref().map(|text| ("application/json", text))).unwrap()
    }

    /// The AdmissionRequest.
    pub(crate) fn request(&self, namespace: Option<&str>, object: Option<&Value>, old: Option<&Value>) -> Value {
        Asked {
            operation: self.operation,
            resource: self.resource,
            subresource: self.subresource,
            kind: self.kind,
            namespace,
            object,
            old,
            user: USER,
            groups: &self.groups,
        }
        .request()
    }
}

/// Those of who asks: as an administrator, so that nothing but admission says no.
pub(crate) fn groups() -> Vec<String> {
    vec!["system:masters".to_owned(), "system:authenticated".to_owned()]
}

/// Who asks.
pub(crate) fn client(cluster: &Cluster) -> Client {
    cluster.admin().acting_as(USER, &["system:masters"])
}

/// How many verdicts each engine gave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Verdicts {
    pub(crate) requests: usize,
    pub(crate) policies: usize,
    pub(crate) webhook: usize,
    /// Of objects as the server defaults them.
    pub(crate) vet: usize,
    /// Of objects as they were written.
    pub(crate) vet_raw: usize,
    pub(crate) test: usize,
    pub(crate) test_raw: usize,
}

impl std::ops::Add for Verdicts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            policies: self.policies + other.policies,
            webhook: self.webhook + other.webhook,
            vet: self.vet + other.vet,
            vet_raw: self.vet_raw + other.vet_raw,
            test: self.test + other.test,
            test_raw: self.test_raw + other.test_raw,
        }
    }
}

/// A namespace of the server.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) object: Value,
}

/// A program in force: by policies in one namespace, by the webhook in another, and not at all in a third.
pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) placements: Vec<kspec_lower::Placement>,
    pub(crate) policies: Policies,
    laptop: Laptop,
    webhook: Evaluator,
    _server: Webhook,
    pub(crate) judged: Place,
    pub(crate) hooked: Place,
    pub(crate) plain: Place,
}

impl Bench {
    /// The module of a name, bound in its namespace `judged`, in namespaces that no other test has.
    pub(crate) fn new(cluster: &Cluster, version: KubeVersion, name: &str) -> Self {
        Self::with(cluster, version, name, |_, _| {})
    }

    /// The same, with what is done in each namespace before.
    pub(crate) fn with(cluster: &Cluster, version: KubeVersion, name: &str, before: impl Fn(&Client, &str)) -> Self {
        let client = client(cluster);
        let place = |stem: &str| {
            let name = cluster.unique_name(stem);
            let object = namespace(&client, &name);
            before(&client, &name);
            Place { name, object }
        };
        let (judged, hooked, plain) = (place("judged"), place("hooked"), place("plain"));
        let source = source(name).replace("namespace judged", &format!("namespace judged = {:?}", judged.name));
        let project = cluster.unique_name(&name[..4]);
        let Compiled { program, schema, .. } = compiled(&folder(&project), &project, &source, version, "");
        let placements = kspec_lower::placements(&program, AS_OF);
        let policies = Policies::install(&client, &program);
        let laptop = Laptop::new(policies.table(), schema, &[&judged.object]);
        let elsewhere = moved(policies.table(), &judged.name, &hooked.name);
        let server = Webhook::start(cluster, &elsewhere);
        server.register(&client);
        let webhook = Evaluator::load(elsewhere).unwrap_or_else(|error| panic!("{error}"));
        Self { client, placements, policies, laptop, webhook, _server: server, judged, hooked, plain }
    }

    /// Waits until both servers are asked about what both refuse.
    pub(crate) fn in_force(&self, refused: &Ask) {
        let body = refused.body.as_ref();
        wait(|| {
            policies::is_denial(&refused.send(&self.client, &self.judged.name, body))
                && webhook::is_denial(&refused.send(&self.client, &self.hooked.name, body))
        });
    }

    /// Asks all engines about a creation; `Err` says how they differ. What the server takes for invalid is no case.
    pub(crate) fn judge(&self, ask: &Ask) -> Result<Verdicts, String> {
        let raw = ask.body.as_ref().unwrap();
        let plain = ask.send(&self.client, &self.plain.name, Some(raw));
        if !plain.is_ok() {
            return Ok(Verdicts::default());
        }
        let made = plain.json().unwrap();
        let in_place = |object: &Value, place: &Place| {
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(place.name);
            object
        };
        let object = in_place(&made, &self.judged);
        let request = ask.request(Some(&self.judged.name), Some(&object), None);
        let own = told::warnings(&plain);
        let (told, mut verdicts) = self.judge_servers(ask, &request, (Some(raw), Some(raw)), &own, |place| {
            ask.request(Some(&place.name), Some(&in_place(&made, place)), None)
        })?;
        let written = in_place(raw, &self.judged);
        let fails = |what: &str, why: String| format!("{what}: {why}\nof {written}");
        let test = |object: &Value| self.laptop.test(given(ask.operation, object, None, &groups()), &told);
        verdicts.vet = self.laptop.vet(&object, &told).map_err(|why| fails("vet", why))?;
        verdicts.test = test(&object).map_err(|why| fails("test", why))?;
        // What the server fills in of other kinds is known to the server alone.
        if carries_pod(&written) {
            verdicts.vet_raw = self.laptop.vet(&written, &told).map_err(|why| fails("vet of what was written", why))?;
            verdicts.test_raw = test(&written).map_err(|why| fails("test of what was written", why))?;
        }
        Ok(verdicts)
    }

    /// Asks both servers; yields what the rules say where the policies are. `own` are the server's own warnings.
    pub(crate) fn judge_servers(
        &self,
        ask: &Ask,
        request: &Value,
        (body, hooked_body): (Option<&Value>, Option<&Value>),
        own: &[String],
        in_place: impl Fn(&Place) -> Value,
    ) -> Result<(Told, Verdicts), String> {
        let answer = ask.send(&self.client, &self.judged.name, body);
        let fails = |what: &str, why: String| format!("{what}: {why}\nof {}", request["object"]);
        let verdicts = self.policies.compare(request, Some(&self.judged.object), &answer);
        let policies = verdicts.map_err(|why| fails("policies", why))?;
        let told = tell(self.policies.evaluator(), request, Some(&self.judged.object))?;
        let there = tell(&self.webhook, &in_place(&self.hooked), Some(&self.hooked.object))?;
        let answer = ask.send(&self.client, &self.hooked.name, hooked_body);
        let webhook = webhook::compare(&answer, &there, own).map_err(|why| fails("webhook", why))?;
        Ok((told, Verdicts { requests: 1, policies, webhook, ..Verdicts::default() }))
    }

    /// A `test` of a request.
    pub(crate) fn test(&self, given: kspec_model::program::Given, told: &Told) -> Result<usize, String> {
        self.laptop.test(given, told).map_err(|why| format!("test: {why}"))
    }
}

/// What the evaluator says, all rules asked.
pub(crate) fn tell(evaluator: &Evaluator, request: &Value, namespace: Option<&Value>) -> Result<Told, String> {
    let review = Review::from_request(request)?.in_namespace(namespace);
    Told::of(&evaluator.judge(&review, Engines::All, &NoObjects))
}

/// A table that holds in another namespace.
pub(crate) fn moved(table: &Table, from: &str, to: &str) -> Table {
    serde_json::from_str(&serde_json::to_string(table).unwrap().replace(from, to)).unwrap()
}

/// Waits until something holds several times on end: each policy takes effect in its own time.
pub(crate) fn wait(mut probe: impl FnMut() -> bool) {
    let mut good = 0;
    wait_until("the rules are in force", || {
        good = if probe() { good + 1 } else { 0 };
        Ok((good >= 3).then_some(()))
    })
    .unwrap();
}

/// A namespace in which pods can be made at once.
pub(crate) fn namespace(client: &Client, name: &str) -> Value {
    let labels = json!({ "team": "b" });
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
    client.apply(&object, "kspec.judge", false).unwrap().ok().unwrap();
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name } });
    client.apply(&account, "kspec.judge", false).unwrap().ok().unwrap();
    client.get(&format!("/api/v1/namespaces/{name}")).unwrap()
}
