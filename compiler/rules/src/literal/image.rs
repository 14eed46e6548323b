//! References to container images, read as the container runtimes read them.

use std::sync::Arc;

/// A reference to an image: `[registry/]repository[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Image {
    /// As written.
    pub text: Arc<str>,
    /// The registry; `docker.io` where none is written.
    pub registry: Arc<str>,
    /// The repository in it; `library/` stands before Docker Hub's own.
    pub repository: Arc<str>,
    /// The tag, where written.
    pub tag: Option<Arc<str>>,
    /// The digest, where written.
    pub digest: Option<Arc<str>>,
}

impl Image {
    /// Reads a reference.
    ///
    /// # Errors
    ///
    /// What the grammar of references does not allow, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon after the last slash begins a tag; one before it belongs to the registry's port.
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        let (registry, repository) = match path.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest.to_owned()),
            Some(_) => ("docker.io", path.to_owned()),
            None => ("docker.io", format!("library/{path}")),
        };
        if path.is_empty() || !registry_is_valid(registry) {
            return Err(if path.is_empty() {
                "names no image".into()
            } else {
                format!("has no registry `{registry}`")
            });
        }
        if let Some(part) = repository.split('/').find(|part| !component_is_valid(part)) {
            return Err(format!(
                "has `{part}` in its path; lower-case letters, digits and single `.`, `_`, `-` are allowed"
            ));
        }
        if let Some(tag) = tag.filter(|tag| !tag_is_valid(tag)) {
            return Err(format!("has the tag `{tag}`; up to 128 letters, digits, `_`, `.` and `-` are allowed"));
        }
        if let Some(digest) = digest.filter(|digest| !digest_is_valid(digest)) {
            return Err(format!("has the digest `{digest}`, which is not like `sha256:` and 64 hexadecimal digits"));
        }
        Ok(Self {
            text: text.into(),
            registry: registry.into(),
            repository: repository.into(),
            tag: tag.map(Arc::from),
            digest: digest.map(Arc::from),
        })
    }
}

fn registry_is_valid(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(part) && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn component_is_valid(part: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    ends(part.chars().next())
        && ends(part.chars().next_back())
        && part.chars().all(inside)
        && !["..", "___", "._", "_.", ".-", "-.", "_-", "-_"].iter().any(|bad| part.contains(bad))
}

fn tag_is_valid(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn digest_is_valid(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return false,
        };
        hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_that_the_runtime_sees() {
        for (text, registry, repository, tag) in [
            ("nginx", "docker.io", "library/nginx", None),
            ("bash:latest", "docker.io", "library/bash", Some("latest")),
            ("grafana/grafana:11.0", "docker.io", "grafana/grafana", Some("11.0")),
            ("localhost/x", "localhost", "x", None),
            ("registry.example.com:5000/a/b", "registry.example.com:5000", "a/b", None),
            ("registry.example.com:5000/a/b:1", "registry.example.com:5000", "a/b", Some("1")),
        ] {
            let image = Image::parse(text).unwrap();
            assert_eq!(
                (&*image.registry, &*image.repository, image.tag.as_deref()),
                (registry, repository, tag),
                "{text}"
            );
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(Image::parse(&format!("a@{digest}")).unwrap().digest.as_deref(), Some(digest.as_str()));
        for text in ["", "a b", "A/b", "a:", "a:b c", "a@sha256:12", "a//b", "-a", ":x", "a..b", "x.y:z/a"] {
            assert!(Image::parse(text).is_err(), "{text}");
        }
    }
}
