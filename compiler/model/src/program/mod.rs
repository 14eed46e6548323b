//! What a project declares, expanded and resolved.
//!
//! References are by Kubernetes name, so that a declaration's meaning does not depend on where others stand in source.

mod access;
mod admission;
mod control_plane;
mod guarantee;
mod namespace;
mod network;

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Code, Location};
use serde_json::Value;

pub use access::*;
pub use admission::*;
pub use control_plane::*;
pub use guarantee::*;
pub use namespace::*;
pub use network::*;

/// Where a declaration came from: its own place, and the chain of template stamps and `for`s that led to it, innermost
/// first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The declaration's name or head.
    pub at: Location,
    /// Stamps and `for`s, innermost first; empty for what stands at the top of a module.
    pub uses: Arc<[Location]>,
}

impl From<Location> for Origin {
    fn from(at: Location) -> Self {
        Self { at, uses: Arc::from([]) }
    }
}

/// Facts of the project that lowering needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Name: a DNS label. Prefixes cluster-scoped names, labels objects, names the field manager.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// `major.minor` of the target Kubernetes, e.g. `1.36`.
    pub kubernetes: String,
    /// Namespace of the inventory.
    pub inventory_namespace: String,
    /// Environment picked, where the project declares some.
    pub environment: Option<String>,
    /// Pod, service, node ranges and how DNS is found.
    pub network: NetworkFacts,
    /// Which engine decides admission rules, and where the webhook is.
    pub admission: AdmissionFacts,
}

/// The `[network]` table of `kspec.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFacts {
    /// Pod ranges.
    pub pods: Vec<ipnet::IpNet>,
    /// Service ranges.
    pub services: Vec<ipnet::IpNet>,
    /// Node ranges.
    pub nodes: Vec<ipnet::IpNet>,
    /// Namespace of the DNS pods; `kube-system` unless told.
    pub dns_namespace: String,
    /// Labels of the DNS pods; `k8s-app: kube-dns` unless told.
    pub dns_pods: BTreeMap<String, String>,
    /// Ports the DNS *pods* listen on (a Service's target ports), each for UDP and TCP; 53 unless told.
    pub dns_ports: Vec<u16>,
}

impl Default for NetworkFacts {
    fn default() -> Self {
        Self {
            pods: Vec::new(),
            services: Vec::new(),
            nodes: Vec::new(),
            dns_namespace: "kube-system".to_owned(),
            dns_pods: BTreeMap::from([("k8s-app".to_owned(), "kube-dns".to_owned())]),
            dns_ports: vec![53],
        }
    }
}

/// The `[admission]` table of `kspec.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdmissionFacts {
    /// Which engine decides.
    pub engine: EngineChoice,
    /// The webhook.
    pub webhook: WebhookFacts,
}

/// Which engine decides bound rules and mutations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The API server where CEL can say it, else the webhook.
    #[default]
    Auto,
    /// The API server; what CEL cannot say is an error.
    Cel,
    /// The webhook.
    Webhook,
}

/// The `[admission.webhook]` table of `kspec.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookFacts {
    /// Where the API server finds it, where it is not a Service of the cluster.
    pub url: Option<String>,
    /// Its Service; `kspec-webhook` unless told.
    pub service: Option<String>,
    /// The Service's namespace; the inventory's unless told.
    pub namespace: Option<String>,
    /// The Service's port; 443 unless told.
    pub port: Option<u16>,
    /// By whom the API server knows its certificate.
    pub authority: WebhookAuthority,
    /// The container image that runs it, where its Deployment is to be written too.
    pub image: Option<String>,
    /// The Secret of its certificate and key; `kspec-webhook-tls` unless told.
    pub tls_secret: Option<String>,
    /// How many of it run; 2 unless told.
    pub replicas: Option<u32>,
}

/// By whom the API server knows the webhook's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WebhookAuthority {
    /// Nobody said: by the authorities that the API server's machine trusts.
    #[default]
    Unsaid,
    /// By these certificates, in PEM.
    Pem(String),
    /// By what cert-manager fills in of a `namespace/certificate`.
    CertManager(String),
}

/// The forms that a program's contents take: every list and every block that a program has at most one of is named once,
/// here.
macro_rules! contents {
    (
        lists { $($(#[$list_doc:meta])* $list:ident: $ty:ty,)* }
        blocks { $($(#[$block_doc:meta])* $block:ident: $one:ty,)* }
    ) => {
        /// Everything that a project declares. Each list is in source order: modules by path, then items by position.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Program {
            /// The project.
            pub project: Project,
            $($(#[$list_doc])* pub $list: Vec<$ty>,)*
            $($(#[$block_doc])* pub $block: Option<$one>,)*
        }

        /// What one item adds to a program.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Part {
            $($(#[$list_doc])* pub $list: Vec<$ty>,)*
            $($(#[$block_doc])* pub $block: Vec<$one>,)*
        }

        /// A program, or the part of one that some items make up, borrowed: what checks and lowering read.
        #[derive(Debug, Clone)]
        pub struct View<'a> {
            /// The project.
            pub project: &'a Project,
            $($(#[$list_doc])* pub $list: Vec<&'a $ty>,)*
            $($(#[$block_doc])* pub $block: Option<&'a $one>,)*
        }

        impl Program {
            /// A program that declares nothing.
            #[must_use]
            pub fn empty(project: Project) -> Self {
                Self { project, $($list: Vec::new(),)* $($block: None,)* }
            }

            /// The program that parts make up, in order. Of blocks that a program has one of, the first counts.
            #[must_use]
            pub fn gather<'p>(project: Project, parts: impl IntoIterator<Item = &'p Part>) -> Self {
                let mut program = Self::empty(project);
                for part in parts {
                    $(program.$list.extend_from_slice(&part.$list);)*
                    $(program.$block = program.$block.take().or_else(|| part.$block.first().cloned());)*
                }
                program
            }

            /// The whole of it.
            #[must_use]
            pub fn view(&self) -> View<'_> {
                View {
                    project: &self.project,
                    $($list: self.$list.iter().collect(),)*
                    $($block: self.$block.as_ref(),)*
                }
            }
        }

        impl<'a> View<'a> {
            /// The program that parts make up, as [`Program::gather`] does.
            #[must_use]
            pub fn gather(project: &'a Project, parts: impl IntoIterator<Item = &'a Part>) -> Self {
                let mut view = Self { project, $($list: Vec::new(),)* $($block: None,)* };
                for part in parts {
                    $(view.$list.extend(&part.$list);)*
                    $(view.$block = view.$block.or(part.$block.first());)*
                }
                view
            }
        }
    };
}

contents! {
    lists {
        /// Namespaces, existing ones included.
        namespaces: Namespace,
        /// Workloads, existing ones included.
        workloads: Workload,
        /// Service accounts, existing ones included.
        service_accounts: ServiceAccount,
        /// Users and groups.
        principals: Principal,
        /// Roles and cluster roles, existing ones included, built-in ones not.
        roles: Role,
        /// Grants, break-glass included.
        grants: Grant,
        /// Networks.
        networks: Network,
        /// Objects given verbatim.
        manifests: Manifest,
        /// Renames.
        moved: Moved,
        /// Accepted findings.
        accepts: Accept,
        /// Guarantees.
        guarantees: Guarantee,
        /// Bound rules.
        rules: RuleBinding,
        /// Bound mutations.
        mutations: MutationBinding,
        /// Exemptions.
        exemptions: Exemption,
        /// Tests.
        tests: Test,
    }
    blocks {
        /// Encryption at rest.
        encryption: Encryption,
        /// Audit.
        audit: Audit,
        /// Authentication.
        authentication: Authentication,
        /// The API server's flags.
        api_server: ApiServer,
    }
}

/// `manifest { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The object as declared, already checked against its schema.
    pub object: Value,
    /// Whence.
    pub origin: Origin,
}

/// `moved KIND old to new`: the object that was called `from` is now called `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Kubernetes kind, e.g. `Role`, `ClusterRole`, `Namespace`, `ServiceAccount`, `NetworkPolicy`.
    pub kind: String,
    /// Old namespace and Kubernetes name.
    pub from: (Option<String>, String),
    /// New namespace and Kubernetes name.
    pub to: (Option<String>, String),
    /// Whence.
    pub origin: Origin,
}

/// `accept CODE on declaration { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The finding's code.
    pub code: Code,
    /// The declaration it is accepted for: a finding whose primary label lies in one of these items' declarations.
    pub on: Location,
    /// Why, who, until when.
    pub exception: Exception,
    /// Whence.
    pub origin: Origin,
}

/// What every exception states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Why.
    pub reason: String,
    /// Who answers for it: a principal's name as the authenticator yields it, or free text.
    pub owner: String,
    /// Last day on which it holds.
    pub until: Date,
    /// Where the date stands.
    pub until_at: Location,
}

/// A calendar day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
