//! Sets of few members.

use std::borrow::Borrow;

/// A set in order, as a vector: most have a member or two, for which a tree's node is large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Few<T> {
    /// Adds a member, unless it is there. Members mostly come in order, and go at the end.
    pub(crate) fn insert(&mut self, member: T) {
        if self.0.last().is_none_or(|last| *last < member) {
            self.0.push(member);
        } else if let Err(at) = self.0.binary_search(&member) {
            self.0.insert(at, member);
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, member: &Q)
    where
        T: Borrow<Q>,
    {
        if let Ok(at) = self.0.binary_search_by(|known| known.borrow().cmp(member)) {
            self.0.remove(at);
        }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
