//! `compile`'s `bundle.json`: everything that a program lowers to, in one file that operators and agents consume. Its form
//! is a contract; additions only.

use std::collections::BTreeMap;
use std::io::{self, Write};

use kspec_lower::admission::Written;
use kspec_model::rules::Table;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::{Compiler, Lowered};

/// The form of [`BundleDocument`].
const FORMAT_VERSION: u32 = 1;

/// What `bundle.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BundleDocument<'a> {
    /// Form of this document.
    pub format_version: u32,
    /// The project's name.
    pub project: &'a str,
    /// The target, `major.minor`.
    pub kubernetes: String,
    /// Kubernetes objects, in the order in which they are safe to apply.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub objects: Vec<&'a serde_json::Value>,
    /// The control plane's files: path below the host folder to contents.
    pub host: BTreeMap<&'a str, &'a str>,
    /// The rule table of the day: bound rules and mutations, and which engine decides each. `kspec webhook` loads it.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub rule_table: TableDocument<'a>,
}

/// The rule table: what [`Table`] has. Its rules and mutations are written already; [`BundleDocument::to_json`] puts them in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableDocument<'a> {
    format_version: u32,
    project: &'a str,
    kubernetes: &'a str,
    revision: &'a str,
    #[serde(skip)]
    written: &'a Written,
}

/// The JSON Schema of `bundle.json`.
#[must_use]
pub fn bundle_schema() -> serde_json::Value {
    schemars::schema_for!(BundleDocument).to_value()
}

impl<'a> BundleDocument<'a> {
    /// Of what a compiler's program lowers to.
    #[must_use]
    pub fn new(compiler: &'a Compiler, lowered: &'a Lowered) -> Self {
        let (config, project) = (&compiler.facts().config, compiler.session.project());
        Self {
            format_version: FORMAT_VERSION,
            project: &config.name,
            kubernetes: config.kubernetes.to_string(),
            objects: lowered.objects.iter().map(|lowered| &lowered.object.0).collect(),
            rule_table: TableDocument {
                format_version: Table::FORMAT,
                project: &project.name,
                kubernetes: &project.kubernetes,
                revision: &lowered.table.revision,
                written: &lowered.table,
            },
            host: lowered.host.files.iter().map(|file| (file.path.as_str(), file.contents.as_str())).collect(),
        }
    }

    /// As JSON: a field a line, and of what fields hold an entry a line. What is further inside stands in its line: a table of
    /// a thousand rules is three times as long with every bracket in a line of its own, and programs read it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Written { rules, mutations, .. } = self.rule_table.written;
        let mut bytes = Vec::with_capacity(2 * (rules.len() + mutations.len()));
        let mut serializer = Serializer::with_formatter(&mut bytes, Lines::default());
        // Its keys are text, and what it is written to is memory: neither can fail, nor is it anything but UTF-8.
        let _ = self.serialize(&mut serializer);
        // The table is its last field, and these are the table's.
        bytes.truncate(bytes.len().saturating_sub(END.len()));
        for (name, list) in [("rules", rules), ("mutations", mutations)] {
            bytes.extend_from_slice(b",\n    \"");
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b"\": ");
            bytes.extend_from_slice(list.as_bytes());
        }
        bytes.extend_from_slice(END);
        bytes.push(b'\n');
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// How the table ends, and the document with it.
const END: &[u8] = b"\n  }\n}";

/// How deep lines are broken.
const LINES: usize = 2;

/// JSON with its outer levels in lines.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether something stands in the innermost bracket.
    filled: bool,
}

impl Lines {
    fn open<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let filled = std::mem::replace(&mut self.filled, true);
        self.depth -= 1;
        if filled && self.depth < LINES {
            self.line(out, self.depth)?;
        }
        out.write_all(bracket)
    }

    fn entry<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.filled = true;
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= LINES { self.line(out, self.depth) } else { Ok(()) }
    }

    fn line<W: Write + ?Sized>(&self, out: &mut W, depth: usize) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth <= LINES { b": " } else { b":" })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}
