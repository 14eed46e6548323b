//! Values that have a grammar of their own.

mod date;
mod duration;
mod image;
mod pattern;
mod port;
mod quantity;

pub use date::parse_date;
pub use duration::Duration;
pub use image::Image;
pub use pattern::{compile, glob_matches};
pub use port::Port;
pub use quantity::{ParseQuantityError, Quantity};
