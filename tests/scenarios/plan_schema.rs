//! The JSON of every plan fits the schema that is published of it.

use pgrepl::plan::check::check;
use pgrepl::plan::converge::converge;
use pgrepl::plan::{self, Plan};
use pgrepl::render::Templates;
use pgrepl::report::order::Document;
use pgrepl::report::sink;

use crate::stories::stories;

#[test]
fn every_plan_fits_its_schema() {
    let mut all = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema = plan::schema();
    compiler.add_resource("plan.json", schema.clone()).unwrap();
    let index = compiler.compile("plan.json", &mut all).unwrap();
    let mut seen = 0;
    for story in stories() {
        let (cluster, templates) = (&story.cluster, Templates::default());
        let plans = [
            converge(cluster, &templates, &story.world, None),
            check(cluster, &templates, &story.world, "aa", 5),
        ];
        for plan in plans.into_iter().flatten() {
            let shown = sink::shown(&Document::new(&plan)).unwrap();
            let fits = all.validate(&shown, index);
            assert!(fits.is_ok(), "{}: {}", story.name, fits.unwrap_err());
            // A key that the schema does not name would be one that nobody promised.
            for key in shown.as_object().unwrap().keys() {
                assert!(schema["properties"][key].is_object(), "{key}");
            }
            let read: Plan = serde_json::from_value(shown).unwrap();
            assert_eq!(read.format_version, plan::FORMAT_VERSION);
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
    let mut odd = schema["required"].as_array().unwrap().clone();
    odd.sort_by_key(ToString::to_string);
    let keys: Vec<&str> = odd.iter().filter_map(|key| key.as_str()).collect();
    // What policies are written against.
    assert_eq!(
        keys,
        [
            "cluster",
            "format_version",
            "goal",
            "leader",
            "major",
            "nodes",
            "notes",
            "order",
            "steps"
        ]
    );
}
