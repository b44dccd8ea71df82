//! `validate --sarif`: each mistake on its line, for the review of a change.

use serde_json::Value;

use super::{GOOD, directory_with, pgrepl};

fn results(inventory: &str, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let directory = directory_with(inventory);
    let arguments = [&["validate", "--sarif", "out.sarif"], more].concat();
    let ran = pgrepl(directory.path(), &arguments);
    let text = std::fs::read_to_string(directory.path().join("out.sarif")).unwrap();
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "inventory");
    (
        ran.status.code(),
        run["results"].as_array().unwrap().clone(),
    )
}

#[test]
fn every_mistake_has_its_place() {
    let (code, found) = results(GOOD, &[]);
    assert_eq!((code, found.len()), (Some(0), 0));
    let bad = GOOD.replace("[server2]", "[server2, server2]") + "standby: x\n";
    let (code, found) = results(&bad, &[]);
    assert_eq!(code, Some(3));
    let places: Vec<String> = found
        .iter()
        .map(|result| {
            assert_eq!(result["level"], "error");
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "inventory.yaml");
            let region = &place["region"];
            format!("{}:{}", region["startLine"], region["startColumn"])
        })
        .collect();
    assert_eq!(places, ["5:21", "6:1"], "{found:#?}");
}

#[test]
fn what_stands_on_no_line_is_on_the_first() {
    let (code, found) = results("\u{0}", &[]);
    assert_eq!(code, Some(3));
    assert!(!found.is_empty());
    let own = format!("{GOOD}templates: none\n");
    let (code, found) = results(&own, &[]);
    assert_eq!((code, found.len()), (Some(3), 1), "{found:?}");
    let said = found[0]["message"]["text"].as_str().unwrap();
    assert!(said.contains("none is no directory"), "{said}");
}

#[test]
fn what_a_stranger_may_not_say_is_there_and_no_secret_is() {
    let bad = GOOD.replace("env: SHOP_REPLICATION_PASSWORD", "command: date");
    let (code, found) = results(&bad, &["--untrusted"]);
    assert_eq!((code, found.len()), (Some(3), 1));
    let bad = GOOD.replace("{ env: SHOP_REPLICATION_PASSWORD }", "hunter2");
    let (_, found) = results(&bad, &[]);
    assert!(!Value::from(found).to_string().contains("hunter2"));
}
