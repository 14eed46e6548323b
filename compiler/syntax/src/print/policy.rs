//! Guarantees, exceptions, admission, run time, tests.

use super::{Out, is_ident};
use crate::tree::{
    Bind, Claim, Exempt, Expectation, Expr, KindRef, Mutation, MutationStmt, Protect, Rule, RuleBody, RuleStmt,
    Runtime, RuntimeRule, RuntimeSubject, Test, TestStep,
};

impl Out {
    pub(super) fn claim(&mut self, x: &Claim) {
        match x {
            Claim::Can { subjects, verbs, resources, named, scope, except, by_any_path } => {
                self.list(subjects, Self::subject);
                self.clause("can", verbs, Self::verb);
                self.clause("on", resources, Self::resource);
                self.clause("named", named, Self::postfix);
                if let Some(scope) = scope {
                    self.scope(scope);
                }
                self.clause("except", except, Self::subject);
                self.put(if *by_any_path { " by any path" } else { "" });
            }
            Claim::Reaches { from, to, ports, through_any_path } => {
                self.peer(from);
                self.put(" reaches ");
                self.peer(to);
                self.clause(":", ports, Self::port_expr);
                self.put(if *through_any_path { " through any path" } else { "" });
            }
            Claim::Audited { what, verbs, resources } => {
                self.put("audited");
                if let Some(what) = what {
                    self.put(" ");
                    self.name(what);
                }
                self.clause("verbs", verbs, Self::verb);
                self.clause("on", resources, Self::resource);
            }
            Claim::Both { first, second, scope } => {
                self.put("both ");
                self.path(first);
                self.put(" and ");
                self.path(second);
                if let Some(scope) = scope {
                    self.scope(scope);
                }
            }
        }
    }

    pub(super) fn bind(&mut self, x: &Bind) {
        self.name(&x.action);
        self.put(" ");
        self.list(&x.rules, Self::postfix);
        if let Some(scope) = &x.scope {
            self.scope(scope);
        }
        if let Some(pods) = &x.pods {
            self.put(" for pods where ");
            self.before_body(pods);
        }
        if let Some((date, action)) = &x.until {
            self.put(" until ");
            self.before_body(date);
            self.put(" then ");
            self.name(action);
        }
        self.body(x.body.as_ref());
    }

    pub(super) fn exempt(&mut self, x: &Exempt) {
        self.put("exempt ");
        self.name(&x.kind);
        self.put(" ");
        self.path(&x.target);
        if let Some(container) = &x.container {
            self.put(" container ");
            self.str(container);
        }
        self.clause("from", &x.rules, Self::path);
        self.body(Some(&x.body));
    }

    fn kind_ref(&mut self, x: &KindRef) {
        if x.text.split(['.', '/']).all(is_ident) {
            self.put(&x.text);
        } else {
            self.quoted(&x.text);
        }
    }

    pub(super) fn rule(&mut self, x: &Rule) {
        self.put("rule ");
        self.name(&x.name);
        self.params(&x.params);
        match &x.body {
            RuleBody::Foreign(e) => {
                self.clause("on", &x.on, Self::kind_ref);
                self.clause("verbs", &x.operations, Self::name);
                self.put(" = ");
                self.expr(e);
            }
            RuleBody::Stmts(stmts) => {
                self.clause("on", &x.on, Self::kind_ref);
                self.clause("verbs", &x.operations, Self::name);
                self.put(" ");
                self.block(stmts, Self::rule_stmt);
            }
        }
    }

    fn over(&mut self, over: &[Expr]) {
        self.put(" in ");
        self.list(over, Self::before_body);
        self.put(" ");
    }

    fn condition(&mut self, word: &str, condition: Option<&Expr>) {
        if let Some(condition) = condition {
            self.put(" ").put(word).put(" ");
            self.expr(condition);
        }
    }

    fn rule_stmt(&mut self, x: &RuleStmt) {
        match x {
            RuleStmt::Field(field) => self.field(field),
            RuleStmt::Let(name, value) => {
                self.put("let ");
                self.name(name);
                self.put(" = ");
                self.expr(value);
            }
            RuleStmt::For(name, over, body) => {
                self.put("for ");
                self.name(name);
                self.over(over);
                self.block(body, Self::rule_stmt);
            }
            RuleStmt::Verdict { warn, condition, unless, because, .. } => {
                self.put(if *warn { "warn" } else { "deny" });
                self.condition("if", condition.as_ref());
                self.condition("unless", unless.as_ref());
                if let Some(because) = because {
                    self.put(" because ");
                    self.str(because);
                }
            }
        }
    }

    pub(super) fn mutation(&mut self, x: &Mutation) {
        self.put("mutation ");
        self.name(&x.name);
        self.params(&x.params);
        self.clause("on", &x.on, Self::kind_ref);
        self.put(" ");
        self.block(&x.body, Self::mutation_stmt);
    }

    fn mutation_stmt(&mut self, x: &MutationStmt) {
        match x {
            MutationStmt::For(name, over, body) => {
                self.put("for ");
                self.name(name);
                self.over(over);
                self.block(body, Self::mutation_stmt);
            }
            MutationStmt::If(condition, body) => {
                self.put("if ");
                self.before_body(condition);
                self.put(" ");
                self.block(body, Self::mutation_stmt);
            }
            MutationStmt::Write { op, path, value, condition, .. } => {
                self.name(op);
                self.put(" ");
                self.postfix(path);
                self.put(": ");
                self.expr(value);
                self.condition("if", condition.as_ref());
            }
            MutationStmt::Remove { path, condition, .. } => {
                self.put("remove ");
                self.postfix(path);
                self.condition("if", condition.as_ref());
            }
        }
    }

    pub(super) fn protect(&mut self, x: &Protect) {
        self.put("protect ");
        self.list(&x.targets, Self::path);
        self.clause("with", &x.rules, Self::postfix);
        self.body(x.body.as_ref());
    }

    pub(super) fn runtime(&mut self, x: &Runtime) {
        self.put("runtime ");
        self.name(&x.name);
        if !x.targets.is_empty() {
            self.clause("for", &x.targets, Self::path);
        }
        self.put(" ");
        self.block(&x.rules, Self::runtime_rule);
    }

    fn runtime_rule(&mut self, x: &RuntimeRule) {
        self.put(if x.allow { "allow " } else { "deny " });
        self.name(&x.event);
        match &x.subject {
            RuntimeSubject::Values(values) => {
                self.put(" ");
                self.list(values, Self::postfix);
            }
            RuntimeSubject::To(peers, ports) => {
                self.clause("to", peers, Self::peer);
                self.clause(":", ports, Self::port_expr);
            }
            RuntimeSubject::Otherwise => {
                self.put(" otherwise");
            }
        }
        self.body(x.body.as_ref());
    }

    pub(super) fn test(&mut self, x: &Test) {
        self.put("test ");
        self.str(&x.name);
        self.put(" ");
        self.block(&x.steps, |out, step| match step {
            TestStep::Given { kind, name, namespace, body, .. } => {
                out.put("given ");
                out.name(kind);
                if let Some(name) = name {
                    out.put(" ");
                    // An event's name is written without quotes.
                    if &*kind.text == "event" && is_ident(&name.value) { out.ident(&name.value) } else { out.str(name) }
                }
                if let Some(namespace) = namespace {
                    out.put(" in ");
                    out.path(namespace);
                }
                out.body(Some(body));
            }
            TestStep::Expect { negated, what, .. } => {
                out.put("expect ").put(if *negated { "not " } else { "" });
                match what {
                    Expectation::Verdict(verdict, by) => {
                        out.name(verdict);
                        out.clause("by", by, Self::path);
                    }
                    Expectation::Claim(claim) => out.claim(claim),
                    Expectation::Holds(e) => out.expr(e),
                }
            }
        });
    }
}
