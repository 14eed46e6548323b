//! Records whose fields are known: unknown, repeated and missing ones reported.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_syntax::tree::{Expr, Field, Record};

use super::Elab;

/// A record's fields by name, each at most once, all known.
pub(super) struct Fields<'r> {
    by_name: BTreeMap<&'r str, &'r Field>,
    span: Span,
}

impl<'r> Fields<'r> {
    /// A field's value.
    pub(super) fn get(&self, name: &str) -> Option<&'r Expr> {
        self.by_name.get(name).map(|field| &field.value)
    }

    /// A field.
    pub(super) fn field(&self, name: &str) -> Option<&'r Field> {
        self.by_name.get(name).copied()
    }

    /// The record's place.
    pub(super) fn span(&self) -> Span {
        self.span
    }
}

impl Elab<'_, '_> {
    /// A record's fields; `what` says what it describes.
    pub(super) fn fields<'r>(&self, record: &'r Record, known: &[&'r str], what: &str) -> Fields<'r> {
        self.field_list(&record.fields, record.span, known, what)
    }

    /// As [`Elab::fields`], for fields that stand among statements.
    pub(super) fn field_list<'r>(
        &self,
        fields: impl IntoIterator<Item = &'r Field>,
        span: Span,
        known: &[&'r str],
        what: &str,
    ) -> Fields<'r> {
        let mut by_name = BTreeMap::new();
        let mut misspelt = Vec::new();
        for field in self.unique(fields) {
            if known.contains(&field.key.text.as_ref()) {
                by_name.insert(field.key.text.as_ref(), field);
            } else {
                misspelt.extend(kspec_schema::closest(&field.key.text, known.iter().copied()).map(|it| (it, field)));
                self.report(self.unknown_field(field, known, what));
            }
        }
        // What was meant counts as given: it is not missing too, and its value is looked at.
        for (meant, field) in misspelt {
            by_name.entry(meant).or_insert(field);
        }
        Fields { by_name, span }
    }

    /// Fields without repetitions, which are reported.
    pub(super) fn unique<'r>(&self, fields: impl IntoIterator<Item = &'r Field>) -> Vec<&'r Field> {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut unique = Vec::new();
        for field in fields {
            match seen.get(field.key.text.as_ref()) {
                Some(first) => self.report(
                    Finding::new(
                        codes::DUPLICATE_FIELD,
                        format!("`{}` is given twice", field.key.text),
                        self.at(field.key.span),
                    )
                    .because("given again here")
                    .label(self.at(*first), "first given here")
                    .help("drop one of the two"),
                ),
                None => {
                    seen.insert(&field.key.text, field.key.span);
                    unique.push(field);
                }
            }
        }
        unique
    }

    /// A finding about a field that does not exist.
    pub(super) fn unknown_field(&self, field: &Field, known: &[&str], what: &str) -> Finding {
        let finding = Finding::new(
            codes::UNKNOWN_FIELD,
            format!("{what} has no field `{}`", field.key.text),
            self.at(field.key.span),
        );
        match kspec_schema::closest(&field.key.text, known.iter().copied()) {
            Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                format!("write `{close}`"),
                self.at(field.key.span),
                close,
            ),
            None => finding.help(format!("its fields: {}", known.join(", "))),
        }
    }
}
