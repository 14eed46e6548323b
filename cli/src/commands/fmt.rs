//! `kspec fmt`.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use kspec_syntax::SyntaxError;
use similar::TextDiff;

use crate::{
    args::Fmt,
    context::Context,
    exit::{Exit, Failure},
};

pub(super) fn run(args: &Fmt, context: &Context) -> Result<Exit, Failure> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return standard_input(args, context);
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            files
                .extend(kspec_project::all_source_files(path).map_err(|message| Failure::new(Exit::Unknown, message))?);
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    let mut exit = Exit::Done;
    let mut changed = 0_usize;
    for path in &files {
        let text = fs::read_to_string(path).map_err(|error| Failure::io(path, &error))?;
        let formatted = match kspec_syntax::format(&text) {
            Ok(formatted) => formatted,
            Err(errors) => {
                // What cannot be read stays as it is, and so does the rest of its file.
                report(path, &text, &errors, context);
                exit = Exit::No;
                continue;
            }
        };
        if formatted == text {
            continue;
        }
        changed += 1;
        if args.check {
            exit = Exit::No;
            let name = path.display().to_string();
            context.answer(&TextDiff::from_lines(&text, &formatted).unified_diff().header(&name, &name).to_string());
        } else {
            replace(path, &formatted)?;
        }
    }
    if args.check {
        context.note(&format!("{changed} of {} files would change", files.len()));
    } else {
        context.note(&format!("{changed} of {} files changed", files.len()));
    }
    Ok(exit)
}

fn standard_input(args: &Fmt, context: &Context) -> Result<Exit, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::io(Path::new("-"), &error))?;
    match kspec_syntax::format(&text) {
        Ok(formatted) if args.check => Ok(if formatted == text { Exit::Done } else { Exit::No }),
        Ok(formatted) => {
            context.answer(&formatted);
            Ok(Exit::Done)
        }
        Err(errors) => {
            report(Path::new("-"), &text, &errors, context);
            Ok(Exit::No)
        }
    }
}

/// Writes beside and renames, so that a full disk or an interruption loses nothing.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, text)
        .and_then(|()| fs::metadata(path))
        .and_then(|metadata| fs::set_permissions(&beside, metadata.permissions()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // Leaving the half-written copy behind would be worse than failing to remove it.
        let _ = fs::remove_file(&beside);
        Failure::io(path, &error)
    })
}

fn report(path: &Path, text: &str, errors: &[SyntaxError], context: &Context) {
    let file = kspec_diagnostics::SourceFile::new(path.display().to_string(), text);
    for error in errors {
        let (line, column) = file.line_column(error.span.start);
        context.note_always(&format!("{}:{line}:{column}: {} ({})", path.display(), error.message, error.code));
    }
}
