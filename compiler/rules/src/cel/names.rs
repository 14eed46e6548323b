//! What an expression takes from outside: the variables that it names, without what its own macros bind.

use std::collections::BTreeSet;

use super::lex::{Token, tokens};

/// Macros whose first arguments are names that they bind (the CEL specification, "Macros"; `ext.TwoVarComprehensions`, `ext.Bindings`).
const BINDERS: [&str; 11] = [
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "filter",
    "map",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "bind",
    "sortBy",
];

/// A variable, and the field first chosen of it by name, where one is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    /// `user`
    pub name: String,
    /// `username` of `user.username` and of `user.?username`; none of `user["username"]`.
    pub field: Option<String>,
    /// Whether a macro goes over what is chosen of it: `claims.groups.all(…)`, `claims["groups"].map(…)`; not over the variable itself,
    /// nor over what a function makes of it.
    pub ranged: bool,
}

/// The variables of an expression; none where it is not CEL. A name that any of its macros binds counts nowhere, and one in front of
/// a function (`math.greatest(…)`) counts: whether it is a library only its reader knows.
#[must_use]
pub fn drawn(text: &str) -> Option<BTreeSet<Drawn>> {
    super::read(text)?;
    let tokens = tokens(text)?;
    let is = |at: Option<usize>, sign: &str| {
        at.and_then(|at| tokens.get(at)).is_some_and(|token| matches!(token, Token::Sign(own) if *own == sign))
    };
    let name = |at: usize| match tokens.get(at) {
        Some(Token::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    let chosen = |at: usize| is(at.checked_sub(1), ".") || is(at.checked_sub(1), ".?");
    let mut bound: BTreeSet<&str> = BTreeSet::new();
    for at in 0..tokens.len() {
        if name(at).is_some_and(|name| BINDERS.contains(&name)) && chosen(at) && is(Some(at + 1), "(") {
            // `map(item, …)`, `all(key, value, …)`.
            for argument in [at + 2, at + 4] {
                if !is(Some(argument + 1), ",") {
                    break;
                }
                bound.extend(name(argument));
            }
        }
    }
    let mut found = BTreeSet::new();
    for at in 0..tokens.len() {
        let Some(own) = name(at) else { continue };
        let is_variable = !chosen(at) && !is(Some(at + 1), "(") && !matches!(own, "true" | "false" | "null" | "in");
        if !is_variable || bound.contains(own) {
            continue;
        }
        let selects = is(Some(at + 1), ".") || is(Some(at + 1), ".?");
        let field = name(at + 2).filter(|_| selects && !is(Some(at + 3), "("));
        let (mut next, mut deep, mut ranged) = (at + 1, false, false);
        loop {
            if let (true, Some(inner)) = (is(Some(next), "."), name(next + 1)) {
                if is(Some(next + 2), "(") {
                    ranged = deep && BINDERS.contains(&inner);
                    break;
                }
                next += 2;
            } else if is(Some(next), "[") && is(Some(next + 2), "]") {
                next += 3;
            } else {
                break;
            }
            deep = true;
        }
        found.insert(Drawn { name: own.to_owned(), field: field.map(str::to_owned), ranged });
    }
    Some(found)
}
