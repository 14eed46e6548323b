//! Manifest files: which there are, and their text.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Problem, ProblemKind};

/// The largest file that is read. `kubectl get -o yaml` of ten thousand objects is about half of it.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A manifest file, with the name that reports give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    pub(crate) shown: Arc<str>,
    pub(crate) path: PathBuf,
}

impl FileName {
    pub(crate) fn new(path: &Path) -> Self {
        Self { shown: shown(path), path: path.to_owned() }
    }
}

pub(crate) fn shown(path: &Path) -> Arc<str> {
    let text = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    text.strip_prefix("./").unwrap_or(&text).into()
}

/// Every manifest file under `root`, or `root` itself where it is a file, by path. Hidden folders and what is known to be
/// no manifest (a chart's or a kustomization's own files) are left out.
pub(crate) fn walk(root: &Path) -> (Vec<FileName>, Vec<Problem>) {
    let mut walk = Walk::default();
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => walk.folder(root),
        Ok(_) => walk.files.push(FileName::new(root)),
        Err(error) => walk.unreadable(root, &error),
    }
    walk.files.sort();
    (walk.files, walk.problems)
}

#[derive(Default)]
struct Walk {
    files: Vec<FileName>,
    problems: Vec<Problem>,
    /// Folders by their real path, so that links do not lead in circles.
    visited: BTreeSet<PathBuf>,
}

impl Walk {
    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.problems.push(unreadable(&shown(path), error));
    }

    fn folder(&mut self, folder: &Path) {
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            match fs::canonicalize(&folder) {
                Ok(real) => {
                    if !self.visited.insert(real) {
                        continue;
                    }
                }
                Err(error) => {
                    self.unreadable(&folder, &error);
                    continue;
                }
            }
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable(&folder, &error);
                    continue;
                }
            };
            for entry in entries {
                let path = match entry {
                    Ok(entry) => entry.path(),
                    Err(error) => {
                        self.unreadable(&folder, &error);
                        continue;
                    }
                };
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if name.starts_with('.') {
                    continue;
                }
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => waiting.push(path),
                    Ok(_) if is_manifest(&name) => self.files.push(FileName::new(&path)),
                    Ok(_) => {}
                    Err(error) if is_manifest(&name) => self.unreadable(&path, &error),
                    Err(_) => {}
                }
            }
        }
    }
}

fn is_manifest(name: &str) -> bool {
    const TOOLS_OWN: &[&str] =
        &["Chart.yaml", "values.yaml", "values.schema.json", "kustomization.yaml", "kustomization.yml"];
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "yaml" | "yml" | "json") && !TOOLS_OWN.contains(&name)
}

pub(crate) fn unreadable(shown: &Arc<str>, error: &std::io::Error) -> Problem {
    let (message, help) = match error.kind() {
        std::io::ErrorKind::NotFound => ("there is no such file or folder".to_owned(), "check the path"),
        std::io::ErrorKind::PermissionDenied => {
            ("may not be read by this user".to_owned(), "give read permission, or run as a user who has it")
        }
        _ => (format!("cannot be read: {error}"), "make it readable, or leave it out"),
    };
    Problem::new(Arc::clone(shown), (1, 1), ProblemKind::Unreadable, message, help)
}

/// The text of a file, within the limits.
pub(crate) fn read(file: &FileName) -> Result<String, Problem> {
    let metadata = fs::metadata(&file.path).map_err(|error| unreadable(&file.shown, &error))?;
    if metadata.len() > MAX_FILE_BYTES {
        let mebibytes = metadata.len() / (1024 * 1024);
        return Err(Problem::new(
            Arc::clone(&file.shown),
            (1, 1),
            ProblemKind::TooLarge,
            format!("is {mebibytes} MiB, and at most {} MiB are read of one file", MAX_FILE_BYTES / (1024 * 1024)),
            "split it into several files, or leave out what is no manifest",
        ));
    }
    if !metadata.is_file() {
        return Err(Problem::new(
            Arc::clone(&file.shown),
            (1, 1),
            ProblemKind::Unreadable,
            "is neither a file nor a folder",
            "give a regular file",
        ));
    }
    let bytes = fs::read(&file.path).map_err(|error| unreadable(&file.shown, &error))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
            let line_start =
                before.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position.saturating_add(1));
            let column = before.get(line_start..).map_or(0, |rest| String::from_utf8_lossy(rest).chars().count());
            Err(Problem::new(
                Arc::clone(&file.shown),
                (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1)),
                ProblemKind::NotUtf8,
                "is not UTF-8 text from here on",
                "save it as UTF-8 (`iconv -f latin1 -t utf-8`), or leave it out",
            ))
        }
    }
}
