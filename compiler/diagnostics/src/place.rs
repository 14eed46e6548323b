//! Where things stand in source.

use std::sync::Arc;

/// Half-open byte range `[start, end)` relative to the start of the item (top-level declaration) it lies in, so that
/// an edit above an item moves no span below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range from `start` to `end`, in bytes.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Identity of a source file within one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Identity of a top-level item within one session; it survives edits elsewhere in its file.
/// Where the item begins is the source map's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub u32);

/// A span of a known item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The item.
    pub item: ItemId,
    /// The range in it.
    pub span: Span,
}

/// Any place that a finding can point at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// kspec source.
    Source(Location),
    /// A position in some other file (a manifest, `kspec.toml`); line and column count from 1, in characters.
    File {
        /// Path as the person would write it, relative to the project where possible.
        path: Arc<str>,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
    },
    /// An object of the cluster state with no file behind it, e.g. `ClusterRole/view`.
    Object(Arc<str>),
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self::Source(location)
    }
}
