//! State from a running cluster.
//!
//! [`Connection`] is a kubeconfig's context (or a pod's own configuration) that answers; [`read`] makes a [`State`] of it with
//! `get` and `list` alone. Errors are [`LiveError`]: each names the place and the remedy.
//!
//! What may be absent without harm (a kind that the person may not list and the program does not declare) is a line of
//! [`State::unread`]; what the program needs and the person may not read is an error, since a plan that treats unread objects
//! as absent would create what is there.

mod connection;
mod discovery;
mod error;
mod follow;
mod kinds;
mod list;

use kspec_model::{Object, ObjectKey};

pub use connection::{ConnectOptions, Connection};
pub use discovery::{Resource, Served, escape};
pub use error::{Asked, LiveError};
pub use follow::{Change, follow, look_up};

use crate::{HostState, State, StateObject, StateOrigin};

/// What to read beside everything that bears on security.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Want {
    /// `apiVersion` and key of each object that the program declares.
    pub objects: Vec<(String, ObjectKey)>,
    /// Namespace and name of the project's inventory.
    pub inventory: Option<(String, String)>,
}

impl Want {
    /// What a program's objects need.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        Self { objects: objects.into_iter().map(list::wanted).collect(), inventory: None }
    }

    /// With the inventory in this namespace and of this name.
    #[must_use]
    pub fn inventory(mut self, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        self.inventory = Some((namespace.into(), name.into()));
        self
    }
}

/// Reads a cluster.
///
/// # Errors
/// Where it does not answer, or the person may not read what `want` names.
pub async fn read(connection: &Connection, want: &Want) -> Result<State, LiveError> {
    let read = list::everything(connection, want).await?;
    let origin =
        StateOrigin::Live { context: connection.context().map(str::to_owned), server: connection.server().to_owned() };
    let objects = read.objects.into_iter().map(StateObject::live).collect();
    let mut state = State::new(origin, objects, HostState::default());
    state.version = Some(connection.version().to_owned());
    state.unread = read.unread;
    Ok(state)
}

/// A cluster and the threads that talk to it, for callers that are not asynchronous themselves.
#[derive(Debug)]
pub struct Cluster {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
}

impl Cluster {
    /// Connects.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub fn open(options: &ConnectOptions) -> Result<Self, LiveError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| LiveError::Local { reason: error.to_string() })?;
        let connection = runtime.block_on(Connection::open(options))?;
        Ok(Self { runtime, connection })
    }

    /// Reads it.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self, want: &Want) -> Result<State, LiveError> {
        self.runtime.block_on(read(&self.connection, want))
    }

    /// Namespaces, by name, labels and annotations: what a program ranges over before it is known what else to read. None
    /// where the person may not list them.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub fn namespaces(&self) -> Result<Vec<Object>, LiveError> {
        self.runtime.block_on(list::namespaces(&self.connection))
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs something that talks to it.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}
