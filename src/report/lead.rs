//! What a server that is to lead lacks, as a table: rule by rule, setting by setting, with what it means.

use super::foreign;
use super::style::Style;
use super::trouble::Trouble;
use crate::inventory::NodeName;
use crate::plan::lead::lack::{About, Lack};
use crate::plan::lead::meaning::BY_HAND;
use crate::plan::{Goal, Plan};

/// Columns are no wider: what is longer pushes the next ones aside.
const WIDEST: usize = 56;

/// Shows what the plan's leader lacks of what the primary has.
pub fn table(plan: &Plan, style: Style) -> String {
    let head = ["", "THE PRIMARY HAS", "", "WHAT IT MEANS"].map(str::to_owned);
    let mut rows = vec![head];
    rows[0][2] = format!("{} HAS", plan.leader);
    for lack in &plan.lacks {
        let cells = [&lack.what, &lack.primary, &lack.standby, &lack.means];
        rows.push(cells.map(|cell| foreign::line(cell)));
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), 0];
    let mut text = style.bold(&format!("What {} lacks as primary", plan.leader)) + "\n";
    let words = std::iter::once(false).chain(plan.lacks.iter().map(|lack| lack.needs_word));
    for (at, (row, needs_word)) in rows.iter().zip(words).enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = cells.join("  ").trim_end().to_owned();
        text += &match (at, needs_word) {
            (0, _) => format!("    {}\n", style.dim(&line)),
            (_, true) => format!("  {} {line}\n", style.red("!")),
            (_, false) => format!("    {line}\n"),
        };
    }
    if plan.needs_word().is_some() {
        let all_the_same = match plan.goal {
            Goal::Switchover(_) => format!("; or go on all the same: --confirm {}", plan.leader),
            _ => String::new(),
        };
        let way = way(&plan.lacks);
        text += &format!(
            "  {} even it out: {way}{all_the_same}\n",
            style.dim("help:")
        );
    }
    text
}

/// How it is evened out.
fn way(lacks: &[Lack]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for lack in lacks.iter().filter(|lack| lack.needs_word) {
        let word = match lack.about {
            About::Client | About::Rule | About::IdentMap => {
                "say the rules under `postgresql: { hba: … }`"
            }
            _ if lack.standby.ends_with(BY_HAND) => "ALTER SYSTEM RESET it there, and reload",
            About::LogicalSlot => {
                "have it synchronized (from 17 on: `failover` for the slot, `parameters: { sync_replication_slots: on }`)"
            }
            About::Listen => "say `postgresql: { listen_addresses: \"*\" }`",
            _ => "say it under `postgresql: { parameters: … }` and nowhere else",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    format!("{}, then pgrepl apply", words.join(", "))
}

/// Tells what a standby lacks as problems: one of each kind.
pub fn troubles(node: &NodeName, lacks: &[Lack]) -> Vec<Trouble> {
    let kinds: [(&[About], &str); 6] = [
        (&[About::Archiving], "as primary it would end archiving"),
        (
            &[About::Client],
            "as primary it would turn away who is connected now",
        ),
        (
            &[About::Rule, About::IdentMap],
            "as primary it would let in others than the primary does",
        ),
        (
            &[About::Listen],
            "as primary it would hear nobody on other hosts",
        ),
        (
            &[About::Certificate, About::Library],
            "as primary it would lack what clients need",
        ),
        (&[About::Setting], "as primary it would have other settings"),
    ];
    told(node, lacks, &kinds)
}

/// Tells what is worth knowing of a standby that may lead, and no mistake of anybody's: that logical slots are on the primary
/// only, and what clients do not meet.
pub fn notes(node: &NodeName, lacks: &[Lack]) -> Vec<Trouble> {
    let kinds: [(&[About], &str); 4] = [
        (
            &[About::Collation],
            "as primary it would sort text by another version",
        ),
        (
            &[About::LogicalSlot],
            "as primary it would not have all that is read by logical decoding",
        ),
        (
            &[About::Own],
            "as primary it would log or do its own work in another way",
        ),
        (
            &[About::Unseen],
            "whether it has all that it needs as primary was not seen",
        ),
    ];
    told(node, lacks, &kinds)
}

fn told(node: &NodeName, lacks: &[Lack], kinds: &[(&[About], &str)]) -> Vec<Trouble> {
    let mut found = Vec::new();
    for (kind, what) in kinds {
        let of_kind = lacks.iter().filter(|lack| kind.contains(&lack.about));
        let said: Vec<String> = of_kind
            .map(|lack| match lack.primary.as_str() {
                "" => format!("{}: {}", lack.what, lack.standby),
                primary => format!("{}: {}, the primary {primary}", lack.what, lack.standby),
            })
            .collect();
        if !said.is_empty() {
            found.push(Trouble::new(
                node,
                format!("{what}: {}", said.join("; ")),
                format!("pgrepl switchover --to {node} --dry-run"),
            ));
        }
    }
    found
}
