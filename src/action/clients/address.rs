//! Gives the address that the primary alone holds to a host, takes it away, and sets up the unit that adds it at boot.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Observation, predict};
use crate::inventory::{NodeName, VirtualAddress};
use crate::script::{program, script};

const SCRIPT: &str = script!(["neighbour.sh", "address.sh", "root_file.sh"] "address.sh");

/// The program that adds it at boot.
pub const PROGRAM: &str = program!(["neighbour.sh", "address.sh"] "address_program.sh");

/// Adds the address on the host of the primary, where nobody else answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeAddress {
    /// The address.
    pub address: VirtualAddress,
}

/// Takes the address away from a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropAddress {
    /// The address.
    pub address: VirtualAddress,
}

/// Where the program and its unit are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPaths {
    /// The program.
    pub program: String,
    /// The unit.
    pub unit: String,
}

/// Writes the program and the unit that add the address at boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAddressUnit {
    /// The address.
    pub address: VirtualAddress,
    /// Where everything goes.
    pub paths: AddressPaths,
    /// The text of the unit.
    pub text: String,
}

/// Removes both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropAddressUnit {
    /// Where everything is.
    pub paths: AddressPaths,
}

/// Changes what is seen as the address comes to a host, or leaves it.
pub(in crate::action) fn moved(
    node: &NodeName,
    world: &mut Observation,
    address: &VirtualAddress,
    here: bool,
) {
    if let Some(facts) = world.facts_mut(node) {
        facts.address.held.retain(|held| held.ip != address.ip);
        facts.address.answered = None;
        if here {
            facts.address.held.push(address.clone());
        }
    }
}

fn command(place: &Place, verb: &str, address: &VirtualAddress) -> Command {
    place
        .command("address of the primary", SCRIPT)
        .var("verb", verb)
        .var("address", address.with_prefix())
}

impl Act for TakeAddress {
    fn title(&self) -> String {
        let VirtualAddress { ip, interface, .. } = &self.address;
        format!("add {ip} to {interface}")
    }

    fn done(&self) -> String {
        format!("{} is here", self.address.ip)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn holds_up(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let interface = &self.address.interface;
        vec![command(place, "take", &self.address).var("interface", interface)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        moved(node, world, &self.address, true);
    }
}

impl Act for DropAddress {
    fn title(&self) -> String {
        format!("take {} away", self.address.ip)
    }

    fn done(&self) -> String {
        format!("{} is not here any more", self.address.ip)
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "drop", &self.address)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        moved(node, world, &self.address, false);
    }
}

fn unit_command(place: &Place, verb: &str, paths: &AddressPaths) -> Command {
    place
        .command("address of the primary at boot", SCRIPT)
        .var("verb", verb)
        .var("program_path", &paths.program)
        .var("unit_path", &paths.unit)
}

impl Act for SetAddressUnit {
    fn title(&self) -> String {
        format!("add {} at boot where the primary is", self.address.ip)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            unit_command(place, "set_unit", &self.paths)
                .var("program", PROGRAM)
                .var("text", &self.text),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        let files = [
            (&self.paths.program, PROGRAM, "755"),
            (&self.paths.unit, self.text.as_str(), "644"),
        ];
        predict::put_root_files(facts, &files);
        facts.address.unit = true;
    }
}

impl Act for DropAddressUnit {
    fn title(&self) -> String {
        "add no address at boot".into()
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![unit_command(place, "drop_unit", &self.paths)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            for path in [&self.paths.program, &self.paths.unit] {
                facts.files.remove(path);
            }
            facts.address.unit = false;
        }
    }
}
