//! Whether somebody answers behind a Service: a webhook that refuses while nobody does is put in force only then.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kspec_model::ObjectKey;
use kspec_plan::Service;
use kspec_state::live::{Connection, escape};
use serde_json::Value;
use tokio::time::Instant;

use crate::{error::Failure, send::Target};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Waits until each Service has an endpoint that is ready, at most as long as told or until `stopped`. Returns why not, for
/// those that have none.
pub(crate) async fn wait(
    connection: &Connection,
    services: &BTreeSet<Service>,
    patience: Duration,
    stopped: &(dyn Fn() -> bool + Sync),
) -> BTreeMap<Service, String> {
    let end = Instant::now() + patience;
    let mut missing: BTreeMap<Service, String> = BTreeMap::new();
    let mut left: Vec<&Service> = services.iter().collect();
    loop {
        let mut again = Vec::new();
        for service in left {
            let why = match has_endpoint(connection, service).await {
                Ok(true) => {
                    missing.remove(service);
                    continue;
                }
                Ok(false) => {
                    format!("Service {}/{} has no endpoint that is ready", service.0, service.1)
                }
                Err(failure) => {
                    format!("whether Service {}/{} has an endpoint is not known: {failure}", service.0, service.1)
                }
            };
            missing.insert(service.clone(), why);
            again.push(service);
        }
        left = again;
        if left.is_empty() || stopped() || Instant::now() + PAUSE > end {
            return missing;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn has_endpoint(connection: &Connection, (namespace, name): &Service) -> Result<bool, Failure> {
    let key = ObjectKey {
        group: "discovery.k8s.io".to_owned(),
        kind: "EndpointSlice".to_owned(),
        namespace: Some(namespace.clone()),
        name: String::new(),
    };
    let Some(target) = Target::new(connection, &key, "discovery.k8s.io/v1") else {
        return Err(Failure::NotServed { kind: "discovery.k8s.io/v1 EndpointSlice".to_owned() });
    };
    let slices =
        target.list(&format!("labelSelector={}", escape(&format!("kubernetes.io/service-name={name}")))).await?;
    Ok(slices.iter().flat_map(endpoints).any(is_ready))
}

fn endpoints(slice: &Value) -> impl Iterator<Item = &Value> {
    slice.get("endpoints").and_then(Value::as_array).into_iter().flatten()
}

/// An endpoint whose condition is unknown counts as ready, as to Kubernetes.
fn is_ready(endpoint: &Value) -> bool {
    endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)
}
