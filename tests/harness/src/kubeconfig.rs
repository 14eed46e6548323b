//! Reading and writing kubeconfig files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::Identity;
use crate::{Client, Error, Result};

/// Writes a kubeconfig for `identity`, everything inline, so that the file alone is enough.
pub(crate) fn write(path: &Path, server: &str, authority: &str, identity: &Identity) -> Result<()> {
    // JSON is YAML.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "kspec-test",
        "clusters": [{ "name": "kspec-test", "cluster": {
            "server": server, "certificate-authority-data": STANDARD.encode(authority) } }],
        "users": [{ "name": "admin", "user": {
            "client-certificate-data": STANDARD.encode(&identity.certificate),
            "client-key-data": STANDARD.encode(&identity.key) } }],
        "contexts": [{ "name": "kspec-test", "context": { "cluster": "kspec-test", "user": "admin" } }],
    });
    let text = serde_json::to_string_pretty(&config).map_err(Error::doing("a kubeconfig"))?;
    std::fs::write(path, text).map_err(Error::doing(path.display()))
}

/// A client for the current context of a kubeconfig with client certificates or a token.
pub(crate) fn client(path: &Path) -> Result<Client> {
    let at = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(Error::doing(&at))?;
    let config: Value = serde_saphyr::from_str(&text).map_err(Error::doing(&at))?;
    let named = |list: &str, name: Option<&Value>, part: &str| -> Option<Value> {
        let entries = config.get(list)?.as_array()?;
        let entry = entries.iter().find(|entry| entry.get("name") == name)?;
        entry.get(part).cloned()
    };
    let missing = |what: &str| Error::new(format!("{at}: no {what} for the current context"));
    let context = named("contexts", config.get("current-context"), "context").ok_or_else(|| missing("context"))?;
    let cluster = named("clusters", context.get("cluster"), "cluster").ok_or_else(|| missing("cluster"))?;
    let user = named("users", context.get("user"), "user").ok_or_else(|| missing("user"))?;

    let folder = path.parent().unwrap_or(Path::new("."));
    let pem = |from: &Value, name: &str| -> Result<Option<String>> {
        if let Some(data) = from.get(format!("{name}-data")).and_then(Value::as_str) {
            let bytes = STANDARD.decode(data).map_err(Error::doing(format_args!("{at}: {name}-data")))?;
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let Some(file) = from.get(name).and_then(Value::as_str) else { return Ok(None) };
        let file = folder.join(file);
        std::fs::read_to_string(&file).map(Some).map_err(Error::doing(file.display()))
    };
    let server = cluster.get("server").and_then(Value::as_str).ok_or_else(|| missing("server"))?;
    let authority = pem(&cluster, "certificate-authority")?.ok_or_else(|| missing("certificate-authority"))?;
    let identity = match (pem(&user, "client-certificate")?, pem(&user, "client-key")?) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        _ => None,
    };
    let client = Client::new(server, &authority, identity.as_ref())?;
    Ok(match user.get("token").and_then(Value::as_str) {
        Some(token) => client.with_token(token),
        None => client,
    })
}
