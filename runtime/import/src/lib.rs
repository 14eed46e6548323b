//! A program for what a cluster holds already.
//!
//! In: a [`State`]. Out: the files of a project whose plan against that state only adopts, and a [`Report`] of what could
//! not be said in a declaration of its own. Objects that kspec does not declare (workloads, services, configuration) are
//! read to name things by, and are not part of the program.

mod access;
mod amounts;
mod api_server;
mod host;
mod names;
mod namespaces;
mod network;
mod probe;
mod text;
mod verbatim;

use std::collections::{BTreeMap, BTreeSet};

use kspec_lower::{PART_OF, inventory_in};
use kspec_model::{Object, ObjectKey};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::State;
use serde::Serialize;

use names::Names;

/// The label with the name of the project that applied an object.
const PROJECT: &str = "kspec.dev/project";

/// How to import.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the project.
    pub name: String,
    /// Target version.
    pub kubernetes: KubeVersion,
}

/// A project as files, path to text.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// `kspec.toml` and modules.
    pub files: BTreeMap<String, String>,
    /// What became of the objects.
    pub report: Report,
}

/// What became of the objects of the kinds that kspec declares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Objects said by a declaration of their own.
    pub declared: usize,
    /// Objects kept as `manifest { … }`, and why.
    pub verbatim: Vec<Kept>,
    /// Parts of objects that were left out because they change nothing, and why.
    pub left_out: Vec<Kept>,
}

/// An object, and why it was treated so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// `RoleBinding payments/x`
    pub object: String,
    /// Why.
    pub reason: String,
}

impl Report {
    /// Share of the objects that no declaration says, from 0 to 1.
    #[must_use]
    pub fn verbatim_share(&self) -> f64 {
        let all = self.declared + self.verbatim.len();
        // Counts of objects are far below what an f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "counts of objects are small")]
        if all == 0 { 0.0 } else { self.verbatim.len() as f64 / all as f64 }
    }
}

/// What the parts of an import share.
pub(crate) struct Import<'a> {
    pub(crate) state: &'a State,
    pub(crate) schema: &'a Schema,
    pub(crate) kubernetes: KubeVersion,
    pub(crate) names: Names,
    pub(crate) modules: BTreeMap<String, Module>,
    pub(crate) report: Report,
    /// Namespaces whose default service account is granted something.
    pub(crate) default_accounts: BTreeSet<String>,
    /// How quotas and limits are written.
    pub(crate) amounts: BTreeMap<ObjectKey, amounts::Said>,
}

/// A module being written.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Declarations as text, in order.
    items: Vec<String>,
    /// Names of other modules that they need: module to names.
    uses: BTreeMap<String, BTreeSet<String>>,
}

/// The project that the objects of a state carry the mark of, where it is one project alone.
#[must_use]
pub fn project_of(state: &State) -> Option<String> {
    let marks: BTreeSet<String> =
        state.objects.iter().filter_map(|object| object.object.labels().remove(PROJECT)).collect();
    match Vec::from_iter(marks).as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// Writes a program.
#[must_use]
pub fn import(state: &State, schema: &Schema, options: &Options) -> Imported {
    let mut import = Import {
        state,
        schema,
        kubernetes: options.kubernetes,
        names: Names::of(state, schema),
        modules: BTreeMap::new(),
        report: Report::default(),
        default_accounts: BTreeSet::new(),
        amounts: BTreeMap::new(),
    };
    import.settle_amounts();
    import.namespaces();
    import.principals();
    import.roles();
    import.bindings();
    import.default_accounts();
    import.network_policies();
    import.host();
    import.rest_of_project(&options.name);
    import.finish(options)
}

impl Import<'_> {
    /// Objects of a kind, in the order of their keys.
    pub(crate) fn objects(&self, group: &str, kind: &str) -> Vec<Object> {
        self.state
            .objects
            .iter()
            .map(|object| &object.object)
            .filter(|object| object.kind() == kind && object.group() == group)
            .cloned()
            .collect()
    }

    /// Objects of a kind in one namespace, in the order of their keys.
    pub(crate) fn objects_in(&self, group: &str, kind: &str, namespace: &str) -> Vec<Object> {
        self.state
            .objects
            .iter()
            .map(|object| &object.object)
            .filter(|object| {
                object.kind() == kind && object.group() == group && object.namespace().unwrap_or("default") == namespace
            })
            .cloned()
            .collect()
    }

    /// Adds a declaration to a module.
    pub(crate) fn add(&mut self, module: &str, item: String) {
        self.modules.entry(module.to_owned()).or_default().items.push(item);
    }

    /// A name as `module` writes it: brought in with `use` where another module declares it.
    pub(crate) fn refer(&mut self, module: &str, to: &names::Known) -> String {
        if let Some(home) = &to.module
            && home != module
        {
            self.modules
                .entry(module.to_owned())
                .or_default()
                .uses
                .entry(home.clone())
                .or_default()
                .insert(to.ident.clone());
        }
        to.ident.clone()
    }

    pub(crate) fn declared(&mut self) {
        self.report.declared += 1;
    }

    pub(crate) fn left_out(&mut self, key: &ObjectKey, reason: &str) {
        self.report.left_out.push(Kept { object: shown(key), reason: reason.to_owned() });
    }

    /// The namespace of the inventory: of a project that applied what is imported, where it kept its own.
    fn inventory_namespace(&self, project: &str) -> String {
        let parts: BTreeSet<String> = self
            .state
            .objects
            .iter()
            .filter(|object| object.object.labels().get(PROJECT).is_some_and(|of| of == project))
            .filter_map(|object| object.object.labels().remove(PART_OF))
            .collect();
        let named = self.names.all_namespaces().into_iter().map(|(name, _)| name);
        let kept = named.chain(["default".to_owned(), "kube-system".to_owned()]);
        let known = kept.into_iter().find(|name| parts.contains(&inventory_in(project, name).id));
        known.unwrap_or_else(|| match self.names.namespace("default") {
            Some(_) => "default".to_owned(),
            None => self.names.first_namespace().to_owned(),
        })
    }

    fn finish(self, options: &Options) -> Imported {
        let mut files = BTreeMap::new();
        let inventory = self.inventory_namespace(&options.name);
        files.insert(
            "kspec.toml".to_owned(),
            format!(
                "name = {}\nedition = \"2026\"\nkubernetes = \"{}\"\ninventory_namespace = {}\n",
                text::quoted(&options.name),
                options.kubernetes,
                text::quoted(&inventory)
            ),
        );
        for (path, module) in self.modules {
            let mut text = String::new();
            for (home, names) in &module.uses {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                text.push_str(&format!("use {home}.{{{}}}\n", names.join(", ")));
            }
            if !module.uses.is_empty() {
                text.push('\n');
            }
            for item in &module.items {
                text.push_str(item.trim_end());
                text.push_str("\n\n");
            }
            // What is written here is meant to parse; where it does not, the plain text shows why.
            let formatted = kspec_syntax::format(&text).unwrap_or(text);
            files.insert(format!("{path}.kspec"), formatted);
        }
        Imported { files, report: self.report }
    }
}

/// `RoleBinding payments/x`
pub(crate) fn shown(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
        None => format!("{} {}", key.kind, key.name),
    }
}
