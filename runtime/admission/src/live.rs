//! A running cluster as the source of what rules look up.

use std::pin::Pin;

use kspec_model::rules::Lookup;
use kspec_state::live::{Change, ConnectOptions, Connection, follow, look_up};
use serde_json::Value;

use crate::index::Source;

/// The cluster of a kubeconfig's context, or of the pod that this runs in. It is connected to when it is first asked.
#[derive(Debug)]
pub struct Live {
    options: ConnectOptions,
    connection: tokio::sync::OnceCell<Connection>,
}

impl Live {
    /// Asks nothing yet: a server must start, and say that it is not ready, where its cluster is away.
    #[must_use]
    pub fn new(options: ConnectOptions) -> Self {
        Self { options, connection: tokio::sync::OnceCell::new() }
    }

    async fn connection(&self) -> Result<&Connection, String> {
        let open = || async { Connection::open(&self.options).await.map_err(|error| error.to_string()) };
        self.connection.get_or_try_init(open).await
    }

    async fn followed(&self, lookup: &Lookup, sink: &(dyn Fn(Change) + Send + Sync)) -> Result<String, String> {
        let connection = self.connection().await?;
        let known = connection.served().find(&lookup.group, &lookup.kind, Some(&lookup.version)).cloned();
        let resource = match known {
            Some(resource) => resource,
            // Its CustomResourceDefinition may have come since.
            None => connection
                .refreshed()
                .await
                .map_err(|error| error.to_string())?
                .served()
                .find(&lookup.group, &lookup.kind, Some(&lookup.version))
                .cloned()
                .ok_or_else(|| format!("the cluster serves no {} {}/{}", lookup.kind, lookup.group, lookup.version))?,
        };
        Ok(follow(connection, &resource, sink).await.to_string())
    }
}

impl Source for Live {
    fn follow<'a>(
        &'a self,
        lookup: &'a Lookup,
        sink: &'a (dyn Fn(Change) + Send + Sync),
    ) -> Pin<Box<dyn Future<Output = String> + Send + 'a>> {
        Box::pin(async move { self.followed(lookup, sink).await.unwrap_or_else(|why| why) })
    }

    fn namespace<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Value>, String>> + Send + 'a>> {
        Box::pin(async move {
            let connection = self.connection().await?;
            let Some(resource) = connection.served().find("", "Namespace", Some("v1")) else { return Ok(None) };
            look_up(connection, resource, None, name).await.map_err(|error| error.to_string())
        })
    }
}
