//! Sets up and removes the port that tells balancers what a server is.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Observation, predict};
use crate::inventory::NodeName;
use crate::script::{program, script};

const SCRIPT: &str = script!(["root_file.sh"] "health.sh");

/// The program that answers.
pub const PROGRAM: &str = program!([] "health_program.sh");

/// Where the program and the two units are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthPaths {
    /// The program.
    pub program: String,
    /// The socket.
    pub socket: String,
    /// The service for each connection to it.
    pub service: String,
}

/// Writes the program and the units of the health port, and lets it listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetHealth {
    /// The port.
    pub port: u16,
    /// Where everything goes.
    pub paths: HealthPaths,
    /// The text of the socket.
    pub socket: String,
    /// The text of the service.
    pub service: String,
}

/// Removes all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropHealth {
    /// Where everything is.
    pub paths: HealthPaths,
}

fn command(place: &Place, verb: &str, paths: &HealthPaths) -> Command {
    place
        .command("health port", SCRIPT)
        .var("verb", verb)
        .var("program_path", &paths.program)
        .var("socket_path", &paths.socket)
        .var("service_path", &paths.service)
}

impl Act for SetHealth {
    fn title(&self) -> String {
        format!("health port {}", self.port)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            command(place, "set", &self.paths)
                .var("program", PROGRAM)
                .var("socket", &self.socket)
                .var("service", &self.service),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        let files = [
            (&self.paths.program, PROGRAM, "755"),
            (&self.paths.socket, self.socket.as_str(), "644"),
            (&self.paths.service, self.service.as_str(), "644"),
        ];
        predict::put_root_files(facts, &files);
        facts.health = true;
    }
}

impl Act for DropHealth {
    fn title(&self) -> String {
        "health port".into()
    }

    fn done(&self) -> String {
        "no health port".into()
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "drop", &self.paths)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            for path in [&self.paths.program, &self.paths.socket, &self.paths.service] {
                facts.files.remove(path);
            }
            facts.health = false;
        }
    }
}
