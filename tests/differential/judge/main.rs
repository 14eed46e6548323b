//! The real API server as the judge of what the compiler writes and says.

mod access;
mod programs;
mod random;
