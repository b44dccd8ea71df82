//! What belongs to an instance leaves its places and gets them again, however they lie; killed before any step, the same script
//! ends it, and in between a host tells either what was or what will be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the places of an instance lie: mount points and symbolic links, below a directory of the test's.
pub struct Layout {
    /// The mount points.
    pub mounts: &'static [&'static str],
    /// Symbolic links that stay: where they are and where they lead.
    pub links: &'static [(&'static str, &'static str)],
    /// Where its WAL is.
    pub wal: &'static str,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        mounts: &["main", "main/pg_wal", "ts"],
        links: &[],
        wal: "main/pg_wal",
    },
    Layout {
        mounts: &["disk/wal"],
        links: &[("main", "disk/main"), ("ts", "disk/ts")],
        wal: "disk/wal",
    },
];

/// What changes something in a file system.
const STEPS: [&str; 6] = ["mv", "ln", "rm", "rmdir", "mkdir", "cp"];

const SCRIPTS: [(&str, &str); 6] = [
    (
        "set aside",
        include_str!("../../src/action/data/set_aside.sh"),
    ),
    (
        "place",
        include_str!("../../src/action/data/place_clone.sh"),
    ),
    (
        "put back",
        include_str!("../../src/action/data/put_back.sh"),
    ),
    ("create", include_str!("../../src/action/data/init_db.sh")),
    (
        "move WAL",
        include_str!("../../src/action/data/move_wal.sh"),
    ),
    (
        "look",
        concat!(
            include_str!("../../src/facts/layout.sh"),
            include_str!("../../src/facts/probe.sh"),
            "\nmain() { find_clients; staging=$(beside \"$data_directory\" new); read_data; }\n"
        ),
    ),
];

/// What a copy does, without a server.
const COPY: &str = "main() { settle; new_staging server1; make_wal; make \"$staging/data\" new
    place=$(cut -f 2 \"$staging/tablespaces\"); mkdir -p \"$place/PG_15_1\"; echo new >\"$place/PG_15_1/rows\"
    ln -s \"$place\" \"$staging/data/pg_tblspc/16400\"
    if [ -n \"$wal_apart\" ]; then mv \"$staging/data/pg_wal\"/* \"$wal_apart/\"; rmdir \"$staging/data/pg_wal\"
        ln -s \"$wal_apart\" \"$staging/data/pg_wal\"; fi
    put \"$staging/complete\" ''; ok; }
make() { mkdir -p \"$1/base\" \"$1/global\" \"$1/pg_tblspc\" \"$1/pg_wal\"; chmod 750 \"$1/base\"; echo 15 >\"$1/PG_VERSION\"
    echo 7 >\"$1/id\"; for file in base/5 global/pg_control pg_wal/1 .hidden postgresql.auto.conf; do echo \"$2\" >\"$1/$file\"; done; }\n";

/// An initdb that is done at once.
const INITDB: &str =
    "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in -D) d=$2 ;; -X) w=$2 ;; esac; shift; done
/bin/mkdir -p \"$d/base\" \"$d/global\" \"$d/pg_tblspc\"
if [ -n \"$w\" ]; then /bin/ln -s \"$w\" \"$d/pg_wal\"; else /bin/mkdir \"$d/pg_wal\"; fi
echo 15 >\"$d/PG_VERSION\"; chmod 750 \"$d\"
for file in base/5 global/pg_control pg_wal/1 .hidden; do echo new >\"$d/$file\"; done\n";

pub struct Host {
    place: tempfile::TempDir,
    layout: &'static Layout,
}

impl Host {
    pub fn new(layout: &'static Layout) -> Self {
        let place = tempfile::tempdir().unwrap();
        let host = Host { place, layout };
        let bin = host.at("bin");
        fs::create_dir(&bin).unwrap();
        for step in STEPS {
            let text = format!(
                "#!/bin/sh\nif [ -n \"$CUT\" ]; then echo x >>\"$STEPS\"; n=$(wc -l <\"$STEPS\"); [ \"$n\" != \"$CUT\" ] || kill -KILL 0; fi\nexec /bin/{step} \"$@\"\n"
            );
            fs::write(bin.join(step), text).unwrap();
            fs::set_permissions(bin.join(step), PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::write(bin.join("initdb"), INITDB).unwrap();
        fs::set_permissions(bin.join("initdb"), PermissionsExt::from_mode(0o755)).unwrap();
        for mount in layout.mounts {
            fs::create_dir_all(host.at(mount).join("lost+found")).unwrap();
        }
        for (link, place) in layout.links {
            fs::create_dir_all(host.at(place)).unwrap();
            symlink(host.at(place), host.at(link)).unwrap();
        }
        fs::create_dir_all(host.at("ts/PG_15_1")).unwrap();
        fs::write(host.at("ts/PG_15_1/rows"), "old\n").unwrap();
        // Another server's.
        fs::create_dir_all(host.at("ts/PG_14_1/x")).unwrap();
        host.run("main() { make \"$data_directory\" old; }\n", COPY, "", 0);
        symlink(host.at("ts"), host.at("main/pg_tblspc/16400")).unwrap();
        if layout.wal != "main/pg_wal" {
            fs::rename(host.at("main/pg_wal/1"), host.at(layout.wal).join("1")).unwrap();
            fs::remove_dir(host.at("main/pg_wal")).unwrap();
            symlink(host.at(layout.wal), host.at("main/pg_wal")).unwrap();
        }
        host
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a script; it is killed before step `cut`. What it said, if it came to an end.
    pub fn run(&self, last: &str, script: &str, variables: &str, cut: usize) -> Option<String> {
        let mounts: Vec<String> = self
            .layout
            .mounts
            .iter()
            .map(|mount| format!("'{}'", self.at(mount).display()))
            .collect();
        let is_mount = format!("case $1 in {}) ;; *) false ;; esac", mounts.join("|"));
        let bin = self.at("bin");
        fs::write(
            bin.join("mountpoint"),
            format!("#!/bin/sh\nshift\nset -- \"$(readlink -f \"$1\")\"\n{is_mount}\n"),
        )
        .unwrap();
        fs::set_permissions(bin.join("mountpoint"), PermissionsExt::from_mode(0o755)).unwrap();
        let text = format!(
            "exec 7>&1\ncluster=none bindir= major=15 data_directory={0}/main staging={0}/main.pgrepl-new clone_unit=none system_id=7 \
             home=/ service_user=$(id -un) unit=none config_directory=/nowhere log=/nowhere marker=standby.signal marker_text= keys=x recovery= \
             named= tablespaces='/srv/ts\t{0}/ts\n' wal_directory=pg_wal wal_place={1} stamp=20260131T120000Z aside= family=debian port=1 {variables}\n\
             {2}\nPATH={0}/bin:$PATH\n{3}\n{script}\n\
             setpriv_knows=himself\ncontrol_field() {{ cat \"$1/id\" 2>/dev/null; }}\nlabel_data() {{ :; }}\nmanager_works() {{ false; }}\n\
             register() {{ :; }}\nunit_active() {{ false; }}\nsync() {{ :; }}\nremember() {{ :; }}\nmissing_mounts() {{ :; }}\n\
             is_mount() {{ {is_mount}; }}\n{last}\nrun_main\n",
            self.place.path().display(),
            self.at(self.layout.wal).display(),
            include_str!("../../src/script/prelude.sh"),
            [
                include_str!("../../src/script/manager.sh"),
                include_str!("../../src/script/job.sh"),
                include_str!("../../src/script/marker.sh"),
                include_str!("../../src/script/places.sh"),
                include_str!("../../src/script/exchange.sh"),
                include_str!("../../src/script/staging.sh"),
            ]
            .join("\n"),
        );
        let steps = self.at("steps");
        let _ = fs::remove_file(&steps);
        let output = Command::new("/bin/sh")
            .args(["-c", &text])
            .env(
                "CUT",
                if cut == 0 {
                    String::new()
                } else {
                    cut.to_string()
                },
            )
            .env("STEPS", &steps)
            .process_group(0)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let ended = output.status.success() && said.contains("@exit 0");
        assert!(
            ended || cut > 0,
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !ended || !said.contains("@fail") && !said.contains("@refused"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        ended.then_some(said)
    }

    pub fn script(&self, name: &str, variables: &str, cut: usize) -> Option<String> {
        let (_, script) = SCRIPTS.iter().find(|(known, _)| *known == name).unwrap();
        self.run("", script, variables, cut)
    }

    /// What a person finds at an instance: its rows, WAL and everything else, all of one kind.
    pub fn holds(&self, data: &Path) -> Option<String> {
        let mut found: Vec<String> = [
            "base/5",
            "global/pg_control",
            "pg_wal/1",
            ".hidden",
            "pg_tblspc/16400/PG_15_1/rows",
        ]
        .iter()
        .filter_map(|file| fs::read_to_string(data.join(file)).ok())
        .collect();
        let whole = found.len() == 5 && data.join("PG_VERSION").exists();
        found.dedup();
        (whole && found.len() == 1).then(|| found[0].trim().to_owned())
    }

    /// What the host tells: the instance in its place, a complete copy, what is set aside.
    fn told(&self) -> (bool, bool, Vec<String>) {
        let said = self.script("look", "", 0).unwrap();
        let facts = |key: &str| -> Vec<String> {
            let key = format!("@fact {key} ");
            said.lines()
                .filter_map(|line| line.strip_prefix(&key))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(facts("foreign"), Vec::<String>::new(), "{said}");
        let instance = self.at("main/PG_VERSION").exists();
        (
            instance,
            !facts("staging_complete").is_empty(),
            facts("set_aside"),
        )
    }
}

/// Runs a script, killed before each of its steps in turn on a host that is made anew, and then whole; then looks.
pub fn each_cut(
    layout: &'static Layout,
    make: &dyn Fn(&Host) -> String,
    script: &str,
    look: &dyn Fn(&Host, usize),
) -> usize {
    let host = Host::new(layout);
    let variables = make(&host);
    let saved = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        let script = "rm -rf \"$2\"/* && cp -a \"$1\"/. \"$2\"/";
        let mut copy = Command::new("/bin/sh");
        let copy = copy.args(["-c", script, "sh"]).args([from, to]).status();
        assert!(copy.unwrap().success());
    };
    copy(host.place.path(), saved.path());
    let mut cut = 0;
    loop {
        cut += 1;
        copy(saved.path(), host.place.path());
        let ended = host.script(script, &variables, cut).is_some();
        let (instance, complete, aside) = host.told();
        assert!(
            instance || complete || !aside.is_empty(),
            "{script}, cut at {cut}: nothing is told of"
        );
        if script == "create" && instance {
            // It is there: nobody makes it again.
        } else if script == "put back" && aside.iter().all(|path| path.contains("failed")) {
            host.script(script, "aside=", 0);
        } else {
            host.script(script, &variables, 0);
        }
        look(&host, cut);
        if ended {
            return cut;
        }
    }
}

fn copied(host: &Host) {
    host.run(COPY, "", "", 0);
}

fn aside(host: &Host) -> PathBuf {
    let (_, _, mut aside) = host.told();
    PathBuf::from(aside.remove(0))
}

#[test]
fn an_instance_leaves_its_places_and_gets_them_again_wherever_it_is_cut() {
    std::thread::scope(|scope| {
        for layout in &LAYOUTS {
            scope.spawn(move || {
                let mut cuts = 0;
                cuts += each_cut(layout, &|_| String::new(), "set aside", &|host, cut| {
                    let (instance, _, set_aside) = host.told();
                    assert!(!instance && set_aside.len() == 1, "{cut}: {set_aside:?}");
                    assert_eq!(host.holds(&aside(host)).as_deref(), Some("old"), "{cut}");
                });
                let replaced = |host: &Host| {
                    host.script("set aside", "", 0);
                    copied(host);
                    String::new()
                };
                cuts += each_cut(layout, &replaced, "place", &|host, cut| {
                    assert_eq!(
                        host.holds(&host.at("main")).as_deref(),
                        Some("new"),
                        "{cut}"
                    );
                    assert_eq!(host.holds(&aside(host)).as_deref(), Some("old"), "{cut}");
                    let mode = fs::metadata(host.at("main")).unwrap().permissions().mode();
                    assert_eq!(mode & 0o777, 0o750);
                    for (link, place) in layout.links {
                        assert_eq!(fs::read_link(host.at(link)).unwrap(), host.at(place));
                    }
                    assert!(host.at("ts/PG_14_1/x").exists());
                });
                let vacated = |host: &Host| {
                    host.script("set aside", "", 0);
                    format!(
                        "bindir={}/bin locale=C encoding= options=",
                        host.place.path().display()
                    )
                };
                cuts += each_cut(layout, &vacated, "create", &|host, cut| {
                    for file in ["base/5", "global/pg_control", "pg_wal/1", ".hidden"] {
                        let text = fs::read_to_string(host.at("main").join(file));
                        assert_eq!(text.unwrap_or_default(), "new\n", "{file}, {cut}");
                    }
                    assert!(host.at("main/PG_VERSION").exists(), "{cut}");
                    assert_eq!(host.holds(&aside(host)).as_deref(), Some("old"), "{cut}");
                    let mode = fs::metadata(host.at("main")).unwrap().permissions().mode();
                    assert_eq!(mode & 0o777, 0o750);
                });
                let failed = |host: &Host| {
                    replaced(host);
                    let path = aside(host);
                    host.script("place", "", 0);
                    format!("aside={}", path.display())
                };
                cuts += each_cut(layout, &failed, "put back", &|host, cut| {
                    assert_eq!(
                        host.holds(&host.at("main")).as_deref(),
                        Some("old"),
                        "{cut}"
                    );
                    assert_eq!(host.told().2.len(), 1, "{cut}");
                    assert_eq!(host.holds(&aside(host)).as_deref(), Some("new"), "{cut}");
                });
                assert!(cuts > 40, "{cuts}");
            });
        }
    });
}
