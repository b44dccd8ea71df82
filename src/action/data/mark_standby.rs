//! Makes a stopped instance a standby.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Marker, Observation, predict};
use crate::inventory::NodeName;
use crate::postgres::{Lsn, SystemId};
use crate::script::script;

const SCRIPT: &str = script!(["marker.sh"] "mark_standby.sh");

/// Writes standby.signal or recovery.conf into the data directory of a primary that was stopped cleanly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkStandby {
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// Its last checkpoint; `None` when it still runs while the plan is made.
    pub checkpoint: Option<Lsn>,
    /// What makes it a standby.
    pub marker: Marker,
}

impl Act for MarkStandby {
    fn title(&self) -> String {
        self.marker.name.clone()
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let checkpoint = self.checkpoint.map(|at| at.to_string());
        vec![
            place
                .command("make it a standby", SCRIPT)
                .var("system_id", self.system_id)
                .var("checkpoint", checkpoint.unwrap_or_default())
                .var("marker", &self.marker.name)
                .var("marker_text", &self.marker.text),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            // Its control file goes on saying "shut down" until it starts.
            predict::mark(facts, &self.marker, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::process::Command;

    #[test]
    fn an_instance_without_its_marker_is_not_called_marked() {
        let directory = tempfile::tempdir().unwrap();
        let ask = |data: &str| {
            let script = format!(
                "major=17 home=/ service_user=$(id -un) marker=standby.signal marker_text=''\n{}\n{}\nmain() {{ write_marker '{data}'; ok; }}\nrun_main\n",
                library!("prelude.sh"),
                library!("marker.sh"),
            );
            let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let data = directory.path().to_str().unwrap();
        let good = ask(data);
        assert!(good.contains("@ok changed"), "{good}");
        let bad = ask(&format!("{data}/gone"));
        assert!(bad.contains("@fail cannot write"), "{bad}");
        assert!(!bad.contains("@ok"), "{bad}");
    }
}
