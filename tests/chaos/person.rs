//! What a person does after something was cut: the same again, what the help says, and in the end `apply`.

use std::time::{Duration, Instant};

use crate::cut::bring_back;
use crate::lab::Ran;
use crate::moves::{Doing, Move};
use crate::world::World;

/// How long somebody tries before he says that it does not work.
const PATIENCE: Duration = Duration::from_secs(90);

/// The server that a help line says is to be rebuilt.
fn to_rebuild(ran: &Ran) -> Option<String> {
    let said = format!("{}\n{}", ran.out, ran.err);
    let (_, rest) = said.split_once("pgrepl rebuild ")?;
    let host: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    host.starts_with("server").then_some(host)
}

/// Types a command until it is done; what is locked, away or still starting is tried again a little later.
pub fn until_good(world: &mut World, arguments: &[String], what: &str) -> Result<(), String> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let ran = world.type_in(arguments)?;
        if ran.code == 0 {
            return Ok(());
        }
        // Nothing that waits for an answer, a lock or a start needs more than another look.
        let said = format!("{}{}", ran.out, ran.err);
        let later = [4, 5, 6, 8].contains(&ran.code) || said.contains("does not answer yet");
        // A server that is away is rebuilt once it is back.
        let away = |host: &String| world.away.iter().any(|(_, away)| away == host);
        match to_rebuild(&ran).filter(|host| !away(host)) {
            Some(host) if !arguments.iter().any(|word| word == "rebuild") => rebuild(world, &host)?,
            _ if later => {}
            _ => return Err(format!("{what}: {}: {}", ran.code, last(&ran))),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Err(format!("{what} does not come to an end"))
}

fn last(ran: &Ran) -> String {
    let lines: Vec<&str> = ran.err.lines().collect();
    let tail = &lines[lines.len().saturating_sub(4)..];
    format!(
        "{}{}",
        tail.join(" | "),
        if lines.is_empty() {
            ran.out.as_str()
        } else {
            ""
        }
    )
}

fn words(world: &World, text: &str) -> Vec<String> {
    let path = world.inventory().to_str().unwrap().to_owned();
    let mut words = vec!["-i".to_owned(), path];
    words.extend(text.split(' ').map(str::to_owned));
    words
}

fn rebuild(world: &mut World, host: &str) -> Result<(), String> {
    let arguments = words(
        world,
        &format!("rebuild {host} --auto-approve --confirm {host}"),
    );
    until_good(world, &arguments, "rebuild")
}

/// Makes everything as the inventory wants it; who leads is written into it first, as `plan` advises.
pub fn apply(world: &mut World) -> Result<(), String> {
    if let [leader] = world.leaders()[..] {
        world.primary = leader;
    }
    let arguments = words(world, "apply --auto-approve");
    until_good(world, &arguments, "apply")
}

/// Goes on after a cut until the command is done and everything is as the inventory wants it.
pub fn go_on(world: &mut World, doing: &mut Doing, done: bool) -> Result<(), String> {
    hear_loss(world, doing);
    if !done {
        let again = until_good(world, &doing.arguments, "the same again");
        hear_loss(world, doing);
        // A switchover that was done, or refused, leaves a cluster that apply knows.
        if doing.chosen != Move::Switchover {
            again?;
        }
    }
    if let Some(dead) = doing.dead {
        // Nobody could fence it: it is back as the primary that it was, and nobody may write to it.
        world.pause();
        bring_back(world, dead);
        let rebuilt = rebuild(world, dead);
        world.write()?;
        rebuilt?;
    }
    if let [leader] = world.leaders()[..] {
        world.primary = leader;
    }
    Ok(())
}

fn hear_loss(world: &World, doing: &mut Doing) {
    let told = world.told.split_once("Loss: ");
    let told = told.and_then(|(_, told)| told.split_once(" has WAL up to "));
    let position = told.and_then(|(_, told)| told.split([';', '.', ',']).next());
    let position = position.and_then(crate::world::position);
    doing.loss = doing.loss.into_iter().chain(position).min();
}
