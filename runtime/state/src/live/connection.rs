//! From a kubeconfig, or a pod's own configuration, to a client.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::{
    discovery::Served,
    error::{Asked, LiveError},
};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one answer may take: a page of a list on a busy server, with room.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Which cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The context to use instead of the kubeconfig's current one.
    pub context: Option<String>,
    /// The context that the project's environment names. Any other is refused before the cluster is asked anything.
    pub expected_context: Option<String>,
    /// What to read instead of the environment's `KUBECONFIG`; paths as in there.
    pub kubeconfig: Option<OsString>,
}

/// A cluster that answers.
#[derive(Clone)]
pub struct Connection {
    client: kube::Client,
    context: Option<String>,
    server: String,
    version: String,
    served: Served,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("context", &self.context)
            .field("server", &self.server)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, and asks what the server is and serves.
    ///
    /// # Errors
    /// Where there is no cluster to ask, the context is not the expected one, or the server does not answer.
    pub async fn open(options: &ConnectOptions) -> Result<Self, LiveError> {
        let (config, context) = configuration(options).await?;
        guard(context.as_deref(), options.expected_context.as_deref())?;
        let mut config = config;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let asked = |verb, resource| Asked { server: &server, verb, resource, namespace: None };
        let client =
            kube::Client::try_from(config).map_err(|error| asked("reach", "the API server").explain(&error))?;
        // One after the other: where the server is away or refuses, one message is enough.
        let version =
            client.apiserver_version().await.map_err(|error| asked("get", "/version").explain(&error))?.git_version;
        let (core, groups) =
            tokio::join!(client.list_core_api_versions_aggregated(), client.list_api_groups_aggregated());
        let core = core.map_err(|error| asked("get", "/api").explain(&error))?;
        let groups = groups.map_err(|error| asked("get", "/apis").explain(&error))?;
        Ok(Self { served: Served::new([core, groups]), client, context, server, version })
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The kubeconfig's context; none inside a pod.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Version of the API server (`v1.36.3`).
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the server serves.
    #[must_use]
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// The same connection after asking anew what the server serves: a CustomResourceDefinition may have come.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn refreshed(&self) -> Result<Self, LiveError> {
        let asked = |resource| Asked { server: &self.server, verb: "get", resource, namespace: None };
        let (core, groups) =
            tokio::join!(self.client.list_core_api_versions_aggregated(), self.client.list_api_groups_aggregated());
        let core = core.map_err(|error| asked("/api").explain(&error))?;
        let groups = groups.map_err(|error| asked("/apis").explain(&error))?;
        Ok(Self { served: Served::new([core, groups]), ..self.clone() })
    }
}

/// Refuses a context that the environment does not name.
fn guard(actual: Option<&str>, expected: Option<&str>) -> Result<(), LiveError> {
    match expected {
        Some(expected) if actual != Some(expected) => {
            Err(LiveError::WrongContext { actual: actual.map(str::to_owned), expected: expected.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The kubeconfig where there is one, else what a pod is given.
async fn configuration(options: &ConnectOptions) -> Result<(Config, Option<String>), LiveError> {
    let (files, stated) = kubeconfig_files(options.kubeconfig.clone());
    let place = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(":");
    let present: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    if present.is_empty() {
        if stated {
            return Err(LiveError::Kubeconfig {
                place: format!("KUBECONFIG={place}"),
                reason: "does not exist".to_owned(),
                help: "set it to the path of a kubeconfig, or unset it to use ~/.kube/config".to_owned(),
            });
        }
        return match Config::incluster() {
            Ok(config) if options.context.is_none() => Ok((config, None)),
            _ => Err(LiveError::NoConfiguration { place }),
        };
    }
    let mut merged = Kubeconfig::default();
    for file in present {
        let read =
            Kubeconfig::read_from(file).map_err(|error| kubeconfig_error(&error, &file.display().to_string()))?;
        merged = merged.merge(read).map_err(|error| kubeconfig_error(&error, &place))?;
    }
    let context =
        match options.context.clone().or_else(|| merged.current_context.clone().filter(|name| !name.is_empty())) {
            Some(context) => context,
            None => {
                return Err(LiveError::Kubeconfig {
                    place,
                    reason: "has no current context".to_owned(),
                    help: format!("choose one with `--context`{}", contexts_of(&merged)),
                });
            }
        };
    if !merged.contexts.iter().any(|named| named.name == context) {
        let mut known: Vec<String> = merged.contexts.iter().map(|named| named.name.clone()).collect();
        known.sort();
        return Err(LiveError::UnknownContext { context, place, known });
    }
    // Before files and plugins of this context are touched: refusing must need nothing.
    guard(Some(&context), options.expected_context.as_deref())?;
    let chosen = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let config =
        Config::from_custom_kubeconfig(merged, &chosen).await.map_err(|error| kubeconfig_error(&error, &place))?;
    Ok((config, Some(context)))
}

/// The files that make the kubeconfig, and whether the person named them.
fn kubeconfig_files(given: Option<OsString>) -> (Vec<PathBuf>, bool) {
    let stated = given
        .or_else(|| std::env::var_os("KUBECONFIG"))
        .map(|value| std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>());
    match stated {
        Some(files) if !files.is_empty() => (files, true),
        _ => (vec![std::env::home_dir().unwrap_or_default().join(".kube").join("config")], false),
    }
}

fn contexts_of(config: &Kubeconfig) -> String {
    let mut names: Vec<&str> = config.contexts.iter().map(|named| named.name.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() { String::new() } else { format!(": `{}`", names.join("`, `")) }
}

fn kubeconfig_error(error: &KubeconfigError, place: &str) -> LiveError {
    let (reason, help) = match error {
        KubeconfigError::ReadConfig(source, _) => {
            (format!("cannot be read: {source}"), "is it yours to read, and is it text?".to_owned())
        }
        KubeconfigError::Parse(source) => (
            format!("is no kubeconfig: {}", first_line(&source.to_string())),
            "write it anew, or restore it".to_owned(),
        ),
        KubeconfigError::LoadClusterOfContext(cluster) => (
            format!("has no cluster `{cluster}`"),
            "the context names it: add it, or choose another `--context`".to_owned(),
        ),
        KubeconfigError::MissingClusterUrl => {
            ("has no `server` for the context's cluster".to_owned(), "add the API server's URL".to_owned())
        }
        KubeconfigError::ParseClusterUrl(source) => {
            (format!("has a `server` that is no URL: {source}"), "write it as https://host:port".to_owned())
        }
        KubeconfigError::LoadCertificateAuthority(source) => (
            format!("names a `certificate-authority` that cannot be read: {}", load_error(source)),
            "name a PEM file that is there".to_owned(),
        ),
        KubeconfigError::LoadClientCertificate(source) => (
            format!("names a `client-certificate` that cannot be read: {}", load_error(source)),
            "name a PEM file that is there".to_owned(),
        ),
        KubeconfigError::LoadClientKey(source) => (
            format!("names a `client-key` that cannot be read: {}", load_error(source)),
            "name a PEM file that is there".to_owned(),
        ),
        other => (format!("cannot be used: {other}"), "correct it there".to_owned()),
    };
    LiveError::Kubeconfig { place: place.to_owned(), reason, help }
}

fn load_error(error: &kube::config::LoadDataError) -> String {
    match error {
        kube::config::LoadDataError::ReadFile(source, path) => format!("{}: {source}", shown(path)),
        kube::config::LoadDataError::DecodeBase64(source) => format!("its data is no base64 ({source})"),
        kube::config::LoadDataError::NoBase64DataOrFile => "neither data nor a file is given".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
