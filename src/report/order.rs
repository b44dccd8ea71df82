//! The order between hosts, as the numbers beside the steps of a plan and as a field of its JSON.

use serde::Serialize;

use super::layout::folded;
use super::style::Style;
use crate::plan::Plan;
use crate::plan::turns::{Turn, turns};

/// A plan as JSON, with the order between hosts that its text shows.
#[derive(Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    order: Vec<Turn>,
}

impl<'a> Document<'a> {
    /// Makes the document of a plan.
    pub fn new(plan: &'a Plan) -> Self {
        Document {
            plan,
            order: turns(plan),
        }
    }
}

/// Says what the numbers of the steps mean, where there are any.
pub(super) fn legend(turns: &[Turn], style: Style) -> String {
    if turns.is_empty() {
        return String::new();
    }
    let order = "a number begins when all steps before it are done, on every host.";
    format!("{} {}\n", style.bold("Order:"), folded(order, 7, style))
}
