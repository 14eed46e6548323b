//! The source map: which file an item lies in, and where.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;

use crate::{FileId, ItemId, Location, Place};

/// Files by id, and where each item begins.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: BTreeMap<FileId, SourceFile>,
    items: FxHashMap<ItemId, (FileId, u32)>,
}

/// A source file's text and line starts.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path relative to the project's root, `/`-separated; the standard library's begin with `std/`.
    pub path: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    line_starts: Arc<[u32]>,
}

/// A location as people and machines read it. Lines and columns count from 1, columns in Unicode scalar values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Path.
    pub path: Arc<str>,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column one past the last character.
    pub end_column: u32,
}

impl SourceFile {
    /// A file.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let line_starts = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', text.as_bytes()).filter_map(|end| u32::try_from(end + 1).ok()))
            .collect();
        Self { path: path.into(), text, line_starts }
    }

    /// Line and column of a byte offset, both from 1.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or_default();
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1),
        )
    }
}

impl SourceMap {
    /// Adds or replaces a file.
    pub fn set_file(&mut self, id: FileId, file: SourceFile) {
        self.files.insert(id, file);
    }

    /// Forgets a file and its items.
    pub fn remove_file(&mut self, id: FileId) {
        self.files.remove(&id);
        self.items.retain(|_, (file, _)| *file != id);
    }

    /// States where an item begins, in bytes from the start of its file.
    pub fn set_item(&mut self, item: ItemId, file: FileId, offset: u32) {
        self.items.insert(item, (file, offset));
    }

    /// Forgets an item.
    pub fn remove_item(&mut self, item: ItemId) {
        self.items.remove(&item);
    }

    /// A file by id.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(&id)
    }

    /// The files, by id.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().map(|(id, file)| (*id, file))
    }

    /// The file of a location and its absolute byte range there.
    #[must_use]
    pub fn absolute(&self, location: Location) -> Option<(FileId, &SourceFile, std::ops::Range<u32>)> {
        let (file, offset) = *self.items.get(&location.item)?;
        let source = self.files.get(&file)?;
        let length = u32::try_from(source.text.len()).unwrap_or(u32::MAX);
        let start = offset.saturating_add(location.span.start).min(length);
        let end = offset.saturating_add(location.span.end).clamp(start, length);
        Some((file, source, start..end))
    }

    /// Lines and columns of a place; an object has none.
    #[must_use]
    pub fn position(&self, place: &Place) -> Option<Position> {
        match place {
            Place::Source(location) => {
                let (_, file, range) = self.absolute(*location)?;
                let (line, column) = file.line_column(range.start);
                let (end_line, end_column) = file.line_column(range.end);
                Some(Position { path: Arc::clone(&file.path), line, column, end_line, end_column })
            }
            Place::File { path, line, column } => Some(Position {
                path: Arc::clone(path),
                line: *line,
                column: *column,
                end_line: *line,
                end_column: *column,
            }),
            Place::Object(_) => None,
        }
    }
}
