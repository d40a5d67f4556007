//! Real clients from npm and `PyPI` against a server: see tests/clients/README.md.
//!
//! Where the clients are not installed, a test says so and passes; with `PUMICE_CLIENTS=required`, as `.ci/run` sets it, it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test; a failure here is a failed test"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A client that needs longer has come to a stop.
const LIMIT_SECONDS: &str = "300";
const ADMIN: &str = "admin";
const PASSWORD: &str = "correct horse";

/// A server on a port that it keeps when it is started again.
struct Server {
    dir: TempDir,
    port: u16,
    child: Child,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Free now; nobody else on the machine asks for this very one.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let init = pumice(dir.path()).args(["init"]).arg(dir.path().join("data")).output().unwrap();
        assert!(init.status.success(), "{init:?}");
        let mut add = pumice(dir.path())
            .args(["user", "add", "--admin", ADMIN, "--password-stdin"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        add.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(add.wait().unwrap().success());
        let child = serve(dir.path(), port);
        Self { dir, port, child }
    }

    fn url(&self) -> String {
        format!("http://{ADMIN}:{}@127.0.0.1:{}", PASSWORD.replace(' ', "%20"), self.port)
    }

    /// SIGKILL, and again on what that left.
    fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = serve(self.dir.path(), self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn pumice(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pumice"));
    command.current_dir(dir).env_remove("RUST_LOG").arg("--dir").arg(dir.join("data"));
    command
}

/// Returns when it listens.
fn serve(dir: &Path, port: u16) -> Child {
    let mut child = pumice(dir)
        .args(["start", "--bind"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("http://")));
    assert!(line.is_some(), "the server does not listen");
    // Read on, so that it never waits for somebody to take its words.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// Where `.ci/clients` installs, if it has.
fn installed() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let is_there = place.join("installed").exists();
    let is_required = std::env::var_os("PUMICE_CLIENTS").is_some_and(|value| value == "required");
    assert!(is_there || !is_required, "the clients are missing: run .ci/clients");
    is_there.then_some(place)
}

/// The programs, beside the libraries that they name.
fn copy_programs(place: &Path, name: &str) -> PathBuf {
    let to = place.join(format!("run-{name}"));
    std::fs::create_dir_all(&to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "mjs" || ending == "py") {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    to
}

fn run(program: &str) {
    let Some(place) = installed() else {
        eprintln!("{program} is not installed: .ci/clients does that");
        return;
    };
    let directory = copy_programs(&place, program);
    let interpreter = if Path::new(program).extension().is_some_and(|kind| kind == "py") {
        place.join("python/bin/python")
    } else {
        "node".into()
    };
    let mut server = Server::start();
    let mut child = Command::new("timeout")
        .arg(LIMIT_SECONDS)
        .arg(interpreter)
        .arg(program)
        .current_dir(&directory)
        .env("PUMICE_URL", server.url())
        .env("TMPDIR", server.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut finished = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        finished += usize::from(line.starts_with("ok "));
        if line == "@restart" {
            server.restart();
            input.write_all(b"done\n").unwrap();
        } else {
            eprintln!("{program}: {line}");
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{program}: {status} after {finished} parts");
    assert!(finished > 0, "{program} tried nothing");
}

#[test]
fn pouchdb_syncs_both_ways_live_with_attachments_and_conflicts_through_a_restart_and_a_compaction()
{
    run("pouchdb.mjs");
}

#[test]
fn nano_does_what_its_users_do() {
    run("nano.mjs");
}

#[test]
fn couchbackup_restores_what_it_saved() {
    run("couchbackup.mjs");
}

#[test]
fn the_cloudant_sdk_for_node_works_with_gzip_and_sessions() {
    run("cloudant.mjs");
}

#[test]
fn couchdb_python_does_what_its_users_do() {
    run("couchdb_python.py");
}

#[test]
fn aiocouch_does_what_its_users_do() {
    run("aiocouch_.py");
}

#[test]
fn the_cloudant_sdk_for_python_works_in_bulk_in_pages_and_follows_changes() {
    run("ibmcloudant_.py");
}
