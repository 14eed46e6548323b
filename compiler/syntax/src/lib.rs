//! Text to tree and back.
//!
//! In: the text of one module. Out: its items, each parsed on its own, with what was wrong. Parsing never fails; what
//! cannot be read is an error item, and its neighbours are unaffected.
//!
//! ```text
//! text ─lex→ tokens ─split→ items ─group→ brackets matched ─chunk→ statements ─classify→ terminals ─LALR→ tree
//! ```

mod build;
mod chunk;
mod classify;
mod context;
mod error;
mod explain;
mod format;
mod grammar;
mod group;
mod heads;
mod lexer;
mod mend;
mod parse;
mod print;
mod split;
mod terminal;
pub mod tree;

pub use error::SyntaxError;
pub use parse::{
    ItemText, Module, ParsedItem, Part, format, format_lossy, interpolation, parse_expr, parse_item, parse_module,
    print_item, split,
};
