//! Which names an API server's authentication can yield: `claimMappings` of its AuthenticationConfiguration
//! ("Using Authentication Configuration", Kubernetes documentation).

use kspec_model::program::Subject;
use serde_json::Value;

use crate::{access::SubjectRef, system};

/// What one issuer makes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The issuer's URL.
    pub issuer: String,
    /// What every name begins with.
    pub prefix: String,
    /// Whether the rest is an address: the claim `email`.
    pub address: bool,
}

/// Who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issuers {
    /// User names, by issuer.
    pub users: Vec<Mapping>,
    /// Group names, by issuer; an issuer that maps none is not here.
    pub groups: Vec<Mapping>,
}

impl Issuers {
    /// Reads `jwt` of an AuthenticationConfiguration.
    #[must_use]
    pub fn of(jwt: &[Value]) -> Self {
        let mut issuers = Self::default();
        for issuer in jwt {
            let url = issuer.pointer("/issuer/url").and_then(Value::as_str).unwrap_or_default();
            let mapping = |name: &str| {
                let mapping = issuer.pointer(&format!("/claimMappings/{name}"))?;
                let text = |field: &str| mapping.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
                let (prefix, address) = match (text("claim"), text("expression")) {
                    (Some(claim), _) => (text("prefix").unwrap_or_default().to_owned(), claim == "email"),
                    (None, Some(expression)) => (literal_prefix(expression), false),
                    (None, None) => return None,
                };
                Some(Mapping { issuer: url.to_owned(), prefix, address })
            };
            issuers.users.extend(mapping("username"));
            issuers.groups.extend(mapping("groups"));
        }
        issuers
    }

    /// Whether someone may sign in as this; names that Kubernetes gives itself need no issuer.
    #[must_use]
    pub fn may_be(&self, subject: &Subject) -> bool {
        let reference = SubjectRef::from(subject);
        match subject {
            _ if system::is_component(&reference) || system::is_everyone(&reference) => true,
            Subject::User(name) => self.yields(name, false),
            Subject::Group(name) => self.yields(name, true),
            Subject::ServiceAccount { .. } => true,
        }
    }

    /// Whether some issuer can yield a name.
    fn yields(&self, name: &str, group: bool) -> bool {
        let mappings = if group { &self.groups } else { &self.users };
        mappings.iter().any(|mapping| {
            name.strip_prefix(&mapping.prefix)
                .is_some_and(|rest| !rest.is_empty() && (group || !mapping.address || rest.contains('@')))
        })
    }

    /// What they yield, in words.
    pub fn lines(&self) -> impl Iterator<Item = String> + use<> {
        let of = |list: &[Mapping], what: &'static str| -> Vec<String> {
            let say = |mapping: &Mapping| {
                let rest = if mapping.address { " and an address" } else { "" };
                format!("issuer {} yields {what} that begin with `{}`{rest}", mapping.issuer, mapping.prefix)
            };
            if list.is_empty() { vec![format!("no issuer yields {what}")] } else { list.iter().map(say).collect() }
        };
        of(&self.users, "users").into_iter().chain(of(&self.groups, "groups"))
    }
}

/// What the values of a CEL expression surely begin with: `"oidc:" + claims.sub`. Of any other, nothing is known.
fn literal_prefix(expression: &str) -> String {
    let text = expression.trim();
    let Some(quote) = text.chars().next().filter(|quote| ['"', '\''].contains(quote)) else { return String::new() };
    let mut parts = text.trim_start_matches(quote).splitn(2, quote);
    match (parts.next(), parts.next()) {
        (Some(prefix), Some(rest)) if rest.trim_start().starts_with('+') && !prefix.contains('\\') => prefix.to_owned(),
        _ => String::new(),
    }
}
