//! Manifest files to documents: one Kubernetes object each, with its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use crate::{
    Problem, ProblemKind,
    files::{self, FileName},
    withhold,
    yaml::{self, Budget, Reason, YamlError},
};

/// One document of a manifest file. Lists are unwrapped; what a Secret holds is withheld.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestDoc {
    /// The object.
    pub value: Value,
    /// Path as findings name it.
    pub file: Arc<str>,
    /// Line it begins at, from 1.
    pub line: u32,
}

/// Reads the manifests that `patterns` name: files, folders (with what is under them) and globs, relative to `root`. Every
/// file is read once, in the order of the paths.
#[must_use]
pub fn read_manifests(root: &Path, patterns: &[String]) -> (Vec<ManifestDoc>, Vec<Problem>) {
    let mut found: BTreeMap<Arc<str>, FileName> = BTreeMap::new();
    let mut problems = Vec::new();
    for pattern in patterns {
        let path = root.join(pattern);
        let roots = if pattern.contains(['*', '?', '[']) {
            match expand(&path, pattern) {
                Ok(roots) => roots,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            }
        } else {
            vec![path]
        };
        for path in roots {
            let (files, walk_problems) = files::walk(&path);
            problems.extend(walk_problems);
            for file in files {
                // As the person writes it: relative to the project.
                let shown = file.path.strip_prefix(root).map_or_else(|_| Arc::clone(&file.shown), files::shown);
                found.insert(Arc::clone(&shown), FileName { shown, path: file.path });
            }
        }
    }
    let files: Vec<FileName> = found.into_values().collect();
    let (documents, read_problems) = read(&files);
    problems.extend(read_problems);
    let documents = documents
        .into_iter()
        .filter_map(|document| match named(&document) {
            Named::Object => Some(document),
            Named::Configuration => None,
            Named::Not(problem) => {
                problems.push(problem);
                None
            }
        })
        .collect();
    (documents, problems)
}

/// The manifest files that `paths` name, by path: files as they are, and what is under folders.
#[must_use]
pub fn manifest_files(paths: &[PathBuf]) -> (Vec<FileName>, Vec<Problem>) {
    let (mut found, mut problems) = (BTreeSet::new(), Vec::new());
    for path in paths {
        let (files, walk_problems) = files::walk(path);
        found.extend(files);
        problems.extend(walk_problems);
    }
    (found.into_iter().collect(), problems)
}

/// Reads one manifest file, for whoever does not want all of them in memory. Documents that are configuration of a component
/// are left out; what is no object is a problem. An object may lack a name here.
#[must_use]
pub fn read_manifest_file(file: &FileName) -> (Vec<ManifestDoc>, Vec<Problem>) {
    objects(read_file(file))
}

/// As [`read_manifest_file`], of a text that `name` stands for in reports: YAML, or JSON.
#[must_use]
pub fn read_manifest_text(name: &str, text: &str) -> (Vec<ManifestDoc>, Vec<Problem>) {
    let file = FileName::new(Path::new(name));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    objects(if text.trim_start().starts_with('{') { read_json(&file, text) } else { read_yaml(&file, text) })
}

fn objects((documents, mut problems): FileContent) -> FileContent {
    let is_object = |document: ManifestDoc| match identified(&document) {
        Identified::Object => Some(document),
        Identified::Configuration => None,
        Identified::Not(problem) => {
            problems.push(problem);
            None
        }
    };
    (documents.into_iter().filter_map(is_object).collect(), problems)
}

fn expand(path: &Path, pattern: &str) -> Result<Vec<std::path::PathBuf>, Problem> {
    let problem = |message: String, help: &str| Problem::new(pattern, (1, 1), ProblemKind::Unreadable, message, help);
    let text = path.to_str().ok_or_else(|| problem("is no UTF-8 path".to_owned(), "rename the folder"))?;
    let paths = glob::glob(text)
        .map_err(|error| problem(format!("is no glob: {}", error.msg), "write e.g. `k8s/**/*.yaml`"))?;
    let paths: Vec<_> = paths.filter_map(Result::ok).collect();
    if paths.is_empty() {
        return Err(problem("matches no file".to_owned(), "check the pattern; it is relative to the project's folder"));
    }
    Ok(paths)
}

type FileContent = (Vec<ManifestDoc>, Vec<Problem>);

/// Reads files on every core; documents come in the order of the files.
pub(crate) fn read(files: &[FileName]) -> (Vec<ManifestDoc>, Vec<Problem>) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len().max(1));
    let next = AtomicUsize::new(0);
    let slots: Mutex<BTreeMap<usize, FileContent>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut read = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { break };
                    read.push((at, read_file(file)));
                }
                slots.lock().unwrap_or_else(PoisonError::into_inner).extend(read);
            });
        }
    });
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for (file_documents, file_problems) in slots.into_inner().unwrap_or_else(PoisonError::into_inner).into_values() {
        documents.extend(file_documents);
        problems.extend(file_problems);
    }
    (documents, problems)
}

fn read_file(file: &FileName) -> FileContent {
    let text = match files::read(file) {
        Ok(text) => text,
        Err(problem) => return (Vec::new(), vec![problem]),
    };
    let is_json = file.path.extension().is_some_and(|extension| extension == "json");
    if is_json { read_json(file, &text) } else { read_yaml(file, &text) }
}

fn read_yaml(file: &FileName, text: &str) -> FileContent {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let templated = text.contains("{{");
    for document in yaml::documents(text, Budget::default()) {
        match document {
            Ok(document) if templated && is_template(&document.value) => {
                return (Vec::new(), vec![template(file, document.line)]);
            }
            Ok(document) => unwrap_list(file, document.value, document.line, &document.item_lines, &mut documents),
            // Half a template is no state either: what stands between its braces decides about all of it.
            Err(error) if templated && !matches!(error.reason, Reason::Budget(_)) => {
                return (Vec::new(), vec![template(file, error.line)]);
            }
            Err(error) => problems.push(yaml_problem(file, error)),
        }
    }
    (documents, problems)
}

/// YAML, but with a template's braces where an object has its identity.
fn is_template(value: &Value) -> bool {
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"]
        .iter()
        .any(|pointer| value.pointer(pointer).and_then(Value::as_str).is_some_and(|text| text.contains("{{")))
}

fn template(file: &FileName, line: u32) -> Problem {
    Problem::new(
        Arc::clone(&file.shown),
        (line, 1),
        ProblemKind::Template,
        "is a template, and is left out",
        "render it first (`helm template … > rendered.yaml`) and read what comes out",
    )
}

fn yaml_problem(file: &FileName, error: YamlError) -> Problem {
    let (kind, message, help) = match error.reason {
        Reason::Syntax(message) => (
            ProblemKind::Syntax,
            format!("is not YAML here: {}", message.replace('\n', ", ")),
            "correct it; indentation and quotes are the usual causes",
        ),
        Reason::NotJson(message) => (ProblemKind::Syntax, message, "write what JSON can say too"),
        Reason::DuplicateKey(key) => {
            (ProblemKind::Syntax, format!("the key `{key}` stands twice in one mapping"), "keep one of them")
        }
        Reason::Budget(what) => (
            ProblemKind::Bomb,
            format!("is a YAML bomb or as good as one: too much {what}; the rest of the file is not read"),
            "write it flat and without aliases, or leave the file out",
        ),
    };
    Problem::new(Arc::clone(&file.shown), (error.line, error.column), kind, message, help)
}

fn read_json(file: &FileName, text: &str) -> FileContent {
    let mut documents = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value {
            Ok(value) => unwrap_list(file, value, 1, &[], &mut documents),
            Err(error) => {
                let (kind, message, help) = if error.to_string().contains("recursion limit") {
                    (ProblemKind::Bomb, "is nested deeper than any manifest".to_owned(), "leave the file out")
                } else {
                    let text = error.to_string();
                    let message = text.split(" at line ").next().unwrap_or_default();
                    (ProblemKind::Syntax, format!("is not JSON here: {message}"), "correct it")
                };
                let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let at = (place(error.line()), place(error.column()));
                return (documents, vec![Problem::new(Arc::clone(&file.shown), at, kind, message, help)]);
            }
        }
    }
    (documents, Vec::new())
}

/// `v1/List` and typed lists (`PodList`) as their items; an item of a typed list may leave out what the list says. As for
/// `kubectl`, null items are none.
fn unwrap_list(file: &FileName, value: Value, line: u32, item_lines: &[u32], documents: &mut Vec<ManifestDoc>) {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let item_kind = kind.strip_suffix("List").map(str::to_owned);
    let items = match (item_kind, value) {
        (Some(item_kind), Value::Object(mut list))
            if list.get("items").is_some_and(|items| items.is_array() || items.is_null()) =>
        {
            let api_version = list.remove("apiVersion").unwrap_or_default();
            let Some(Value::Array(items)) = list.remove("items") else { return };
            items
                .into_iter()
                .map(|mut item| {
                    if let Value::Object(fields) = &mut item
                        && !item_kind.is_empty()
                    {
                        fields.entry("apiVersion").or_insert_with(|| api_version.clone());
                        fields.entry("kind").or_insert_with(|| Value::String(item_kind.clone()));
                    }
                    item
                })
                .collect()
        }
        (_, Value::Null) => return,
        (_, value) => vec![value],
    };
    for (at, mut value) in items.into_iter().enumerate() {
        withhold::withhold_secret(&mut value);
        documents.push(ManifestDoc {
            value,
            file: Arc::clone(&file.shown),
            line: item_lines.get(at).copied().unwrap_or(line),
        });
    }
}

/// What a document is.
pub(crate) enum Named {
    /// An object with a name.
    Object,
    /// Configuration of a component: `kind` and `apiVersion`, no name.
    Configuration,
    /// Neither.
    Not(Problem),
}

pub(crate) fn named(document: &ManifestDoc) -> Named {
    let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let not = |message: &str, help: &str| Named::Not(no_object(document, message, help));
    let mistyped = |pointer: &str| document.value.pointer(pointer).and_then(not_text);
    match identified(document) {
        Identified::Object => {}
        Identified::Configuration => return Named::Configuration,
        Identified::Not(problem) => return Named::Not(problem),
    }
    if text("/metadata/name").is_some() {
        return Named::Object;
    }
    if text("/metadata/generateName").is_some() {
        return not("has a `generateName` in place of a name, so it stands for no object", "give `metadata.name`");
    }
    match mistyped("/metadata/name") {
        Some(found) => not(&format!("`metadata.name` is {found}"), QUOTE),
        None => not("has no `metadata.name`", "give it a name"),
    }
}

/// What makes a text of a value that YAML reads as something else.
const QUOTE: &str = "quote it: without quotes YAML reads `y`, `no` and `on` as booleans, and digits as a number";

/// What a value is that should be text; none where it is, or is absent.
const fn not_text(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null | Value::String(_) => None,
        Value::Bool(_) => Some("a boolean"),
        Value::Number(_) => Some("a number"),
        Value::Array(_) => Some("a list"),
        Value::Object(_) => Some("an object"),
    }
}

/// What a document is, its name aside.
enum Identified {
    Object,
    Configuration,
    Not(Problem),
}

fn identified(document: &ManifestDoc) -> Identified {
    let text = |name: &str| document.value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("apiVersion"), text("kind")) {
        (Some(api_version), Some(kind)) if is_configuration(api_version, kind) => Identified::Configuration,
        (Some(_), Some(_)) => Identified::Object,
        _ => Identified::Not(unidentified(document)),
    }
}

fn unidentified(document: &ManifestDoc) -> Problem {
    let mistyped = |name: &'static str| Some((name, not_text(document.value.get(name)?)?));
    if let Some((name, found)) = mistyped("apiVersion").or_else(|| mistyped("kind")) {
        return no_object(document, &format!("is no Kubernetes object: its `{name}` is {found}"), QUOTE);
    }
    no_object(
        document,
        "is no Kubernetes object: it has no `apiVersion` and `kind`",
        "give both, or keep files that are no manifests elsewhere",
    )
}

fn no_object(document: &ManifestDoc, message: &str, help: &str) -> Problem {
    let (file, at) = (Arc::clone(&document.file), (document.line, 1));
    Problem::new(file, at, ProblemKind::NotAnObject, message, help)
}

/// Files that components read: they have no name, and no server stores them.
fn is_configuration(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.ends_with(".config.k8s.io")
        || matches!((group, kind), ("audit.k8s.io", "Policy") | ("", "Config"))
        || matches!(group, "kubeadm.k8s.io" | "kustomize.config.k8s.io" | "kind.x-k8s.io")
}
