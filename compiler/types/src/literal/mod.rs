//! Values that have a grammar of their own.

mod duration;
mod image;
mod port;
mod quantity;

pub use duration::Duration;
pub use image::Image;
pub use port::Port;
pub use quantity::{ParseQuantityError, Quantity};
