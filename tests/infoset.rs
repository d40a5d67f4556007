//! Random trees, XML to database to XML and JSON to database to JSON: what comes back is the same tree, with namespaces, order,
//! attributes and numbers. An independent parser reads what goes in and what comes out.
//!
//! `cargo test --test infoset [-- --cases N --seed S]`; 2,000 cases unless told, each of both formats.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

#[path = "infoset/json.rs"]
mod json;
#[path = "shared/random.rs"]
mod random;
#[path = "infoset/xml.rs"]
mod xml;

use std::process::ExitCode;

use pumice::cdb::{
    Author, BytesSource, Cdb, Datastore, Format, LoadMode, LoadOptions, SaveOptions,
};
use random::Random;

const CASES: u64 = 2_000;

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|value| value.parse().unwrap())
}

fn load(cdb: &Cdb, format: Format, text: &str, mode: LoadMode) -> Result<bool, String> {
    let options = LoadOptions { format: Some(format), mode, ..LoadOptions::default() };
    let source = BytesSource::new("case", text.as_bytes());
    let loaded = cdb.load(Datastore::Config, &source, &options, &Author::default());
    loaded.map(|loaded| loaded.commit.changed).map_err(|error| error.to_string())
}

fn save(cdb: &Cdb, format: Format, types: bool) -> String {
    let options = SaveOptions::new(format);
    let options = if types { options.with_types() } else { options };
    let mut out = Vec::new();
    cdb.begin_read(Datastore::Config).save("/", options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What is saved is what was loaded; loaded again, where it is from and elsewhere, it changes nothing.
fn check<T: PartialEq + std::fmt::Debug>(
    format: Format,
    text: &str,
    parse: impl Fn(&str) -> T,
) -> Result<(), String> {
    let cdb = Cdb::in_memory().unwrap();
    load(&cdb, format, text, LoadMode::Merge)?;
    let saved = save(&cdb, format, false);
    if parse(text) != parse(&saved) {
        let (wanted, found) = (parse(text), parse(&saved));
        return Err(format!("another tree came back:\n{saved}\n{wanted:#?}\n{found:#?}"));
    }
    for mode in [LoadMode::Merge, LoadMode::Replace] {
        if load(&cdb, format, &saved, mode)? {
            return Err(format!("loading what was saved changes something ({mode:?}):\n{saved}"));
        }
    }
    let typed = save(&cdb, format, true);
    let other = Cdb::in_memory().unwrap();
    load(&other, format, &typed, LoadMode::Merge)?;
    // Prefixes are spelling, and may be others.
    if parse(&save(&other, format, true)) != parse(&typed) {
        return Err(format!("types came back as others:\n{typed}\n{}", save(&other, format, true)));
    }
    Ok(())
}

/// The tree of one format, through the other and back.
fn check_across(text: &str) -> Result<(), String> {
    let (first, second) = (Cdb::in_memory().unwrap(), Cdb::in_memory().unwrap());
    load(&first, Format::Xml, text, LoadMode::Merge)?;
    let json = save(&first, Format::Json, true);
    load(&second, Format::Json, &json, LoadMode::Merge)
        .map_err(|error| format!("{error}\n{json}"))?;
    let saved = save(&second, Format::Xml, false);
    if xml::parse(text) != xml::parse(&saved) {
        return Err(format!("another tree came back through JSON:\n{json}\n{saved}"));
    }
    Ok(())
}

fn main() -> ExitCode {
    let cases = argument("--cases").unwrap_or(CASES);
    let first = argument("--seed").unwrap_or(1);
    for seed in first..first + cases {
        let text = xml::generate(&mut Random::new(seed));
        let result = check(Format::Xml, &text, xml::parse).and_then(|()| check_across(&text));
        let json = json::generate(&mut Random::new(seed));
        let result = result.map_err(|error| (error, text)).and_then(|()| {
            check(Format::Json, &json, json::parse).map_err(|error| (error, json.clone()))
        });
        if let Err((error, text)) = result {
            println!("seed {seed}: {error}\nof\n{text}");
            return ExitCode::FAILURE;
        }
    }
    println!("infoset: {cases} cases of both formats came back as they were");
    ExitCode::SUCCESS
}
