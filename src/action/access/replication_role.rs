//! Creates or changes the replication role.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::{Command, Part, SecretName};
use crate::facts::Observation;
use crate::facts::server::{Role, StoredPassword};
use crate::inventory::NodeName;
use crate::postgres::sql;
use crate::script::script;

const SCRIPT: &str = script!([] "replication_role.sh");

/// Creates the replication role or corrects its rights and its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnsureRole {
    /// The role.
    pub role: String,
    /// Whether it exists already.
    pub exists: bool,
    /// Whether its password is set.
    pub password: bool,
    /// Whether the verifier is SCRAM-SHA-256 rather than md5.
    pub scram: bool,
}

impl Act for EnsureRole {
    fn title(&self) -> String {
        let what = if self.password {
            ", password not shown"
        } else {
            ""
        };
        format!("replication role {}{what}", self.role)
    }

    fn kind(&self) -> Mark {
        if self.exists { Mark::Change } else { Mark::Add }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let verifier = if self.password {
            vec![
                Part::Clear("'".into()),
                Part::Secret(SecretName::Verifier),
                Part::Clear("'".into()),
            ]
        } else {
            vec![]
        };
        vec![
            place
                .command("set up the replication role", SCRIPT)
                .var("role", sql::literal(&self.role))
                .var("quoted_role", sql::identifier(&self.role))
                .secret("verifier", verifier),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        else {
            return;
        };
        let before = server
            .role
            .as_ref()
            .map_or(StoredPassword::None, |role| role.password);
        server.role = Some(Role {
            login: true,
            replication: true,
            superuser: server.role.as_ref().is_some_and(|role| role.superuser),
            password: match (self.password, self.scram) {
                (false, _) => before,
                (true, true) => StoredPassword::SameScram,
                (true, false) => StoredPassword::SameMd5,
            },
        });
    }
}
