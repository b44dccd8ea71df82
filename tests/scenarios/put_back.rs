//! A restore or a rebuild that fails anywhere puts back what it found.

use std::path::Path;
use std::process::Command;

use pgrepl::action::Action;
use pgrepl::facts::leader::leader;
use pgrepl::facts::way::Line;
use pgrepl::facts::{Facts, Observation, Process, SetAside, Sight, Unreachable};
use pgrepl::files::recovery::Target;
use pgrepl::inventory::NodeName;
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild;
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::restore::put_back::{Ended, Undo, put_back};
use pgrepl::plan::restore::put_back_last::put_back_last;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::render::Templates;
use pgrepl::report::status::conclude;

use crate::archive::{story, there};
use crate::stories::{Story, after, titles};
use crate::worlds::running_primary;

fn restoring(story: &Story, to: &NodeName) -> Plan {
    let wish = RestoreRequest {
        to,
        target: &Target::Latest,
        moment: None,
        backup: None,
        timeline: Line::Found,
    };
    let there = there(story);
    restore(
        &story.cluster,
        &Templates::default(),
        &story.world,
        &there,
        &wish,
    )
    .unwrap()
}

fn undo(story: &Story, plan: &Plan, cut: usize, how: Ended, now: &Observation) -> Undo {
    let ended: Vec<Ended> = (0..plan.steps.len())
        .map(|at| match at {
            at if at < cut => Ended::Good,
            at if at == cut => how,
            _ => Ended::NotBegun,
        })
        .collect();
    let templates = Templates::default();
    put_back(&story.cluster, &templates, plan, &ended, &story.world, now)
}

/// The world once a failed plan was put back; nobody leads beside another one on the way.
fn put(now: &Observation, undo: &Undo, told: &dyn Fn() -> String) -> Observation {
    let mut world = now.clone();
    let steps = match undo {
        Undo::Plan(plan) => &plan.steps[..],
        _ => &[],
    };
    for step in steps {
        step.action.act().effect(&step.node, &mut world);
        let writers = world.seen().filter(|(_, facts)| running_primary(facts));
        assert!(writers.count() <= 1, "{}", told());
    }
    world
}

/// What a user would notice of a host; a program that is in nobody's way may be new.
fn stands(
    facts: &Facts,
    before: &Facts,
) -> (Process, Option<bool>, String, usize, Vec<(String, String)>) {
    let files = facts.files.iter();
    let control = facts.data.control();
    let control = control.map(|control| (control.system_id, control.timeline));
    (
        facts.process,
        facts.server.as_ref().map(|server| server.in_recovery),
        format!("{control:?} {:?}", facts.data.signals),
        facts.set_aside.len(),
        files
            .filter(|(path, _)| before.files.contains_key(*path))
            .map(|(path, file)| (path.clone(), file.digest.clone()))
            .collect(),
    )
}

#[test]
fn a_restore_that_fails_anywhere_leaves_the_cluster_as_it_was() {
    for swapped in [false, true] {
        for to in ["server1", "server2"] {
            let mut story = story("count: 7");
            if swapped {
                // The inventory was changed meanwhile, and not applied.
                let node = story.cluster.nodes.get_mut(&NodeName::from(to)).unwrap();
                node.parameters.insert("work_mem".into(), "9MB".into());
            }
            let to = NodeName::from(to);
            let plan = restoring(&story, &to);
            let recovers = |action: &Action| matches!(action, Action::Recover(_));
            let recover = plan.steps.iter().position(|step| recovers(&step.action));
            let recover = recover.unwrap();
            for cut in 0..plan.steps.len() {
                // A step that failed may have done nothing, or all it had to do.
                for done in [cut, cut + 1] {
                    let told = || format!("{swapped} cut {cut}, {done} done, {:#?}", titles(&plan));
                    let now = after(&plan, &story.world, done);
                    let undo = undo(&story, &plan, cut, Ended::Failed, &now);
                    if cut > recover {
                        assert_eq!(undo, Undo::Recovered, "{}", told());
                        if done > cut || swapped {
                            continue;
                        }
                        // The restored server leads, and what is advised then ends it.
                        let templates = Templates::default();
                        let rest = converge(&story.cluster, &templates, &now, None).unwrap();
                        assert_eq!(rest.leader, to, "{}", told());
                        assert_eq!(rest.blocked().next(), None, "{}", told());
                        let end = after(&rest, &now, rest.steps.len());
                        let left = converge(&story.cluster, &templates, &end, None).unwrap();
                        assert!(left.is_empty(), "{} {:#?}", told(), titles(&left));
                        continue;
                    }
                    let world = put(&now, &undo, &told);
                    for (node, facts) in story.world.seen() {
                        let is = world.facts(node).unwrap();
                        assert_eq!(stands(is, facts), stands(facts, facts), "{node} {}", told());
                    }
                }
            }
        }
    }
}

#[test]
fn nobody_is_put_back_beside_a_server_that_may_have_recovered() {
    let story = story("count: 7");
    let to = NodeName::from("server2");
    let plan = restoring(&story, &to);
    for cut in 0..plan.steps.len() {
        let mut now = after(&plan, &story.world, cut);
        let reason = Unreachable {
            message: "no route to host".into(),
            help: String::new(),
            original: String::new(),
        };
        now.hosts.insert(to.clone(), Sight::Unreachable(reason));
        let begun = plan.steps[..=cut]
            .iter()
            .any(|step| matches!(step.action, Action::Recover(_)));
        let back = undo(&story, &plan, cut, Ended::Unknown, &now);
        let put = matches!(back, Undo::Plan(_));
        assert!(!begun || !put, "cut {cut}");
        if let Undo::Plan(back) = back {
            assert!(back.steps.iter().all(|step| step.node != to), "cut {cut}");
        }
    }
}

#[test]
fn what_a_killed_restore_set_aside_is_put_back_until_something_came_of_it() {
    let story = story("count: 7");
    let plan = restoring(&story, &NodeName::from("server1"));
    let place = |wanted: fn(&Action) -> bool| {
        let mut steps = plan.steps.iter();
        steps.position(|step| wanted(&step.action)).unwrap()
    };
    let first = place(|action| matches!(action, Action::SetAside(_)));
    let recover = place(|action| matches!(action, Action::Recover(_)));
    let templates = Templates::default();
    for cut in 0..=plan.steps.len() {
        let now = after(&plan, &story.world, cut);
        let back = put_back_last(&story.cluster, &templates, &now);
        let told = || format!("cut {cut}: {back:?}");
        if cut <= first || cut > recover {
            assert!(back.is_err(), "{}", told());
            continue;
        }
        let aside = plan.steps[..cut].iter();
        let aside = aside.filter(|step| matches!(step.action, Action::SetAside(_)));
        let aside: Vec<&NodeName> = aside.map(|step| &step.node).collect();
        let back = back.as_ref().unwrap();
        let puts: Vec<&NodeName> = back.steps.iter().map(|step| &step.node).collect();
        assert_eq!(puts, aside, "{}", told());
        // Status names it, and so does whoever asks for apply.
        let status = conclude(&story.cluster, &now);
        let named = |help: &str| help.contains("pgrepl restore --put-back");
        assert!(
            status.problems.iter().any(|problem| named(&problem.help)),
            "{}",
            told()
        );
        if aside.len() == 3 {
            let no = leader(story.cluster.major, &now, &story.cluster.primary);
            assert!(named(&no.unwrap_err().help), "{}", told());
        }
    }
    // Another run had set aside something on the one host, the last one on the other.
    let mut now = after(&plan, &story.world, recover);
    for (node, stamps) in [
        ("server1", ["20260131T120000Z", "20260131T130000Z"]),
        ("server2", ["20260131T120000Z", "failed-20260131T140000Z"]),
        ("server3", ["20260131T110000Z", "20260131T130000Z"]),
    ] {
        let facts = now.facts_mut(&node.into()).unwrap();
        facts.set_aside.clear();
        for stamp in stamps {
            facts.set_aside.push(SetAside {
                path: format!("{}.pgrepl-{stamp}", facts.data.path),
            });
        }
    }
    let back = put_back_last(&story.cluster, &templates, &now).unwrap();
    let puts = back.steps.iter().map(|step| match &step.action {
        Action::PutBack(back) => format!("{} {}", step.node, back.aside.as_deref().unwrap()),
        other => panic!("{other:?}"),
    });
    let path = "/var/lib/postgresql/15/main.pgrepl-20260131T130000Z";
    assert_eq!(
        puts.collect::<Vec<_>>(),
        [format!("server1 {path}"), format!("server3 {path}")]
    );
    // Who cannot be asked may lead with the restored data.
    let reason = Unreachable {
        message: "no route to host".into(),
        help: "ssh server2 true".into(),
        original: String::new(),
    };
    now.hosts
        .insert("server2".into(), Sight::Unreachable(reason));
    assert!(put_back_last(&story.cluster, &templates, &now).is_err());
}

fn rebuilding(story: &Story, from: CopySource) -> Plan {
    let wish = rebuild::RebuildRequest {
        node: &"server2".into(),
        from,
        rewind_failed: false,
        commits: None,
    };
    let templates = Templates::default();
    let plan = rebuild::rebuild(&story.cluster, &templates, &story.world, &wish);
    plan.unwrap().plan
}

#[test]
fn a_copy_that_fails_gives_a_standby_its_data_back_and_starts_it() {
    let story = story("count: 7");
    let node = NodeName::from("server2");
    let plan = rebuilding(&story, CopySource::Primary);
    let placed = |step: &pgrepl::plan::Step| matches!(step.action, Action::PlaceClone(_));
    let placed = plan.steps.iter().position(placed).unwrap();
    let old = story.world.facts(&node).unwrap();
    for cut in 0..plan.steps.len() {
        for done in [cut, cut + 1] {
            let told = || format!("cut {cut}, {done} done, {:#?}", titles(&plan));
            let now = after(&plan, &story.world, done);
            // A copy that may go on by itself is joined by the next run.
            let unknown = undo(&story, &plan, cut, Ended::Unknown, &now);
            assert_eq!(unknown, Undo::Nothing, "{}", told());
            let undo = undo(&story, &plan, cut, Ended::Failed, &now);
            if cut > placed {
                assert_eq!(undo, Undo::Nothing, "{}", told());
                continue;
            }
            let world = put(&now, &undo, &told);
            let is = world.facts(&node).unwrap();
            assert_eq!(stands(is, old), stands(old, old), "{}", told());
        }
    }
    // What ran as a second primary gets its data back, and is not started beside the first one.
    let mut story = story;
    let facts = story.world.facts_mut(&node).unwrap();
    facts.server.as_mut().unwrap().in_recovery = false;
    facts.data.signals.standby = false;
    let now = after(&plan, &story.world, placed);
    let Undo::Plan(back) = undo(&story, &plan, placed, Ended::Failed, &now) else {
        panic!("nothing is put back");
    };
    let puts = |step: &pgrepl::plan::Step| matches!(step.action, Action::PutBack(_));
    assert!(back.steps.iter().all(puts), "{:#?}", titles(&back));
}

#[test]
fn a_standby_that_could_not_be_rewound_runs_again_unless_that_changed_it() {
    let mut story = story("count: 7");
    let node = NodeName::from("server2");
    let rewind = Action::from(pgrepl::action::Rewind {
        source: "server1".into(),
        conninfo: String::new(),
        system_id: pgrepl::postgres::SystemId(0),
        marker: pgrepl::facts::Marker {
            name: "standby.signal".into(),
            text: String::new(),
        },
        archive: None,
    });
    let mut plan = rebuilding(&story, CopySource::Primary);
    let aside = |step: &pgrepl::plan::Step| matches!(step.action, Action::SetAside(_));
    let cut = plan.steps.iter().position(aside).unwrap();
    plan.steps[cut].action = rewind;
    let mut now = after(&plan, &story.world, cut);
    let back = undo(&story, &plan, cut, Ended::Failed, &now);
    let world = put(&now, &back, &|| titles(&plan).join("\n"));
    assert!(world.facts(&node).unwrap().server.is_some());
    now.facts_mut(&node).unwrap().data.rewinding = true;
    assert_eq!(undo(&story, &plan, cut, Ended::Failed, &now), Undo::Nothing);
    // One that was stopped already stays so.
    now.facts_mut(&node).unwrap().data.rewinding = false;
    story.world = now.clone();
    assert_eq!(undo(&story, &plan, cut, Ended::Failed, &now), Undo::Nothing);
}

/// Runs the main part of a script in a directory, with what needs a server or root replaced; `breaks` is the number of the rename
/// that fails.
fn act(place: &Path, script: &str, variables: &str, breaks: usize) -> String {
    let script = format!(
        "exec 7>&1\ncluster=none bindir= major=15 data_directory={0}/main staging={0}/main.pgrepl-new clone_unit=none system_id=7 tablespaces= \
         home=/ service_user=$(id -un) unit=none config_directory=/nowhere log=/nowhere {variables}\n\
         {1}\n{2}\n{3}\n{4}\n{5}\n{6}\n{script}\n\
         as_service_user() {{ \"$@\"; }}\ncontrol_field() {{ cat \"$1/id\" 2>/dev/null; }}\nlabel_data() {{ :; }}\n\
         own_directory() {{ mkdir \"$1\"; }}\nmanager_works() {{ false; }}\nunit_active() {{ false; }}\nsync() {{ :; }}\n\
         renames=0\nmv() {{ renames=$((renames + 1)); [ \"$renames\" != {breaks} ] && command mv \"$@\"; }}\nrun_main\n",
        place.display(),
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/script/manager.sh"),
        include_str!("../../src/script/job.sh"),
        include_str!("../../src/script/places.sh"),
        include_str!("../../src/script/exchange.sh"),
        include_str!("../../src/script/staging.sh"),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_was_set_aside_gets_its_place_again_wherever_that_was_cut() {
    let set_aside = include_str!("../../src/action/data/set_aside.sh");
    let put_back = include_str!("../../src/action/data/put_back.sh");
    for breaks in 0..8 {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("main/pg_tblspc")).unwrap();
        std::fs::write(at("main/id"), "7").unwrap();
        for space in ["one", "two"] {
            std::fs::create_dir_all(at(space)).unwrap();
            std::fs::write(at(space).join("rows"), "old").unwrap();
            std::os::unix::fs::symlink(at(space), at("main/pg_tblspc").join(space)).unwrap();
        }
        let said = act(place.path(), set_aside, "stamp=20260131T120000Z", 0);
        let aside = said.strip_prefix("@ok changed ").unwrap();
        let aside = aside.lines().next().unwrap().to_owned();
        // What a restore makes, and does not finish.
        std::fs::create_dir_all(at("main/pg_tblspc")).unwrap();
        std::fs::write(at("main/id"), "7").unwrap();
        std::fs::write(at("main/new"), "").unwrap();
        std::fs::write(at("one/rows"), "new").unwrap();
        std::os::unix::fs::symlink(at("one"), at("main/pg_tblspc/one")).unwrap();
        let variables = format!("aside={aside}");
        act(place.path(), put_back, &variables, breaks);
        let said = act(place.path(), put_back, &variables, 0);
        assert!(said.contains("@ok"), "{breaks}: {said}");
        for space in ["one", "two"] {
            let rows = std::fs::read_to_string(at("main/pg_tblspc").join(space).join("rows"));
            assert_eq!(rows.unwrap(), "old", "{breaks}");
            let link = std::fs::read_link(at("main/pg_tblspc").join(space)).unwrap();
            assert_eq!(link, at(space), "{breaks}");
        }
        assert!(!at("main/new").exists() && !Path::new(&aside).exists());
        let names = std::fs::read_dir(place.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let failed: Vec<String> = names.filter(|name| name.contains("-failed-")).collect();
        assert!(
            failed.iter().any(|name| name.starts_with("main."))
                && failed.iter().any(|name| name.starts_with("one.")),
            "{breaks}: {failed:?}"
        );
    }
}
