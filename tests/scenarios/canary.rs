//! A secret that stands in whatever a host tells is in no output of any command.

use pgrepl::facts::backups::Backups;
use pgrepl::facts::{Facts, Observation, Sight, digest};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::PlanError;
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild::rebuild;
use pgrepl::plan::rebuild::request::{CopySource, RebuildRequest};
use pgrepl::render::Templates;
use pgrepl::report::event::{Event, Outcome};
use pgrepl::report::plan::{Diff, refusal, show};
use pgrepl::report::status::conclude;
use pgrepl::report::style::Style;
use pgrepl::report::{backups, lead, markdown, sink, status_table};
use serde::Serialize;
use serde_json::Value;

use crate::stories::stories;

const CANARY: &str = "hunter2Canary";

/// Lines of files and words of programs with a secret in them.
const SPELLINGS: [&str; 26] = [
    "archive_command = 'PGPASSWORD=@ wal-push %p'",
    "#archive_command = 'env PGPASSWORD=\"@\" wal-push %p'",
    "restore_command = 'AWS_SECRET_ACCESS_KEY=''@'' wal-g wal-fetch %f %p'",
    "primary_conninfo = 'host=server1 user=rep password=@'",
    "primary_conninfo = 'host=server1 PASSWORD = ''a @'' user=rep'",
    "# primary_conninfo = 'host=server1 password=''a\\'@'' sslpassword=@'",
    "primary_conninfo = 'postgresql://rep:@@server1:5432/postgres'",
    "primary_conninfo = 'postgres://server1?user=rep&password=@'",
    "ssl_passphrase_command = 'echo @'",
    "shared_preload_libraries = 'x'\nx.secret_token = '@'",
    "host all all 10.0.0.0/8 ldap ldapserver=x ldapbinddn=\"cn=a\" ldapbindpasswd=\"@\"",
    "host all all 10.0.0.0/8 ldap ldapserver=x LDAPBINDPASSWD=@",
    "# host all all 10.0.0.0/8 radius radiusservers=\"x\" radiussecrets=\"@\"",
    "host all all 10.0.0.0/8 radius radiusservers=\"x\" \"radiussecrets=\"\"@\"\",\"\"@\"\"\"",
    "10.0.0.11:5432:*:replicator:@",
    "# server1:*:replication:replicator:@",
    "# the password was @",
    "password: @",
    "[global]\nrepo1-cipher-pass=@\nrepo1-s3-key-secret=@",
    "some unknown syntax, secret := \"@\"",
    "{\"password\": \"@\", \"token\":\"@\"}",
    "ALTER ROLE replicator PASSWORD '@';",
    "recovery_target_time = 'x'\r\nprimary_conninfo='password=@'\r",
    "curl -u backup:@ https://host",
    "curl -H 'Authorization: Basic @'",
    "connection failed: sslpassword=@: wrong",
];

struct World {
    cluster: Cluster,
    seen: Observation,
}

fn world() -> World {
    let story = stories().into_iter().find(|story| story.name == "in_sync");
    let story = story.unwrap();
    let mut seen = story.world;
    for (_, facts) in seen.seen_mut() {
        if let Some(server) = &mut facts.server {
            // The defaults say nothing of a host.
            server
                .settings
                .retain(|_, setting| !matches!(setting.source.as_str(), "default" | "override"));
        }
    }
    World {
        cluster: story.cluster,
        seen,
    }
}

fn json(what: &impl Serialize) -> String {
    sink::shown(what).unwrap().to_string()
}

/// Everything that is shown of a world, in every format.
fn outputs(world: &World) -> Vec<(&'static str, String)> {
    let World { cluster, seen } = world;
    let plain = Style::plain();
    let mut all = Vec::new();
    let node = NodeName::from("server2");
    let wish = RebuildRequest {
        node: &node,
        from: CopySource::Auto,
        rewind_failed: false,
        commits: None,
    };
    let templates = Templates::default();
    let plans = [
        converge(cluster, &templates, seen, None),
        rebuild(cluster, &templates, seen, &wish).map(|rebuild| rebuild.plan),
    ];
    for plan in plans {
        match plan {
            Ok(plan) => {
                for diff in [Diff::Full, Diff::Changed, Diff::None] {
                    let style = Style {
                        color: true,
                        width: Some(80),
                    };
                    let text = show(&plan, seen, "inventory.yaml", 0.3, diff, style);
                    all.push(("plan", sink::safe(&text)));
                    let text = markdown::plan(&plan, seen, "inventory.yaml", 0.3, diff);
                    all.push(("plan as Markdown", sink::safe(&text)));
                }
                all.push(("plan as JSON, and saved", json(&plan)));
                all.push(("lead", sink::safe(&lead::table(&plan, plain))));
            }
            Err(PlanError::Refused(no)) => {
                all.push(("refusal", sink::safe(&refusal(&no, plain))));
                all.push(("refusal as JSON", json(&no)));
            }
            Err(PlanError::Template(error)) => panic!("{error}"),
        }
    }
    let status = conclude(cluster, seen);
    all.push(("status as JSON", json(&status)));
    let table = status_table::show(&status, cluster, 0.4, plain);
    all.push(("status as Markdown", markdown::block(&table)));
    all.push(("status", sink::safe(&table)));
    all
}

fn check(world: &World, what: &str) {
    for (output, text) in outputs(world) {
        if let Some(at) = text.find(CANARY) {
            let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
            panic!(
                "{what}, in the {output}: {}",
                &text[line..at + CANARY.len()]
            );
        }
    }
}

fn said(spelling: &str) -> String {
    let canary = spelling.replace("@@", "\u{1}");
    canary
        .replace('@', CANARY)
        .replace('\u{1}', &format!("{CANARY}@"))
}

#[test]
fn a_secret_in_any_file_of_a_host_is_shown_nowhere() {
    for spelling in SPELLINGS {
        let mut world = world();
        for (_, facts) in world.seen.seen_mut() {
            for file in facts.files.values_mut() {
                let text = file.content.take().unwrap_or_default();
                let text = format!("{}\n{text}{}\n", said(spelling), said(spelling));
                file.digest = digest(&text);
                file.content = Some(text);
            }
        }
        check(&world, spelling);
    }
}

/// Every place of a document where a text stands.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(all) => {
            for (n, value) in all.iter().enumerate() {
                places(value, &format!("{at}/{n}"), found);
            }
        }
        Value::Object(all) => {
            for (key, value) in all {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_secret_in_any_answer_of_a_host_is_shown_nowhere() {
    let world = world();
    let primary = NodeName::from("server1");
    let facts = serde_json::to_value(world.seen.facts(&primary).unwrap()).unwrap();
    let mut all = Vec::new();
    places(&facts, "", &mut all);
    let mut tried = 0;
    for (n, place) in all.iter().enumerate() {
        let mut facts = facts.clone();
        let spelling = said(SPELLINGS[n % SPELLINGS.len()]);
        *facts.pointer_mut(place).unwrap() = format!("x {spelling}").into();
        // Where a text is of a type of its own, no host can tell this.
        let Ok(facts) = serde_json::from_value::<Facts>(facts) else {
            continue;
        };
        let mut hosts = world.seen.hosts.clone();
        hosts.insert(primary.clone(), Sight::Seen(Box::new(facts)));
        let seen = Observation {
            hosts,
            ..Observation::default()
        };
        let cluster = world.cluster.clone();
        check(&World { cluster, seen }, place);
        tried += 1;
    }
    assert!(tried > 100, "{tried} of {} places", all.len());
}

#[test]
fn a_secret_in_the_words_of_a_run_is_shown_nowhere() {
    for spelling in SPELLINGS {
        let said = said(spelling);
        let outcomes = [
            Outcome::Changed {
                detail: said.clone(),
            },
            Outcome::Refused {
                expected: said.clone(),
                found: said.clone(),
            },
            Outcome::Failed {
                message: said.clone(),
                output: vec![said.clone()],
            },
            Outcome::Unknown {
                because: said.clone(),
            },
        ];
        for outcome in outcomes {
            let event = Event::StepEnded {
                step: 0,
                node: "server1".into(),
                title: said.clone(),
                outcome,
                ms: 1,
            };
            let json = sink::shown(&event).unwrap().to_string();
            assert!(!json.contains(CANARY), "{json}");
        }
        let there = Backups {
            orphans: vec![said.clone()],
            useless: vec![said.clone()],
            restores: vec![(said.clone(), vec![said.clone()])],
            ..Backups::default()
        };
        let table = backups::table(&there, &|_| String::new(), Style::plain());
        let table = sink::safe(&table);
        assert!(!table.contains(CANARY), "{table}");
        let json = sink::shown(&there).unwrap().to_string();
        assert!(!json.contains(CANARY), "{json}");
    }
}
