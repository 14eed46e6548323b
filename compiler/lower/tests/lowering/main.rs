//! What programs lower to, as files and objects that people read.

mod access;
mod files;
mod fixture;
mod namespaces;
mod networks;
mod shop;
mod yaml;
