//! The templates for CI, run as they stand against a stub of the code host's API, with a pgrepl whose plans are told.

mod stub;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{GOOD, directory_with};
use stub::{Stub, zip};

const TOKEN: &str = "t0k3n-of-the-job";

/// A checkout, the code host and the programs of a runner.
struct Runner {
    directory: tempfile::TempDir,
    stub: Stub,
    gitlab: bool,
}

/// What a job ended with, and what it printed.
struct Ran {
    code: Option<i32>,
    said: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

impl Runner {
    fn new(gitlab: bool) -> Runner {
        let directory = directory_with(GOOD);
        let tool = |name: &str, text: &str| {
            let path = directory.path().join(".bin").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        };
        let here = directory.path().display();
        // Plans are told; what reads no host is the program itself.
        tool(
            "pgrepl",
            &format!(
                "#!/bin/sh\necho \"$@\" >>{here}/.calls\ncase $1 in\nplan)\n  cat {here}/.plan\n  case $* in *--out*) \
                 printf '{{\"inventory\":\"%s\"}}' \"$PWD/inventory.yaml\" >pgrepl.plan ;; esac\n  exit \"$(cat {here}/.code)\" ;;\n\
                 apply) exit 0 ;;\n*) exec {} \"$@\" ;;\nesac\n",
                env!("CARGO_BIN_EXE_pgrepl")
            ),
        );
        // Whoever lists processes sees arguments.
        tool(
            "curl",
            &format!("#!/bin/sh\necho \"$@\" >>{here}/.curl\nexec /usr/bin/curl \"$@\"\n"),
        );
        Runner {
            directory,
            stub: Stub::start(),
            gitlab,
        }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn plans(&self, text: &str, code: u8) {
        self.write(".plan", text);
        self.write(".code", &code.to_string());
    }

    /// Runs what the template says for a command.
    fn run(&self, command: &str, untrusted: bool) -> Ran {
        let (script, variables) = match self.gitlab {
            true => gitlab(command, untrusted),
            false => github(command, untrusted),
        };
        let path = format!("{}/.bin:/usr/bin:/bin", self.directory.path().display());
        let ran = Command::new("sh")
            .args(["-ec", &script])
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.directory.path())
            .envs(variables)
            .env("GITHUB_API_URL", &self.stub.url)
            .env("CI_API_V4_URL", &self.stub.url)
            .output()
            .unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(
            !said.contains(TOKEN) && !self.file(".curl").contains(TOKEN),
            "{said}"
        );
        assert!(
            self.stub
                .forge
                .lock()
                .unwrap()
                .tokens
                .iter()
                .all(|token| token.ends_with(TOKEN))
        );
        Ran {
            code: ran.status.code(),
            said,
        }
    }

    fn comments(&self) -> Vec<String> {
        let forge = self.stub.forge.lock().unwrap();
        let body = |comment: &Value| comment["body"].as_str().unwrap().to_owned();
        forge.comments.iter().map(body).collect()
    }

    fn issues(&self) -> Vec<Value> {
        self.stub.forge.lock().unwrap().issues.clone()
    }
}

type Job = (String, Vec<(String, String)>);

/// The step of the composite action with its variables, as GitHub fills them in.
fn github(command: &str, untrusted: bool) -> Job {
    let action = yaml("ci/github/action.yml");
    let input = |name: &str| match name {
        "command" => command.to_owned(),
        "inventory" => "inventory.yaml".into(),
        "untrusted" => untrusted.to_string(),
        "request" => "12".into(),
        "token" => TOKEN.into(),
        name => action["inputs"][name]["default"]
            .as_str()
            .unwrap()
            .to_owned(),
    };
    let step = &action["runs"]["steps"][0];
    let place = root().join("ci/github").display().to_string();
    let mut variables: Vec<(String, String)> = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "dba/shop"),
        ("GITHUB_SHA", "abc"),
        ("GITHUB_ACTION_PATH", &place),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in step["env"].as_object().unwrap() {
        let name_of = value.as_str().unwrap();
        let name_of = name_of
            .strip_prefix("${{ inputs.")
            .and_then(|rest| rest.strip_suffix(" }}"));
        variables.push((name.clone(), input(name_of.unwrap())));
    }
    (step["run"].as_str().unwrap().to_owned(), variables)
}

fn gitlab(command: &str, untrusted: bool) -> Job {
    let template = yaml("ci/gitlab.yml");
    let job = &template[format!("pgrepl-{command}")];
    let mut variables: Vec<(String, String)> = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_ID", "7"),
        ("CI_MERGE_REQUEST_IID", "12"),
        ("CI_COMMIT_SHA", "abc"),
        ("PGREPL_TOKEN", TOKEN),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let rule = &job["rules"][usize::from(!untrusted)]["variables"];
    let said = [&template["variables"], rule];
    for (name, value) in said.into_iter().filter_map(Value::as_object).flatten() {
        let value = match name.as_str() {
            "PGREPL_CI" => root().join("ci/pgrepl-ci").display().to_string(),
            "PGREPL_INVENTORY" => "inventory.yaml".into(),
            _ => value.as_str().unwrap().to_owned(),
        };
        variables.push((name.clone(), value));
    }
    let lines = job["script"].as_array().unwrap().iter();
    let script: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
    (script.join("\n"), variables)
}

fn both() -> [Runner; 2] {
    [false, true].map(Runner::new)
}

#[test]
fn a_request_has_one_comment_that_is_kept_up_to_date() {
    for runner in both() {
        // Whoever writes our mark is not taken for us, and ours may stand far down.
        let mark = "<!-- pgrepl: inventory.yaml -->\nnot ours";
        {
            let mut forge = runner.stub.forge.lock().unwrap();
            for id in 0..130 {
                let stranger = json!({ "id": id, "body": mark, "user": { "login": "x" }, "author": { "username": "x" } });
                forge.comments.push(stranger);
            }
        }
        runner.plans("### pgrepl plan: shop\n\nPlan: 1 to add\n", 2);
        let ran = runner.run("review", false);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        runner.plans(
            "### pgrepl plan: shop\n\nNothing to do: \"quoted\" \\ é\n",
            0,
        );
        let ran = runner.run("review", false);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        let comments = runner.comments();
        assert_eq!(comments.len(), 131);
        assert!(comments[..130].iter().all(|comment| comment == mark));
        let expected = "<!-- pgrepl: inventory.yaml -->\n### pgrepl plan: shop\n\nNothing to do: \"quoted\" \\ é\n";
        assert_eq!(comments[130], expected);
        assert!(!runner.file(".calls").contains("--untrusted"));
        assert!(runner.file("pgrepl.plan").contains("inventory.yaml"));
        assert!(runner.file("pgrepl.sarif").contains("2.1.0"));
    }
}

#[test]
fn a_strangers_request_is_read_as_one() {
    for runner in both() {
        runner.plans("### pgrepl plan: shop\n", 0);
        let ran = runner.run("review", true);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        let calls = runner.file(".calls");
        assert_eq!(calls.lines().count(), 2, "{calls}");
        assert!(
            calls.lines().all(|call| call.contains("--untrusted")),
            "{calls}"
        );
    }
}

#[test]
fn a_mistake_is_told_in_the_comment_and_on_its_line() {
    for runner in both() {
        runner.write(
            "inventory.yaml",
            &GOOD.replace("primary:", "# ```\nprimry:"),
        );
        let ran = runner.run("review", false);
        assert_eq!(ran.code, Some(3), "{}", ran.said);
        let comments = runner.comments();
        assert_eq!(comments.len(), 1);
        assert!(
            comments[0].contains("is not valid") && comments[0].contains("primry"),
            "{comments:?}"
        );
        assert!(runner.file("pgrepl.sarif").contains("\"startLine\": 5"));
        assert!(!runner.file(".calls").contains("plan"));
    }
}

#[test]
fn a_plan_that_failed_says_so() {
    for runner in both() {
        runner.plans("", 4);
        assert_eq!(runner.run("review", false).code, Some(4));
        assert!(runner.comments()[0].contains("### pgrepl plan: failed"));
    }
}

#[test]
fn what_was_merged_is_applied_from_its_own_saved_plan() {
    for runner in both() {
        let here = std::fs::canonicalize(runner.directory.path()).unwrap();
        let plan = |inventory: &str| json!({ "inventory": here.join(inventory) }).to_string();
        let pack = |text: String| match runner.gitlab {
            true => text.into_bytes(),
            false => zip("pgrepl.plan", text.as_bytes()),
        };
        let ran = runner.run("apply", false);
        assert_ne!(ran.code, Some(0));
        assert!(
            ran.said.contains("found none: plan and apply by hand"),
            "{}",
            ran.said
        );
        // Another inventory beside ours, and plans that a workflow of a stranger left.
        runner.stub.forge.lock().unwrap().artifacts = vec![(1, pack(plan("other.yaml")))];
        runner.stub.forge.lock().unwrap().runs = vec![
            (1, ".github/workflows/pgrepl.yml", "pull_request_target"),
            (2, ".github/workflows/pgrepl.yml", "pull_request"),
            (3, "x.yml", "pull_request_target"),
        ];
        let ran = runner.run("apply", false);
        assert_ne!(ran.code, Some(0));
        assert!(
            ran.said.contains("found one of") && ran.said.contains("other.yaml"),
            "{}",
            ran.said
        );
        assert_eq!(runner.file(".calls"), "");
        runner.stub.forge.lock().unwrap().artifacts = vec![
            (1, pack(plan("inventory.yaml"))),
            (2, pack(plan("bad"))),
            (3, pack(plan("bad"))),
        ];
        let ran = runner.run("apply", false);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        assert_eq!(
            runner.file(".calls"),
            "apply --no-input --color never --auto-approve pgrepl.plan\n"
        );
        assert_eq!(runner.file("pgrepl.plan"), plan("inventory.yaml"));
    }
}

#[test]
fn one_issue_is_open_as_long_as_servers_differ() {
    for runner in both() {
        let drift = || runner.run("drift", false);
        runner.plans("Nothing to do\n", 0);
        assert_eq!(drift().code, Some(0));
        assert!(runner.issues().is_empty());
        for (text, code) in [("one\n", 2), ("two\n", 2), ("", 4)] {
            runner.plans(text, code);
            let ran = drift();
            assert_eq!(ran.code, Some(code.into()), "{}", ran.said);
            let issues = runner.issues();
            assert_eq!(
                (issues.len(), &issues[0]["state"]),
                (1, &json!("open")),
                "{issues:?}"
            );
            let body = if runner.gitlab { "description" } else { "body" };
            assert!(
                issues[0][body].as_str().unwrap().contains(text),
                "{issues:?}"
            );
            let labels = &issues[0]["labels"];
            assert!(
                *labels == json!(["pgrepl-drift"]) || *labels == "pgrepl-drift",
                "{labels}"
            );
        }
        runner.plans("Nothing to do\n", 0);
        assert_eq!(drift().code, Some(0));
        assert_eq!(runner.issues()[0]["state"], "closed");
        runner.plans("again\n", 2);
        drift();
        assert_eq!(runner.issues().len(), 2);
    }
}

/// The workflow uses inputs that the action has, and the jobs of both call what the program knows.
#[test]
fn the_workflow_fits_the_action() {
    let (action, workflow) = (yaml("ci/github/action.yml"), yaml("ci/github/workflow.yml"));
    let mut seen = Vec::new();
    for job in workflow["jobs"].as_object().unwrap().values() {
        for step in job["steps"].as_array().unwrap() {
            let used = step["uses"].as_str().unwrap_or_default();
            if !used.contains("/ci/github@") {
                continue;
            }
            assert!(
                used.ends_with(concat!("@v", env!("CARGO_PKG_VERSION"))),
                "{used}"
            );
            for (name, value) in step["with"].as_object().unwrap() {
                assert!(action["inputs"][name].is_object(), "{name}");
                if name == "command" {
                    seen.push(value.as_str().unwrap().to_owned());
                }
            }
        }
    }
    seen.sort();
    assert_eq!(seen, ["apply", "drift", "review"]);
}
