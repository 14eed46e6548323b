//! `cargo xtask schemas`: the tables of `compiler/schema/data`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use kspec_schema::derive::{Published, add_enums, table};
use serde_json::Value;

use crate::kubernetes::{Module, RELEASES};
use crate::{Outcome, apiserver, rbac};

/// Derives the schema tables and the built-in roles from the Kubernetes modules, and writes them.
#[derive(Args)]
pub(crate) struct Schemas {
    /// Writes nothing; fails if a committed file differs from what would be written
    #[arg(long)]
    check: bool,
}

impl Schemas {
    /// Writes or compares every table.
    pub(crate) fn run(&self) -> Outcome {
        let mut files = vec![("apiserver.tsv".to_owned(), apiserver::table()?)];
        for (version, release) in RELEASES {
            let module = Module::fetch("kubernetes", release)?;
            files.push((format!("{version}.schema.tsv"), schema(&module, release)?));
            files.push((format!("{version}.rbac.jsonl"), rbac::lines(&module)?));
        }
        let mut stale = Vec::new();
        for (name, content) in files {
            let path = data_folder().join(&name);
            if self.check {
                if fs::read_to_string(&path).ok().as_deref() != Some(content.as_str()) {
                    stale.push(name);
                }
            } else {
                fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        if stale.is_empty() {
            return Ok(());
        }
        Err(format!("{} differ from what `cargo xtask schemas` writes", stale.join(", ")))
    }
}

fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/schema/data")
}

fn schema(module: &Module, release: &str) -> Result<String, String> {
    let mut openapi = module.json_files("api/openapi-spec/v3")?;
    let unserved = add_enums(&mut openapi, &module.text("pkg/generated/openapi/zz_generated.openapi.go")?);
    eprintln!("{release}: {} enumerations of types that no API serves are left out", unserved.len());
    let mut files = module.json_files("api/discovery")?;
    let groups = files.remove("apis.json").ok_or("api/discovery/apis.json is missing")?;
    let is_resources = |value: &Value| value.get("kind").and_then(Value::as_str) == Some("APIResourceList");
    let resources = files.into_values().filter(is_resources).collect();
    Ok(table(&Published { release: release.to_owned(), openapi, groups, resources }))
}
