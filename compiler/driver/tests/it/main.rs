//! The compiler from text to findings and objects.

mod incremental;
mod language;
mod modules;
mod pages;
mod robustness;
mod specs;
mod stdlib;
mod support;
