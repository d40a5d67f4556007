//! The table of settings as the example file and as the table of docs/operations.md.

use super::nso;
use super::settings::{Author, Setting, settings};

/// Columns of the example file's comments.
const WIDTH: usize = 96;

/// The text of `ncs.conf.example`: every setting with its meaning and default. It loads to [`super::Conf::default`].
pub fn example() -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- Every setting with its default. Names, types and defaults are those of NSO's ncs.conf(5) unless a\n     \
         setting says that it is an extension. Sizes: S64M, 64 MB or 67108864. Durations: PT5S or 5s.\n     \
         A value may name environment variables: ${NAME} or ${NAME:-default}. Parts may stand in files\n     \
         ncs.conf.d/*.conf beside this one. Check with: pumice config check FILE -->\n\
         <ncs-config xmlns=\"http://tail-f.com/yang/tailf-ncs-config\">\n",
    );
    let mut section = "";
    for setting in settings() {
        if setting.section() != section {
            out.push_str(&close(section));
            section = setting.section();
            out.extend(["\n  <", section, ">\n"]);
        }
        out.push_str(&example_of(setting));
    }
    out.push_str(&close(section));
    out.push_str("</ncs-config>\n");
    out
}

fn close(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!("  </{section}>\n") }
}

fn example_of(setting: &Setting) -> String {
    let whose = match setting.author {
        Author::Nso => "",
        Author::Ours => " An extension; not in NSO.",
    };
    let about = format!(
        "{}{whose} Type: {}. Applies on {}.",
        setting.meaning,
        setting.expectation(),
        setting.applies.as_str(),
    );
    let value = setting.default().unwrap_or_else(|| setting.sample.to_owned());
    let element = element(setting, &value);
    let (comment, element) = (wrap(&about), element.trim_end());
    if setting.default().is_some() {
        return format!("    <!-- {comment} -->\n{element}\n");
    }
    let hidden: Vec<_> = element.lines().map(str::trim).collect();
    format!("    <!-- {comment} -->\n    <!-- {} -->\n", hidden.concat())
}

/// The setting's element with the elements between it and its section.
fn element(setting: &Setting, value: &str) -> String {
    let between: Vec<_> = setting.path.split('/').skip(1).collect();
    let Some((name, parents)) = between.split_last() else {
        return String::new();
    };
    let open: Vec<_> = parents.iter().map(|parent| format!("<{parent}>")).collect();
    let shut: Vec<_> = parents.iter().rev().map(|parent| format!("</{parent}>")).collect();
    let (open, shut) = (open.concat(), shut.concat());
    format!("    {open}<{name}>{value}</{name}>{shut}\n")
}

fn wrap(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 9);
    for word in text.split_whitespace() {
        if column + word.len() + 1 > WIDTH {
            out.push_str("\n         ");
            column = 9;
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}

/// The settings part of docs/operations.md: a table, and the sections of NSO that are skipped.
pub fn settings_table() -> String {
    let mut out = String::from(
        "| setting | type | default | unit, minimum | applies on | meaning |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for setting in settings() {
        out.push_str(&row(setting));
    }
    let skipped: Vec<_> = nso::skipped_paths().map(|path| format!("`{path}`")).collect();
    out.push_str("\nNSO's settings that are skipped with a warning: ");
    out.push_str(&skipped.join(", "));
    out.push_str(".\n");
    out
}

fn row(setting: &Setting) -> String {
    let least = setting.minimum.map(|least| format!("at least `{least}`"));
    let unit = Some(setting.unit.to_owned()).filter(|unit| !unit.is_empty());
    let unit: Vec<_> = unit.into_iter().chain(least).collect();
    let default = setting.default().map_or("unset".to_owned(), |default| format!("`{default}`"));
    let whose = match setting.author {
        Author::Nso => "",
        Author::Ours => " (ours)",
    };
    let again = if setting.is_repeatable() { ", repeatable" } else { "" };
    format!(
        "| `{}`{whose} | {}{again} | {default} | {} | {} | {} |\n",
        setting.path,
        setting.type_name().replace('|', "\\|"),
        unit.join("; "),
        setting.applies.as_str(),
        setting.meaning.replace('|', "\\|").replace('*', "\\*"),
    )
}
