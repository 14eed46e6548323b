//! The admission webhook: a rule table behind an HTTPS server.
//!
//! In: the rules of a bundle that the API server cannot decide itself ([`kspec_model::rules::Engine::Webhook`]), and
//! AdmissionReviews over HTTP. Out: AdmissionReviews with a verdict, metrics, log lines. What rules mean is the evaluator's
//! matter (`kspec-rules`); here is what a server owes beside it: limits, shedding, certificates and bundles that change under
//! load, an index of the objects that rules look up, and an end that drops nothing.
//!
//! Invariants: no verdict is silent (a rule that cannot be decided refuses or passes by its failure policy, and says so in a
//! metric and a log line); one rule's fault hides no other rule's verdict; nothing that a request holds is logged but its
//! name.

mod answer;
mod bundle;
mod clients;
mod counts;
mod engine;
mod files;
mod index;
mod limits;
mod live;
mod metrics;
mod request;
mod server;
mod service;
mod tls;

pub use bundle::BundleError;
pub use index::{Change, Source};
pub use limits::Limits;
pub use live::Live;
pub use server::{Ended, Options, Server, StartError};
pub use tls::{TlsError, TlsFiles};
