//! Findings for people.

use std::{collections::BTreeMap, ops::Range, path::Path};

use ariadne::{Color, Config, IndexType, Label, Report, ReportKind, sources};
use kspec_diagnostics::{Finding, Place, Severity, SourceFile, SourceMap};

/// Renders findings of at least this severity, with the source around them, and a closing count.
pub(crate) fn human(findings: &[Finding], map: &SourceMap, root: &Path, least: Severity, color: bool) -> String {
    let mut files = Files { map, root, read: BTreeMap::new() };
    let mut out = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity >= least) {
        one(finding, &mut files, color, &mut out);
    }
    let painted = String::from_utf8_lossy(&out);
    // The renderer paints the kind of a custom report whatever its configuration says.
    let mut text = if color { painted.into_owned() } else { anstream::adapter::strip_str(&painted).to_string() };
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts: Vec<String> =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Information, "note")]
            .into_iter()
            .filter(|(severity, _)| count(*severity) > 0)
            .map(|(severity, word)| {
                let number = count(severity);
                let hidden = if severity < least { " (-v shows them)" } else { "" };
                format!("{number} {word}{}{hidden}", if number == 1 { "" } else { "s" })
            })
            .collect();
    if !parts.is_empty() {
        text.push_str(&parts.join(", "));
        text.push('\n');
    }
    text
}

fn one(finding: &Finding, files: &mut Files<'_>, color: bool, out: &mut Vec<u8>) {
    let (kind, paint) = match finding.severity {
        Severity::Error => (ReportKind::Error, Color::Red),
        Severity::Warning => (ReportKind::Warning, Color::Yellow),
        Severity::Information => (ReportKind::Custom("Note", Color::Cyan), Color::Cyan),
    };
    let mut placed: Vec<(String, Range<usize>, &str)> = Vec::new();
    let mut elsewhere: Vec<String> = Vec::new();
    for label in &finding.labels {
        match files.range(&label.place) {
            Some((path, range)) => placed.push((path, range, &label.text)),
            None => elsewhere.push(unplaced(&label.place, &label.text, files.map)),
        }
    }
    let Some((path, range, _)) = placed.first().cloned() else {
        use std::io::Write as _;
        let word = match finding.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
            Severity::Information => "Note",
        };
        let _ = writeln!(out, "[{}] {word}: {}", finding.code, finding.message);
        for line in elsewhere {
            let _ = writeln!(out, "   ╭─ {line}");
        }
        if let Some(help) = &finding.help {
            let _ = writeln!(out, "   │ Help: {help}");
        }
        return;
    };
    let config = Config::default().with_color(color).with_index_type(IndexType::Byte);
    let mut report =
        Report::build(kind, (path, range)).with_config(config).with_code(finding.code).with_message(&finding.message);
    // Labels of one file are drawn together only in the order of its lines; the party at fault keeps its colour.
    let mut drawn: Vec<_> = placed.iter().enumerate().collect();
    drawn.sort_by_key(|(_, (path, range, _))| (placed.iter().position(|(first, ..)| first == path), range.start));
    for (index, (path, range, text)) in drawn {
        let mut label =
            Label::new((path.clone(), range.clone())).with_color(if index == 0 { paint } else { Color::Blue });
        // Only a label with a message is underlined.
        label = label.with_message(text);
        report = report.with_label(label);
    }
    for line in elsewhere {
        report = report.with_note(line);
    }
    for step in finding.witness.iter().flat_map(|witness| &witness.steps) {
        report = report.with_note(step);
    }
    if let Some(help) = &finding.help {
        report = report.with_help(help);
    }
    let texts: Vec<(String, String)> = placed.iter().map(|(path, ..)| (path.clone(), files.text(path))).collect();
    // Writing to memory cannot fail.
    let _ = report.finish().write(sources(texts), &mut *out);
}

/// So many bytes a line of a file may have to be shown.
const LONGEST_LINE: usize = 2_000;

/// Whether the lines that a range lies in can be shown.
fn is_legible(text: &str, range: &Range<usize>) -> bool {
    let start = text.get(..range.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let rest = text.get(range.end..).unwrap_or_default();
    let end = range.end + rest.find('\n').unwrap_or(rest.len());
    text.get(start..end).is_none_or(|lines| lines.lines().all(|line| line.len() <= LONGEST_LINE))
}

fn unplaced(place: &Place, text: &str, map: &SourceMap) -> String {
    let shown = match place {
        Place::File { path, line, .. } => format!("{path}:{line}"),
        Place::Object(object) => object.to_string(),
        Place::Source(_) => map.position(place).map_or_else(
            || "(source)".to_owned(),
            |position| format!("{}:{}:{}", position.path, position.line, position.column),
        ),
    };
    if text.is_empty() { shown } else { format!("{shown}: {text}") }
}

/// Texts to show excerpts of: the session's, and files that findings point into.
struct Files<'m> {
    map: &'m SourceMap,
    root: &'m Path,
    read: BTreeMap<String, Option<SourceFile>>,
}

impl Files<'_> {
    fn range(&mut self, place: &Place) -> Option<(String, Range<usize>)> {
        match place {
            Place::Source(location) => {
                let (_, file, range) = self.map.absolute(*location)?;
                let range = range.start as usize..range.end as usize;
                is_legible(&file.text, &range).then(|| (file.path.to_string(), range))
            }
            Place::File { path, line, .. } => {
                let root = self.root;
                let file = self.read.entry(path.to_string()).or_insert_with(|| {
                    // Reading a pipe would wait for whoever writes to it.
                    let known =
                        [root.join(path.as_ref()), path.as_ref().into()].into_iter().find(|path| path.is_file());
                    let text = std::fs::read_to_string(known?).ok()?;
                    Some(SourceFile::new(path.as_ref(), text))
                });
                let text = &file.as_ref()?.text;
                let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
                let rest = text.get(start..)?;
                let length = rest.lines().next().map_or(0, str::len);
                (length <= LONGEST_LINE).then(|| (path.to_string(), start..start + length))
            }
            Place::Object(_) => None,
        }
    }

    fn text(&self, path: &str) -> String {
        if let Some(Some(file)) = self.read.get(path) {
            return file.text.to_string();
        }
        self.map
            .files()
            .find(|(_, file)| file.path.as_ref() == path)
            .map(|(_, file)| file.text.to_string())
            .unwrap_or_default()
    }
}
