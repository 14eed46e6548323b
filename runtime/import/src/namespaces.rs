//! Namespaces and service accounts.

use kspec_model::Object;
use kspec_schema::KubeVersion;
use serde_json::Value;

use crate::{
    Import,
    access::purpose,
    names::{ACCOUNTS, NAMESPACES},
    text::{quoted, string_list, string_record},
};

const POD_SECURITY: &str = "pod-security.kubernetes.io/";

/// Labels that Kubernetes, kspec and ApplySets keep themselves.
fn is_kept_by_others(label: &str) -> bool {
    label.starts_with(POD_SECURITY)
        || label.starts_with("kspec.dev/")
        || label.starts_with("applyset.kubernetes.io/")
        || matches!(label, "kubernetes.io/metadata.name" | "app.kubernetes.io/managed-by")
}

impl Import<'_> {
    pub(crate) fn namespaces(&mut self) {
        for (name, known) in self.names.all_namespaces() {
            let module = NAMESPACES.to_owned();
            let object = self.objects("", "Namespace").into_iter().find(|object| object.name() == name);
            let Some(object) = object else {
                self.add(&module, format!("existing namespace {} = {}", known.ident, quoted(&name)));
                self.accounts(&name);
                self.amounts_elsewhere(&name, &module);
                continue;
            };
            let mut body: Vec<String> = Vec::new();
            let labels: Vec<(String, String)> =
                object.labels().into_iter().filter(|(label, _)| !is_kept_by_others(label)).collect();
            if !labels.is_empty() {
                body.push(format!("labels: {}", string_record(labels.iter().map(|(name, value)| (name, value)))));
            }
            let (security, unsaid) = pod_security(&object, self.kubernetes);
            body.extend(security);
            for label in unsaid {
                let reason = format!("its label {label} says nothing that Pod Security of {} knows", self.kubernetes);
                self.left_out(&object.key(), &reason);
            }
            if let Some(account) = self.default_account(&name)
                && pull_secrets(&account).is_empty()
                && let Some(automount) = automount(&account)
            {
                body.push(format!("automount_token: {automount}"));
                self.declared();
            }
            body.extend(self.amounts_in(&name, &module));
            let given = format!(" = {}", quoted(&name));
            let body = if body.is_empty() { String::new() } else { format!(" {{\n{}\n}}", body.join("\n")) };
            let doc = purpose(&object);
            self.add(&module, format!("{doc}namespace {}{given}{body}", known.ident));
            self.declared();
            self.accounts(&name);
        }
    }

    /// Names the default service accounts that grants are to, where nothing else says them.
    pub(crate) fn default_accounts(&mut self) {
        for namespace in std::mem::take(&mut self.default_accounts) {
            let home = self.names.namespace(&namespace).cloned();
            let account = self.names.account(&namespace, "default").cloned();
            let held =
                self.default_account(&namespace).is_some_and(|account| !self.needs_its_own(&namespace, &account));
            if let (Some(home), Some(account), true) = (home, account, held) {
                let place = self.refer(ACCOUNTS, &home);
                self.add(ACCOUNTS, format!("existing service_account {} in {place} = \"default\"", account.ident));
            }
        }
    }

    fn default_account(&self, namespace: &str) -> Option<Object> {
        self.objects_in("", "ServiceAccount", namespace).into_iter().find(|object| object.name() == "default")
    }

    /// Whether a default service account takes a declaration: the namespace's says only whether it mounts its token.
    fn needs_its_own(&self, namespace: &str, account: &Object) -> bool {
        let held = self
            .state
            .objects
            .iter()
            .any(|object| object.object.kind() == "Namespace" && object.object.name() == namespace);
        let said_by_namespace = held && automount(account).is_some();
        let says = automount(account).is_some() || account.labels().contains_key("kspec.dev/project");
        !pull_secrets(account).is_empty() || (says && !said_by_namespace)
    }

    fn accounts(&mut self, namespace: &str) {
        let Some(known) = self.names.namespace(namespace).cloned() else { return };
        let module = ACCOUNTS;
        let place = known;
        let home = place.ident.clone();
        for object in self.objects_in("", "ServiceAccount", namespace) {
            let Some(known) = self.names.account(namespace, object.name()).cloned() else { continue };
            // Every namespace has a default one: it is named where a grant names it.
            if object.name() == "default" && !self.needs_its_own(namespace, &object) {
                continue;
            }
            let mut body: Vec<String> = Vec::new();
            if let Some(automount) = automount(&object) {
                body.push(format!("automount_token: {automount}"));
            }
            let secrets = pull_secrets(&object);
            if !secrets.is_empty() {
                body.push(format!("image_pull_secrets: {}", string_list(secrets)));
            }
            let body = if body.is_empty() { String::new() } else { format!(" {{ {} }}", body.join(", ")) };
            self.refer(module, &place);
            self.add(module, format!("service_account {} in {home} = {}{body}", known.ident, quoted(object.name())));
            self.declared();
        }
        let missing: Vec<String> = self
            .names
            .missing_accounts
            .iter()
            .filter(|(of, _)| of == namespace)
            .map(|(_, name)| name.clone())
            .collect();
        for name in missing {
            if let Some(known) = self.names.account(namespace, &name).cloned() {
                self.refer(module, &place);
                self.add(module, format!("existing service_account {} in {home} = {}", known.ident, quoted(&name)));
            }
        }
    }
}

fn automount(account: &Object) -> Option<bool> {
    account.0.get("automountServiceAccountToken")?.as_bool()
}

fn pull_secrets(account: &Object) -> Vec<&str> {
    let secrets = account.0.get("imagePullSecrets").and_then(Value::as_array);
    secrets.into_iter().flatten().filter_map(|secret| secret.get("name")?.as_str()).collect()
}

/// `pod_security: …`, as short as it can be said, and the labels of Pod Security that say nothing.
fn pod_security(object: &Object, target: KubeVersion) -> (Option<String>, Vec<String>) {
    let labels = object.labels();
    let mut unsaid = Vec::new();
    let mut get = |label: String, known: &dyn Fn(&str) -> bool| {
        let value = labels.get(&format!("{POD_SECURITY}{label}"))?;
        if !known(value) {
            unsaid.push(format!("{POD_SECURITY}{label}: {value}"));
        }
        known(value).then_some(value)
    };
    let modes = ["enforce", "audit", "warn"];
    let is_level = |level: &str| matches!(level, "privileged" | "baseline" | "restricted");
    // `unknown` and what is newer than the target are read as the latest.
    let is_version = |version: &str| {
        let minor = version.strip_prefix("v1.").and_then(|minor| minor.parse::<u8>().ok());
        version == "latest" || minor.is_some_and(|minor| minor <= target.minor())
    };
    let levels = modes.map(|mode| get(mode.to_owned(), &is_level));
    let versions = modes.map(|mode| get(format!("{mode}-version"), &is_version));
    (said(modes, levels, versions), unsaid)
}

/// What the labels of Pod Security say, by mode.
fn said(modes: [&str; 3], levels: [Option<&String>; 3], versions: [Option<&String>; 3]) -> Option<String> {
    if levels.iter().all(Option::is_none) {
        return None;
    }
    if let [Some(enforce), Some(audit), Some(warn)] = levels
        && enforce == audit
        && audit == warn
        && versions.iter().all(Option::is_none)
    {
        return Some(format!("pod_security: {enforce}"));
    }
    let mut fields: Vec<String> = Vec::new();
    for ((mode, level), version) in modes.iter().zip(levels).zip(versions) {
        if let Some(level) = level {
            fields.push(format!("{mode}: {level}"));
        }
        if let (Some(version), Some(_)) = (version, level) {
            fields.push(format!("{mode}_version: {}", quoted(version)));
        }
    }
    Some(format!("pod_security: {{ {} }}", fields.join(", ")))
}
