//! Networks: K0403, K0406.

pub(crate) mod dns;
pub(crate) mod redundancy;
