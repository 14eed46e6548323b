//! Why a cluster could not be read, in the person's terms: the place, and the remedy.

use std::fmt;

/// A cluster that could not be asked, or did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveError {
    /// The kubeconfig cannot be read, or what it points to cannot.
    Kubeconfig {
        /// Where: the file, or what names it.
        place: String,
        /// What is wrong with it, as the rest of a sentence that begins with the place.
        reason: String,
        /// What to do.
        help: String,
    },
    /// There is neither a kubeconfig nor a pod's own configuration.
    NoConfiguration {
        /// Where a kubeconfig was looked for.
        place: String,
    },
    /// The kubeconfig has no context of this name.
    UnknownContext {
        /// The name asked for.
        context: String,
        /// Where it was looked for.
        place: String,
        /// The contexts there are, ascending.
        known: Vec<String>,
    },
    /// The context is not the one that the environment names. Nothing was asked of the cluster.
    WrongContext {
        /// The context in use; none inside a pod.
        actual: Option<String>,
        /// The one that the project's environment names.
        expected: String,
    },
    /// No connection, or none that lasts.
    Unreachable {
        /// URL of the API server.
        server: String,
        /// What the network said.
        reason: String,
    },
    /// The server's certificate is not trusted, or the handshake fails.
    Tls {
        /// URL of the API server.
        server: String,
        /// What the handshake said.
        reason: String,
    },
    /// The server does not know who is asking.
    Credentials {
        /// URL of the API server.
        server: String,
        /// What is wrong with the credentials.
        reason: String,
    },
    /// The person may not do this.
    Forbidden {
        /// Verb (`list`).
        verb: String,
        /// Resource with its group (`roles.rbac.authorization.k8s.io`), or a path.
        resource: String,
        /// Namespace; none at the cluster scope.
        namespace: Option<String>,
        /// Who, as the server named them.
        user: Option<String>,
    },
    /// Any other answer of the server.
    Answer {
        /// What was asked (`list pods`).
        request: String,
        /// HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// What answers is no Kubernetes API, or not in a way kspec understands.
    NotKubernetes {
        /// URL of the API server.
        server: String,
        /// What was wrong with the answer.
        reason: String,
    },
    /// This process could not start what it needs to talk to a cluster.
    Local {
        /// What went wrong.
        reason: String,
    },
}

impl LiveError {
    /// The exit code of the command line: 3 for the refused context, 6 for everything that could not be found out.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::WrongContext { .. } => 3,
            _ => 6,
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig { place, reason, help } => write!(f, "{place} {reason}; {help}"),
            Self::NoConfiguration { place } => write!(
                f,
                "no cluster to talk to: {place} does not exist and this is no pod of a cluster; set KUBECONFIG, or give \
                 `--state` a directory or a snapshot"
            ),
            Self::UnknownContext { context, place, known } => {
                write!(f, "{place} has no context `{context}`; ")?;
                match known.as_slice() {
                    [] => f.write_str("it has none at all"),
                    [only] => write!(f, "its only one is `{only}`"),
                    several => write!(f, "it has `{}`", several.join("`, `")),
                }
            }
            Self::WrongContext { actual: Some(actual), expected } => write!(
                f,
                "the kube context is `{actual}`, but this environment belongs to `{expected}`; nothing was asked of the cluster \
                 (choose the environment's own with `--context {expected}`, or another environment with `--env`)"
            ),
            Self::WrongContext { actual: None, expected } => write!(
                f,
                "this environment belongs to the kube context `{expected}`, and a pod's own configuration has no context to \
                 compare; nothing was asked of the cluster (set KUBECONFIG to a file that has `{expected}`)"
            ),
            Self::Unreachable { server, reason } => {
                write!(
                    f,
                    "no answer from {server}: {reason}; is the cluster up, and is this its address in the kubeconfig?"
                )
            }
            Self::Tls { server, reason } => write!(
                f,
                "no trusted connection to {server}: {reason}; check `certificate-authority` (and `tls-server-name`) of this \
                 cluster in the kubeconfig"
            ),
            Self::Credentials { server, reason } => {
                write!(
                    f,
                    "{server} does not accept these credentials: {reason}; log in again, or choose another `--context`"
                )
            }
            Self::Forbidden { verb, resource, namespace, user } => {
                match user {
                    Some(user) => write!(f, "user `{user}` may not {verb} {resource}")?,
                    None => write!(f, "may not {verb} {resource}")?,
                }
                match namespace {
                    Some(namespace) => write!(f, " in namespace `{namespace}`")?,
                    None => f.write_str(" at the cluster scope")?,
                }
                write!(f, "; ask for a role that allows `{verb}` on {resource}")
            }
            Self::Answer { request, code, message } => write!(f, "could not {request}: {message} (HTTP {code})"),
            Self::NotKubernetes { server, reason } => {
                write!(
                    f,
                    "{server} does not answer like a Kubernetes API server: {reason}; check `server` in the kubeconfig"
                )
            }
            Self::Local { reason } => write!(f, "cannot talk to a cluster from here: {reason}"),
        }
    }
}

impl std::error::Error for LiveError {}

/// What was being asked when an error came.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// URL of the API server.
    pub server: &'a str,
    /// Verb.
    pub verb: &'a str,
    /// Resource with its group.
    pub resource: &'a str,
    /// Namespace, where it was one.
    pub namespace: Option<&'a str>,
}

impl Asked<'_> {
    /// The client's error in the person's terms.
    #[must_use]
    pub fn explain(&self, error: &kube::Error) -> LiveError {
        let server = self.server.to_owned();
        match error {
            kube::Error::Api(status) => match status.code {
                401 => LiveError::Credentials { server, reason: "it answered 401 Unauthorized".to_owned() },
                403 => LiveError::Forbidden {
                    verb: self.verb.to_owned(),
                    resource: self.resource.to_owned(),
                    namespace: self.namespace.map(str::to_owned),
                    user: user_in(&status.message),
                },
                _ if status.reason == "Failed to parse error data" => LiveError::NotKubernetes {
                    server,
                    reason: format!("HTTP {} to {} {}", status.code, self.verb, self.resource),
                },
                code => LiveError::Answer {
                    request: format!("{} {}", self.verb, self.resource),
                    code,
                    message: status.message.clone(),
                },
            },
            kube::Error::Auth(source) => LiveError::Credentials { server, reason: credentials(source) },
            kube::Error::SerdeError(source) => LiveError::NotKubernetes { server, reason: source.to_string() },
            kube::Error::RustlsTls(source) => LiveError::Tls { server, reason: innermost(source).1 },
            other => {
                let (trust, reason) = innermost(other);
                if let Some(auth) = auth_in(other) {
                    LiveError::Credentials { server, reason: auth }
                } else if trust {
                    LiveError::Tls { server, reason }
                } else {
                    LiveError::Unreachable { server, reason }
                }
            }
        }
    }
}

/// `User "ci" cannot list resource …` names who the server took the person for.
fn user_in(message: &str) -> Option<String> {
    let (_, after) = message.split_once("User \"")?;
    let (user, _) = after.split_once('"')?;
    Some(user.to_owned())
}

/// Credentials that could not be made (an exec plugin, a token file) reach us inside the service's error.
fn auth_in(error: &kube::Error) -> Option<String> {
    let mut current: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = current {
        if let Some(auth) = error.downcast_ref::<kube::client::AuthError>() {
            return Some(credentials(auth));
        }
        if let Some(kube::Error::Auth(auth)) = error.downcast_ref::<kube::Error>() {
            return Some(credentials(auth));
        }
        current = error.source();
    }
    None
}

/// Why there are no credentials. What a login command wrote to its standard output may hold some, so it is not shown.
fn credentials(error: &kube::client::AuthError) -> String {
    match error {
        kube::client::AuthError::AuthExecRun { out, .. } => {
            let words = String::from_utf8_lossy(&out.stderr);
            let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
            format!("the kubeconfig's login command ended with {}: {last}", out.status)
        }
        kube::client::AuthError::AuthExecStart(source) => {
            format!("the kubeconfig's login command does not start: {source}")
        }
        kube::client::AuthError::AuthExecParse(_) => {
            "the kubeconfig's login command did not print an ExecCredential".to_owned()
        }
        other => other.to_string(),
    }
}

/// Whether the chain is about trust (a connection that merely ends during the handshake is not), and what its last link says.
fn innermost(error: &(dyn std::error::Error + 'static)) -> (bool, String) {
    let (mut trust, mut last) = (false, error);
    loop {
        let text = last.to_string();
        trust |= ["certificate", "corrupt message", "received fatal alert", "peer is incompatible"]
            .iter()
            .any(|words| text.contains(words));
        match last.source() {
            Some(source) => last = source,
            None => return (trust, last.to_string()),
        }
    }
}
