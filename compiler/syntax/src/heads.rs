//! The statements of the language by their first word: which words are keywords in them, and what their body holds.
//!
//! The table is what makes keywords contextual: a word is one only where its statement's row says so, and only in a
//! place where a name cannot stand.

use crate::terminal::{Kw, KwSet, Mark};

/// What the `{ … }` at a statement's end holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// The statement has none.
    None,
    /// Fields.
    Record,
    /// Chunks of this kind.
    Of(Mark),
}

/// What stands right after the first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// A name or a value.
    Operand,
    /// A keyword, or nothing.
    Keyword,
    /// A word of a kind, then a name.
    KindAndName,
}

/// What `on` is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Names,
    Resources,
}

/// A statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) kw: Kw,
    /// Keywords between its parts.
    pub(crate) infix: KwSet,
    pub(crate) after: After,
    pub(crate) on: On,
    /// Whether it speaks of peers, subjects or verbs, so that `any`, `all`, `user "…"` and the like are words of it.
    pub(crate) parties: bool,
    pub(crate) body: Body,
    /// The form, for messages.
    pub(crate) form: &'static str,
}

const fn row(kw: Kw, after: After, infix: &[Kw], body: Body, form: &'static str) -> Head {
    Head { kw, infix: KwSet::of(infix), after, on: On::Names, parties: false, body, form }
}

const fn resources(head: Head) -> Head {
    Head { on: On::Resources, ..head }
}

const fn parties(head: Head) -> Head {
    Head { parties: true, ..head }
}

use After::{Keyword, KindAndName, Operand};
use Body::{Of, Record};
use Kw::*;

const CLAIM: &[Kw] = &[Can, On, Named, In, Except, By, Path, Reaches, Through, Where, Verbs, And];

const ITEMS: &[Head] = &[
    row(Use, Operand, &[As], Body::None, "use std.roles.{viewer}"),
    row(Param, Operand, &[], Body::None, "param name: Type"),
    row(Let, Operand, &[], Body::None, "let name = value"),
    row(Fn, Operand, &[], Body::None, "fn name(x: T) -> U = expression"),
    row(Template, Operand, &[], Of(Mark::Item), "template name(x: T) { … }"),
    row(For, Operand, &[In], Of(Mark::Item), "for x in list { … }"),
    row(Manifest, Operand, &[], Record, "manifest { apiVersion: …, kind: … }"),
    row(Namespace, Operand, &[], Of(Mark::Namespace), "namespace name { … }"),
    row(Workload, Operand, &[In, From], Record, "workload name in namespace { pods: { app: \"name\" } }"),
    row(ServiceAccount, Operand, &[In], Record, "service_account name in namespace { … }"),
    row(User, Operand, &[], Body::None, "user name = \"name@example.com\""),
    row(Group, Operand, &[], Body::None, "group name = \"oidc:name\""),
    row(Role, Operand, &[In], Of(Mark::Role), "role name in namespace { … }"),
    parties(row(Grant, Operand, &[In, To, Where], Record, "grant role in namespace to subject")),
    parties(row(
        BreakGlass,
        Operand,
        &[In, To, Where],
        Record,
        "break_glass role to subject { reason: …, owner: …, until: … }",
    )),
    row(Network, Keyword, &[In, Where], Of(Mark::Network), "network in namespace { … }"),
    parties(resources(row(Never, Operand, CLAIM, Body::None, "never subject can verb on resource"))),
    parties(resources(row(Always, Operand, CLAIM, Body::None, "always workload reaches workload"))),
    row(Encryption, Keyword, &[], Of(Mark::Encryption), "encryption { … }"),
    row(Audit, Keyword, &[], Of(Mark::Audit), "audit { … }"),
    row(Authentication, Keyword, &[], Record, "authentication { … }"),
    row(Apiserver, Keyword, &[], Record, "apiserver { … }"),
    row(Moved, KindAndName, &[To], Body::None, "moved role old to new"),
    row(Accept, Operand, &[On], Record, "accept K0201 on name { reason: …, owner: …, until: … }"),
    row(Enforce, Operand, BIND, Record, "enforce rule in namespace"),
    row(Warn, Operand, BIND, Record, "warn rule in namespace"),
    row(
        Exempt,
        KindAndName,
        &[From, Container],
        Record,
        "exempt workload name from rule { reason: …, owner: …, until: … }",
    ),
    resources(row(Rule, Operand, &[On, Verbs], Of(Mark::Rule), "rule name on Pod { … }")),
    resources(row(Mutation, Operand, &[On], Of(Mark::Mutation), "mutation name on Pod { … }")),
    row(Protect, Operand, &[With], Record, "protect workload with rules"),
    row(Runtime, Operand, &[For], Of(Mark::Runtime), "runtime name [for workload] { … }"),
    row(Test, Operand, &[], Of(Mark::Test), "test \"what is tested\" { … }"),
];

const BIND: &[Kw] = &[In, Where, For, Until, Then];

/// `audit` in front of a rule's name instead of a block.
const AUDIT_BINDING: Head = row(Audit, Operand, BIND, Record, "audit rule in namespace");

const NAMESPACE: &[Head] = &[
    row(Quota, Keyword, &[], Record, "quota { pods: 50 }"),
    row(Limits, Operand, &[], Record, "limits container { … }"),
];

const ROLE: &[Head] = &[parties(resources(row(Allow, Operand, &[On, Named], Body::None, "allow get, list on pods")))];

const NETWORK: &[Head] = &[
    row(Default, Keyword, &[Deny, Ingress, Egress], Body::None, "default deny"),
    parties(row(Allow, Operand, &[Where, In, Except], Body::None, "allow workload -> workload : port")),
    parties(row(Policy, Operand, &[For, Where, In, Except], Of(Mark::NetRule), "policy name for workload { … }")),
];

const NET_RULE: &[Head] = &[
    parties(row(Ingress, Keyword, &[From, Deny, Where, In, Except], Body::None, "ingress from workload : port")),
    parties(row(Egress, Keyword, &[To, Deny, Where, In, Except], Body::None, "egress to workload : port")),
];

const ENCRYPTION: &[Head] = &[resources(row(Encrypt, Operand, &[With], Body::None, "encrypt secrets with provider"))];

const AUDIT_WORDS: &[Kw] = &[For, Verbs, On, Named, In, Url, Omit, Otherwise];
const AUDIT: &[Head] = &[
    parties(resources(row(None, Keyword, AUDIT_WORDS, Body::None, "none for user \"name\""))),
    parties(resources(row(Metadata, Keyword, AUDIT_WORDS, Body::None, "metadata on secrets"))),
    parties(resources(row(Request, Keyword, AUDIT_WORDS, Body::None, "request on pods"))),
    parties(resources(row(RequestResponse, Keyword, AUDIT_WORDS, Body::None, "request_response on pods"))),
];

const VERDICT: &[Kw] = &[If, Unless, Because];
const RULE: &[Head] = &[
    row(Let, Operand, &[], Body::None, "let name = value"),
    row(For, Operand, &[In], Of(Mark::Rule), "for c in all_containers { … }"),
    row(Deny, Keyword, VERDICT, Body::None, "deny if condition because \"why\""),
    row(Warn, Keyword, VERDICT, Body::None, "warn if condition because \"why\""),
];

const MUTATION: &[Head] = &[
    row(For, Operand, &[In], Of(Mark::Mutation), "for c in containers { … }"),
    row(If, Operand, &[], Of(Mark::Mutation), "if condition { … }"),
    row(Default, Operand, &[If], Body::None, "default path: value"),
    row(Set, Operand, &[If], Body::None, "set path: value"),
    row(Append, Operand, &[If], Body::None, "append path: value"),
    row(Remove, Operand, &[If], Body::None, "remove path"),
];

const RUNTIME_WORDS: &[Kw] = &[To, Otherwise, Where, In, Except];
const RUNTIME: &[Head] = &[
    parties(row(Allow, Operand, RUNTIME_WORDS, Record, "allow exec \"/usr/bin/app\"")),
    parties(row(Deny, Operand, RUNTIME_WORDS, Record, "deny exec otherwise")),
];

const TEST: &[Head] = &[
    row(Given, Operand, &[In], Record, "given pod in namespace { … }"),
    row(Expect, Operand, &[By], Body::None, "expect denied by rule"),
];

/// `expect` in front of a claim.
const EXPECT_CLAIM: Head =
    parties(resources(row(Expect, Operand, CLAIM, Body::None, "expect subject can verb on resource")));

/// What is no statement: a field, an expression.
pub(crate) const PLAIN: Head = row(Use, Operand, &[], Body::None, "name: value");
/// A name in the braces of `use`.
pub(crate) const USE_NAME: Head = row(Use, Operand, &[As], Body::None, "name as alias");

/// The statements that chunks of a kind begin with.
pub(crate) fn heads(mark: Mark) -> &'static [Head] {
    match mark {
        Mark::Item => ITEMS,
        Mark::Namespace => NAMESPACE,
        Mark::Role => ROLE,
        Mark::Network => NETWORK,
        Mark::NetRule => NET_RULE,
        Mark::Encryption => ENCRYPTION,
        Mark::Audit => AUDIT,
        Mark::Rule => RULE,
        Mark::Mutation => MUTATION,
        Mark::Runtime => RUNTIME,
        Mark::Test => TEST,
        Mark::Stamp | Mark::Field | Mark::TypeField | Mark::UseName | Mark::Expr => &[],
    }
}

/// The statement that a word begins.
pub(crate) fn head(mark: Mark, word: Kw) -> Option<&'static Head> {
    heads(mark).iter().find(|head| head.kw == word)
}

/// The other meaning of a word that has two: `audit` before a rule's name, `expect` before a claim.
pub(crate) fn other(word: Kw) -> Option<&'static Head> {
    match word {
        Audit => Some(&AUDIT_BINDING),
        Expect => Some(&EXPECT_CLAIM),
        _ => Option::None,
    }
}

/// Whether fields may stand among the statements.
pub(crate) fn has_fields(mark: Mark) -> bool {
    matches!(mark, Mark::Namespace | Mark::Role | Mark::Audit | Mark::Rule)
}

/// Whether a word begins a declaration.
pub(crate) fn begins_item(word: &str) -> bool {
    Kw::of(word).is_some_and(|kw| kw == Existing || head(Mark::Item, kw).is_some())
}

/// Whom a message speaks of when it speaks of such a chunk's place.
pub(crate) fn place(mark: Mark) -> &'static str {
    match mark {
        Mark::Item | Mark::Stamp => "a declaration",
        Mark::Field => "a field",
        Mark::TypeField => "a field's type",
        Mark::UseName => "a name to use",
        Mark::Expr => "an expression",
        Mark::Namespace => "a namespace's body",
        Mark::Role => "a role's body",
        Mark::Network => "a network's body",
        Mark::NetRule => "a policy's body",
        Mark::Encryption => "an encryption block",
        Mark::Audit => "an audit block",
        Mark::Rule => "a rule's body",
        Mark::Mutation => "a mutation's body",
        Mark::Runtime => "a runtime block",
        Mark::Test => "a test",
    }
}
