//! The edit that a switchover makes to an inventory: two names change places.

use super::yaml::{Node, Tree, parse};

/// Returns the inventory's text with the primary's name and a standby's name exchanged; everything else, comments
/// included, stays as it is. `None` if the text does not name the two that way, or would not be valid afterwards.
pub fn swap(text: &str, from: &str, to: &str) -> Option<String> {
    let (tree, _) = parse(text).ok()?;
    let Node::Map(entries) = &tree.node else {
        return None;
    };
    let is = |tree: &Tree, name: &str| matches!(&tree.node, Node::Scalar(text, _) if text == name);
    let value = |key: &str| {
        entries
            .iter()
            .find(|(name, _)| is(name, key))
            .map(|(_, value)| value)
    };
    let primary = value("primary").filter(|tree| is(tree, from))?;
    let Node::List(standbys) = &value("standbys")?.node else {
        return None;
    };
    let standby = standbys.iter().find(|tree| is(tree, to))?;
    let mut edits = [(primary.span.clone(), to), (standby.span.clone(), from)];
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut edited = text.to_owned();
    for (span, name) in edits {
        edited.replace_range(span, name);
    }
    super::read(&edited).ok().map(|_| edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_change_places_and_nothing_else() {
        let head =
            "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n";
        for (before, after) in [
            (
                "primary: server1   # the big one\nstandbys: [server2, server3]\n",
                "primary: server2   # the big one\nstandbys: [server1, server3]\n",
            ),
            (
                "standbys:\n  # near\n  - server3\n  - \"server2\"\nprimary: 'server1'\n",
                "standbys:\n  # near\n  - server3\n  - server1\nprimary: server2\n",
            ),
        ] {
            let swapped = swap(&format!("{head}{before}"), "server1", "server2");
            assert_eq!(swapped, Some(format!("{head}{after}")));
        }
        assert_eq!(
            swap(
                &format!("{head}primary: server1\nstandbys: [server2]\n"),
                "server1",
                "server9"
            ),
            None
        );
    }
}
