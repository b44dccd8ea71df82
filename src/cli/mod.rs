//! The command line: one file per command, and what they share.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::cli::command::Command;
use crate::cli::exit::tell;
use crate::report::sink;

mod adopt;
mod apply;
mod ask;
mod backup;
mod bounds;
mod check;
mod command;
mod context;
mod doctor;
mod drive;
mod drop_copy;
mod exit;
mod failover;
mod formats;
mod global;
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
mod update;
mod validate;
mod version;
mod write;

pub use exit::{Failure, FailureKind};
pub use global::{Format, Global, When};

/// Makes a set of PostgreSQL servers match one YAML file.
#[derive(Parser)]
#[command(name = "pgrepl", version, infer_subcommands = false, after_help = exit::CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
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
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
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
                    if formats::asks_for_document(&arguments) {
                        let told = text.to_string();
                        let first = told.lines().next().unwrap_or_default();
                        let first = first.trim_start_matches("error: ");
                        sink::json(
                            &Failure::new(FailureKind::Usage, first)
                                .help("pgrepl --help")
                                .document(),
                        );
                    }
                    sink::err(&text.to_string());
                    FailureKind::Usage.code()
                }
            };
        }
    };
    let global = &cli.global;
    let result = cli.command.allow(global.format);
    let result = result.and_then(|()| match cli.command {
        Command::Init(arguments) => init::run(global, &arguments),
        Command::Doctor(arguments) => doctor::run(global, &arguments),
        Command::Check(arguments) => check::run(global, &arguments),
        Command::Switchover(arguments) => switchover::run(global, &arguments),
        Command::Update(arguments) => update::run(global, &arguments),
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
        Command::Man(arguments) => man::run(&arguments, command()),
        Command::Version(arguments) => version::run(global, &arguments),
    });
    match result {
        Ok(code) => {
            if let Some(document) = global.held.replace(None) {
                sink::json(&document);
            }
            code
        }
        Err(failure) => tell(global, &failure),
    }
}
