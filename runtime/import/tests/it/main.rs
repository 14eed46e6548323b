//! What an import says, held against the state it was made from.

mod built_in;
mod fixtures;
mod generated;
mod round_trip;
