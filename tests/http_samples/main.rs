//! Every pair of `tests/data/couchdb-http-samples.json`, recorded from a CouchDB 3.5.0, is asked of a server in this process, in
//! order, and the answers are compared: status, headers that mean something, and bodies. What must differ (sequences, ids,
//! times, sizes, versions) is compared by its shape: see `compare.rs`. What does differ is listed in `known.rs` with its reason;
//! an answer that differs and is not listed fails, and so does one that is listed and is alike.
//!
//! The table is printed with `cargo test --test http_samples -- --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test; a failure here is a failed test"
)]

#[path = "../http/client.rs"]
mod client;
mod compare;
mod known;
mod pairs;
mod scenes;
#[path = "../http/server.rs"]
mod server;
mod unordered;

use std::collections::BTreeMap;

use compare::Compared;
use pumice::http::HttpOptions;
use server::Server;

#[test]
fn answers_are_those_of_couchdb() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), true, HttpOptions::default());
    let mut compared = Compared::at(server.address);
    let (mut alike, mut differing) = (0, BTreeMap::new());
    let pairs = pairs::read();
    let asked = pairs.len();
    for pair in pairs {
        scenes::before(server.address, &pair);
        let request = pair.bytes(server.address, &compared.learnt);
        let answer = scenes::ask(server.address, &pair, &request);
        let difference = match unordered::all_rows(server.address, &pair) {
            Some(all) => unordered::check(&pair, &answer, &all),
            None => compared.check(&pair, &answer),
        };
        match difference {
            None => alike += 1,
            Some(difference) => {
                differing.insert(pair.key.clone(), difference);
            }
        }
    }
    for (key, difference) in &differing {
        let mark = if known::reason(key).is_some() { "known" } else { "NEW  " };
        println!("{mark} {key}\n      {difference}");
    }
    println!("{alike} of {asked} alike, {} not", differing.len());
    let by_type = known::other_data().count();
    println!(
        "{by_type} of those alike are compared by the types of their values only: see known.rs"
    );
    let new: Vec<_> = differing.keys().filter(|key| known::reason(key).is_none()).collect();
    assert!(new.is_empty(), "answered otherwise than CouchDB: {new:#?}");
    let gone: Vec<_> = known::keys().filter(|key| !differing.contains_key(*key)).collect();
    assert!(gone.is_empty(), "answered alike: take them off the list in known.rs: {gone:#?}");
    server.stop();
}
