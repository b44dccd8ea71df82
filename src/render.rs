//! Templates to files: minijinja, strict, the user's own templates over the built-in ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;

use crate::postgres::conf;

/// The built-in templates by name.
pub const BUILT_IN: [(&str, &str); 7] = [
    (
        "postgresql.conf.j2",
        include_str!("../templates/postgresql.conf.j2"),
    ),
    (
        "pg_hba.conf.j2",
        include_str!("../templates/pg_hba.conf.j2"),
    ),
    (
        "standby.conf.j2",
        include_str!("../templates/standby.conf.j2"),
    ),
    (
        "recovery.conf.j2",
        include_str!("../templates/recovery.conf.j2"),
    ),
    ("pgpass.j2", include_str!("../templates/pgpass.j2")),
    (
        "pgbackrest.conf.j2",
        include_str!("../templates/pgbackrest.conf.j2"),
    ),
    (
        "pitrery.conf.j2",
        include_str!("../templates/pitrery.conf.j2"),
    ),
];

/// How much work a template may make, in minijinja's measure: an instruction, or 64 bytes of text, whether they are kept or not.
/// The largest files that servers have take a hundredth of it.
const FUEL: u64 = 2_000_000;

/// How many bytes a file has at most.
const LARGEST: usize = 16 << 20;

/// How many bytes a template has at most, ten times what the longest of the built-in ones has.
pub const LARGEST_TEMPLATE: usize = 64 << 10;

/// What a template of that size may take of the stack: minijinja goes down one step for each operator of an expression.
const STACK: usize = 256 << 20;

/// What every template is rendered in, with the built-in ones compiled once.
static READY: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    // Debug errors print the values of all variables.
    env.set_debug(false);
    env.set_fuel(Some(FUEL));
    env.add_function("quote", |value: Value| {
        conf::quote(&plain(&value)).map_err(invalid)
    });
    for (name, text) in BUILT_IN {
        env.add_template(name, text)?;
    }
    Ok(env)
});

/// The templates of a run: built-in ones, and texts of the user's that replace them.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    /// By name, "postgresql.conf.j2".
    pub own: BTreeMap<String, String>,
}

/// Why a template does not render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The template.
    pub name: String,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// What is wrong; never shows a value.
    pub message: String,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot render template {}", self.name)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for TemplateError {}

impl Templates {
    /// Renders one template. `soft` names the settings that a server keeps from before, so that defaults yield to them;
    /// `parameters` are the inventory's, which win over every default.
    pub fn render(
        &self,
        name: &str,
        context: impl Serialize,
        parameters: &BTreeMap<String, String>,
        soft: &BTreeSet<String>,
    ) -> Result<String, TemplateError> {
        let context = Value::from(Serde(&context));
        let work = || self.render_here(name, context, parameters, soft);
        if self.own.is_empty() {
            return work();
        }
        let failed = |why: &str| Err(blame(name, &invalid(why.to_owned())));
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            match thread.spawn_scoped(scope, work).map(|work| work.join()) {
                Ok(Ok(done)) => done,
                // It is not ours, and what it does with a template that was made for that is not known.
                Ok(Err(_)) => failed("minijinja panics over it"),
                Err(error) => failed(&format!("there is no room for it: {error}")),
            }
        })
    }

    fn render_here(
        &self,
        name: &str,
        context: Value,
        parameters: &BTreeMap<String, String>,
        soft: &BTreeSet<String>,
    ) -> Result<String, TemplateError> {
        let failed = |error: Error| blame(name, &error);
        let mut env: Environment<'_> = match &*READY {
            Ok(ready) => ready.clone(),
            Err(error) => return Err(blame(name, error)),
        };
        let written: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let (parameters, soft) = (parameters.clone(), soft.clone());
        env.add_function(
            "setting",
            move |name: String, default: Value| -> Result<String, Error> {
                let mut written = written
                    .lock()
                    .map_err(|_| invalid("a template failed before"))?;
                if !written.insert(name.clone()) {
                    return Ok(format!("# {name}: see above"));
                }
                match parameters.get(&name) {
                    Some(value) => conf::assignment(&name, value).map_err(invalid),
                    None if soft.contains(&name) => Ok(format!("# {name}: kept as it was")),
                    None => conf::assignment(&name, &plain(&default)).map_err(invalid),
                }
            },
        );
        for (known, _) in BUILT_IN {
            if let Some(text) = self.own.get(known) {
                env.add_template(known, text).map_err(failed)?;
            }
        }
        let mut text = env
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(failed)?;
        if text.len() > LARGEST {
            let most = LARGEST >> 20;
            return Err(blame(
                name,
                &invalid(format!("its text has more than {most} MiB")),
            ));
        }
        text.push('\n');
        Ok(text)
    }
}

/// Names the template and the line where it went wrong, also when that one was included by another.
fn blame(name: &str, error: &Error) -> TemplateError {
    let mut innermost = error;
    while let Some(inner) =
        std::error::Error::source(innermost).and_then(|source| source.downcast_ref::<Error>())
    {
        innermost = inner;
    }
    TemplateError {
        name: innermost.name().unwrap_or(name).to_owned(),
        line: innermost.line(),
        message: match (innermost.kind(), innermost.detail()) {
            (ErrorKind::OutOfFuel, _) => {
                "it is too much work: does a loop or a text grow without end?".into()
            }
            (_, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
        },
    }
}

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// Writes a value as PostgreSQL reads it: `on`, not `True`.
fn plain(value: &Value) -> String {
    if let Ok(truth) = bool::try_from(value.clone())
        && value.kind() == minijinja::value::ValueKind::Bool
    {
        return if truth { "on" } else { "off" }.to_owned();
    }
    value.to_string()
}
