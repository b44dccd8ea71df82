//! A script reads the variables that its command sets, and no others; a command sets those that its script reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use pgrepl::action::Place;
use pgrepl::command::{Command, Var};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::platform;
use pgrepl::postgres::Major;
use pgrepl::render::Templates;

use crate::stories::stories;

/// What every script may use: where it is, who runs it, and for which step of which run.
const EVERYWHERE: [&str; 21] = [
    "bindir",
    "cluster",
    "config_directory",
    "data_directory",
    "installer",
    "keeper",
    "home",
    "instance",
    "log",
    "major",
    "node",
    "port",
    "runs_as",
    "service_user",
    "session_options",
    "socket_directory",
    "stamp",
    "start_command",
    "step",
    "stop_command",
    "unit",
];

/// What the shell itself would run: comments and texts in single quotes are left out, for they are for others; of a text in
/// double quotes what is put into it stays.
fn code(script: &str) -> String {
    let (mut code, mut quotes) = (String::new(), Vec::new());
    let mut letters = script.chars();
    let (mut before, mut named) = ('\n', false);
    let mut document = None;
    while let Some(letter) = letters.next() {
        // In a document quotes are letters like others.
        if letter == '\n'
            && let Some(end) = document.take()
        {
            let rest = letters.as_str();
            let mut lines = rest.split_inclusive('\n');
            let inner = lines.by_ref().take_while(|line| line.trim() != end);
            code.push('\n');
            inner.for_each(|line| code.push_str(line));
            letters = rest[rest.len() - lines.map(str::len).sum::<usize>()..].chars();
            before = '\n';
            continue;
        }
        if letter == '<' && before == '<' {
            let word = letters.as_str().trim_start_matches('-');
            let word: String = word.chars().take_while(|c| is_name(*c)).collect();
            document = Some(word).filter(|word| !word.is_empty());
        }
        let quoted = quotes.last() == Some(&'"');
        // The name behind a dollar, or all between its braces.
        named = match letter {
            '$' => true,
            '{' => before == '$',
            '}' | '"' => false,
            letter => {
                named && (is_name(letter) || code.ends_with(|c| c != '$') && quotes_brace(&code))
            }
        };
        match letter {
            '\\' => drop(letters.next()),
            '\'' if !quoted => {
                letters.by_ref().find(|c| *c == '\'');
                code.push_str("''");
            }
            '#' if !quoted && before.is_whitespace() => {
                letters.by_ref().find(|c| *c == '\n');
                code.push('\n');
                before = '\n';
                continue;
            }
            _ => {
                let shows = !quoted
                    || named
                    || matches!(letter, '"' | '{' | '}' | '\n')
                    || (letter == '(' && before == '$');
                match letter {
                    '"' if quoted => drop(quotes.pop()),
                    '"' => quotes.push('"'),
                    // Within a command in a text quotes begin anew.
                    '(' if !quoted || before == '$' => quotes.push('('),
                    ')' if quotes.last() == Some(&'(') => drop(quotes.pop()),
                    _ => {}
                }
                code.push(if shows { letter } else { ' ' });
            }
        }
        before = letter;
    }
    code
}

/// Whether the last dollar of a text has a brace that is open.
fn quotes_brace(code: &str) -> bool {
    code.rsplit('$')
        .next()
        .is_some_and(|rest| rest.starts_with('{') && !rest.contains('}'))
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// What is left of a script where it does one thing or another: what it does for this verb.
fn of_verb(code: &str, verb: Option<&str>) -> String {
    let (mut kept, mut inside, mut chosen) = (String::new(), None, true);
    for line in code.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let mut shown = line;
        match inside {
            None if bare == "case $verb in" => inside = Some(indent),
            Some(begin) if indent == begin => (inside, chosen) = (None, true),
            Some(begin) if indent == begin + 4 && bare != ";;" => {
                let (word, rest) = bare.split_once(')').unwrap_or_default();
                chosen = verb.is_none_or(|verb| verb == word);
                shown = rest;
            }
            _ => {}
        }
        kept.push_str(if chosen { shown } else { "" });
        kept.push('\n');
    }
    kept
}

/// The part of a script that runs: `main` and what it calls, and what stands outside of functions.
fn reached(code: &str) -> String {
    let (mut functions, mut all) = (BTreeMap::<&str, String>::new(), String::new());
    let mut inside: Option<&str> = None;
    for line in code.lines() {
        let head = line.split_once("() {").or(line.split_once("() ("));
        if let (Some((name, rest)), None) = (head, inside)
            && name.chars().all(is_name)
        {
            functions.insert(name, format!("{rest}\n"));
            let whole = rest.trim_end().ends_with(['}', ')']);
            inside = (!whole).then_some(name);
        } else if let Some(name) = inside {
            functions
                .entry(name)
                .or_default()
                .push_str(&format!("{line}\n"));
            if line.starts_with(['}', ')']) {
                inside = None;
            }
        } else {
            all.push_str(&format!("{line}\n"));
        }
    }
    let mut read = 0;
    while read < all.len() {
        let words: Vec<String> = all[read..]
            .split(|c| !is_name(c))
            .map(str::to_owned)
            .collect();
        read = all.len();
        for word in words {
            all.push_str(&functions.remove(word.as_str()).unwrap_or_default());
        }
    }
    all
}

/// What a script reads: the names that must be set, and all that it mentions.
fn read(script: &str, verb: Option<&str>) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = reached(&of_verb(&code(script), verb));
    let (mut needed, mut mentioned, mut settled) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let name = |text: &str| text.chars().take_while(|c| is_name(*c)).collect::<String>();
    let lower = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase());
    for rest in text.split('$').skip(1) {
        let braced = rest
            .strip_prefix('{')
            .map(|rest| rest.trim_start_matches('#'));
        let found = name(braced.unwrap_or(rest));
        if !lower(&found) {
            continue;
        }
        let after = braced.map_or("", |rest| &rest[found.len()..]);
        match after.trim_start_matches(':').chars().next() {
            // One that may be missing anywhere is asked for there.
            Some('-' | '+' | '=') => drop(settled.insert(found.clone())),
            _ => drop(needed.insert(found.clone())),
        }
        mentioned.insert(found);
    }
    // In sums names have no dollar.
    for sum in text.split("$((").skip(1) {
        let sum = sum.split("))").next().unwrap_or_default();
        mentioned.extend(sum.split(|c| !is_name(c)).map(str::to_owned));
    }
    for (at, _) in text.match_indices('=') {
        let before = &text[..at];
        let found: String = name(&before.chars().rev().collect::<String>())
            .chars()
            .rev()
            .collect();
        settled.insert(found);
    }
    for (word, many) in [("for ", false), ("read ", true)] {
        for (at, _) in text.match_indices(word) {
            let words =
                text[at + word.len()..].split(|c: char| !is_name(c) && c != ' ' && c != '-');
            let words = words.take(1).flat_map(|words| words.split(' '));
            let names = words.filter(|word| !word.starts_with('-') && !word.is_empty());
            settled.extend(names.take(if many { 9 } else { 1 }).map(str::to_owned));
        }
    }
    let needed = needed.difference(&settled).cloned().collect();
    (needed, mentioned)
}

/// What was compared already.
static SEEN: LazyLock<Mutex<BTreeSet<(usize, String)>>> = LazyLock::new(Mutex::default);

/// Compares the variables of a command with what its script reads.
fn compare(command: &Command) {
    let set: BTreeSet<String> = command.vars.keys().map(|name| (*name).to_owned()).collect();
    let verb = match command.vars.get("verb") {
        Some(Var::Text(verb)) => Some(verb.as_str()),
        _ => None,
    };
    let seen = (
        command.script.as_ptr() as usize,
        format!("{verb:?} {set:?}"),
    );
    if !SEEN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(seen)
    {
        return;
    }
    let (needed, mentioned) = read(command.script, verb);
    let everywhere: BTreeSet<String> = EVERYWHERE.map(str::to_owned).into();
    let taken = command.takes.map(|(name, _)| name.to_owned());
    let missing: Vec<&String> = needed
        .iter()
        .filter(|name| !set.contains(*name) && !everywhere.contains(*name))
        .filter(|name| taken.as_ref() != Some(name))
        .collect();
    let idle: Vec<&String> = set
        .iter()
        .filter(|name| !mentioned.contains(*name) && !everywhere.contains(*name))
        .filter(|name| *name != "verb")
        .collect();
    assert!(
        missing.is_empty() && idle.is_empty(),
        "{}: the script reads {missing:?}, which nobody sets, and does not read {idle:?}",
        command.what
    );
}

/// Compares all commands of a plan.
pub fn compare_plan(plan: &Plan) {
    for step in &plan.steps {
        for family in platform::FAMILIES {
            let major: Major = "17".parse().unwrap();
            let place = Place {
                cluster: "shop".into(),
                node: step.node.clone(),
                platform: (family.place)(major, "main", None),
                major,
                port: 5432,
            };
            step.action.act().commands(&place).iter().for_each(compare);
        }
    }
}

#[test]
fn what_a_script_reads_is_set_and_what_is_set_is_read() {
    // The plans of all other stories are compared where they are carried out.
    for story in stories() {
        let templates = Templates::default();
        if let Ok(plan) = converge(&story.cluster, &templates, &story.world, None) {
            compare_plan(&plan);
        }
    }
    let told = |script: &'static str, set: &[&'static str]| {
        let command = set
            .iter()
            .fold(Command::new("try", script), |command, name| {
                command.var(name, "")
            });
        std::panic::catch_unwind(|| compare(&command)).is_err()
    };
    assert!(!told(
        "main() { echo \"$one ${two:-}\"; }\nother() { echo \"$three\"; }\nmain",
        &["one"]
    ));
    assert!(told("main() { echo \"$one ${two:-}\"; }\nmain", &[]));
    assert!(told(
        "main() { echo '$one' \"$two\"; } # $one\nmain",
        &["one", "two"]
    ));
    assert!(told(
        "main() { other; }\nother() { echo \"$three\"; }\nmain",
        &[]
    ));
    assert!(!told(
        "main() { while read -r three; do echo \"$(cat \"$three\")\"; done; }\nmain",
        &[]
    ));
}
