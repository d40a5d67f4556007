//! The sample files of `tests/conf`, the example file and the settings part of docs/operations.md.
//!
//! Beside every sample stands a `.expected` file: for `valid/` the warnings and what is not at its default, for
//! `invalid/` the whole message. When one of them is wrong, the test fails with the right text;
//! `PUMICE_GOLDEN=write cargo test --test conf` writes it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; a failure here is a failed test"
)]

use std::path::{Path, PathBuf};

use pumice::conf::{Conf, Loaded, Origin, example, settings_table};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs, read_file};

const TEXT_BYTES_MAX: u64 = 1 << 20;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &Path) -> String {
    let bytes = read_file(&OsVfs, path, TEXT_BYTES_MAX).unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

/// Fails with the right text when `path` holds another; with `PUMICE_GOLDEN=write`, writes it there instead.
fn assert_text(path: &Path, right: &str) {
    if text_of(path) == right {
        return;
    }
    if std::env::var("PUMICE_GOLDEN").is_ok_and(|what| what == "write") {
        return overwrite(path, right);
    }
    let file = path.strip_prefix(root()).unwrap().display();
    panic!("{file} should read (PUMICE_GOLDEN=write writes it):\n{right}");
}

/// In place, so that the file keeps its mode.
fn overwrite(path: &Path, text: &str) {
    let mode = if OsVfs.exists(path).unwrap() { OpenMode::ReadWrite } else { OpenMode::CreateNew };
    let file = OsVfs.open(path, mode).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(text.as_bytes(), 0).unwrap();
}

fn samples(kind: &str) -> Vec<PathBuf> {
    let dir = root().join("tests/conf").join(kind);
    let names = OsVfs.list(&dir).unwrap();
    let paths = names.iter().map(|name| dir.join(name));
    let samples: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "conf")).collect();
    assert!(samples.len() >= 5, "the samples of {kind} are not there");
    samples
}

fn lookup(name: &str) -> Option<String> {
    (name == "PUMICE_SAMPLE_DIR").then(|| "/srv/sample".to_owned())
}

/// Paths as seen from the sample's directory, so that the texts hold on every machine.
fn from_here(text: &str, sample: &Path) -> String {
    text.replace(&format!("{}/", sample.parent().unwrap().display()), "")
}

fn summary(loaded: &Loaded) -> String {
    let warnings = loaded.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    let values =
        loaded.show().into_iter().filter(|shown| shown.origin != Origin::Default).map(|shown| {
            format!("{} = {} ({})\n", shown.setting.path, shown.values.join(", "), shown.origin)
        });
    warnings.chain(values).collect()
}

#[test]
fn valid_samples_load_to_what_is_written_beside_them() {
    for sample in samples("valid") {
        let loaded = Conf::load(&OsVfs, &sample, &lookup)
            .unwrap_or_else(|problems| panic!("{}:\n{problems}", sample.display()));
        let expected = sample.with_extension("expected");
        let right = from_here(&summary(&loaded), &sample);
        assert_text(&expected, &right);
    }
}

#[test]
fn invalid_samples_are_refused_with_what_is_written_beside_them() {
    for sample in samples("invalid") {
        let Err(problems) = Conf::load(&OsVfs, &sample, &lookup) else {
            panic!("{} was accepted", sample.display());
        };
        let expected = sample.with_extension("expected");
        let right = from_here(&format!("{problems}\n"), &sample);
        assert_text(&expected, &right);
    }
}

#[test]
fn the_example_file_is_the_one_that_the_table_of_settings_writes() {
    let path = root().join("ncs.conf.example");
    assert_text(&path, &example());
}

#[test]
fn the_example_file_loads_to_the_defaults() {
    let loaded = Conf::load(&OsVfs, &root().join("ncs.conf.example"), &|_| None).unwrap();
    assert_eq!(loaded.conf, Conf::default());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn the_settings_part_of_the_operations_page_is_the_one_that_the_table_writes() {
    const BEGIN: &str =
        "<!-- settings: written by the table in src/conf/settings.rs; a test compares -->\n";
    const END: &str = "<!-- settings: end -->";
    let path = root().join("docs/operations.md");
    let text = text_of(&path);
    let (before, rest) = text.split_once(BEGIN).expect("docs/operations.md has no settings part");
    let (_, after) = rest.split_once(END).expect("the settings part has no end");
    let right = format!("{before}{BEGIN}\n{}\n{END}{after}", settings_table());
    assert_text(&path, &right);
}

#[test]
fn the_http_page_has_the_table_of_settings_that_is_in_force() {
    const BEGIN: &str =
        "<!-- settings: written by the table in src/service/settings; a test compares -->\n";
    const END: &str = "<!-- settings: end -->";
    let path = root().join("docs/http.md");
    let text = text_of(&path);
    let (before, rest) = text.split_once(BEGIN).expect("docs/http.md has no settings part");
    let (_, after) = rest.split_once(END).expect("the settings part has no end");
    let rows: String = pumice::service::SETTINGS
        .iter()
        .map(|row| {
            let default = match row.default {
                None => "none".to_owned(),
                Some("") => "empty".to_owned(),
                Some(default) => format!("`{default}`"),
            };
            let (name, acts) = (format!("`{}/{}`", row.section, row.key), row.acts.word());
            format!("| {name} | {} | {default} | {acts} | {} |\n", row.expected(), row.about)
        })
        .collect();
    let head =
        "| setting | value | default | acts | what it does |\n| --- | --- | --- | --- | --- |\n";
    assert_text(&path, &format!("{before}{BEGIN}\n{head}{rows}\n{END}{after}"));
}
