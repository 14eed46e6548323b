//! What is written once and filled in wherever it stands: a rule is part of several policies, which call the object and its lists
//! by other names.
//!
//! A name is a character that CEL has only in text literals, and there escaped.

use super::{Hoist, Printer, Roots, Unsaid};
use crate::scan;

/// The object.
const OBJECT: char = '\u{1}';
/// The object as it was.
const OLD: char = '\u{2}';
/// A list that may be a variable: its number stands behind it, up to [`END`].
const LIST: char = '\u{3}';
const END: char = '\u{4}';

/// CEL without the names of what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: String,
    /// Wish for a name and expression of each list, in the order in which they were met; each may hold those before it.
    lists: Vec<(String, String)>,
}

impl Template {
    /// What `write` writes; `None` where names as long as `widest` may make too long an expression of it.
    pub(in crate::admission) fn of(
        minor: u32,
        widest: usize,
        write: impl FnOnce(&mut Printer<'_>) -> Result<String, Unsaid>,
    ) -> Option<Result<Self, Unsaid>> {
        let mut hoist = Hoist::open();
        let roots = Roots { object: OBJECT.into(), old: OLD.into() };
        let mut printer = Printer { widest, ..Printer::new(minor, roots, Some(&mut hoist)) };
        let text = write(&mut printer);
        let long = printer.long;
        (!long).then(|| text.map(|text| Self { text, lists: hoist.variables }))
    }

    /// The same for an object of these names, which differ; lists become variables of `hoist`.
    pub(in crate::admission) fn filled(&self, roots: &Roots, hoist: &mut Hoist) -> String {
        let mut lists: Vec<String> = Vec::with_capacity(self.lists.len());
        for (wish, text) in &self.lists {
            let text = filled(text, roots, &lists);
            lists.push(hoist.called(&text, wish));
        }
        filled(&self.text, roots, &lists)
    }
}

/// How a list of this number is called.
pub(super) fn list(number: usize) -> String {
    format!("{LIST}{number}{END}")
}

/// How long a text of so many bytes may become where names are as long as `widest`.
pub(super) fn longest(text: &str, widest: usize) -> usize {
    let names = text.bytes().filter(|byte| begins_name(*byte)).count();
    text.len().saturating_add(names.saturating_mul(widest))
}

fn filled(text: &str, roots: &Roots, lists: &[String]) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = scan::position(rest.as_bytes(), begins_name) {
        let (before, name) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let mut chars = name.chars();
        match chars.next() {
            Some(OBJECT) => out.push_str(&roots.object),
            Some(OLD) => out.push_str(&roots.old),
            _ => {
                let (number, after) = chars.as_str().split_once(END).unwrap_or_default();
                let list = number.parse().ok().and_then(|number: usize| lists.get(number));
                out.push_str(list.map_or("", String::as_str));
                rest = after;
                continue;
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

const fn begins_name(byte: u8) -> bool {
    (byte >= 1) & (byte <= 3)
}
