//! Derives committed tables and generates inputs; not shipped.
fn main() {}
