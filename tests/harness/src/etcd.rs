//! What etcd really holds, read through its JSON gateway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Error, Result};

/// The etcd under a control plane of one's own.
#[derive(Clone, Debug)]
pub struct Etcd {
    pub(crate) port: u16,
}

impl Etcd {
    /// The bytes stored under `key` (such as `/registry/secrets/NAMESPACE/NAME`), if any.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let answer = self.range(json!({ "key": STANDARD.encode(key) }))?;
        Ok(answer.into_iter().next().map(|(_, value)| value))
    }

    /// Everything stored under keys that begin with `prefix`, in key order.
    pub fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        // etcd's convention: the end of a prefix range is the prefix with its last byte raised.
        let mut end = prefix.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        self.range(json!({ "key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end) }))
    }

    fn range(&self, body: Value) -> Result<Vec<(String, Vec<u8>)>> {
        let url = format!("http://127.0.0.1:{}/v3/kv/range", self.port);
        let mut response = ureq::post(&url).send(body.to_string()).map_err(Error::doing(&url))?;
        let text = response.body_mut().read_to_string().map_err(Error::doing(&url))?;
        let answer: Value = serde_json::from_str(&text).map_err(Error::doing(&url))?;
        let decode = |value: Option<&Value>| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            STANDARD.decode(text).map_err(Error::doing(&url))
        };
        let mut found = Vec::new();
        for pair in answer.get("kvs").and_then(Value::as_array).into_iter().flatten() {
            let key = String::from_utf8_lossy(&decode(pair.get("key"))?).into_owned();
            found.push((key, decode(pair.get("value"))?));
        }
        Ok(found)
    }
}
