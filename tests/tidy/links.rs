//! Links between the documents.

use crate::tree::{Finding, Tree, has_suffix};

/// Relative links that lead to no file, and anchors that no heading has.
pub fn check(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, target) in links(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
        let Some(file) = resolve(path, file) else {
            findings.push(Finding::new(
                path,
                line,
                format!("{target} leads out of the repository"),
            ));
            continue;
        };
        if !tree.has(&file) {
            findings.push(Finding::new(path, line, format!("{target} leads to no file")));
        } else if !anchor.is_empty() && has_suffix(&file, "md") {
            let there =
                if file == path { text.to_owned() } else { tree.text(&file).unwrap_or_default() };
            if !anchors(&there).iter().any(|known| known == anchor) {
                findings.push(Finding::new(path, line, format!("{target}: no such heading")));
            }
        }
    }
    findings
}

/// A link's file as seen from the root; `None` when it leads above it.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The targets of `[text](target)` and `[name]: target`, with their lines; code is skipped.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for (line, prose) in prose(text) {
        for (at, found) in prose.match_indices("](") {
            let rest = &prose[at + found.len()..];
            let target = rest[..rest.find(')').unwrap_or(rest.len())].trim();
            out.push((line, target.split_whitespace().next().unwrap_or("").to_owned()));
        }
        if let Some((_, target)) = prose.trim().split_once("]: ").filter(|_| prose.starts_with('['))
        {
            out.push((line, target.split_whitespace().next().unwrap_or("").to_owned()));
        }
    }
    out
}

/// The lines outside code blocks, without their code spans.
fn prose(text: &str) -> Vec<(usize, String)> {
    let (mut out, mut in_block) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let outside = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
            out.push((index + 1, outside));
        }
    }
    out
}

/// The anchors of a page's headings, as the common renderers make them.
fn anchors(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        if !line.starts_with('#') || in_block {
            continue;
        }
        let slug: String = line
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let again = out.iter().filter(|known| **known == slug).count();
        out.push(if again == 0 { slug } else { format!("{slug}-{again}") });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/b.md", "# The `first` part, really\n```\n# not this\n```\n## Twice\n## Twice"),
            ("README.md", ""),
            ("docs/decisions/0001-x.md", ""),
        ]);
        check("docs/a.md", text, &tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dead_links_and_anchors_are_found() {
        let text = "ok\n[x](c.md) [y](../none.md#a)\n[z](b.md#second)\n[u](#here)\n[o](../../etc)\n[n]: gone.md";
        assert_eq!(
            found(text),
            [
                "docs/a.md:2: c.md leads to no file",
                "docs/a.md:2: ../none.md#a leads to no file",
                "docs/a.md:3: b.md#second: no such heading",
                "docs/a.md:4: #here: no such heading",
                "docs/a.md:5: ../../etc leads out of the repository",
                "docs/a.md:6: gone.md leads to no file",
            ]
        );
    }

    #[test]
    fn links_that_lead_somewhere_are_let_through() {
        let text = "# Here\n[a](b.md) [b](b.md#the-first-part-really) [c](../README.md \"title\") [d](#here)\n\
                    [e](decisions/) [f](https://example.com/x.md) [g](b.md#twice-1)\n`[h](none.md)`\n```\n[i](none.md)\n```";
        assert_eq!(found(text), [""; 0]);
    }
}
