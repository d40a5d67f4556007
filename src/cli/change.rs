//! What is different, as people read it: a tree of what changed, with `+`, `-` and `~` in front.

use super::output::Output;
use super::stop::Stop;
use super::text::{count, quoted};
use crate::cdb::{Path, Step};
use crate::service::{ChangeOperation, Committed, NodeChange};

/// Prints changes: as a tree, or one object a line.
pub fn print(output: &mut Output, changes: &[NodeChange]) -> Result<(), Stop> {
    output.answers(changes, |output| {
        let colour = output.is_coloured();
        output.text(&tree(changes, colour))
    })
}

/// Says what a transaction did, or would have done.
pub fn print_committed(output: &mut Output, committed: &Committed) -> Result<(), Stop> {
    if output.is_json() {
        return output.object(committed);
    }
    if let Some(diff) = &committed.diff {
        print(output, diff)?;
        return output.note("nothing written (--dry-run)");
    }
    output.note(summary(committed))
}

/// `tx 4  1 node`, or that nothing changed.
pub fn summary(committed: &Committed) -> String {
    if committed.changed {
        format!("tx {}  {}", committed.tx, count(committed.nodes, "node"))
    } else {
        format!("nothing changed (tx {})", committed.tx)
    }
}

/// A node of the tree that is printed.
#[derive(Default)]
struct Node {
    label: String,
    mark: Mark,
    /// The value of a leaf now, or that it had when it is gone.
    value: Option<String>,
    /// The value that a leaf had before.
    old: Option<String>,
    note: String,
    is_entry: bool,
    children: Vec<Node>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mark {
    #[default]
    Around,
    Created,
    Deleted,
    Modified,
    Moved,
}

fn tree(changes: &[NodeChange], colour: bool) -> String {
    let mut root = Node::default();
    for change in changes {
        insert(&mut root, change);
    }
    let mut out = Lines { text: String::new(), colour };
    for child in &root.children {
        out.node(child, 0);
    }
    out.text
}

fn insert(root: &mut Node, change: &NodeChange) {
    let Ok(path) = change.path.parse::<Path>() else {
        root.children.push(Node { label: change.path.clone(), ..Node::default() });
        return;
    };
    let mut at = root;
    let (last, around) = match path.steps().split_last() {
        Some((last, around)) if change.attribute.is_some() => (Some(last), around),
        _ => (None, path.steps()),
    };
    for step in around {
        let label = label(step);
        // Changes come in document order, so what is around one is the last that was made, if it is there.
        if at.children.last().is_none_or(|last| last.label != label) {
            let is_entry = step.selector.is_some();
            at.children.push(Node { label, is_entry, ..Node::default() });
        }
        let Some(last) = at.children.last_mut() else { return };
        at = last;
    }
    if let (Some(last), Some(attribute)) = (last, &change.attribute) {
        at.children.push(attribute_node(&label(last), attribute, change));
        return;
    }
    at.mark = match change.operation {
        ChangeOperation::Created => Mark::Created,
        ChangeOperation::Deleted => Mark::Deleted,
        ChangeOperation::Modified | ChangeOperation::Attribute => Mark::Modified,
        ChangeOperation::Moved => Mark::Moved,
    };
    at.value = change.new.clone().or_else(|| change.old.clone());
    at.old.clone_from(&change.old);
    if at.mark == Mark::Moved {
        at.note = match &change.after {
            Some(after) => format!("  (moved behind {after})"),
            None => "  (moved)".to_owned(),
        };
    }
}

/// `device ce7 @note`, beside its node.
fn attribute_node(label: &str, attribute: &str, change: &NodeChange) -> Node {
    let mark = match (&change.old, &change.new) {
        (None, _) => Mark::Created,
        (_, None) => Mark::Deleted,
        _ => Mark::Modified,
    };
    let value = change.new.clone().or_else(|| change.old.clone());
    let (label, old) = (format!("{label} @{attribute}"), change.old.clone());
    Node { label, mark, value, old, ..Node::default() }
}

/// `device ce7` for `device{ce7}`.
fn label(step: &Step) -> String {
    let text = step.to_string();
    let keys = text.strip_prefix(&step.name).unwrap_or_default();
    let keys = keys.trim_start_matches('{').trim_end_matches('}');
    if keys.is_empty() { text } else { format!("{} {keys}", step.name) }
}

struct Lines {
    text: String,
    colour: bool,
}

impl Lines {
    fn node(&mut self, node: &Node, depth: usize) {
        let Node { label, mark, note, .. } = node;
        if *mark == Mark::Modified {
            self.leaf('-', depth, label, node.old.as_deref());
            self.leaf('+', depth, label, node.value.as_deref());
            return;
        }
        let sign = match mark {
            Mark::Created => '+',
            Mark::Deleted => '-',
            Mark::Moved => '~',
            Mark::Around | Mark::Modified => ' ',
        };
        if node.children.is_empty() {
            match (&node.value, node.is_entry) {
                (None, true) => self.line(sign, depth, &format!("{label} {{ }}{note}")),
                (value, _) => self.leaf(sign, depth, label, value.as_deref()),
            }
            return;
        }
        // What is gone or new is so with everything in it; else only the inside is different.
        self.line(sign, depth, &format!("{label} {{{note}"));
        for child in &node.children {
            self.node(child, depth + 1);
        }
        self.line(sign, depth, "}");
    }

    fn leaf(&mut self, sign: char, depth: usize, label: &str, value: Option<&str>) {
        match value {
            Some(value) => self.line(sign, depth, &format!("{label} {}", quoted(value))),
            None => self.line(sign, depth, label),
        }
    }

    fn line(&mut self, sign: char, depth: usize, text: &str) {
        let colour = match (self.colour, sign) {
            (true, '+') => "\x1b[32m",
            (true, '-') => "\x1b[31m",
            (true, '~') => "\x1b[33m",
            _ => "",
        };
        let plain = if colour.is_empty() { "" } else { "\x1b[0m" };
        let indent = "  ".repeat(depth);
        let line = format!("{colour}{sign} {indent}{text}{plain}\n");
        self.text.push_str(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, operation: ChangeOperation, old: &str, new: &str) -> NodeChange {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (path, attribute, after) = (path.to_owned(), None, None);
        NodeChange { path, operation, attribute, old: text(old), new: text(new), after }
    }

    #[test]
    fn a_diff_is_a_tree_with_signs() {
        let changes = [
            change("/device{ce0}", ChangeOperation::Created, "", ""),
            change("/device{ce0}/port", ChangeOperation::Created, "", "830"),
            change("/device{ce7}/port", ChangeOperation::Modified, "830", "2022"),
            change("/device{ce9}", ChangeOperation::Deleted, "", ""),
        ];
        let expected = "+ device ce0 {\n+   port 830\n+ }\n  device ce7 {\n-   port 830\n+   port 2022\n  }\n\
                        - device ce9 { }\n";
        assert_eq!(tree(&changes, false), expected);
    }
}
