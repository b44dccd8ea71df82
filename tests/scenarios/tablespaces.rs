//! Where tablespaces go: nothing is made for them at the word of another host or of the mount.

use pgrepl::action::Action;
use pgrepl::facts::Observation;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::backup::verify;
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::restore::copy::{Aside, restore_copy};
use pgrepl::plan::{Plan, PlanError, restore};
use pgrepl::render::Templates;
use pgrepl::report::plan::{Diff, show};
use pgrepl::report::style::Style;

use crate::archive::{story, there};
use crate::preflight::{anew, refused};

/// The cluster of `archive::story`, with what a host says of its tablespaces.
fn mapped(hosts: &str) -> Cluster {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2, server3]\nhosts: {{ server3: {{ upstream: server2 }}, {hosts} }}\nbackup: {{ mount: /mnt/backups }}\n"
    );
    read(&text)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .cluster
}

fn shown(plan: &Plan, seen: &Observation) -> String {
    show(plan, seen, "shop.yaml", 0.1, Diff::None, Style::plain())
}

const SYSTEM: [&str; 3] = [
    "/etc/systemd/system/cron.service.d",
    "/",
    "/srv/../etc/cron.d",
];

#[test]
fn a_copy_makes_no_place_at_the_word_of_its_source() {
    let story = story("count: 7");
    let with = |place: &str, asked: Option<&str>| {
        let mut world = story.world.clone();
        let source = world.facts_mut(&"server1".into()).unwrap();
        source.data.tablespaces = vec![("16400".into(), place.into())];
        let asked = asked.map(|why| (format!("tablespace {place}"), why.to_owned()));
        world
            .facts_mut(&"server2".into())
            .unwrap()
            .asked
            .extend(asked);
        world
    };
    for place in SYSTEM {
        // Whatever is there already.
        let why = refused(anew(
            &story.cluster,
            &with(place, Some("")),
            CopySource::Primary,
        ));
        assert!(
            why.contains(&format!("a tablespace would go to {place}, which ")),
            "{why}"
        );
    }
    let unknown = with("/srv/fast", Some("is not there"));
    let Err(PlanError::Refused(no)) = anew(&story.cluster, &unknown, CopySource::Primary) else {
        panic!("not refused");
    };
    assert!(
        no.message
            .ends_with("a tablespace would go to /srv/fast, which is not there"),
        "{}",
        no.message
    );
    // What it says to write is an inventory that lets it go on, and the plan shows the place.
    let (_, hosts) = no.help.split_once("hosts: { ").unwrap();
    let cluster = mapped(hosts.strip_suffix(" }").unwrap());
    let plan = anew(&cluster, &unknown, CopySource::Primary).unwrap();
    let text = shown(&plan, &unknown);
    assert!(text.contains("tablespace in /srv/fast\n"), "{text}");
    let named = plan.steps.iter().find_map(|step| match &step.action {
        Action::BaseBackup(copy) => Some(copy.named.clone()),
        _ => None,
    });
    assert_eq!(named.unwrap(), ["/srv/fast"]);
    // So does a directory of the service user's, which root need not make.
    let his = with("/srv/fast", Some(""));
    let plan = anew(&story.cluster, &his, CopySource::Primary).unwrap();
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(&step.action, Action::BaseBackup(copy) if copy.named.is_empty()))
    );
    // What it has itself is set aside, and shown.
    let mut own = his.clone();
    let standby = own.facts_mut(&"server2".into()).unwrap();
    standby.data.tablespaces = vec![("16400".into(), "/data/fast".into())];
    let elsewhere = mapped("server2: { tablespaces: { /srv/fast: /data/fast } }");
    let text = shown(&anew(&elsewhere, &own, CopySource::Primary).unwrap(), &own);
    assert!(
        text.contains("tablespace /data/fast is set aside too\n"),
        "{text}"
    );
    assert!(
        text.contains("tablespace /srv/fast goes to /data/fast\n"),
        "{text}"
    );
}

#[test]
fn a_backup_leads_no_server_into_what_belongs_to_the_system() {
    let story = story("count: 7");
    let mut backups = there(&story);
    let to = NodeName::from("server1");
    let templates = Templates::default();
    let wish = restore::request::RestoreRequest {
        to: &to,
        target: &Target::Latest,
        moment: None,
        backup: None,
        timeline: pgrepl::facts::way::Line::Found,
    };
    let aside = Aside {
        data_directory: "/srv/restored",
        port: 5433,
    };
    for place in SYSTEM {
        for backup in &mut backups.backups {
            backup.tablespaces = vec![("16390".into(), place.into())];
        }
        let whole = restore::restore(&story.cluster, &templates, &story.world, &backups, &wish);
        assert!(refused(whole).contains(place));
        let copy = restore_copy(
            &story.cluster,
            &templates,
            &story.world,
            &backups,
            &wish,
            &aside,
        );
        assert!(refused(copy).contains(place));
        let tried = [backups.backups.last().unwrap()];
        let drill = verify(&story.cluster, &templates, &story.world, &tried, &to, true);
        assert!(refused(drill).contains(place));
    }
    for backup in &mut backups.backups {
        backup.tablespaces = vec![("16390".into(), "/srv/fast".into())];
    }
    let copy = restore_copy(
        &story.cluster,
        &templates,
        &story.world,
        &backups,
        &wish,
        &aside,
    );
    let text = shown(&copy.unwrap(), &story.world);
    assert!(
        text.contains("tablespace 16390, /srv/fast, goes to /srv/restored.tablespaces/16390\n"),
        "{text}"
    );
    let tried = [backups.backups.last().unwrap()];
    let drill = verify(&story.cluster, &templates, &story.world, &tried, &to, true);
    let text = shown(&drill.unwrap(), &story.world);
    assert!(
        text.contains("tablespace 16390, /srv/fast, goes beside the data directory\n"),
        "{text}"
    );
    let whole = restore::restore(&story.cluster, &templates, &story.world, &backups, &wish);
    let text = shown(&whole.unwrap(), &story.world);
    assert!(
        text.contains("tablespace 16390 goes to /srv/fast\n"),
        "{text}"
    );
}
