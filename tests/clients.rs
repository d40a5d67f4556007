//! Programs written for CouchDB, unchanged, against a server in this process.
//!
//! `tests/clients/install` puts them into `target/clients`, with the versions of the lock files beside it. Where they are not
//! installed the tests say so and pass, unless `PUMICE_CLIENTS=required`, as `.ci/run` sets it: then they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test; a failure here is a failed test"
)]

#[path = "http/server.rs"]
mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pumice::http::HttpOptions;
use server::Server;

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients")
}

/// Whether the clients are installed; says so when they are not.
fn are_installed(what: &str) -> bool {
    let is_there = clients().join(what).exists();
    let is_required = std::env::var("PUMICE_CLIENTS").is_ok_and(|value| value == "required");
    assert!(
        is_there || !is_required,
        "{} is missing: run tests/clients/install",
        clients().join(what).display()
    );
    if !is_there {
        eprintln!(
            "not run: {} is missing (tests/clients/install puts it there)",
            clients().join(what).display()
        );
    }
    is_there
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn begin(program: &Path, name: &str, server: &Server) -> Child {
    Command::new(program)
        .arg(script(name))
        .arg(format!("http://admin:pass@{}", server.address))
        .env("NODE_PATH", clients().join("node_modules"))
        .env("NODE_NO_WARNINGS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{error}", String::from_utf8_lossy(&output.stdout));
}

fn run(program: &Path, name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), true, HttpOptions::default());
    end(begin(program, name, &server));
    server.stop();
}

fn run_node(name: &str) {
    if are_installed("node_modules") {
        run(Path::new("node"), name);
    }
}

fn run_python(name: &str) {
    if are_installed("venv") {
        run(&clients().join("venv/bin/python"), name);
    }
}

#[test]
fn pouchdb_syncs_both_ways_through_a_restart_and_a_compaction() {
    if !are_installed("node_modules") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), true, HttpOptions::default());
    let address = server.address;
    let mut child = begin(Path::new("node"), "pouchdb.cjs", &server);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    if line.trim() == "restart" {
        server.stop();
        let server = Server::start_at(address, directory.path(), true, HttpOptions::default());
        child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
        lines.read_to_string(&mut line).unwrap();
        end(child);
        server.stop();
    } else {
        end(child);
    }
    assert!(line.ends_with("done\n"), "{line}");
}

#[test]
fn nano_works() {
    run_node("nano.cjs");
}

#[test]
fn couchbackup_backs_up_and_restores() {
    run_node("couchbackup.cjs");
}

#[test]
fn the_cloudant_sdk_for_node_works() {
    run_node("cloudant.cjs");
}

#[test]
fn couchdb_python_works() {
    run_python("couchdb_python.py");
}

#[test]
fn aiocouch_works() {
    run_python("aiocouch_client.py");
}

#[test]
fn the_cloudant_sdk_for_python_works() {
    run_python("ibmcloudant_client.py");
}
