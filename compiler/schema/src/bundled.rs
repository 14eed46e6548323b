//! The tables that are compiled in. `cargo xtask schemas` makes them.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::schema::Schema;
use crate::table::read;
use crate::version::KubeVersion;

struct Bundle {
    table: &'static str,
    /// One role or binding a line.
    rbac: &'static str,
    schema: OnceLock<Arc<Schema>>,
    objects: OnceLock<Vec<Value>>,
}

macro_rules! bundle {
    ($version:literal) => {
        Bundle {
            table: include_str!(concat!("../data/", $version, ".schema.tsv")),
            rbac: include_str!(concat!("../data/", $version, ".rbac.jsonl")),
            schema: OnceLock::new(),
            objects: OnceLock::new(),
        }
    };
}

static V1_33: Bundle = bundle!("1.33");
static V1_34: Bundle = bundle!("1.34");
static V1_35: Bundle = bundle!("1.35");
static V1_36: Bundle = bundle!("1.36");

fn bundle(version: KubeVersion) -> &'static Bundle {
    match version {
        KubeVersion::V1_33 => &V1_33,
        KubeVersion::V1_34 => &V1_34,
        KubeVersion::V1_35 => &V1_35,
        KubeVersion::V1_36 => &V1_36,
    }
}

/// The schema of a bundled version.
#[expect(clippy::expect_used, reason = "the table is compiled in, and a test reads each")]
pub(crate) fn schema(version: KubeVersion) -> Arc<Schema> {
    let bundle = bundle(version);
    let read = || Arc::new(Schema::of_table(version, read(bundle.table).expect("a bundled table")));
    Arc::clone(bundle.schema.get_or_init(read))
}

/// The table of a bundled version, as it is committed.
pub(crate) fn table(version: KubeVersion) -> &'static str {
    bundle(version).table
}

/// A digest over everything that is bundled for a version.
pub(crate) fn digest(version: KubeVersion) -> String {
    let bundle = bundle(version);
    let mut hasher = blake3::Hasher::new();
    hasher.update(bundle.table.as_bytes());
    hasher.update(bundle.rbac.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// A digest over a schema and the CRDs that were added to it.
pub(crate) fn digest_with(base: &str, crds: &[Value]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(base.as_bytes());
    for crd in crds {
        hasher.update(b"\n");
        hasher.update(crd.to_string().as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The roles and bindings that an API server of this version creates by itself.
pub(crate) fn default_rbac(version: KubeVersion) -> &'static [Value] {
    let bundle = bundle(version);
    bundle.objects.get_or_init(|| bundle.rbac.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
