//! A proof of replication as JUnit's XML, which CI systems show as tests.

use super::foreign::line;
use super::proof::Proof;
use super::redact;

/// Text for XML 1.0, in an attribute or between tags; what no XML may hold has no line left to be in.
fn xml(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in redact::text(&line(text)).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\t' => shown.push(' '),
            '\u{FFFE}' | '\u{FFFF}' => shown.push('\u{FFFD}'),
            c => shown.push(c),
        }
    }
    shown
}

/// One test: its name, how long it took, and why it failed.
struct Case {
    name: String,
    ms: u64,
    failed: Option<String>,
}

/// Shows a proof as one suite.
pub fn show(cluster: &str, proof: &Proof) -> String {
    let problems = &proof.problems;
    let mut cases = vec![Case {
        name: format!("a row is written on {}", proof.primary),
        ms: 0,
        failed: proof.not_written.clone(),
    }];
    cases.extend(proof.standbys.iter().map(|standby| Case {
        name: match standby.delayed {
            true => format!("the row is received on {}", standby.node),
            false => format!("the row is read on {}", standby.node),
        },
        ms: standby.within_ms.unwrap_or(0),
        failed: (!standby.arrived).then(|| standby.because.clone()),
    }));
    cases.extend(proof.archive.iter().map(|(node, why)| Case {
        name: format!("{node} sees the WAL in the archive"),
        ms: 0,
        failed: why.clone(),
    }));
    let left = "the schema pgrepl_check is left on the primary: the next check takes it away";
    cases.push(Case {
        name: "nothing is left behind".into(),
        ms: 0,
        failed: (!proof.clean).then(|| left.into()),
    });
    cases.push(Case {
        name: "the archive is whole".into(),
        ms: 0,
        failed: (!problems.is_empty()).then(|| problems.join("; ")),
    });
    let failures = cases.iter().filter(|case| case.failed.is_some()).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"replication of {}\" tests=\"{}\" failures=\"{failures}\">\n",
        xml(cluster),
        cases.len()
    );
    for case in &cases {
        let head = format!(
            "    <testcase classname=\"pgrepl.{}\" name=\"{}\" time=\"{}.{:03}\"",
            xml(cluster),
            xml(&case.name),
            case.ms / 1000,
            case.ms % 1000
        );
        text += &match &case.failed {
            None => format!("{head}/>\n"),
            Some(why) => format!(
                "{head}>\n      <failure message=\"{}\"/>\n    </testcase>\n",
                xml(why)
            ),
        };
    }
    text + "  </testsuite>\n</testsuites>\n"
}

#[cfg(test)]
mod tests {
    use super::super::proof::Arrival;
    use super::*;

    #[test]
    fn what_failed_is_a_failure_and_breaks_no_xml() {
        let arrival = |node: &str, arrived: bool, because: &str| Arrival {
            help: String::new(),
            node: node.into(),
            arrived,
            within_ms: arrived.then_some(1234),
            delayed: false,
            because: because.into(),
        };
        let mut proof = Proof {
            problems: Vec::new(),
            format_version: "1.0",
            primary: "server1".into(),
            not_written: None,
            standbys: vec![arrival("server2", true, "")],
            archive: vec![("server1".into(), None)],
            clean: true,
        };
        let text = show("shop", &proof);
        assert!(text.contains("tests=\"5\" failures=\"0\""), "{text}");
        assert!(text.contains("time=\"1.234\"/>"), "{text}");
        let bad = "</failure> & \"x\" \x1b[2J\u{0}";
        proof.standbys.push(arrival("server3", false, bad));
        proof.clean = false;
        let text = {
            proof.problems = vec!["a segment is missing".into()];
            show("shop", &proof)
        };
        assert!(text.contains("failures=\"3\""), "{text}");
        let shown = "&lt;/failure&gt; &amp; &quot;x&quot; \u{FFFD}[2J\u{FFFD}";
        assert!(text.contains(shown), "{text}");
    }
}
