//! Files that change under the server.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Notices that a file is another one. Volumes of Secrets and ConfigMaps are swapped by a symbolic link two folders up, which
/// no watch of the file itself would see: what the path leads to is looked at each time.
#[derive(Debug)]
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    seen: Option<Vec<Stamp>>,
}

/// What tells two states of a file apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(metadata: Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Watched {
    /// Takes the files as they are now for known.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let mut watched = Self { paths, seen: None };
        watched.seen = watched.stamps();
        watched
    }

    /// Whether something changed since the last time; not while one of them is away, as in the middle of a swap.
    pub(crate) fn changed(&mut self) -> bool {
        let Some(now) = self.stamps() else { return false };
        let changed = self.seen.as_ref() != Some(&now);
        self.seen = Some(now);
        changed
    }

    fn stamps(&self) -> Option<Vec<Stamp>> {
        self.paths.iter().map(|path| std::fs::metadata(path).ok().map(Stamp::from)).collect()
    }
}
