//! Networks: edges, denials, policies.

use std::sync::Arc;

use ipnet::IpNet;
use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::{
    LabelSelector,
    program::{DefaultDeny, Edge, Network, NetworkScope, Peer, Policy, PolicyRule, PortRef, Protocol, Workload},
};
use kspec_syntax::tree::{self, Expr, ExprKind, NetworkStmt, Scope};
use kspec_types::{EntityKind, Lookup, Type, Value};

use super::{
    Elab,
    scope::{Place, scope_span},
    workload::port_literal,
};

/// A peer, and the workload it is where it is one: its ports can be checked by name.
struct End {
    peer: Peer,
    workload: Option<Workload>,
}

impl Elab<'_, '_> {
    pub(super) fn network(&self, node: &tree::Network, span: Span) {
        let place = self.scope(&node.scope);
        // A scope that is wrong is no reason to hide what is wrong in the body.
        let nowhere = place.is_none();
        let scope = match place.unwrap_or(Place::Namespaces(Vec::new())) {
            Place::Namespaces(names) => {
                if let [only] = names.as_slice() {
                    *self.within.borrow_mut() = Some(Arc::clone(only));
                }
                NetworkScope::Namespaces(names.iter().map(ToString::to_string).collect())
            }
            Place::Where(selector) => NetworkScope::Where(selector),
            Place::Cluster => {
                self.report(
                    Finding::new(
                        codes::BAD_VALUE,
                        "a network is of namespaces: NetworkPolicy has no cluster scope",
                        self.at(scope_span(&node.scope)),
                    )
                    .help("write `in namespaces where true` for every namespace, or name them"),
                );
                return;
            }
        };
        let mut network =
            Network { scope, denies: Vec::new(), edges: Vec::new(), policies: Vec::new(), origin: self.origin(span) };
        for stmt in &node.body {
            match stmt {
                NetworkStmt::DefaultDeny(direction, name, at) => {
                    network.denies.extend(self.default_deny(direction.as_ref(), name.as_ref(), *at))
                }
                NetworkStmt::Edge(edge) => self.edge(edge, &mut network.edges),
                NetworkStmt::Policy(policy) => network.policies.extend(self.net_policy(policy)),
            }
        }
        *self.within.borrow_mut() = None;
        if !nowhere {
            self.emit(|part| part.networks.push(network));
        }
    }

    fn default_deny(&self, direction: Option<&tree::Name>, name: Option<&tree::Str>, at: Span) -> Option<DefaultDeny> {
        let (ingress, egress) = match direction.map(|word| word.text.as_ref()) {
            None => (true, true),
            Some("ingress") => (true, false),
            Some("egress") => (false, true),
            Some(other) => {
                let span = direction.map_or(at, |word| word.span);
                let finding = Finding::new(codes::BAD_VALUE, format!("`{other}` is no direction"), self.at(span));
                self.report(match kspec_schema::closest(other, ["ingress", "egress"]) {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(span),
                        close,
                    ),
                    None => finding.help("write `ingress`, `egress`, or neither for both"),
                });
                return None;
            }
        };
        let name = match name {
            Some(text) => Some(self.name_text(text)?),
            None => None,
        };
        Some(DefaultDeny { ingress, egress, name, origin: self.origin(at) })
    }

    fn edge(&self, edge: &tree::Edge, into: &mut Vec<Edge>) {
        let from: Vec<Option<End>> = edge.from.iter().map(|peer| self.peer(peer)).collect();
        let to: Vec<Option<End>> = edge.to.iter().map(|peer| self.peer(peer)).collect();
        for (peer, written) in from.iter().zip(&edge.from) {
            if matches!(peer, Some(End { peer: Peer::Dns, .. })) {
                self.report(
                    Finding::new(codes::WRONG_KIND, "`dns` answers, it does not call", self.at(peer_span(written)))
                        .help("edges to DNS are written `allow all -> dns`"),
                );
                return;
            }
        }
        let to_dns = to.iter().flatten().any(|end| end.peer == Peer::Dns);
        if to_dns && let Some(port) = edge.ports.first() {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    "`dns` brings its own ports: those that the DNS pods listen on",
                    self.at(port.span),
                )
                .help("drop the ports; [network.dns] of kspec.toml says which they are"),
            );
        }
        if to.iter().all(Option::is_none) {
            // Whom the ports belong to is unknown; what is no port anywhere is wrong all the same.
            self.port_refs(&edge.ports, None, false);
        }
        for far in to.into_iter().flatten() {
            let ports = if far.peer == Peer::Dns {
                Some(Vec::new())
            } else {
                self.port_refs(&edge.ports, far.workload.as_ref(), true)
            };
            let Some(ports) = ports else { continue };
            for near in from.iter().flatten() {
                into.push(Edge {
                    from: near.peer.clone(),
                    to: far.peer.clone(),
                    ports: ports.clone(),
                    doc: edge.doc.as_deref().map(str::to_owned),
                    origin: self.origin(edge.span),
                });
            }
        }
    }

    fn net_policy(&self, policy: &tree::NetPolicy) -> Option<Policy> {
        let name = self.declared_name(&policy.name, policy.kube_name.as_ref())?;
        self.check_subdomain(
            &name,
            policy.kube_name.as_ref().map_or(policy.name.span, |text| text.span),
            "a NetworkPolicy",
        );
        let end = self.peer(&policy.pods)?;
        let pods = match (&end.peer, end.workload) {
            (Peer::All, _) => LabelSelector::default(),
            (_, Some(workload)) => workload.pods,
            (Peer::Pods { pods, namespaces: None }, _) => pods.clone(),
            _ => {
                self.report(
                    Finding::new(
                        codes::WRONG_KIND,
                        "a policy selects pods of its own namespace",
                        self.at(peer_span(&policy.pods)),
                    )
                    .help("name a workload, `all`, or `pods where …`"),
                );
                return None;
            }
        };
        let (mut ingress, mut egress): (Option<Vec<PolicyRule>>, Option<Vec<PolicyRule>>) = (None, None);
        for rule in &policy.rules {
            let side = if rule.ingress { &mut ingress } else { &mut egress };
            let side = side.get_or_insert_with(Vec::new);
            if rule.peers.is_empty() {
                continue;
            }
            let ends: Vec<Option<End>> = rule.peers.iter().map(|peer| self.peer(peer)).collect();
            // A policy is one object, kept as written: a port's name stays a name.
            let ports = self.port_refs(&rule.ports, None, false);
            let (Some(ends), Some(ports)) = (ends.into_iter().collect::<Option<Vec<End>>>(), ports) else { continue };
            side.push(PolicyRule { peers: ends.into_iter().map(|end| end.peer).collect(), ports });
        }
        Some(Policy {
            name,
            pods,
            ingress,
            egress,
            doc: policy.doc.as_deref().map(str::to_owned),
            origin: self.origin(policy.span),
        })
    }

    /// Resolves a peer; `None` where something was reported.
    fn peer(&self, peer: &tree::Peer) -> Option<End> {
        let plain = |peer: Peer| Some(End { peer, workload: None });
        match peer {
            tree::Peer::All(_) => plain(Peer::All),
            tree::Peer::Any(_) => plain(Peer::Any),
            tree::Peer::Dns(_) => plain(Peer::Dns),
            tree::Peer::Internet(_) => plain(Peer::Internet),
            tree::Peer::Cidr { block, except, .. } => {
                let outer = self.cidr(block);
                let inner: Vec<Option<IpNet>> = except.iter().map(|expr| self.cidr(expr)).collect();
                let (outer, inner) = (outer?, inner.into_iter().collect::<Option<Vec<IpNet>>>()?);
                for (net, expr) in inner.iter().zip(except) {
                    if !outer.contains(net) || outer == *net {
                        self.report(
                            Finding::new(
                                codes::BAD_VALUE,
                                format!("{net} is no part of {outer}, so it cannot be left out of it"),
                                self.at(expr.span),
                            )
                            .label(self.at(block.span), "the block")
                            .help("an exception lies strictly inside its block"),
                        );
                        return None;
                    }
                }
                plain(Peer::Cidr { block: outer, except: inner })
            }
            tree::Peer::Namespaces(condition, _) => {
                let namespaces = self.label_selector(condition)?;
                plain(Peer::Pods { pods: LabelSelector::default(), namespaces: Some(namespaces) })
            }
            tree::Peer::Pods { condition, scope, .. } => {
                let pods = self.label_selector(condition)?;
                let namespaces = match scope {
                    None => None,
                    Some(scope) => Some(self.scope_selector(scope)?),
                };
                plain(Peer::Pods { pods, namespaces })
            }
            tree::Peer::Path(path) => {
                let entity = self.expect_entity(
                    path,
                    &[EntityKind::Workload, EntityKind::Namespace],
                    "a workload or a namespace",
                )?;
                if entity.kind == EntityKind::Namespace {
                    return plain(Peer::Namespace(entity.name.to_string()));
                }
                let namespace = entity.namespace.as_deref().unwrap_or("unknown").to_owned();
                let workload = entity.decl.and_then(|decl| self.workload_of(&namespace, &entity.name, decl.item));
                Some(End { peer: Peer::Workload { namespace, name: entity.name.to_string() }, workload })
            }
        }
    }

    /// Namespaces as a selector: by the name label that Kubernetes keeps on every namespace, or by labels.
    fn scope_selector(&self, scope: &Scope) -> Option<LabelSelector> {
        match self.scope(scope)? {
            Place::Cluster => Some(LabelSelector::default()),
            Place::Where(selector) => Some(selector),
            Place::Namespaces(names) => Some(match names.as_slice() {
                [one] => LabelSelector::labels([("kubernetes.io/metadata.name", one.as_ref())]),
                several => LabelSelector {
                    match_expressions: vec![kspec_model::Requirement {
                        key: "kubernetes.io/metadata.name".to_owned(),
                        operator: kspec_model::Operator::In,
                        values: several.iter().map(ToString::to_string).collect(),
                    }],
                    ..LabelSelector::default()
                },
            }),
        }
    }

    fn cidr(&self, expr: &Expr) -> Option<IpNet> {
        match self.eval(expr, Some(&Type::Cidr)) {
            Value::Cidr(net) => Some(net),
            Value::Unknown(_) => "192.0.2.0/24".parse().ok(),
            _ => None,
        }
    }

    /// Every port of an edge; `None` where something was reported of one, after all were looked at.
    fn port_refs(&self, ports: &[Expr], workload: Option<&Workload>, resolve: bool) -> Option<Vec<PortRef>> {
        let ports: Vec<Option<Vec<PortRef>>> =
            ports.iter().map(|port| self.port_ref(port, workload, resolve)).collect();
        ports.into_iter().collect::<Option<Vec<Vec<PortRef>>>>().map(|ports| ports.concat())
    }

    /// A port of an edge: by number, or by a name that the destination gives it. With `resolve`, a name of a known
    /// workload becomes its numbers, which is what a declared port's name means.
    /// What a port may be called (RFC 6335 section 5.1; `apimachinery/pkg/util/validation`, `IsValidPortName`).
    fn check_port_name(&self, name: &str, span: Span) {
        if !kspec_schema::names::is_port_name(name) {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("no port can be called \"{name}\""), self.at(span)).help(
                    "a port's name has 15 characters at most: lower case letters, digits and single `-` between them, a letter \
                     among them; a number is written without quotes",
                ),
            );
        }
    }

    fn port_ref(&self, expr: &Expr, workload: Option<&Workload>, resolve: bool) -> Option<Vec<PortRef>> {
        let name = match &expr.kind {
            ExprKind::Name(name) => match self.value_of_type_port(&name.text) {
                Some(value) => return self.numbers(value),
                None => Arc::clone(&name.text),
            },
            ExprKind::Str(text) if workload.is_none() => {
                // Quoted, so a name, were it `udp`. No port's name holds a slash: after one stands its protocol.
                let stated = text.value.split_once('/');
                let stated = stated.and_then(|(name, word)| Some((name, Protocol::parse(&word.to_uppercase())?)));
                let (name, protocol) = stated.unwrap_or((text.value.as_ref(), Protocol::Tcp));
                self.check_port_name(name, expr.span);
                return Some(vec![PortRef::Named { name: name.to_owned(), protocol }]);
            }
            ExprKind::Str(text) => Arc::clone(&text.value),
            ExprKind::Port(port) => return self.checked_literal(expr, port_literal(port)),
            ExprKind::Range(first, last) => {
                if let (ExprKind::Int(first), ExprKind::Int(last)) = (&first.kind, &last.kind) {
                    let literal = tree::PortLit {
                        first: u32::try_from(*first).unwrap_or(0),
                        last: u32::try_from(*last).unwrap_or(0),
                        protocol: None,
                    };
                    return self.checked_literal(expr, port_literal(&literal));
                }
                return self.numbers(self.eval(expr, Some(&Type::Port)));
            }
            ExprKind::Error => return None,
            _ => return self.numbers(self.eval(expr, Some(&Type::Port))),
        };
        if let Some(protocol) = Protocol::parse(&name.to_uppercase())
            && workload.is_none_or(|workload| !workload.ports.contains_key(name.as_ref()))
        {
            return Some(vec![PortRef::Protocol(protocol)]);
        }
        let Some(workload) = workload else {
            self.check_port_name(&name, expr.span);
            return Some(vec![PortRef::Named { name: name.to_string(), protocol: Protocol::Tcp }]);
        };
        match workload.ports.get(name.as_ref()) {
            Some(specs) if resolve => Some(specs.iter().map(|spec| PortRef::Number(*spec)).collect()),
            Some(specs) => Some(
                specs.iter().map(|spec| PortRef::Named { name: name.to_string(), protocol: spec.protocol }).collect(),
            ),
            None => {
                let known: Vec<&str> = workload.ports.keys().map(String::as_str).collect();
                let finding = Finding::new(
                    codes::UNKNOWN_PORT,
                    format!("workload {}/{} has no port called `{name}`", workload.namespace, workload.name),
                    self.at(expr.span),
                )
                .label(workload.origin.at, "declared here");
                self.report(match kspec_schema::closest(&name, known.iter().copied()) {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(expr.span),
                        close,
                    ),
                    None if known.is_empty() => {
                        finding.help(format!("give it one: `{{ ports: {{ {name}: 8080 }} }}`, or write the number"))
                    }
                    None => finding.help(format!("its ports: {}", known.join(", "))),
                });
                None
            }
        }
    }

    /// The value of a name that stands for a port (a parameter, a `let`), if it is one.
    fn value_of_type_port(&self, name: &str) -> Option<Value> {
        match self.name_value(name, Span::default()) {
            Lookup::Found(value @ (Value::Port(_) | Value::Int(_) | Value::Unknown(Type::Port | Type::Int))) => {
                Some(value)
            }
            _ => None,
        }
    }

    fn numbers(&self, value: Value) -> Option<Vec<PortRef>> {
        match value {
            Value::Port(port) => Some(vec![PortRef::Number(port.spec())]),
            Value::Int(number) => {
                let port = u16::try_from(number).ok().filter(|port| *port > 0)?;
                Some(vec![PortRef::Number(kspec_model::program::PortSpec {
                    first: port,
                    last: port,
                    protocol: Protocol::Tcp,
                })])
            }
            Value::Unknown(_) => Some(Vec::new()),
            _ => None,
        }
    }

    fn checked_literal(&self, expr: &Expr, spec: Option<kspec_model::program::PortSpec>) -> Option<Vec<PortRef>> {
        if spec.is_none() {
            self.report(
                Finding::new(codes::BAD_VALUE, "no such port", self.at(expr.span))
                    .help("ports are 1 to 65535, and a range's last is not below its first"),
            );
        }
        spec.map(|spec| vec![PortRef::Number(spec)])
    }
}

/// The place of a peer.
pub(super) fn peer_span(peer: &tree::Peer) -> Span {
    match peer {
        tree::Peer::Path(path) => path.span,
        tree::Peer::All(span)
        | tree::Peer::Any(span)
        | tree::Peer::Dns(span)
        | tree::Peer::Internet(span)
        | tree::Peer::Cidr { span, .. }
        | tree::Peer::Namespaces(_, span)
        | tree::Peer::Pods { span, .. } => *span,
    }
}

impl Elab<'_, '_> {
    /// Both ends of a connection, and its ports.
    pub(super) fn connection(
        &self,
        from: &tree::Peer,
        to: &tree::Peer,
        ports: &[Expr],
    ) -> Option<(Peer, Peer, Vec<PortRef>)> {
        let (from, to) = (self.peer(from), self.peer(to));
        let workload = to.as_ref().and_then(|end| end.workload.as_ref());
        let ports = self.port_refs(ports, workload, workload.is_some());
        Some((from?.peer, to?.peer, ports?))
    }

    /// Resolves a peer only to check it: for runtime rules.
    pub(super) fn check_peer(&self, peer: &tree::Peer, ports: &[Expr]) {
        if let Some(end) = self.peer(peer) {
            for port in ports {
                self.port_ref(port, end.workload.as_ref(), true);
            }
        }
    }
}
