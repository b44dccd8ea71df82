//! The command line: one file per command, and what they share.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::report::sink;
use crate::report::style::Style;

mod adopt;
mod apply;
mod backup;
mod bounds;
mod check;
mod context;
mod doctor;
mod drive;
mod drop_copy;
mod exit;
mod failover;
mod init;
mod locks;
mod man;
mod pipe;
mod plan;
mod rebuild;
mod render;
mod restore;
mod schema;
mod secrets;
mod ssh_names;
mod status;
mod switchover;
mod undo;
mod validate;
mod version;
mod write;

pub use exit::{Failure, Kind};

/// Makes a set of PostgreSQL servers match one YAML file.
#[derive(Parser)]
#[command(name = "pgrepl", version, infer_subcommands = false, after_help = exit::CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command, which stand before it or behind it.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Shows what programs on the hosts say, and the original words of errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Shows nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// How results are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Never asks: what needs an answer is refused
    #[arg(long, global = true)]
    pub no_input: bool,
    /// The inventory
    // Its name is not that of the argument which some commands have: clap would take the two for one.
    #[arg(
        id = "inventory-file",
        short,
        long = "inventory",
        global = true,
        value_name = "FILE",
        env = "PGREPL_INVENTORY"
    )]
    pub inventory: Option<std::path::PathBuf>,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// One JSON object per event
    Jsonl,
    /// For pull requests
    Markdown,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Arguments),
    Doctor(doctor::Arguments),
    Validate(validate::Arguments),
    Render(render::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Status(status::Arguments),
    Check(check::Arguments),
    Switchover(switchover::Arguments),
    Failover(failover::Arguments),
    Rebuild(rebuild::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Schema(schema::Arguments),
    /// Prints the shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    Man(man::Arguments),
    Version(version::Arguments),
}

impl Command {
    /// Says whether it shows something as Markdown: a plan, a table or a report. What changes hosts does so as a dry run.
    fn has_markdown(&self) -> bool {
        match self {
            Command::Backup(backup) => backup.has_markdown(),
            Command::Init(_)
            | Command::Validate(_)
            | Command::Render(_)
            | Command::Schema(_)
            | Command::Completions { .. }
            | Command::Man(_)
            | Command::Version(_) => false,
            _ => true,
        }
    }
}

impl Global {
    /// Says whether a stream gets colours.
    pub fn style(&self, terminal: bool) -> Style {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match self.color {
            _ if matches!(self.format, Format::Json | Format::Jsonl) => false,
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !plain,
        };
        let width = terminal.then(terminal_size::terminal_size).flatten();
        let width = width.map(|(width, _)| usize::from(width.0));
        Style { color, width }
    }

    /// The style of results.
    pub fn out(&self) -> Style {
        self.style(std::io::stdout().is_terminal())
    }

    /// The style of progress and errors.
    pub fn err(&self) -> Style {
        self.style(std::io::stderr().is_terminal())
    }
}

/// Returns the command line as it is declared.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line and returns the exit code.
pub fn main() -> u8 {
    run(std::env::args_os())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render();
            // clap itself would end with 2, which here means that changes are pending.
            return match error.exit_code() {
                0 => {
                    sink::out(&text.to_string());
                    0
                }
                _ => {
                    sink::err(&text.to_string());
                    Kind::Usage.code()
                }
            };
        }
    };
    let global = &cli.global;
    let result = match cli.command {
        ref command if global.format == Format::Markdown && !command.has_markdown() => {
            Err(no_markdown())
        }
        Command::Init(arguments) => init::run(global, &arguments),
        Command::Doctor(arguments) => doctor::run(global, &arguments),
        Command::Check(arguments) => check::run(global, &arguments),
        Command::Switchover(arguments) => switchover::run(global, &arguments),
        Command::Rebuild(arguments) => rebuild::run(global, &arguments),
        Command::Failover(arguments) => failover::run(global, &arguments),
        Command::Backup(arguments) => backup::run(global, &arguments),
        Command::Restore(arguments) => restore::run(global, &arguments),
        Command::Schema(arguments) => schema::run(global, &arguments),
        Command::Validate(arguments) => validate::run(global, &arguments),
        Command::Render(arguments) => render::run(global, &arguments),
        Command::Plan(arguments) => plan::run(global, &arguments),
        Command::Apply(arguments) => apply::run(global, &arguments),
        Command::Status(arguments) => status::run(global, &arguments),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "pgrepl", &mut text);
            sink::exactly(&String::from_utf8_lossy(&text));
            Ok(0)
        }
        Command::Man(arguments) => man::run(command(), &arguments),
        Command::Version(arguments) => version::run(global, &arguments),
    };
    match result {
        Ok(code) => code,
        Err(failure) => tell(global, &failure),
    }
}

/// Says that nothing is shown as Markdown, where that was asked for.
fn no_markdown() -> Failure {
    Failure::new(Kind::Usage, "this command shows nothing as Markdown")
        .help("--format markdown is for plan, status, check, backup list and --dry-run")
}

/// Tells why a command ended, and returns its exit code.
fn tell(global: &Global, failure: &Failure) -> u8 {
    if global.format == Format::Json {
        sink::json(&failure.document());
    }
    sink::err(&failure.shown(global.err(), global.verbose > 0));
    failure.kind.code()
}
