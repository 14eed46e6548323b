//! Expressions of the rule table as CEL, for the API server's environment of the target version.
//!
//! **Absence.** CEL fails on a field that is not there. What is optional is read through optional selection and is `null`
//! where it is absent, as JSON's own `null` is. A piece of CEL says of itself whether it may be `null` and under which
//! guards it can be evaluated at all, and whoever uses it writes the guards.
//!
//! What CEL cannot say, or not with the same meaning, is refused with the reason; the webhook then takes the rule.

mod conversion;
mod cost;
mod each;
mod image;
mod method;
mod operator;
mod patch;
mod pattern;
mod piece;
mod print;
mod statement;
mod template;
mod violated;

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Const, Expr, Var};

pub(super) use cost::{LIMIT, cost};
pub(super) use patch::{Patch, Place};
pub(super) use piece::quote;
pub(super) use print::mentions;
pub(super) use statement::Verdicts;
pub(crate) use template::Template;

/// Why CEL cannot say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsaid(pub(super) String);

impl Unsaid {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The longest expression; the API server's parser takes 100,000 code points.
pub(super) const LONGEST: usize = 40_000;

/// Writes expressions of one body over one kind of target.
pub(super) struct Printer<'h> {
    /// The minor version whose CEL environment the server compiles new expressions in: the one before its own.
    environment: u32,
    /// What the object and the old one are called.
    roots: Roots,
    names: Vec<(Var, Bound)>,
    /// Where lists that several rules read become variables of the policy.
    hoist: Option<&'h mut Hoist>,
    fresh: u32,
    /// How long a name may be that what is written stands for; 0 where it is written as it stays.
    widest: usize,
    /// With such names something may be too long.
    long: bool,
}

/// How the object that a rule judges is called in CEL.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    /// The object.
    pub(super) object: String,
    /// The object as it was.
    pub(super) old: String,
}

impl Roots {
    /// Whether the object and the old one are called differently.
    pub(super) fn are_two(&self) -> bool {
        self.object != self.old
    }

    /// How much they make an expression longer.
    pub(super) fn len(&self) -> usize {
        self.object.len() + self.old.len()
    }
}

/// What a local variable is in CEL.
#[derive(Debug, Clone)]
enum Bound {
    /// This constant.
    Const(Const),
    /// This text.
    Text {
        text: Arc<str>,
        nullable: bool,
        /// Whether it is of CEL's type `dyn`.
        dynamic: bool,
        /// A quantity of CEL's own.
        native: bool,
    },
}

/// Lists that became variables of a policy, by their text.
#[derive(Debug, Default)]
pub(super) struct Hoist {
    called: Called,
    by_text: BTreeMap<String, String>,
    /// Name and expression, in the order in which they were met.
    pub(super) variables: Vec<(String, String)>,
}

/// How lists that became variables are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Called {
    /// As variables of a policy.
    #[default]
    Variables,
    /// By their names alone.
    Bare,
    /// By their numbers, until they have names.
    Open,
}

impl Hoist {
    /// Of what is no variable of a policy, but bound around an expression.
    pub(super) fn bare() -> Self {
        Self { called: Called::Bare, ..Self::default() }
    }

    /// Of a [`Template`]: wishes for names stand in the place of names.
    fn open() -> Self {
        Self { called: Called::Open, ..Self::default() }
    }

    /// What a list is called from now on.
    fn called(&mut self, text: &str, wish: &str) -> String {
        match self.called {
            Called::Variables => format!("variables.{}", self.name(text, wish)),
            Called::Bare => self.name(text, wish),
            Called::Open => {
                if let Some(name) = self.by_text.get(text) {
                    return name.clone();
                }
                let name = template::list(self.variables.len());
                self.by_text.insert(text.to_owned(), name.clone());
                self.variables.push((wish.to_owned(), text.to_owned()));
                name
            }
        }
    }

    /// The name of a list's variable.
    fn name(&mut self, text: &str, wish: &str) -> String {
        if let Some(name) = self.by_text.get(text) {
            return name.clone();
        }
        // Rules are in lower case: a capital keeps lists apart from them.
        let mut letters = wish.chars().filter(char::is_ascii_alphanumeric);
        let wish: String = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect();
        let taken = |name: &str| self.variables.iter().any(|(known, _)| known == name);
        let name = (1_u32..)
            .map(|n| if n == 1 { format!("list{wish}") } else { format!("list{wish}{n}") })
            .find(|name| !taken(name))
            .unwrap_or_default();
        self.by_text.insert(text.to_owned(), name.clone());
        self.variables.push((name.clone(), text.to_owned()));
        name
    }
}

impl<'h> Printer<'h> {
    /// A printer for a target version, `minor` of 1.x.
    pub(super) fn new(minor: u32, roots: Roots, hoist: Option<&'h mut Hoist>) -> Self {
        Self { environment: minor.saturating_sub(1), roots, names: Vec::new(), hoist, fresh: 0, widest: 0, long: false }
    }

    /// A condition as CEL: a `bool`, false where it is absent.
    pub(super) fn condition(&mut self, expr: &kspec_model::rules::Expr) -> Result<String, Unsaid> {
        let piece = self.holds(expr)?;
        Ok(piece.text)
    }

    /// A variable that no other is called.
    fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!("x{}", self.fresh)
    }

    fn bind(&mut self, var: &Var, bound: Bound) {
        self.names.push((Arc::clone(var), bound));
    }

    /// Binds a local variable of a rule; its name in CEL, and its value. The list of that value alone is gone through.
    fn bind_local(&mut self, var: &Var, value: &Expr) -> Result<(Arc<str>, String), Unsaid> {
        let value = self.value(value)?.or_null();
        let name: Arc<str> = self.fresh().into();
        let (dynamic, native) = (value.kind == piece::Kind::Dyn, value.native);
        self.bind(var, Bound::Text { text: Arc::clone(&name), nullable: true, dynamic, native });
        Ok((name, value.text))
    }

    /// Binds a comprehension's item; its name in CEL.
    fn bind_item(&mut self, var: &Var, dynamic: bool) -> Arc<str> {
        // Whatever CEL or Kubernetes declares must not be hidden.
        const DECLARED: [&str; 9] = [
            "object",
            "oldObject",
            "request",
            "variables",
            "namespaceObject",
            "params",
            "authorizer",
            "optional",
            "cel",
        ];
        let generated = var.strip_prefix('x').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let text: Arc<str> = if DECLARED.contains(&&**var) || generated || var.starts_with("__") {
            format!("{var}_").into()
        } else {
            Arc::clone(var)
        };
        self.bind(var, Bound::Text { text: Arc::clone(&text), nullable: true, dynamic, native: false });
        text
    }

    fn unbind(&mut self) {
        self.names.pop();
    }

    fn bound(&self, var: &str) -> Result<&Bound, Unsaid> {
        let found = self.names.iter().rev().find(|(name, _)| **name == *var);
        found.map(|(_, bound)| bound).ok_or_else(|| Unsaid::because(format!("nothing is called `{var}`")))
    }
}
