//! Kubernetes' quantities.

/// An amount, exact to the billionth.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    /// Billionths.
    nanos: i128,
    /// How it is written.
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// No number stands in front.
    NoNumber,
    /// What follows the number is no suffix.
    BadSuffix(String),
    /// More than 2⁶³-1, which is the most that Kubernetes can hold.
    TooLarge,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Quantity {
    /// Reads Kubernetes' grammar.
    pub fn parse(_text: &str) -> Result<Self, ParseQuantityError> {
        Err(ParseQuantityError::NoNumber)
    }

    /// As Kubernetes writes it after reading it.
    #[must_use]
    pub fn canonical(&self) -> String {
        String::new()
    }
}
