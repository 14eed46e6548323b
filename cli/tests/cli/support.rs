//! A folder to work in, the binary to run there, and files that are compared or rewritten.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The day that tests run on.
pub(crate) const DAY: &str = "2026-11-21";

/// A project file that needs nothing else.
pub(crate) const PROJECT: &str = "name = \"demo\"\nedition = \"2026\"\nkubernetes = \"1.36\"\nstate = \"state\"\n";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Ended with this code; shows everything where it did not.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Says each of these, on either stream.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "says nothing of {word:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A folder of its own.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn empty() -> Self {
        Self { dir: TempDir::new().expect("a temporary folder") }
    }

    /// With these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::empty();
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    /// With the repository's examples, less what a run there left behind.
    pub(crate) fn with_examples() -> Self {
        let place = Self::empty();
        copy(&repository().join("examples"), &place.path("examples"));
        place
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs kspec here.
    pub(crate) fn kspec<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Done {
        self.run(Command::new(env!("CARGO_BIN_EXE_kspec")).args(arguments), "")
    }

    /// Runs kspec here with something on its standard input.
    pub(crate) fn kspec_reading(&self, arguments: &[&str], input: &str) -> Done {
        self.run(Command::new(env!("CARGO_BIN_EXE_kspec")).args(arguments), input)
    }

    /// Runs a line as a person types it, `kspec` being this one.
    pub(crate) fn shell(&self, line: &str) -> Done {
        let folder = Path::new(env!("CARGO_BIN_EXE_kspec")).parent().expect("a folder");
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        self.run(Command::new("sh").args(["-c", line]).env("PATH", path), "")
    }

    fn run(&self, command: &mut Command, input: &str) -> Done {
        let mut child = command
            .current_dir(self.dir.path())
            .env("NO_COLOR", "1")
            .env("HOME", self.dir.path())
            .env("KUBECONFIG", self.path("kubeconfig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        // A command that reads nothing may be gone before everything is written.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the command ends");
        Done {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// Copies a folder, writable, without locks.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.extension() != Some(OsStr::new("lock")) {
            fs::write(&target, fs::read(&path).expect("a file")).expect("a file");
        }
    }
}

/// Every file below a folder, by its path there.
pub(crate) fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(root: &Path, folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                let name = path.strip_prefix(root).expect("below").display().to_string();
                into.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    let mut files = Vec::new();
    walk(root, root, &mut files);
    files.sort();
    files
}

/// Holds a committed file against what it should be, or rewrites it.
#[track_caller]
pub(crate) fn committed(path: &str, wanted: &str) {
    let file = repository().join(path);
    let found = fs::read_to_string(&file).unwrap_or_default();
    if found == wanted {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, wanted).expect("a file");
        return;
    }
    let differs = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let line = differs.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    panic!(
        "{path} is not what it should be, from line {}: run `INSTA_UPDATE=always cargo test -p kspec --test cli`\n  is:        {:?}\n  should be: {:?}",
        line + 1,
        found.lines().nth(line).unwrap_or(""),
        wanted.lines().nth(line).unwrap_or("")
    );
}

/// Markdown files that people read.
pub(crate) fn pages() -> Vec<String> {
    let mut pages: Vec<String> =
        ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned).into();
    for folder in ["docs", "examples"] {
        pages.extend(
            tree(&repository().join(folder))
                .into_iter()
                .filter(|(path, _)| path.ends_with(".md"))
                .map(|(path, _)| format!("{folder}/{path}")),
        );
    }
    pages
}
