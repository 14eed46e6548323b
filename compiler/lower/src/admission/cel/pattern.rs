//! Globs and regular expressions as those of RE2, which CEL has.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::Unsaid;

/// A regular expression with the same meaning to RE2. Classes are written out, because what `\d` or `\b` stand for
/// differs between engines.
pub(super) fn regex(pattern: &str) -> Result<String, Unsaid> {
    let hir = regex_syntax::parse(pattern).map_err(|_| Unsaid::because("its regular expression cannot be read"))?;
    let mut written = String::new();
    write(&hir, &mut written)?;
    Ok(written)
}

fn write(hir: &Hir, out: &mut String) -> Result<(), Unsaid> {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0)
                .map_err(|_| Unsaid::because("its regular expression matches bytes that are no text"))?;
            out.push_str(&escaped(text));
        }
        HirKind::Class(Class::Unicode(class)) => {
            write_class(class.ranges().iter().map(|range| (range.start(), range.end())), out)?;
        }
        HirKind::Class(Class::Bytes(class)) if class.is_ascii() => {
            write_class(class.ranges().iter().map(|range| (range.start().into(), range.end().into())), out)?;
        }
        HirKind::Class(Class::Bytes(_)) => {
            return Err(Unsaid::because("its regular expression matches bytes, not characters"));
        }
        HirKind::Look(look) => out.push_str(match look {
            Look::Start => "\\A",
            Look::End => "\\z",
            Look::StartLF => "(?m:^)",
            Look::EndLF => "(?m:$)",
            Look::WordAscii => "\\b",
            Look::WordAsciiNegate => "\\B",
            _ => return Err(Unsaid::because("RE2 has no such assertion as its regular expression makes")),
        }),
        HirKind::Repetition(repetition) => {
            if repetition.min > 1000 || repetition.max.is_some_and(|max| max > 1000) {
                return Err(Unsaid::because("its regular expression repeats something more than 1,000 times"));
            }
            out.push_str("(?:");
            write(&repetition.sub, out)?;
            out.push(')');
            match (repetition.min, repetition.max) {
                (0, None) => out.push('*'),
                (1, None) => out.push('+'),
                (0, Some(1)) => out.push('?'),
                (min, None) => out.push_str(&format!("{{{min},}}")),
                (min, Some(max)) if min == max => out.push_str(&format!("{{{min}}}")),
                (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
            }
            if !repetition.greedy {
                out.push('?');
            }
        }
        HirKind::Capture(capture) => {
            out.push_str("(?:");
            write(&capture.sub, out)?;
            out.push(')');
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, out))?,
        HirKind::Alternation(parts) => {
            out.push_str("(?:");
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                write(part, out)?;
            }
            out.push(')');
        }
    }
    Ok(())
}

/// A class, each character that is no letter or digit by its number.
fn write_class(ranges: impl Iterator<Item = (char, char)>, out: &mut String) -> Result<(), Unsaid> {
    let character = |c: char, out: &mut String| {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
    };
    let before = out.len();
    out.push('[');
    for (start, end) in ranges {
        character(start, out);
        if start != end {
            out.push('-');
            character(end, out);
        }
    }
    if out.len() == before + 1 {
        return Err(Unsaid::because("its regular expression has an empty class"));
    }
    out.push(']');
    Ok(())
}

/// A text whose every character stands for itself.
fn escaped(text: &str) -> String {
    // RE2 knows none of these escapes.
    ["-", "#", "&", "~"].iter().fold(regex_syntax::escape(text), |text, c| text.replace(&format!("\\{c}"), c))
}

/// A glob as a condition on a text: `text` is a primary expression.
pub(super) fn glob(text: &str, glob: &str) -> String {
    let quote = super::quote;
    let inner = glob.trim_matches('*');
    if !inner.contains(['*', '?']) {
        return match (glob.starts_with('*'), glob.ends_with('*')) {
            _ if inner.is_empty() && !glob.is_empty() => "true".to_owned(),
            (false, false) => format!("{text} == {}", quote(glob)),
            (true, false) => format!("{text}.endsWith({})", quote(inner)),
            (false, true) => format!("{text}.startsWith({})", quote(inner)),
            (true, true) => format!("{text}.contains({})", quote(inner)),
        };
    }
    let mut pattern = String::from("(?s)\\A");
    let mut literal = String::new();
    for c in glob.chars() {
        match c {
            '*' | '?' => {
                pattern.push_str(&escaped(&std::mem::take(&mut literal)));
                pattern.push_str(if c == '*' { ".*" } else { "." });
            }
            c => literal.push(c),
        }
    }
    pattern.push_str(&escaped(&literal));
    pattern.push_str("\\z");
    format!("{text}.matches({})", quote(&pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_written_out() {
        assert_eq!(regex("^a[0-9]+$").unwrap(), "\\Aa(?:[0-9])+\\z");
        assert_eq!(regex("(?-u:\\d)x|yz").unwrap(), "(?:[0-9]x|yz)");
        assert!(regex("\\bx").is_err());
        assert!(regex("(?-u:\\b)x").is_ok());
    }

    #[test]
    fn simple_globs_are_simple_conditions() {
        assert_eq!(glob("t", "registry/*"), "t.startsWith('registry/')");
        assert_eq!(glob("t", "*-x"), "t.endsWith('-x')");
        assert_eq!(glob("t", "*"), "true");
        assert_eq!(glob("t", "a"), "t == 'a'");
        assert_eq!(glob("t", "a.*b?"), "t.matches('(?s)\\\\Aa\\\\..*b.\\\\z')");
    }
}
