//! What can go wrong here: always told with what was being done.

use std::fmt;

/// A failure to start, reach or understand a control plane, in words.
#[derive(Debug)]
pub struct Error(String);

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure told by `message`.
    pub fn new(message: impl Into<String>) -> Error {
        Error(message.into())
    }

    /// Turns any error into one that says what was being done.
    pub(crate) fn doing<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Error {
        move |cause| Error(format!("{what}: {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
