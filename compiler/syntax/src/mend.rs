//! Reading on in a chunk that the grammar refuses.
//!
//! In: where it was refused, and what would have fit there. Out: the one small change that lets the rest be read, if
//! there is one: so that a second mistake of the same statement is told with the first, and what it means is checked.

use crate::classify::Spanned;
use crate::context::{Cx, Range};
use crate::explain;
use crate::heads::Head;
use crate::terminal::{Kw, KwSet, Mark, T};

/// A change to a chunk's tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// The word is this keyword, misspelt.
    Keyword(Kw),
    /// The token is not there.
    Skip,
    /// Something was forgotten before it.
    Insert(T<'static>),
}

/// A change and the index of the token that it is made at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mend {
    pub(crate) at: usize,
    pub(crate) change: Change,
}

/// A chunk that the grammar refused.
pub(crate) struct Failure<'a> {
    pub(crate) terminals: Vec<Spanned<'a>>,
    /// The first terminal that does not fit; none where the chunk ends too early.
    pub(crate) found: Option<Spanned<'a>>,
    /// The grammar's names of what would fit.
    pub(crate) expected: Vec<String>,
}

/// What is read, and how.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'h> {
    pub(crate) mark: Mark,
    pub(crate) head: &'h Head,
    pub(crate) range: Range,
    /// Its first words, which are known.
    pub(crate) words: &'h [(usize, Kw)],
}

/// How many mistakes of one chunk are told: beyond, guesses build on guesses.
pub(crate) const MOST: usize = 4;

/// The words that join two parts; `all` or `true` would be a guess at what was to be said.
const JOINTS: KwSet =
    KwSet::of(&[Kw::In, Kw::On, Kw::To, Kw::From, Kw::With, Kw::Named, Kw::Where, Kw::For, Kw::Because, Kw::If]);

/// How many terminals must fit after a change before what comes next counts as a mistake of its own.
fn confident(change: Change) -> usize {
    if matches!(change, Change::Keyword(_)) { 1 } else { 2 }
}

/// The keyword that a word was meant to be, where one of `expected` is near.
fn meant(found: T<'_>, expected: &[String]) -> Option<Kw> {
    let (T::Name(text) | T::Res(text)) = found else { return None };
    let words = expected.iter().map(|name| name.trim_matches('"')).filter(|name| Kw::of(name).is_some());
    explain::nearest(text, words).and_then(Kw::of)
}

impl Cx<'_> {
    /// Adds to `mends` the change that reads farthest beyond `failure`; says whether there is one.
    pub(crate) fn mend(&mut self, reading: Reading<'_>, mends: &mut Vec<Mend>, failure: &Failure<'_>) -> bool {
        let Some((start, terminal, _)) = failure.found else { return false };
        let tokens = self.grouped.tokens.get(reading.range.lo..reading.range.hi).unwrap_or_default();
        let Ok(at) = tokens.binary_search_by_key(&start, |token| token.start) else { return false };
        let at = reading.range.lo + at;
        // The same place twice is no progress.
        if mends.iter().any(|mend| mend.at == at) {
            return false;
        }
        let mut best: Option<(usize, Change)> = None;
        for change in changes(terminal, &failure.expected) {
            mends.push(Mend { at, change });
            // What was there already counts as read where something is put before it.
            let after = if matches!(change, Change::Insert(_)) { start } else { start + 1 };
            let read = self.probe(reading, mends, after);
            mends.pop();
            match read {
                None => {
                    best = Some((usize::MAX, change));
                    break;
                }
                Some(count) if count >= confident(change) && best.is_none_or(|(most, _)| count > most) => {
                    best = Some((count, change));
                }
                Some(_) => {}
            }
        }
        let Some((_, change)) = best else { return false };
        mends.push(Mend { at, change });
        true
    }

    /// How many terminals from `after` on are read with `mends`; none where all are.
    fn probe(&mut self, reading: Reading<'_>, mends: &[Mend], after: u32) -> Option<usize> {
        if !self.spend(reading.range) {
            return Some(0);
        }
        let known = self.errors.len();
        self.probing = true;
        let result = self.attempt(reading, mends);
        self.probing = false;
        self.errors.truncate(known);
        let failure = result.err()?;
        let end = failure.found.map_or(u32::MAX, |(at, _, _)| at);
        let read = failure.terminals.iter().filter(|(at, _, to)| (after..end).contains(at) && at < to).count();
        // A misspelt keyword is surely a mistake of its own.
        let misspelt = failure.found.is_some_and(|(_, found, _)| meant(found, &failure.expected).is_some());
        self.recycle(failure.terminals);
        Some(read + usize::from(misspelt))
    }

    /// Takes what reading a range again costs from what the item may spend on it, so that an item of nothing but
    /// mistakes is still read in time linear to it. Says whether there was enough.
    pub(crate) fn spend(&mut self, range: Range) -> bool {
        let left = self.spare.checked_sub(range.hi.saturating_sub(range.lo));
        self.spare = left.unwrap_or(self.spare);
        left.is_some()
    }
}

/// What may have been meant, the likeliest first.
fn changes(found: T<'_>, expected: &[String]) -> Vec<Change> {
    let names = || expected.iter().map(|name| name.trim_matches('"'));
    let mut out: Vec<Change> = meant(found, expected).map(Change::Keyword).into_iter().collect();
    // One keyword instead of another: `to` for `from`.
    let confused = matches!(found, T::Kw(_)) || matches!(found, T::Name(text) if Kw::of(text).is_some());
    for kw in names().filter(|_| confused).filter_map(Kw::of).filter(|kw| JOINTS.has(*kw)) {
        out.push(Change::Keyword(kw));
    }
    let confusable = matches!(found, T::Name(_) | T::Res(_));
    for name in names() {
        let inserted = match name {
            ":" => T::Colon,
            "," => T::Comma,
            "=" => T::Eq,
            "->" => T::Arrow,
            name => match Kw::of(name) {
                // A word alone is no expression that was meant to follow one of these.
                Some(Kw::Named | Kw::Where | Kw::For | Kw::Because | Kw::If) if confusable => continue,
                Some(kw) if JOINTS.has(kw) => T::Kw(kw),
                _ => continue,
            },
        };
        out.push(Change::Insert(inserted));
    }
    if !matches!(found, T::Body(_)) {
        out.push(Change::Skip);
    }
    if names().any(|name| name == "BadValue") {
        out.push(Change::Insert(T::BadValue));
    }
    out
}
