//! The JSON Schema of a plan as `pgrepl plan --format json` shows it, from the shape of a plan.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Plan;
use super::turns::Turn;

/// What readers may rely on.
const PROMISE: &str = "As long as the first number of format_version is the same, no key named here goes, changes its type or \
    its meaning; keys and actions may be added, and then the second number grows. What an action holds beside its name is for \
    people, and may change.";

/// A plan, and the order between hosts that its text shows.
#[derive(JsonSchema)]
struct Document {
    #[serde(flatten)]
    _plan: Plan,
    /// Which hosts wait for which, where one does: the numbers beside the steps of the text.
    #[serde(rename = "order")]
    _order: Vec<Turn>,
}

/// Returns the schema.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Document>()
        .to_value();
    schema["title"] = "pgrepl plan".into();
    schema["$comment"] = PROMISE.into();
    schema
}
