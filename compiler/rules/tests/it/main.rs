//! The evaluator, over tables written by hand. What source means is tested through the compiler.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod build;
mod cel;
mod meaning;
mod mutations;
mod reads;
mod robust;
mod scope;
