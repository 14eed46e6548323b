//! Files of a project.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use kspec_compiler::Compiler;
use kspec_diagnostics::{Finding, Place, codes};

/// Largest source file that is read. The language has no use for more, and a mistake (a log, a dump) has.
pub const MAX_SOURCE_BYTES: u64 = 8 * 1024 * 1024;

/// Directories below a project that hold no modules of its own.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// How deep modules may be nested; also ends a cycle of links.
const MAX_DEPTH: usize = 32;

/// A path as a person wrote it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A UTF-8 file of bearable size.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    // Opening a pipe would wait for whoever writes to it.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(format!("{} is no regular file", shown(path)));
    }
    let file = fs::File::open(path).map_err(|error| format!("{}: {error}", shown(path)))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len().min(MAX_SOURCE_BYTES));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("{}: {error}", shown(path)))?;
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Err(format!(
            "{} is larger than {} MiB, which no module needs to be",
            shown(path),
            MAX_SOURCE_BYTES / 1024 / 1024
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        format!("{} is not UTF-8: byte {} cannot be read", shown(path), error.utf8_error().valid_up_to())
    })
}

/// The modules of a project: its `*.kspec` files in the order of their paths. Folders with a `kspec.toml` of their own are
/// other projects.
///
/// # Errors
/// The first folder that cannot be listed.
pub fn source_files(root: &Path) -> Result<Vec<PathBuf>, String> {
    sources_below(root, &|folder| !folder.join("kspec.toml").exists())
}

/// Every `*.kspec` file below a folder, of whichever project.
///
/// # Errors
/// As [`source_files`].
pub fn all_source_files(root: &Path) -> Result<Vec<PathBuf>, String> {
    sources_below(root, &|_| true)
}

/// The Rego modules below `root` that rules may name: path from there to text, behind the package's name.
pub(crate) fn rego(root: &Path, package: &str, findings: &mut Vec<Finding>) -> BTreeMap<String, Arc<str>> {
    let mut files = Vec::new();
    let mut unreadable = |path: &Path, message: String| {
        let place = Place::File { path: shown(path).into(), line: 1, column: 1 };
        findings.push(
            Finding::new(codes::UNREADABLE_SOURCE, message, place)
                .help("a module in Rego is a text file in UTF-8 of 8 MiB at most"),
        );
    };
    if let Err(message) = walk(root, 0, &|folder| !folder.join("kspec.toml").exists(), "rego", &mut files) {
        unreadable(root, message);
    }
    files.sort();
    let mut modules = BTreeMap::new();
    for path in files {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let parts: Vec<String> =
            relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        match text(&path) {
            Ok(text) => {
                let own = parts.join("/");
                let name = if package.is_empty() { own } else { format!("{package}/{own}") };
                modules.insert(name, Arc::from(text));
            }
            Err(message) => unreadable(&path, message),
        }
    }
    modules
}

/// The certificates that kspec.toml names as the webhook's authority.
pub(crate) fn authority(root: &Path, path: &str, findings: &mut Vec<Finding>) -> Option<Arc<str>> {
    let problem = match text(&root.join(path)) {
        // A key that is committed is nobody's secret, and this one would go to the API server besides.
        Ok(text) if text.contains("PRIVATE KEY-----") => {
            format!("{path} holds a private key, which belongs to its owner alone")
        }
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => return Some(Arc::from(text)),
        Ok(_) => format!("{path} holds no certificate"),
        Err(message) => message,
    };
    findings.push(
        Finding::new(
            codes::PROJECT_FILE,
            format!("the webhook's authority cannot be read: {problem}"),
            Place::File { path: "kspec.toml".into(), line: 1, column: 1 },
        )
        .help("`ca` of [admission.webhook] names a file of certificates in PEM, relative to the project"),
    );
    None
}

fn sources_below(root: &Path, enters: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    walk(root, 0, enters, "kspec", &mut files)?;
    files.sort();
    Ok(files)
}

fn walk(
    folder: &Path,
    depth: usize,
    enters: &dyn Fn(&Path) -> bool,
    wanted: &str,
    into: &mut Vec<PathBuf>,
) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", shown(folder)))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", shown(folder)))?;
        let path = entry.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        // What a link leads to is asked only of links.
        let is_folder = entry
            .file_type()
            .map_or_else(|_| path.is_dir(), |kind| kind.is_dir() || (kind.is_symlink() && path.is_dir()));
        if is_folder {
            if depth < MAX_DEPTH && enters(&path) {
                walk(&path, depth + 1, enters, wanted, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            into.push(path);
        }
    }
    Ok(())
}

/// Sets every module below `root`, its path prefixed by the package's name.
pub(crate) fn set_sources(root: &Path, package: &str, compiler: &mut Compiler, findings: &mut Vec<Finding>) {
    let unreadable = |path: &str, message: String| {
        Finding::new(codes::UNREADABLE_SOURCE, message, Place::File { path: path.into(), line: 1, column: 1 })
            .help("a module is a text file in UTF-8 of 8 MiB at most")
    };
    let files = match source_files(root) {
        Ok(files) => files,
        Err(message) => {
            findings.push(unreadable(&shown(root), message));
            return;
        }
    };
    let mut modules: Vec<(String, Arc<str>)> = Vec::new();
    for path in files {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let parts: Vec<String> =
            relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let own = parts.join("/");
        let name = if package.is_empty() { own.clone() } else { format!("{package}/{own}") };
        match text(&path) {
            Ok(text) => modules.push((name, Arc::from(text))),
            Err(message) => findings.push(unreadable(&name, message)),
        }
    }
    let texts: Vec<Arc<str>> = modules.iter().map(|(_, text)| Arc::clone(text)).collect();
    compiler.parse_ahead(&texts);
    for (name, text) in modules {
        compiler.set_source(&name, text);
    }
}
