//! Flags and admission plugins of kube-apiserver. `cargo xtask schemas` reads them from its source.

use std::sync::LazyLock;

use super::Span;
use crate::version::KubeVersion;

/// A flag of kube-apiserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Without the dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: FlagKind,
    span: Span,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlagKind {
    /// `true`, `false`, or nothing, which is `true`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Text.
    String,
    /// Texts between commas; given again, it adds to them.
    Commas,
    /// Text; given again, it adds another.
    List,
    /// `key=value` between commas.
    Map,
    /// A duration as Go writes it: `1h30m`.
    Duration,
    /// An IP address.
    Ip,
}

/// An admission plugin of kube-apiserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionPlugin {
    /// As `--enable-admission-plugins` takes it.
    pub name: &'static str,
    /// Whether the server's list of default plugins names it.
    pub default_on: bool,
    /// The feature gate that it does nothing without, if that gate is off by default in this version.
    pub closed_gate: Option<&'static str>,
}

impl AdmissionPlugin {
    /// Whether it does anything on a server that no flag says otherwise to.
    #[must_use]
    pub const fn is_active_by_default(&self) -> bool {
        self.default_on && self.closed_gate.is_none()
    }
}

/// Plugins that do nothing while a feature gate is off, and the versions in which it is off by default. Source:
/// `kubernetes/pkg/features/kube_features.go`, `InspectFeatureGates` of each plugin.
const CLOSED_GATES: &[(&str, &str, Span)] = &[
    ("ClusterTrustBundleAttest", "ClusterTrustBundle", Span::ALWAYS),
    ("JobValidation", "WorkloadWithJob", Span::ALWAYS),
    ("MutatingAdmissionPolicy", "MutatingAdmissionPolicy", until(KubeVersion::V1_35)),
    ("NodeDeclaredFeatureValidator", "NodeDeclaredFeatures", until(KubeVersion::V1_35)),
    ("PodGroupProtection", "GenericWorkload", Span::ALWAYS),
    ("PodGroupWorkloadExists", "GenericWorkload", Span::ALWAYS),
    ("PodTopologyLabels", "PodTopologyLabelsAdmission", until(KubeVersion::V1_34)),
];

const fn until(last: KubeVersion) -> Span {
    Span { first: KubeVersion::V1_33, last }
}

#[derive(Default)]
struct Table {
    flags: Vec<Flag>,
    /// Name, whether the default list names it, and when.
    plugins: Vec<(&'static str, bool, Span)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in include_str!("../../data/apiserver.tsv").lines().skip(1) {
        read(line, &mut table);
    }
    table
});

/// A row of five cells: what, name, kind or state, first version, last version.
fn read(line: &'static str, table: &mut Table) -> Option<()> {
    let mut cells = line.split('\t');
    let (what, name, kind) = (cells.next()?, cells.next()?, cells.next()?);
    let span = Span { first: KubeVersion::parse(cells.next()?)?, last: KubeVersion::parse(cells.next()?)? };
    match what {
        "flag" => table.flags.push(Flag { name, kind: flag_kind(kind)?, span }),
        "plugin" => table.plugins.push((name, kind == "on", span)),
        _ => return None,
    }
    Some(())
}

fn flag_kind(text: &str) -> Option<FlagKind> {
    Some(match text {
        "bool" => FlagKind::Bool,
        "int" => FlagKind::Int,
        "float" => FlagKind::Float,
        "string" => FlagKind::String,
        "commas" => FlagKind::Commas,
        "list" => FlagKind::List,
        "map" => FlagKind::Map,
        "duration" => FlagKind::Duration,
        "ip" => FlagKind::Ip,
        _ => return None,
    })
}

/// Every flag of this version, by name; deprecated ones that it still takes among them.
pub fn flags(version: KubeVersion) -> impl Iterator<Item = &'static Flag> {
    TABLE.flags.iter().filter(move |flag| flag.span.holds(version))
}

/// The flag of this name, without dashes.
#[must_use]
pub fn flag(version: KubeVersion, name: &str) -> Option<&'static Flag> {
    flags(version).find(|flag| flag.name == name)
}

/// Every admission plugin of this version, by name.
pub fn admission_plugins(version: KubeVersion) -> impl Iterator<Item = AdmissionPlugin> {
    TABLE.plugins.iter().filter(move |(_, _, span)| span.holds(version)).map(move |(name, default_on, _)| {
        let gate = CLOSED_GATES.iter().find(|(plugin, _, span)| plugin == name && span.holds(version));
        AdmissionPlugin { name, default_on: *default_on, closed_gate: gate.map(|(_, gate, _)| *gate) }
    })
}

/// The admission plugin of this name.
#[must_use]
pub fn admission_plugin(version: KubeVersion, name: &str) -> Option<AdmissionPlugin> {
    admission_plugins(version).find(|plugin| plugin.name == name)
}
