//! Why something could not be read.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Why a value was not taken.
#[derive(Debug)]
pub enum Flaw {
    /// A problem tells it.
    Told,
    /// To be told: message, label, help, a line each; `{key}` stands for the key.
    New(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Told => f.write_str("told already"),
            Flaw::New(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Flaw {}

impl Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Flaw::New(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Flaw::New(format!("`{{key}}` must be {expected}\nexpected {expected}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }
}
