//! What is to be said, and what to type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remark, a trouble or a reason, with what to type where there is something to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// One line.
    pub message: String,
    /// What to type, or empty.
    pub help: String,
}

impl Advice {
    /// Makes one.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}
