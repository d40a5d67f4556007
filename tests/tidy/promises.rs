//! Tests that a document names: each is there, in the file that the link leads to.

use crate::tree::{Finding, Tree, has_suffix};

/// Every link to a Rust file whose text is code must lead to a file with a function of that name.
pub fn check(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (name, target) in named(line) {
            let file = target.trim_start_matches("../");
            let there = tree.text(file).is_some_and(|text| has_function(&text, name));
            if !there {
                let what = format!("{file} has no test `{name}`");
                findings.push(Finding::new(path, number + 1, what));
            }
        }
    }
    findings
}

/// Names and targets of the links of a line that look like [`name`](path.rs).
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        let (target, _) = rest.split_once(')')?;
        has_suffix(target, "rs").then_some((name, target))
    })
}

fn has_function(text: &str, name: &str) -> bool {
    ["(", "<"].iter().any(|end| text.contains(&format!("fn {name}{end}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_test_that_is_gone_is_found() {
        let tree = Tree::read();
        let good = "[`a_named_test_that_is_gone_is_found`](../tests/tidy/promises.rs)";
        assert!(check("docs/x.md", good, &tree).is_empty());
        let gone = "| P1 | [`a_test_that_never_was`](../tests/tidy/promises.rs), [x](y.rs) |";
        assert_eq!(check("docs/x.md", gone, &tree).len(), 1);
    }
}
