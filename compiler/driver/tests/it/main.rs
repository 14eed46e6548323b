//! The compiler from text to findings and objects.

mod language;
mod support;
