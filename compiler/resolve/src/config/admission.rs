//! `[admission]`: which engine decides rules, and where the webhook is.

use std::ops::Range;

use kspec_model::program::{AdmissionFacts, EngineChoice, WebhookAuthority, WebhookFacts};
use serde::Deserialize;
use toml::Spanned;

use super::is_short_label;

/// Engines by their names.
const ENGINES: [(&str, EngineChoice); 3] =
    [("auto", EngineChoice::Auto), ("cel", EngineChoice::Cel), ("webhook", EngineChoice::Webhook)];

/// The `[admission]` table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// Which engine decides.
    pub engine: EngineChoice,
    /// The file of the certificates by which the API server knows the webhook's, relative to the project.
    pub ca: Option<String>,
    /// The webhook; its authority as far as no file says it.
    pub webhook: WebhookFacts,
}

impl Admission {
    /// What lowering needs, given the text of [`Admission::ca`].
    #[must_use]
    pub fn facts(&self, ca: Option<&str>) -> AdmissionFacts {
        let mut webhook = self.webhook.clone();
        if let Some(pem) = ca {
            webhook.authority = WebhookAuthority::Pem(pem.to_owned());
        }
        AdmissionFacts { engine: self.engine, webhook }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    engine: Option<Spanned<String>>,
    #[serde(default)]
    webhook: RawWebhook,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawWebhook {
    url: Option<Spanned<String>>,
    service: Option<Spanned<String>>,
    namespace: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    ca: Option<Spanned<String>>,
    cert_manager: Option<Spanned<String>>,
    image: Option<Spanned<String>>,
    tls_secret: Option<Spanned<String>>,
    replicas: Option<Spanned<u32>>,
}

impl Raw {
    /// Tells `bad` of each value that does not do: its place, what is wrong, what to write.
    pub(super) fn read(self, bad: &mut impl FnMut(Range<usize>, String, String)) -> Admission {
        let engine = self.engine.map_or(EngineChoice::Auto, |engine| {
            let known = ENGINES.iter().find(|(name, _)| name == engine.get_ref()).map(|(_, choice)| *choice);
            known.unwrap_or_else(|| {
                let help = "write \"auto\", \"cel\" or \"webhook\"".to_owned();
                bad(engine.span(), format!("`{}` is no engine of admission rules", engine.get_ref()), help);
                EngineChoice::Auto
            })
        });
        let raw = self.webhook;
        if let Some(url) = &raw.url {
            let host = url.get_ref().strip_prefix("https://").unwrap_or_default();
            // What the API server takes (k8s.io/apiserver, ValidateWebhookURL): no user, query or fragment; a path is ours.
            if host.is_empty() || host.starts_with('/') || host.contains(['@', '?', '#', ' ']) {
                let help = "write \"https://HOST:PORT\", without user, query or fragment".to_owned();
                bad(url.span(), format!("the API server asks no webhook at `{}`", url.get_ref()), help);
            }
            for (other, name) in [(&raw.service, "service"), (&raw.namespace, "namespace"), (&raw.image, "image")] {
                if let Some(other) = other {
                    let help = "keep `url` for a webhook outside of the cluster, else the Service".to_owned();
                    bad(other.span(), format!("`{name}` is of a Service, and `url` says that there is none"), help);
                }
            }
        }
        for name in [&raw.service, &raw.namespace, &raw.tls_secret].into_iter().flatten() {
            if !is_short_label(name.get_ref()) {
                let help = "use lower case letters, digits and hyphens".to_owned();
                bad(name.span(), format!("`{}` is no name in Kubernetes", name.get_ref()), help);
            }
        }
        if let Some(port) = raw.port.as_ref().filter(|port| *port.get_ref() == 0) {
            bad(port.span(), "0 is no port".to_owned(), "write the Service's port, 443 unless told".to_owned());
        }
        if let Some(replicas) = raw.replicas.as_ref().filter(|replicas| *replicas.get_ref() == 0) {
            let help = "write 2 or more, so that one may go away".to_owned();
            bad(replicas.span(), "a webhook of which none runs decides nothing".to_owned(), help);
        }
        for (set, name) in [
            (raw.tls_secret.as_ref().map(Spanned::span), "tls_secret"),
            (raw.replicas.as_ref().map(Spanned::span), "replicas"),
        ] {
            if let (Some(span), None) = (set, &raw.image) {
                let help = "name the image that runs the webhook, or leave it out".to_owned();
                bad(span, format!("`{name}` is of the webhook's Deployment, which is written where `image` is"), help);
            }
        }
        let authority = match (&raw.ca, &raw.cert_manager) {
            (Some(_), Some(other)) => {
                let help = "keep one of them".to_owned();
                bad(other.span(), "the webhook's authority is given twice, by `ca` too".to_owned(), help);
                WebhookAuthority::Unsaid
            }
            (_, Some(certificate)) => {
                let mut parts = certificate.get_ref().split('/');
                if !matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if is_name(a) && is_name(b))
                {
                    let help = "write \"NAMESPACE/NAME\" of the Certificate".to_owned();
                    bad(certificate.span(), format!("`{}` is no Certificate", certificate.get_ref()), help);
                }
                WebhookAuthority::CertManager(certificate.get_ref().clone())
            }
            _ => WebhookAuthority::Unsaid,
        };
        Admission {
            engine,
            ca: raw.ca.map(Spanned::into_inner),
            webhook: WebhookFacts {
                url: raw.url.map(Spanned::into_inner),
                service: raw.service.map(Spanned::into_inner),
                namespace: raw.namespace.map(Spanned::into_inner),
                port: raw.port.map(Spanned::into_inner),
                authority,
                image: raw.image.map(Spanned::into_inner),
                tls_secret: raw.tls_secret.map(Spanned::into_inner),
                replicas: raw.replicas.map(Spanned::into_inner),
            },
        }
    }
}

/// A DNS subdomain.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}
