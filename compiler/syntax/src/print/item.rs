//! Declarations and the bodies of everything but policies.

use super::{Out, is_ident};
use crate::tree::{
    Audit, AuditRule, AuditStmt, Edge, Encryption, Grant, Item, ItemKind, MovedName, Namespace, NamespaceStmt,
    NetPolicy, NetRule, Network, NetworkStmt, Path, Peer, Resource, Role, RoleStmt, Scope, Str, Subject, Use, Verb,
};

impl Out {
    pub(super) fn item(&mut self, item: &Item) {
        self.doc(item.doc.as_deref());
        match &item.kind {
            ItemKind::Use(x) => self.use_item(x),
            ItemKind::Param(x) => {
                self.put("param ");
                self.param(x);
            }
            ItemKind::Let(x) => {
                self.put("let ");
                self.name(&x.name);
                if let Some(ty) = &x.ty {
                    self.put(": ");
                    self.type_expr(ty);
                }
                self.put(" = ");
                self.expr(&x.value);
            }
            ItemKind::Fn(x) => {
                self.put("fn ");
                self.name(&x.name);
                self.put("(");
                self.list(&x.params, Self::param);
                self.put(") -> ");
                self.type_expr(&x.result);
                self.put(" = ");
                self.expr(&x.body);
            }
            ItemKind::Template(x) => {
                self.put("template ");
                self.name(&x.name);
                self.put("(");
                self.list(&x.params, Self::param);
                self.put(") ");
                self.block(&x.body, Self::item);
            }
            ItemKind::For(x) => {
                self.put("for ");
                self.name(&x.var);
                self.put(" in ");
                self.before_body(&x.over);
                self.put(" ");
                self.block(&x.body, Self::item);
            }
            ItemKind::Stamp(x) => self.expr(&x.call),
            ItemKind::Manifest(x) => {
                self.put("manifest ");
                if let Some(name) = &x.name {
                    self.name(name);
                    self.put(" ");
                }
                self.block(&x.body.fields, Self::field);
            }
            ItemKind::Namespace(x) => self.namespace(x),
            ItemKind::Workload(x) => {
                self.existing(x.existing).put("workload ");
                self.name(&x.name);
                self.put(" in ");
                self.path(&x.namespace);
                if let Some((kind, name)) = &x.from {
                    self.put(" from ");
                    self.name(kind);
                    self.put(" ");
                    self.str(name);
                }
                self.body(x.body.as_ref());
            }
            ItemKind::ServiceAccount(x) => {
                self.existing(x.existing).put("service_account ");
                self.name(&x.name);
                self.put(" in ");
                self.path(&x.namespace);
                self.kube_name(x.kube_name.as_ref());
                self.body(x.body.as_ref());
            }
            ItemKind::Principal(x) => {
                self.put(if x.group { "group " } else { "user " });
                self.name(&x.name);
                self.put(" = ");
                self.str(&x.value);
            }
            ItemKind::Role(x) => self.role(x),
            ItemKind::Grant(x) => self.grant(x),
            ItemKind::Network(x) => self.network(x),
            ItemKind::Guarantee(x) => {
                self.put(if x.always { "always " } else { "never " });
                self.claim(&x.claim);
            }
            ItemKind::Encryption(x) => self.encryption(x),
            ItemKind::Audit(x) => self.audit(x),
            ItemKind::Authentication(body) => {
                self.put("authentication ");
                self.block(&body.fields, Self::field);
            }
            ItemKind::ApiServer(body) => {
                self.put("apiserver ");
                self.block(&body.fields, Self::field);
            }
            ItemKind::Moved(x) => {
                self.put("moved ");
                self.name(&x.kind);
                self.put(" ");
                match &x.from {
                    MovedName::Path(path) => self.path(path),
                    MovedName::Kube(name) => self.str(name),
                }
                self.put(" to ");
                self.path(&x.to);
            }
            ItemKind::Accept(x) => {
                self.put("accept ");
                self.name(&x.code);
                self.put(" on ");
                self.path(&x.on);
                self.body(Some(&x.body));
            }
            ItemKind::Bind(x) => self.bind(x),
            ItemKind::Exempt(x) => self.exempt(x),
            ItemKind::Rule(x) => self.rule(x),
            ItemKind::Mutation(x) => self.mutation(x),
            ItemKind::Protect(x) => self.protect(x),
            ItemKind::Runtime(x) => self.runtime(x),
            ItemKind::Test(x) => self.test(x),
            ItemKind::Error(_) => {}
        }
    }

    fn existing(&mut self, existing: bool) -> &mut Self {
        self.put(if existing { "existing " } else { "" })
    }

    fn kube_name(&mut self, name: Option<&Str>) {
        if let Some(name) = name {
            self.put(" = ");
            self.str(name);
        }
    }

    fn use_item(&mut self, x: &Use) {
        self.put("use ");
        self.path(&x.path);
        if let Some(names) = &x.names {
            self.put(".{");
            self.list(names, |out, (name, alias)| {
                out.name(name);
                if let Some(alias) = alias {
                    out.put(" as ");
                    out.name(alias);
                }
            });
            self.put("}");
        }
        if let Some(alias) = &x.alias {
            self.put(" as ");
            self.name(alias);
        }
    }

    fn namespace(&mut self, x: &Namespace) {
        self.existing(x.existing).put("namespace ");
        self.name(&x.name);
        self.kube_name(x.kube_name.as_ref());
        if !x.body.is_empty() {
            self.put(" ");
            self.block(&x.body, |out, stmt| match stmt {
                NamespaceStmt::Field(field) => out.field(field),
                NamespaceStmt::Quota(name, body) => {
                    out.put("quota ");
                    out.label(name.as_ref());
                    out.record(body);
                }
                NamespaceStmt::Limits(kind, name, body) => {
                    out.put("limits ");
                    out.name(kind);
                    out.put(" ");
                    out.label(name.as_ref());
                    out.record(body);
                }
            });
        }
    }

    fn label(&mut self, name: Option<&Str>) {
        if let Some(name) = name {
            self.str(name);
            self.put(" ");
        }
    }

    fn role(&mut self, x: &Role) {
        self.existing(x.existing).put("role ");
        self.name(&x.name);
        if let Some(namespace) = &x.namespace {
            self.put(" in ");
            self.path(namespace);
        }
        self.kube_name(x.kube_name.as_ref());
        if x.existing && x.body.is_empty() {
            return;
        }
        self.put(" ");
        self.block(&x.body, |out, stmt| match stmt {
            RoleStmt::Allow(allow) => {
                out.put("allow ");
                out.list(&allow.verbs, Self::verb);
                out.clause("on", &allow.resources, Self::resource);
                out.clause("named", &allow.named, Self::postfix);
            }
            RoleStmt::AllowUrls(verbs, urls, _) => {
                out.put("allow ");
                out.list(verbs, Self::verb);
                out.put(" on");
                out.clause("url", urls, Self::str);
            }
            RoleStmt::Field(field) => out.field(field),
        });
    }

    pub(super) fn verb(&mut self, verb: &Verb) {
        match &*verb.text {
            "*" => {
                self.put("any");
            }
            text if is_ident(text) && text != "any" => {
                self.put(text);
            }
            text => self.quoted(text),
        }
    }

    pub(super) fn resource(&mut self, x: &Resource) {
        let everything = &*x.name == "*" && x.group.as_deref() == Some("*");
        let parts = [Some(&*x.name), x.group.as_deref(), x.subresource.as_deref()];
        // The word `any` alone is every group's; the core group's resources need the quoted spelling.
        let plain = !x.quoted
            && (&*x.name != "*" || x.group.is_some())
            && parts
                .into_iter()
                .flatten()
                .all(|part| part == "*" || part.split('.').all(|part| is_ident(part) && part != "any"));
        let mut text = String::new();
        let star = if plain { "any" } else { "*" };
        let part = |part: &str| if part == "*" { star.to_owned() } else { part.to_owned() };
        text.push_str(&part(&x.name));
        if let Some(group) = x.group.as_deref().filter(|_| !(plain && everything)) {
            text.push('.');
            text.push_str(&part(group));
        }
        if let Some(subresource) = &x.subresource {
            text.push('/');
            text.push_str(&part(subresource));
        }
        if plain {
            self.put(&text);
        } else {
            self.quoted(&text);
        }
    }

    pub(super) fn subject(&mut self, x: &Subject) {
        match x {
            Subject::Path(path) => self.path(path),
            Subject::User(name) => {
                self.put("user ");
                self.str(name);
            }
            Subject::Group(name) => {
                self.put("group ");
                self.str(name);
            }
        }
    }

    pub(super) fn scope(&mut self, x: &Scope) {
        match x {
            Scope::Cluster(_) => {
                self.put(" in cluster");
            }
            Scope::Namespaces(paths) => self.clause("in", paths, Self::path),
            Scope::Where(condition, _) => {
                self.put(" in namespaces where ");
                self.before_body(condition);
            }
        }
    }

    fn grant(&mut self, x: &Grant) {
        self.put(if x.break_glass { "break_glass " } else { "grant " });
        self.path(&x.role);
        if let Some(scope) = &x.scope {
            self.scope(scope);
        }
        self.clause("to", &x.subjects, Self::subject);
        self.body(x.body.as_ref());
    }

    fn network(&mut self, x: &Network) {
        self.put("network");
        self.scope(&x.scope);
        self.put(" ");
        self.block(&x.body, |out, stmt| match stmt {
            NetworkStmt::DefaultDeny(direction, name, _) => {
                out.put("default deny");
                if let Some(direction) = direction {
                    out.put(" ");
                    out.name(direction);
                }
                out.kube_name(name.as_ref());
            }
            NetworkStmt::Edge(edge) => out.edge(edge),
            NetworkStmt::Policy(policy) => out.net_policy(policy),
        });
    }

    fn edge(&mut self, x: &Edge) {
        self.doc(x.doc.as_deref());
        self.put("allow ");
        self.list(&x.from, Self::peer);
        self.clause("->", &x.to, Self::peer);
        self.clause(":", &x.ports, Self::port_expr);
    }

    fn net_policy(&mut self, x: &NetPolicy) {
        self.doc(x.doc.as_deref());
        self.put("policy ");
        self.name(&x.name);
        self.kube_name(x.kube_name.as_ref());
        self.put(" for ");
        self.peer(&x.pods);
        self.put(" ");
        self.block(&x.rules, Self::net_rule);
    }

    fn net_rule(&mut self, x: &NetRule) {
        self.put(if x.ingress { "ingress" } else { "egress" });
        if x.peers.is_empty() {
            self.put(" deny");
            return;
        }
        self.clause(if x.ingress { "from" } else { "to" }, &x.peers, Self::peer);
        self.clause(":", &x.ports, Self::port_expr);
    }

    pub(super) fn port_expr(&mut self, e: &crate::tree::Expr) {
        match &e.kind {
            crate::tree::ExprKind::Range(..) => self.expr(e),
            _ => self.postfix(e),
        }
    }

    pub(super) fn peer(&mut self, x: &Peer) {
        match x {
            Peer::Path(path) => self.path(path),
            Peer::All(_) => {
                self.put("all");
            }
            Peer::Any(_) => {
                self.put("any");
            }
            Peer::Dns(_) => {
                self.put("dns");
            }
            Peer::Internet(_) => {
                self.put("internet");
            }
            Peer::Cidr { block, except, .. } => {
                self.put("cidr ");
                self.postfix(block);
                self.clause("except", except, Self::postfix);
            }
            Peer::Namespaces(condition, _) => {
                self.put("namespaces where ");
                self.before_body(condition);
            }
            Peer::Pods { condition, scope, .. } => {
                self.put("pods where ");
                self.before_body(condition);
                if let Some(scope) = scope {
                    self.scope(scope);
                }
            }
        }
    }

    fn encryption(&mut self, x: &Encryption) {
        self.put("encryption ");
        self.block(&x.rules, |out, rule| {
            out.put("encrypt ");
            out.list(&rule.resources, Self::resource);
            out.clause("with", &rule.providers, Self::postfix);
        });
    }

    fn audit(&mut self, x: &Audit) {
        self.put("audit ");
        self.block(&x.stmts, |out, stmt| match stmt {
            AuditStmt::Field(field) => out.field(field),
            AuditStmt::Rule(rule) => out.audit_rule(rule),
        });
    }

    fn audit_rule(&mut self, x: &AuditRule) {
        self.name(&x.level);
        self.clause("for", &x.subjects, Self::subject);
        self.clause("verbs", &x.verbs, Self::verb);
        self.clause("on", &x.resources, Self::resource);
        self.clause("named", &x.named, Self::postfix);
        self.clause("in", &x.namespaces, |out, path: &Path| out.path(path));
        self.clause("url", &x.urls, Self::str);
        self.clause("omit", &x.omit, Self::name);
        if x.otherwise {
            self.put(" otherwise");
        }
    }
}
