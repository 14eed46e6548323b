//! K05xx: what bound rules, mutations and exemptions mean for each other.

mod engines;
mod exemptions;
mod proofs;

pub(crate) use exemptions::check as exemptions;
pub(crate) use proofs::check as proofs;
