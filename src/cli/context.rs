//! What every command that looks at hosts begins with: the inventory, its templates, its hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, anyhow};

use super::{Failure, FailureKind, Format, Global};
use crate::host::Host;
use crate::host::local::LocalHost;
use crate::host::ssh::{SshHost, control_directory};
use crate::inventory::reach::refused;
use crate::inventory::{self, Cluster, NodeName, Problem, Reading};
use crate::observe::Hosts;
use crate::render::{BUILT_IN, LARGEST_TEMPLATE, Templates};
use crate::report::problems;
use crate::report::run::{Screen, Show};

/// How far the author of an inventory is trusted.
#[derive(clap::Args, Clone, Default)]
pub struct Author {
    /// The inventory is somebody else's, as in a pull request: runs and reads nothing for it that is not in its directory
    #[arg(long)]
    pub untrusted: bool,
}

/// An inventory that was read, with where it came from.
pub struct Loaded {
    /// Its path as given.
    pub path: PathBuf,
    /// The wish.
    pub cluster: Cluster,
    /// The templates of the run.
    pub templates: Templates,
    /// The files that replace built-in templates.
    pub own_templates: Vec<PathBuf>,
}

impl Loaded {
    /// Returns the directory that relative paths of the inventory start from.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Returns the file's name, for headings.
    pub fn file(&self) -> String {
        self.path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Finds the inventory: argument, `-i`, `PGREPL_INVENTORY`, ./pgrepl.yaml, ./inventory.yaml.
pub fn path(global: &Global, argument: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(path) = argument.or(global.inventory.as_ref()) {
        return Ok(path.clone());
    }
    ["pgrepl.yaml", "inventory.yaml"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::new(
                FailureKind::Usage,
                "no inventory given, and neither ./pgrepl.yaml nor ./inventory.yaml exists",
            )
            .help("pgrepl init writes one; to name one: pgrepl -i inventory.yaml plan")
        })
}

/// Reads an inventory and its templates.
pub fn load(global: &Global, argument: Option<&PathBuf>) -> Result<Loaded, Failure> {
    load_from(global, argument, &Author::default())
}

/// Reads an inventory and its templates as far as its author is trusted.
pub fn load_from(
    global: &Global,
    argument: Option<&PathBuf>,
    author: &Author,
) -> Result<Loaded, Failure> {
    load_telling(global, path(global, argument)?, author, &|_, _| ())
}

/// Reads an inventory and its templates, and hands the mistakes that stand on a line over with the text.
pub fn load_telling(
    global: &Global,
    path: PathBuf,
    author: &Author,
    tell: &dyn Fn(&str, &[Problem]),
) -> Result<Loaded, Failure> {
    let directory = path.parent().unwrap_or(Path::new(""));
    if author.untrusted && !is_inside(directory, &path) {
        // What is wrong with a file is shown with the line.
        return Err(Failure::new(
            FailureKind::Invalid,
            format!(
                "cannot read {} with --untrusted: expected a file, found a link to one elsewhere",
                path.display()
            ),
        ));
    }
    let text = text(&path, inventory::LARGEST, "an inventory")?;
    let shown = |found: &[Problem]| {
        tell(&text, found);
        let file = path.display().to_string();
        invalid(global, found, &file, &text)
    };
    let reading = inventory::read(&text).map_err(|found| shown(&found))?;
    let Reading { cluster, notes, .. } = reading;
    if author.untrusted {
        let refused = refused(&reading.reaches, |path| would_be_inside(directory, path));
        if !refused.is_empty() {
            return Err(shown(&refused));
        }
    }
    if !global.quiet {
        for note in notes {
            crate::report::sink::err(&format!("note: {}: {}\n", note.message, note.label));
        }
    }
    let (templates, own_templates) = templates(&cluster, directory)?;
    Ok(Loaded {
        path,
        cluster,
        templates,
        own_templates,
    })
}

/// Returns the failure of an inventory with problems.
pub fn invalid(global: &Global, found: &[Problem], file: &str, text: &str) -> Failure {
    let help = found.iter().map(|problem| problem.help.as_str());
    let help = help.clone().find(|help| !help.is_empty());
    Failure::new(FailureKind::Invalid, problems::told(found, file, text))
        .help(help.unwrap_or_default())
        .laid_out(problems::show(found, file, text, global.err().color))
}

/// Returns the digest of a file.
pub fn digest(path: &Path) -> std::io::Result<String> {
    Ok(crate::facts::digest(&std::fs::read_to_string(path)?))
}

/// Returns the digests of an inventory and of its templates, by absolute path.
pub fn digests(
    inventory: &Path,
    templates: &[PathBuf],
) -> std::io::Result<BTreeMap<PathBuf, String>> {
    let files = [inventory]
        .into_iter()
        .chain(templates.iter().map(PathBuf::as_path));
    files
        .map(|file| Ok((std::path::absolute(file)?, digest(file)?)))
        .collect()
}

/// Reads the text of a file, not more than one of its kind may hold.
fn text(path: &Path, most: usize, kind: &str) -> Result<String, Failure> {
    let invalid = |why: anyhow::Error| {
        Failure::of(FailureKind::Invalid)(why.context(format!("cannot read {}", path.display())))
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| invalid(error.into()))?;
    if bytes.len() > most {
        let most = match most >> 20 {
            0 => format!("{} KiB", most >> 10),
            mib => format!("{mib} MiB"),
        };
        return Err(invalid(anyhow!("{kind} has at most {most}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .split(|byte| *byte == b'\n')
            .count();
        invalid(anyhow!("line {line} is not UTF-8"))
    })
}

fn templates(cluster: &Cluster, base: &Path) -> Result<(Templates, Vec<PathBuf>), Failure> {
    let mut own = BTreeMap::new();
    let mut files = Vec::new();
    if let Some(directory) = &cluster.templates {
        let directory = base.join(directory);
        if !directory.is_dir() {
            return Err(Failure::new(
                FailureKind::Invalid,
                format!(
                    "cannot read templates: {} is no directory",
                    directory.display()
                ),
            ));
        }
        for (name, _) in BUILT_IN {
            let file = directory.join(name);
            if file.is_file() {
                stays_inside(&directory, &file)?;
                own.insert(
                    name.to_owned(),
                    text(&file, LARGEST_TEMPLATE, "a template")?,
                );
                files.push(file);
            }
        }
    }
    Ok((Templates { own }, files))
}

/// Refuses a template that is a link to a file elsewhere: it would show what that file holds.
fn stays_inside(directory: &Path, file: &Path) -> Result<(), Failure> {
    if is_inside(directory, file) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Invalid,
        format!(
            "cannot read {}: expected a file in {}, found a link to one elsewhere",
            file.display(),
            directory.display()
        ),
    )
    .help("copy the file into the directory of templates"))
}

/// Says whether a path stays in a directory once every link on its way is followed; what is not there does not stay.
pub fn is_inside(directory: &Path, path: &Path) -> bool {
    let here = |path: &Path| std::fs::canonicalize(Path::new(".").join(path));
    matches!((here(path), here(directory)), (Ok(real), Ok(home)) if real.starts_with(&home))
}

/// Says whether a path below a directory stays in it, also one that is not there yet.
fn would_be_inside(directory: &Path, path: &Path) -> bool {
    let path = directory.join(path);
    let there = path.ancestors().find(|at| at.symlink_metadata().is_ok());
    let absent = there != Some(&path);
    let up = path.components().any(|part| part == Component::ParentDir);
    !(absent && up) && is_inside(directory, there.unwrap_or(directory))
}

/// The hosts of a cluster over SSH; the directory of their control sockets lives as long as this.
pub struct Connections {
    /// The hosts.
    pub hosts: Hosts,
    _directory: tempfile::TempDir,
}

/// Describes the hosts; they are contacted by their first command.
pub fn connect(cluster: &Cluster) -> Result<Connections, Failure> {
    let directory = control_directory()
        .context("cannot make a directory for SSH control sockets")
        .map_err(Failure::of(FailureKind::Failed))?;
    let reach = |name: &NodeName, ssh, r#become| {
        Rc::new(SshHost::new(name, ssh, r#become, directory.path())) as Rc<dyn Host>
    };
    let mut hosts: Hosts = cluster
        .nodes
        .iter()
        .map(|(name, node)| (name.clone(), reach(name, &node.ssh, node.r#become)))
        .collect();
    for (name, pooler) in &cluster.poolers {
        let host = hosts.get(&pooler.host).cloned();
        let host = host.unwrap_or_else(|| reach(&pooler.host, &pooler.ssh, pooler.r#become));
        hosts.insert(name.clone(), host);
    }
    for hook in &cluster.hooks {
        let there = hook.host.as_deref().map(NodeName::from);
        let pooled = cluster
            .poolers
            .values()
            .find(|one| Some(&one.host) == there.as_ref());
        let there = there.and_then(|name| {
            hosts
                .get(&name)
                .or_else(|| hosts.get(&pooled?.name))
                .cloned()
        });
        let host = there.unwrap_or_else(|| Rc::new(LocalHost::default()));
        hosts.insert(NodeName::new(hook.lane()), host);
    }
    Ok(Connections {
        hosts,
        _directory: directory,
    })
}

/// Reads `--limit server1,server2`.
pub fn limit(cluster: &Cluster, names: &[String]) -> Result<Option<BTreeSet<NodeName>>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    names
        .iter()
        .map(|name| {
            let node = NodeName::new(name.clone());
            if cluster.nodes.contains_key(&node) {
                return Ok(node);
            }
            let near = cluster
                .nodes
                .keys()
                .map(|known| (strsim::damerau_levenshtein(known.as_str(), name), known))
                .min();
            Err(
                Failure::new(FailureKind::Usage, format!("unknown host `{name}`")).help(
                    near.map_or(String::new(), |(_, near)| format!("did you mean `{near}`?")),
                ),
            )
        })
        .collect::<Result<BTreeSet<_>, _>>()
        .map(Some)
}

/// Makes the screen of a run.
pub fn screen(global: &Global) -> Screen {
    use std::io::IsTerminal;
    let show = match global.format {
        Format::Jsonl => Show::JsonLines,
        _ if global.quiet => Show::Quiet,
        _ if std::io::stderr().is_terminal() && global.err().color => Show::Live,
        _ => Show::Plain,
    };
    Screen::new(show, global.verbose > 0, global.err())
}

/// Runs a future to its end on this thread, with tasks of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")
        .map_err(Failure::of(FailureKind::Failed))?;
    let local = tokio::task::LocalSet::new();
    Ok(local.block_on(&runtime, future))
}
