//! `kspec compile`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead as _, BufReader},
    mem::ManuallyDrop,
    path::{Path, PathBuf},
};

use kspec_compiler::BundleDocument;

use super::project;
use crate::{
    args::Compile,
    context::Context,
    exit::{Exit, Failure},
};

/// Names the files that kspec wrote, so that a later run removes those that left the program and nothing else.
const INDEX: &str = ".kspec-files";

/// Bytes of a file that are compared at a time.
const PIECE: usize = 64 * 1024;

pub(super) fn run(args: &Compile, context: &Context) -> Result<Exit, Failure> {
    let root = &args.project.project;
    let checked = match project::load_proved(root, &args.project.choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    let compiler = &checked.project.compiler;
    // Never taken apart: the process ends with the command.
    let lowered = ManuallyDrop::new(compiler.lower(&BTreeMap::new()));
    let mut folder = Folder::open(&args.out)?;
    // Manifests beside the bundle, which is longer than all of them.
    std::thread::scope(|scope| {
        let bundle = scope.spawn(|| BundleDocument::new(compiler, &lowered).to_json());
        for lowered in &lowered.objects {
            let path = PathBuf::from(kspec_lower::manifest_path(&lowered.object));
            folder.put(path, &kspec_lower::to_yaml(&lowered.object), false)?;
        }
        for file in &lowered.host.files {
            folder.put(Path::new("host").join(&file.path), &file.contents, file.executable)?;
        }
        let bundle = bundle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        folder.put(PathBuf::from("bundle.json"), &bundle, false)
    })?;
    folder.close()?;
    let manifests = lowered.objects.len();
    context.note(&format!(
        "{manifests} manifests and {} host files in {}",
        lowered.host.files.len(),
        args.out.display()
    ));
    Ok(Exit::Done)
}

/// Whether a file holds a text, read a piece at a time: a bundle may have megabytes.
fn holds(path: &Path, text: &str) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    if usize::try_from(file.metadata()?.len()) != Ok(text.len()) {
        return Ok(false);
    }
    let (mut file, mut rest) = (BufReader::with_capacity(PIECE, file), text.as_bytes());
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(rest.is_empty());
        }
        let Some(left) = rest.strip_prefix(piece) else { return Ok(false) };
        let read = piece.len();
        rest = left;
        file.consume(read);
    }
}

/// The folder that files are written to.
struct Folder<'a> {
    out: &'a Path,
    /// Those of the last run.
    before: BTreeSet<PathBuf>,
    /// Those of this one.
    files: BTreeSet<PathBuf>,
}

impl<'a> Folder<'a> {
    fn open(out: &'a Path) -> Result<Self, Failure> {
        fs::create_dir_all(out).map_err(|error| Failure::io(out, &error))?;
        let before = match fs::read_to_string(out.join(INDEX)) {
            Ok(text) => text
                .lines()
                .map(PathBuf::from)
                .filter(|path| path.components().all(|part| matches!(part, std::path::Component::Normal(_))))
                .collect(),
            Err(_) => BTreeSet::new(),
        };
        Ok(Self { out, before, files: BTreeSet::new() })
    }

    /// Writes a file.
    fn put(&mut self, file: PathBuf, text: &str, executable: bool) -> Result<(), Failure> {
        let path = self.out.join(&file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
        }
        // What is as it was keeps its time, and costs no write.
        if !holds(&path, text).unwrap_or(false) {
            fs::write(&path, text).map_err(|error| Failure::io(&path, &error))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(|error| Failure::io(&path, &error))?;
        }
        self.files.insert(file);
        Ok(())
    }

    /// Removes the files of the last run that are no more, and notes those of this one.
    fn close(self) -> Result<(), Failure> {
        for gone in self.before.difference(&self.files) {
            let path = self.out.join(gone);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::io(&path, &error)),
            }
        }
        let index = self.out.join(INDEX);
        let list: String = self.files.iter().map(|path| format!("{}\n", path.display())).collect();
        fs::write(&index, list).map_err(|error| Failure::io(&index, &error))
    }
}
