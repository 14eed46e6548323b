//! The security model: what a program declares, and what a cluster holds.
