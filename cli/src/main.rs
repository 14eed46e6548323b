//! The kspec command: argument parsing and rendering.
fn main() {}
