//! Globs and regular expressions.

use regex::{Regex, RegexBuilder};

/// How large a compiled expression may grow. Matching takes time linear in the text, whatever the expression.
const COMPILED: usize = 1 << 20;

/// Compiles a regular expression. `Err` says what is wrong with it.
pub fn compile(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(COMPILED).build().map_err(|error| match error {
        // The last line states the error; those above draw the expression.
        regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => other.to_string(),
    })
}

/// Whether a text matches a glob as a whole: `*` is any run of characters, `?` any one.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where to take up again when a guess about the last star's length fails.
    let mut retry: Option<(usize, usize)> = None;
    while read < text.len() {
        match glob.get(at) {
            Some('*') => {
                retry = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || text.get(read) == Some(c) => {
                at += 1;
                read += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    at = star + 1;
                    read = from + 1;
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, matches) in [
            ("*", "", true),
            ("", "", true),
            ("a", "ab", false),
            ("registry.example.com/*", "registry.example.com/a/b:1", true),
            ("*.example.com", "a.b.example.com", true),
            ("*a*b*", "xxayyb", true),
            ("*a*b", "xxaybz", false),
            ("v?.*", "v1.2", true),
            ("?", "", false),
        ] {
            assert_eq!(glob_matches(glob, text), matches, "{glob} {text}");
        }
    }
}
