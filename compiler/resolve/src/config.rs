//! `kspec.toml`: what a project is, and where its inputs are.

mod admission;

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use kspec_diagnostics::{Finding, Place, SourceFile, codes};
use kspec_model::program::NetworkFacts;
use kspec_schema::KubeVersion;
use serde::Deserialize;

pub use admission::Admission;

/// Editions that this compiler knows, oldest first.
pub const EDITIONS: &[&str] = &["2026"];

/// A project's `kspec.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Project name, a DNS label.
    pub name: String,
    /// Edition of the language.
    pub edition: String,
    /// Who answers for the project.
    pub owner: Option<String>,
    /// Target Kubernetes version.
    pub kubernetes: KubeVersion,
    /// Namespace of the inventory; `default` unless told.
    pub inventory_namespace: String,
    /// Environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// Packages by the name their modules begin with; a path relative to this project.
    pub dependencies: BTreeMap<String, String>,
    /// Files and folders (globs allowed) of manifests to bind workloads from.
    pub manifests: Vec<String>,
    /// Files and folders (globs allowed) of CustomResourceDefinitions.
    pub crds: Vec<String>,
    /// Default of `--state`: `live`, or a path.
    pub state: Option<String>,
    /// The cluster's network.
    pub network: NetworkFacts,
    /// Engines of admission rules, and the webhook.
    pub admission: Admission,
}

/// One `[environments.NAME]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Environment {
    /// The kube context that it must be applied to.
    pub context: Option<String>,
    /// Values of the root module's parameters, as TOML values rendered to JSON.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Overrides the project's.
    pub manifests: Option<Vec<String>>,
    /// Overrides the project's.
    pub state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: toml::Spanned<String>,
    edition: toml::Spanned<String>,
    owner: Option<String>,
    kubernetes: toml::Spanned<String>,
    inventory_namespace: Option<toml::Spanned<String>>,
    #[serde(default)]
    environments: BTreeMap<String, RawEnvironment>,
    #[serde(default)]
    dependencies: BTreeMap<String, RawDependency>,
    #[serde(default)]
    manifests: Vec<String>,
    #[serde(default)]
    crds: Vec<String>,
    state: Option<String>,
    #[serde(default)]
    network: RawNetwork,
    #[serde(default)]
    admission: admission::Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnvironment {
    context: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, serde_json::Value>,
    manifests: Option<Vec<String>>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDependency {
    path: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawNetwork {
    #[serde(default)]
    pods: Vec<toml::Spanned<String>>,
    #[serde(default)]
    services: Vec<toml::Spanned<String>>,
    #[serde(default)]
    nodes: Vec<toml::Spanned<String>>,
    dns: Option<RawDns>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDns {
    namespace: Option<String>,
    pods: Option<BTreeMap<String, String>>,
    ports: Option<Vec<u16>>,
}

/// Reads `kspec.toml`. `path` is how findings name the file.
///
/// # Errors
/// Every finding is `K0123` and places the key at fault.
pub fn parse_config(path: &str, text: &str) -> Result<Config, Vec<Finding>> {
    let file = SourceFile::new(path, text);
    let at = |offset: usize| {
        let (line, column) = file.line_column(u32::try_from(offset).unwrap_or(u32::MAX));
        Place::File { path: Arc::clone(&file.path), line, column }
    };
    let raw: Raw =
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            vec![Finding::new(codes::PROJECT_FILE, error.message().to_owned(), at(offset)).help(
                "a project needs at least name, edition and kubernetes; docs/reference/project.md lists every key",
            )]
        })?;
    let mut findings = Vec::new();
    let mut bad = |span: std::ops::Range<usize>, message: String, help: String| {
        findings.push(Finding::new(codes::PROJECT_FILE, message, at(span.start)).help(help));
    };

    if !is_short_label(raw.name.get_ref()) {
        bad(
            raw.name.span(),
            format!("`{}` is no project name: it becomes part of Kubernetes names", raw.name.get_ref()),
            "use lower case letters, digits and hyphens, 40 at most, such as \"web-shop\"".to_owned(),
        );
    }
    if !EDITIONS.contains(&raw.edition.get_ref().as_str()) {
        bad(
            raw.edition.span(),
            format!("edition \"{}\" is not known to this kspec", raw.edition.get_ref()),
            format!("known editions: {}", EDITIONS.join(", ")),
        );
    }
    let kubernetes = KubeVersion::parse(raw.kubernetes.get_ref());
    if kubernetes.is_none() {
        let known: Vec<String> = KubeVersion::all().iter().map(ToString::to_string).collect();
        bad(
            raw.kubernetes.span(),
            format!("Kubernetes {} is no target of this kspec", raw.kubernetes.get_ref()),
            format!("targets: {}", known.join(", ")),
        );
    }
    if let Some(namespace) = &raw.inventory_namespace
        && !is_short_label(namespace.get_ref())
    {
        bad(
            namespace.span(),
            format!("`{}` is no namespace name", namespace.get_ref()),
            "use lower case letters, digits and hyphens".to_owned(),
        );
    }
    let mut ranges = |list: &[toml::Spanned<String>]| -> Vec<IpNet> {
        list.iter()
            .filter_map(|text| match text.get_ref().parse::<IpNet>() {
                Ok(net) if net == net.trunc() => Some(net),
                Ok(net) => {
                    bad(
                        text.span(),
                        format!("{} has host bits set", text.get_ref()),
                        format!("write \"{}\"", net.trunc()),
                    );
                    None
                }
                Err(_) => {
                    bad(
                        text.span(),
                        format!("\"{}\" is no address range", text.get_ref()),
                        "write a CIDR such as \"10.244.0.0/16\"".to_owned(),
                    );
                    None
                }
            })
            .collect()
    };
    let defaults = NetworkFacts::default();
    let (pods, services, nodes) =
        (ranges(&raw.network.pods), ranges(&raw.network.services), ranges(&raw.network.nodes));
    let dns = raw.network.dns;
    let network = NetworkFacts {
        pods,
        services,
        nodes,
        dns_namespace: dns.as_ref().and_then(|dns| dns.namespace.clone()).unwrap_or(defaults.dns_namespace),
        dns_pods: dns.as_ref().and_then(|dns| dns.pods.clone()).unwrap_or(defaults.dns_pods),
        dns_ports: dns.as_ref().and_then(|dns| dns.ports.clone()).unwrap_or(defaults.dns_ports),
    };
    let admission = raw.admission.read(&mut bad);
    match kubernetes {
        Some(kubernetes) if findings.is_empty() => Ok(Config {
            name: raw.name.into_inner(),
            edition: raw.edition.into_inner(),
            owner: raw.owner,
            kubernetes,
            inventory_namespace: raw
                .inventory_namespace
                .map_or_else(|| "default".to_owned(), toml::Spanned::into_inner),
            environments: raw
                .environments
                .into_iter()
                .map(|(name, raw)| {
                    let RawEnvironment { context, params, manifests, state } = raw;
                    (name, Environment { context, params, manifests, state })
                })
                .collect(),
            dependencies: raw.dependencies.into_iter().map(|(name, dependency)| (name, dependency.path)).collect(),
            manifests: raw.manifests,
            crds: raw.crds,
            state: raw.state,
            network,
            admission,
        }),
        _ => Err(findings),
    }
}

/// RFC 1123 label, 40 characters at most, so that prefixed names stay within Kubernetes' 63.
fn is_short_label(text: &str) -> bool {
    text.len() <= 40 && kspec_schema::names::is_dns_label(text)
}
