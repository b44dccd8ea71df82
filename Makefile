# make demo: two real Debian hosts become a primary and a streaming standby: minutes the first time, then half a minute.
# make test: everything that CI runs, 20 rounds of make chaos among it. make test-matrix: every release and version, also
# those that make test leaves out. make test-long: that of make test, 20 more rounds, and two short lists of make sequences.
# make chaos: random cuts, ROUNDS= of them from SEED= on; RELEASE= HOSTS= MOUNT= choose the hosts, PLAY="Lower cut leader 2000; …"
# repeats such rounds. make sequences: see below. make fuzz: CASES= inputs that others could have written, from SEED= on.
# make dist: packages into target/dist. make test-dist: they are built twice, installed, used and removed on real hosts.
# make docs: the manual as a book, in target/book.
# make repository: a signed repository of them for apt, dnf and yum. make deny: licences, sources and bans of what is built in.
LAB = tests/lab/lab

VERSION ?= 15
TOOL ?= basebackup
SEED ?= 1
ROUNDS ?= 4
LENGTH ?= 8
LANES ?= 1

.PHONY: all build demo demo-down test test-long test-matrix chaos sequences fuzz lint unit lab-base dist dist-tools repository test-dist \
  deny deny-advisories docs

all: build

build:
	cargo build --release

demo:
	tests/lab/demo

demo-down:
	$(LAB) down --run demo

test: lint unit lab-base
	cargo test --test e2e -- --test-threads=3
	cargo test --test chaos -- --nocapture

test-long: test
	SEED=60030 ROUNDS=20 cargo test --test chaos -- --nocapture
	cargo test --test sequences

chaos: lab-base
	ROUNDS=$(or $(ROUNDS),20) SEED=$(SEED) HOSTS=$(HOSTS) MOUNT=$(MOUNT) PLAY="$(PLAY)" \
	  PGREPL_RELEASE=$(or $(RELEASE),12) cargo test --test chaos -- --nocapture

test-matrix: lab-base
	for host in 12:pg10 12:pg12 12:pg14 13:pg16 forky:pg19; do $(LAB) base $$host || exit 1; done
	cargo test --test e2e -- matrix:: --include-ignored --test-threads=3

# Random sequences of operations on real hosts: make sequences SEED=7 ROUNDS=10 VERSION=17 TOOL=pgbackrest
# VERSION 13, 15, 17 or 18; LANES at once; OPS="backup; switchover 2; restore 2 time 1" runs that list, a number being that of
# a row and standing for the moment after it. Each failure is told with such a list.
sequences:
	VERSION=$(VERSION) TOOL=$(TOOL) SEED=$(SEED) ROUNDS=$(ROUNDS) LENGTH=$(LENGTH) LANES=$(LANES) OPS="$(OPS)" \
	  cargo test --test sequences -- --include-ignored --nocapture random

fuzz:
	CASES=$(or $(CASES),1000000) SEED=$(SEED) cargo test --profile fuzz --test fuzz -- --nocapture

lint:
	$(LAB) install
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	shellcheck -x $(LAB) tests/lab/demo $(filter-out %.spec,$(wildcard packaging/*)) ci/pgrepl-ci
	@if packaging/tools --there cargo-deny; then $(MAKE) --no-print-directory deny; \
	else echo 'lint: what is built in is not looked at; make deny does, and builds cargo-deny first (10 minutes, once)'; fi

docs:
	PATH="$$(packaging/tools mdbook):$$PATH" && mdbook build docs

deny:
	PATH="$$(packaging/tools cargo-deny):$$PATH" && cargo deny check --hide-inclusion-graph licenses bans sources

# Its database is fetched from GitHub.
deny-advisories: deny
	PATH="$$(packaging/tools cargo-deny):$$PATH" && cargo deny check advisories

dist-tools:
	packaging/install python3-venv rpm

dist: dist-tools
	packaging/dist

repository:
	packaging/install reprepro createrepo-c rpm gnupg
	packaging/repository

test-dist: lab-base dist
	packaging/install lintian binutils reprepro createrepo-c rpm gnupg
	packaging/reproduce
	cargo test --test dist -- --test-threads=1

unit:
	cargo test --lib --bins --test house --test cli --test scenarios --test hostile --test fuzz

lab-base:
	$(LAB) install
	$(LAB) base 12
	$(LAB) base 12:pg
	$(LAB) base 12:main
	$(LAB) base 12:pg11
	$(LAB) base 12:firewalld
	$(LAB) base 12:ufw
	$(LAB) base 12:rhel
	$(LAB) base 12:pool
	$(LAB) base 11:pg
	$(LAB) base 13:pg
	$(LAB) base 13:minors16
	$(LAB) base forky:pg
