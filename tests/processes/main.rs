//! The real system's limits: a full file system, limits on file sizes and open files, directories that are read-only or
//! gone, and processes that race for one directory. The test starts itself as the children.
//!
//! `cargo test --test processes [-- --races N]`. File systems of their own are made with `unshare` (util-linux), which
//! needs user namespaces or root; where there are none the two tests that need them say so and try the rest.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

mod limits;
mod race;

use std::path::Path;
use std::process::{Command, ExitCode};

/// How often processes race in a short run.
const RACES: usize = 150;

fn argument(name: &str) -> Option<String> {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1)
}

/// This program as the child `role` on `path`, run by a shell after its command `before`.
fn child(before: &str, role: &str, path: &Path) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{before}; exec \"$0\" --child \"$1\" --path \"$2\"")]);
    command.arg(std::env::current_exe().unwrap()).arg(role).arg(path);
    command
}

/// Runs a child to its end, which is a good one.
fn run(mut command: Command, what: &str) {
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}{err}", output.status);
    println!("{what}: {}", out.trim_end());
}

/// The same with mounts of its own, made by `mount`.
fn in_namespace(mount: &str, role: &str, path: &Path) -> Command {
    let inner = child(mount, role, path);
    let mut command = Command::new("unshare");
    command.arg("-rm").arg(inner.get_program()).args(inner.get_args());
    command
}

fn namespaces() -> bool {
    let made =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    made.is_ok_and(|output| output.status.success())
}

fn main() -> ExitCode {
    if let (Some(role), Some(path)) = (argument("--child"), argument("--path")) {
        let path = Path::new(&path);
        match role.as_str() {
            "full" => limits::full(path),
            "file-size" => limits::file_size(path),
            "files" => limits::open_files(path),
            "read-only" => limits::read_only(path),
            "gone" => limits::gone(path),
            "race" => race::child(path),
            other => panic!("no such child: {other}"),
        }
        return ExitCode::SUCCESS;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    limits::prepare(&path("read-only"));
    limits::prepare(&path("full"));
    if namespaces() {
        let tmpfs = "set -e; mount -t tmpfs -o size=2m tmpfs \"$2\"";
        run(in_namespace(tmpfs, "full", &path("full")), "a full file system");
        let bind = "set -e; mount --bind \"$2\" \"$2\"; mount -o remount,ro,bind \"$2\"";
        run(in_namespace(bind, "read-only", &path("read-only")), "a read-only file system");
    } else {
        println!("a full and a read-only file system: not tried, unshare(1) is not permitted here");
    }
    // SIGXFSZ is ignored, as the daemon does it; the limit is in blocks of 1,024 bytes.
    run(child("trap '' XFSZ; ulimit -S -f 512", "file-size", &path("a")), "a limit on file sizes");
    run(child("ulimit -S -n 64", "files", &path("b")), "a limit on open files");
    run(child("true", "gone", &path("c")), "a directory that is deleted");
    let races = argument("--races").map_or(RACES, |races| races.parse().unwrap());
    race::races(&path("race"), races);
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}
