//! The Gateway API: who hands requests from outside on, which routes it takes in, and whom routes may lead to.

use crate::LabelSelector;

/// A Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayFacts {
    /// Its listeners.
    pub listeners: Vec<ListenerFacts>,
}

/// A listener of a Gateway: what may hang on it (`allowedRoutes`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerFacts {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: Option<u16>,
    /// The host name that it is for, `*.` before those below one; none for all. Only of protocols that tell hosts apart.
    pub hostname: Option<String>,
    /// API group and kind of the routes that it takes in: those that it lists, else those that its protocol is for; none for any, where the
    /// protocol is not the Gateway API's own.
    pub kinds: Option<Vec<(String, String)>>,
    /// Namespaces whose routes it takes in.
    pub namespaces: RouteNamespaces,
}

/// Namespaces whose routes a listener takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteNamespaces {
    /// All of them.
    All,
    /// The Gateway's own, where nothing else is stated.
    Same,
    /// Those with such labels.
    Selector(LabelSelector),
    /// None.
    None,
}

/// A route: on what it hangs, and the services it sends traffic to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteFacts {
    /// Gateways that it names.
    pub gateways: Vec<GatewayRef>,
    /// Whether it also hangs on something else that leads callers in (a ListenerSet), which is not looked at.
    pub elsewhere: bool,
    /// Host names that it is for, `*.` before those below one; none for all. Of kinds that have some.
    pub hostnames: Vec<String>,
    /// Namespace and name of a service, and its port.
    pub backends: Vec<(String, String, u16)>,
}

/// A Gateway as a route names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GatewayRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The one listener that is meant.
    pub section: Option<String>,
    /// The one port that is meant.
    pub port: Option<u16>,
}

/// A ReferenceGrant: whose objects may refer to services of its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantFacts {
    /// API group, kind and namespace of those that may.
    pub from: Vec<(String, String, String)>,
    /// Services that they may refer to; none for all.
    pub to: Vec<Option<String>>,
}
