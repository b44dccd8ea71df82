//! Packages as people get them: from a signed repository by its name, on each release; installed, used, removed.
//! `make test-dist` builds them first.

#[allow(dead_code)]
#[path = "../e2e/lab.rs"]
mod lab;

mod walk;

use std::path::{Path, PathBuf};
use std::process::Command;

use lab::Lab;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of target/dist by how its name ends.
fn package(end: &str) -> PathBuf {
    let found: Vec<PathBuf> = std::fs::read_dir(root().join("target/dist"))
        .expect("target/dist is made by make dist")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(end))
        .collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found.into_iter().next().unwrap()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "{program} {arguments:?}: {said}{wrong}"
    );
    said
}

/// What somebody does with it on the day it is installed.
const USED: &str = "set -eu
pgrepl version | grep -q 'PostgreSQL 9.6, 10'
pgrepl version | grep -q 'from [0-9a-f]'
for file in /usr/share/doc/pgrepl/examples/*.yaml; do pgrepl validate \"$file\"; done
head -1 /usr/share/doc/pgrepl/examples/minimal.yaml | sed 's/.*schema=//' | xargs test -s
cd /tmp
pgrepl init --no-input --cluster shop --version 16 --primary nobody1 --standby nobody2
export SHOP_REPLICATION_PASSWORD=x
code=0; pgrepl plan || code=$?
test $code = 4
rm -r pgrepl.yaml pgrepl.schema.json
test -s /usr/share/man/man1/pgrepl-switchover.1.gz
test -s /usr/share/man/man5/pgrepl-inventory.5.gz
test -s /usr/share/pgrepl/schema/plan.schema.json
test -s /usr/share/pgrepl/templates/postgresql.conf.j2
test -s /usr/share/pgrepl/ci/gitlab.yml
. /usr/share/bash-completion/completions/pgrepl
complete -p pgrepl
";

/// What must be gone after it was removed.
const GONE: &str = "if command -v pgrepl; then exit 1; fi
left=$(find /usr /etc /var -xdev -name '*pgrepl*' ! -path '/var/lib/apt/*' ! -path '/var/lib/dpkg/*' ! -path '/var/cache/*' \
! -path '/var/log/*' ! -path '/etc/apt/*' ! -path '/etc/yum.repos.d/*' ! -path '/usr/share/keyrings/*' ! -path '/var/lib/dnf/*' ! -path '/var/lib/rpm/*')
test -z \"$left\" || { echo \"left: $left\"; exit 1; }
";

fn bash(lab: &Lab, host: &str, script: &str) -> String {
    lab.tell("exec", &[host, "bash", "-euc", script])
}

/// What a real host of that family has from its own packages, and the imitation from Debian's.
const STAND_IN: &str = "mkdir -p /root/build && cd /root/build && cat >host.spec <<'TXT'
Name: host
Version: 1
Release: 1
Summary: What Debian provides
License: none
BuildArch: noarch
Provides: glibc = 2.34
Provides: openssh-clients
AutoReqProv: no
%description
What Debian provides.
%files
TXT
rpmbuild -bb --define '_topdir /root/build' --define '_rpmdir /root/build' host.spec
rpm -i --nodeps --force-debian noarch/host-1-1.noarch.rpm
";

/// Puts a directory into a directory of a host.
fn send_tree(lab: &Lab, host: &str, from: &str, to: &str) {
    let archive = lab.path("tree.tar");
    output("tar", &["-cf", archive.to_str().unwrap(), "-C", from, "."]);
    lab.send(host, &archive, "/tmp/tree.tar");
    bash(
        lab,
        host,
        &format!("mkdir -p {to} && tar -xf /tmp/tree.tar -C {to}"),
    );
}

#[test]
fn packages_come_from_the_repository_and_go_again() {
    let url = "http://rocky:8080";
    let ran = Command::new(root().join("packaging/repository"))
        .env("URL", url)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let hosts = ["bullseye", "bookworm", "trixie", "forky"];
    let lab = Lab::up(
        "dist",
        &[
            "rocky=12:rhel",
            "bullseye=11",
            "bookworm=12",
            "trixie=13",
            "forky=forky",
        ],
    );
    // One host serves it to all, under its name.
    let repository = root().join("target/repo");
    send_tree(&lab, "rocky", repository.to_str().unwrap(), "/srv/packages");
    bash(
        &lab,
        "rocky",
        "systemd-run -q -u packages python3 -m http.server 8080 --directory /srv/packages
         for n in $(seq 100); do if : </dev/tcp/rocky/8080; then exit 0; fi; sleep 0.1; done 2>/dev/null; exit 1",
    );
    for host in hosts {
        for file in ["pgrepl.gpg", "pgrepl.sources"] {
            let to = match file {
                "pgrepl.gpg" => "/usr/share/keyrings/pgrepl.gpg",
                _ => "/etc/apt/sources.list.d/pgrepl.sources",
            };
            lab.send(host, &repository.join(file), to);
        }
        let only = "-o Dir::Etc::sourcelist=/dev/null -o APT::Get::List-Cleanup=0";
        bash(
            &lab,
            host,
            &format!("chmod 644 /usr/share/keyrings/pgrepl.gpg; apt-get {only} update"),
        );
        bash(
            &lab,
            host,
            "DEBIAN_FRONTEND=noninteractive apt-get install -y pgrepl",
        );
        bash(&lab, host, USED);
        bash(
            &lab,
            host,
            "DEBIAN_FRONTEND=noninteractive apt-get purge -y pgrepl",
        );
        bash(&lab, host, GONE);
    }
    lab.send(
        "rocky",
        &repository.join("pgrepl.repo"),
        "/etc/yum.repos.d/pgrepl.repo",
    );
    bash(&lab, "rocky", STAND_IN);
    bash(
        &lab,
        "rocky",
        "dnf -y --disablerepo='*' --enablerepo=pgrepl install pgrepl",
    );
    bash(&lab, "rocky", USED);
    bash(&lab, "rocky", "rpm -V pgrepl && dnf -y remove pgrepl");
    bash(&lab, "rocky", GONE);
}

#[test]
fn the_debian_package_has_no_error_for_lintian() {
    let deb = package(".deb");
    let said = output("lintian", &["--fail-on", "error", deb.to_str().unwrap()]);
    assert!(!said.contains("E: "), "{said}");
}

/// One program for every Linux: it is linked with glibc alone, and with nothing newer than what CentOS 7 has.
#[test]
fn the_program_wants_an_old_glibc_and_nothing_else() {
    let program = root().join("target/dist-root/bin/pgrepl");
    let said = output("readelf", &["-Wd", "--dyn-syms", program.to_str().unwrap()]);
    let wanted: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let known = [
        "libc.so.6",
        "libm.so.6",
        "libpthread.so.0",
        "libdl.so.2",
        "librt.so.1",
        "ld-linux-x86-64.so.2",
    ];
    assert!(
        wanted.iter().all(|library| known.contains(library)),
        "{wanted:?}"
    );
    for symbol in said.split("GLIBC_").skip(1) {
        let version: Vec<u32> = symbol
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .next()
            .unwrap_or_default()
            .split('.')
            .filter_map(|number| number.parse().ok())
            .collect();
        assert!(version <= vec![2, 17], "GLIBC_{symbol:.20}");
    }
}

#[test]
fn the_digests_are_those_of_the_files() {
    let directory = package("SHA256SUMS").parent().unwrap().to_owned();
    output(
        "sh",
        &[
            "-c",
            &format!(
                "cd {} && sha256sum -c --strict --quiet SHA256SUMS",
                directory.display()
            ),
        ],
    );
    for end in [".deb", ".rpm", "-x86_64-linux.tar.gz", ".cdx.json"] {
        let name = package(end)
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert!(name.contains(env!("CARGO_PKG_VERSION")), "{name}");
        let sums = std::fs::read_to_string(directory.join("SHA256SUMS")).unwrap();
        assert!(sums.contains(&name), "{name}: {sums}");
    }
}

#[test]
fn a_tarball_is_unpacked_and_runs() {
    let place = tempfile::tempdir().unwrap();
    let to = place.path().to_str().unwrap();
    let archive = package(".tar.gz");
    output("tar", &["-xzf", archive.to_str().unwrap(), "-C", to]);
    let program = place
        .path()
        .join(concat!("pgrepl-", env!("CARGO_PKG_VERSION"), "/bin/pgrepl"));
    let said = output(program.to_str().unwrap(), &["version"]);
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
}
