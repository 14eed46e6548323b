//! The command against a real API server.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod exits;
mod others;
mod scopes;
#[expect(dead_code, reason = "helpers of another test program")]
#[path = "../cli/support.rs"]
mod support;

use std::path::Path;

use kspec_test_harness::Cluster;
use support::{Done, Place};

/// A project in a folder of its own, and the way to a cluster.
pub(crate) struct Shop {
    pub(crate) place: Place,
    /// The project, and what its names begin with.
    pub(crate) name: String,
}

impl Shop {
    /// With this program, in which `{name}` is the project's name.
    pub(crate) fn on(cluster: &Cluster, program: &str) -> Self {
        let name = cluster.unique_name("shop");
        let config = format!(
            "name = \"{name}\"\nedition = \"2026\"\nkubernetes = \"1.36\"\ninventory_namespace = \"default\"\n"
        );
        let place = Place::with(&[("kspec.toml", &config), ("main.kspec", &program.replace("{name}", &name))]);
        let shop = Self { place, name };
        shop.as_said_in(cluster.kubeconfig());
        shop
    }

    /// Reaches the cluster as this file says.
    pub(crate) fn as_said_in(&self, kubeconfig: &Path) {
        self.place.write("kubeconfig", std::fs::read(kubeconfig).expect("a kubeconfig"));
    }

    /// Reaches the cluster as this user and nobody else.
    pub(crate) fn act_as(&self, cluster: &Cluster, user: &str) {
        let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
        let mut config: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        config["users"][0]["user"]["as"] = user.into();
        config["users"][0]["user"]["as-groups"] = serde_json::json!(["system:authenticated"]);
        self.place.write("kubeconfig", config.to_string());
    }

    pub(crate) fn program(&self, program: &str) {
        self.place.write("main.kspec", program.replace("{name}", &self.name));
    }

    pub(crate) fn plan(&self, more: &[&str]) -> Done {
        self.place.kspec(&[&["plan", "--state", "live"], more].concat())
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Done {
        self.place.kspec(&[&["apply", "--yes"], more].concat())
    }
}
