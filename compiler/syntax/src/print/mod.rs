//! Tree to text.
//!
//! Writes every node in its plainest spelling and leaves the layout to the formatter. What has no name of its own in
//! the language (a key with a slash, a custom resource) is quoted; what must be a name is made one.

mod expression;
mod item;
mod policy;

use std::fmt::Write as _;

use crate::tree::Item;

/// Text under construction.
#[derive(Default)]
pub(crate) struct Out {
    text: String,
    /// How many blocks are open. Lines inside them are indented, or the splitter takes them for declarations.
    depth: usize,
}

/// The unformatted text of an item.
pub(crate) fn item(item: &Item) -> String {
    let mut out = Out::default();
    out.item(item);
    out.text
}

impl Out {
    fn put(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// `first, second`.
    fn list<X>(&mut self, items: &[X], mut each: impl FnMut(&mut Self, &X)) {
        for (at, x) in items.iter().enumerate() {
            if at > 0 {
                self.put(", ");
            }
            each(self, x);
        }
    }

    /// `word first, second` with a blank before it; nothing for an empty list.
    fn clause<X>(&mut self, word: &str, items: &[X], each: impl FnMut(&mut Self, &X)) {
        if !items.is_empty() {
            self.put(" ").put(word).put(" ");
            self.list(items, each);
        }
    }

    /// `{`, one statement a line, `}`.
    fn block<X>(&mut self, items: &[X], mut each: impl FnMut(&mut Self, &X)) {
        if items.is_empty() {
            self.put("{}");
            return;
        }
        self.put("{");
        self.depth += 1;
        for x in items {
            self.newline();
            each(self, x);
        }
        self.depth -= 1;
        self.newline();
        self.put("}");
    }

    fn newline(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', self.depth));
    }

    fn doc(&mut self, doc: Option<&str>) {
        for line in doc.into_iter().flat_map(|doc| doc.split('\n')) {
            self.put("///");
            if !line.is_empty() {
                self.put(" ").put(line.trim_end_matches('\r'));
            }
            self.newline();
        }
    }

    /// A name; characters that no identifier has become `_`.
    fn ident(&mut self, name: &str) {
        if is_ident(name) {
            self.put(name);
            return;
        }
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.put("_");
        }
        self.text.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    }

    /// A quoted text.
    fn quoted(&mut self, text: &str) {
        self.put("\"");
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\t' => self.text.push_str("\\t"),
                '\r' => self.text.push_str("\\r"),
                c if c.is_control() || c == '\u{feff}' => {
                    // Writing to a string cannot fail.
                    let _ = write!(self.text, "\\u{{{:x}}}", u32::from(c));
                }
                c => self.text.push(c),
            }
        }
        self.put("\"");
    }
}

pub(crate) fn is_ident(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
