//! References to images, taken apart with texts and regular expressions: CEL has no type for them.

use kspec_model::rules::Expr;

use super::piece::{Kind, Piece, binds};
use super::{Printer, Unsaid};

/// What a reference looks like, in as few characters as say it, since the API server counts them. `\d` and `\w` are ASCII
/// there: [`kspec_rules::literal::Image::parse`] reads exactly these.
pub(super) const REFERENCE: &str = "^(([a-zA-Z\\d]([a-zA-Z\\d-]*[a-zA-Z\\d])?(([.][a-zA-Z\\d]([a-zA-Z\\d-]*[a-zA-Z\\d])?)+(:\\d+)?|:\\d+)|[a-z\\d]+((__?|-+)[a-z\\d]+)*)/([a-z\\d]+(([.]|__?|-+)[a-z\\d]+)*/)*)?[a-z\\d]+(([.]|__?|-+)[a-z\\d]+)*(:\\w[\\w.-]{0,127})?(@(sha256:[\\da-f]{64}|sha512:[\\da-f]{128}))?$";

impl Printer<'_> {
    /// A part of a reference.
    pub(super) fn image_part(&mut self, base: &Expr, name: &str) -> Result<Piece, Unsaid> {
        let image = self.value(base)?.present();
        let text = image.at(binds::PRIMARY);
        let text = if image.kind == Kind::Text { text } else { format!("string({})", image.text) };
        // A name before the first slash is a registry where it has a dot or a colon, or is `localhost`.
        let has_registry = format!("{text}.matches('^([^/]*[.:][^/]*|localhost)/')");
        let (part, nullable) = match name {
            "registry" => (format!("{has_registry} ? {text}.split('/')[0] : 'docker.io'"), false),
            "repository" => {
                let path = format!("{text}.find('^([^/@]*/)*[^/:@]*')");
                let own = format!("{path}.substring({path}.indexOf('/') + 1)");
                let hub = format!("({path}.contains('/') ? {path} : 'library/' + {path})");
                (format!("{has_registry} ? {own} : {hub}"), false)
            }
            "tag" => {
                let tag = format!("{text}.split('@')[0].find(':[^/:]*$')");
                (format!("{tag} != '' ? dyn({tag}.substring(1)) : dyn(null)"), true)
            }
            _ => (format!("{text}.contains('@') ? dyn({text}.split('@')[1]) : dyn(null)"), true),
        };
        let kind = if nullable { Kind::Dyn } else { Kind::Text };
        Ok(Piece { nullable, guards: image.guards, ..Piece::new(part, binds::TERNARY, kind) })
    }
}

#[cfg(test)]
mod tests {
    use kspec_rules::literal::Image;
    use proptest::prelude::*;

    use super::REFERENCE;

    #[test]
    fn the_pattern_is_that_of_the_reader() {
        let pattern = regex::Regex::new(&format!("(?-u){REFERENCE}")).unwrap();
        for text in [
            "nginx",
            "nginx:1",
            "a_b.c/x",
            "a.b/x",
            "localhost/x",
            "localhost:5000/x:1",
            "localhost",
            "foo.bar:1",
            "A/b",
            "a//b",
            "a:5000/b",
            "a:b",
            "a:b/c",
            "",
            ":",
            "@",
            "a@sha256:00",
            "a..b",
            "a__b",
            "a___b",
            "a---b",
            "-a/b",
            "a.b-/c",
            "a_b:1/c",
            "docker.io/library/x:latest",
        ] {
            assert_eq!(pattern.is_match(text), Image::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_pattern_is_that_of_the_reader_on_noise(text in "[ab.A_:/1-]{0,12}(@sha256:[0-9a-f]{63,65})?") {
            let pattern = regex::Regex::new(&format!("(?-u){REFERENCE}")).unwrap();
            prop_assert_eq!(pattern.is_match(&text), Image::parse(&text).is_ok(), "{}", text);
        }
    }
}
