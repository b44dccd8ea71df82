//! How a step ended, in a line or in a few where it does not fit.

use super::event::Outcome;
use super::foreign::line;
use super::layout::folded;
use super::style::Style;

/// Where the text of a step stands, behind its mark and the name of its host.
const TEXT: usize = 15;

/// Tells how a step ended, after so many milliseconds.
pub fn ended(node: &str, title: &str, outcome: &Outcome, ms: u64, style: Style) -> String {
    let seconds = format!("{:.1} s", ms as f64 / 1000.0);
    let fits = |wide: usize| style.width.is_none_or(|width| wide <= width);
    let told = |mark: String, why: &str| format!("{mark} {node:<12} {}", folded(why, TEXT, style));
    match outcome {
        Outcome::Changed { detail } => {
            let mark = style.green("✔");
            let row = format!("{title:<52} {seconds:>8}");
            let wide = TEXT + row.chars().count();
            let row = match fits(wide) {
                true => format!("{mark} {node:<12} {row}"),
                false => told(mark, &format!("{title}, {seconds}")),
            };
            let detail = match line(detail) {
                detail if detail.is_empty() => detail,
                detail if fits(wide + 2 + detail.chars().count()) => {
                    style.dim(&format!("  {detail}"))
                }
                detail => format!("\n{:TEXT$}{}", "", style.dim(&folded(&detail, TEXT, style))),
            };
            row + &detail
        }
        Outcome::AlreadyDone => {
            let row = format!("{title:<52} already");
            match fits(TEXT + row.chars().count()) {
                true => format!("{} {node:<12} {row}", style.dim("=")),
                false => told(style.dim("="), &format!("{title}: already")),
            }
        }
        Outcome::Refused { expected, found } => {
            let why = format!("{title}: expected {expected}, found {found}");
            told(style.red("✘"), &why)
        }
        Outcome::Failed { message, .. } => told(style.red("✘"), &format!("{title}: {message}")),
        Outcome::Skipped { because } => told(style.yellow("-"), &format!("{title}: {because}")),
        Outcome::Unknown { because } => {
            let why = format!("{title}: outcome unknown: {because}");
            told(style.yellow("?"), &why)
        }
    }
}
