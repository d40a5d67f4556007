//! Running the program.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use pumice::vfs::{self, os::OsVfs};
use serde_json::Value;

/// A directory of its own to run the program in.
pub struct Place {
    dir: tempfile::TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With a database in `demo`.
    pub fn with_database() -> Self {
        let place = Self::new();
        place.ok(&["init", "demo"]);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        vfs::write_file(&OsVfs, &self.path(name), text.as_bytes()).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        vfs::read_file(&OsVfs, &self.path(name), 1 << 30).unwrap()
    }

    pub fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pumice"));
        command.args(arguments);
        self.surround(command)
    }

    /// The program run by a shell, after some of the shell's own commands.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]).env("PUMICE", env!("CARGO_BIN_EXE_pumice"));
        self.surround(command)
    }

    fn surround(&self, mut command: Command) -> Command {
        command.current_dir(self.dir.path()).env("USER", "alice").env_remove("NO_COLOR");
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Ran {
        ran(&self.command(arguments).output().unwrap())
    }

    /// On the database `demo`.
    pub fn demo(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["--dir", "demo"], arguments].concat())
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let written = child.stdin.take().unwrap().write_all(input.as_bytes());
        // A program that refuses before it reads has closed its end.
        let closed = std::io::ErrorKind::BrokenPipe;
        assert!(written.is_ok() || written.is_err_and(|error| error.kind() == closed));
        ran(&child.wait_with_output().unwrap())
    }

    /// What it prints when all goes well.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}: {ran:?}");
        ran.out
    }

    /// On the database `demo`.
    #[track_caller]
    pub fn demo_ok(&self, arguments: &[&str]) -> String {
        self.ok(&[&["--dir", "demo"], arguments].concat())
    }

    /// The object that it prints with `--json`.
    #[track_caller]
    pub fn demo_json(&self, arguments: &[&str]) -> Value {
        let out = self.demo_ok(&[&["--json"], arguments].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// The objects that it prints with `--json`, one a line.
    #[track_caller]
    pub fn demo_json_lines(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.demo_ok(&[&["--json"], arguments].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts a daemon on `demo`, on any free port, and waits until it listens.
    pub fn daemon(&self, arguments: &[&str]) -> Daemon {
        let all = [&["start", "--dir", "demo", "--bind", "127.0.0.1:0"], arguments].concat();
        Daemon::start(self.command(&all))
    }
}

pub fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    /// It failed with this code, and said something with these words.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "\"{words}\" is not in: {}", self.err);
        assert!(self.err.starts_with("error: "), "{}", self.err);
    }
}

/// A program that goes on, with its output.
pub struct Running {
    pub child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// The next line of its output; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads its log until a line with these words.
    #[track_caller]
    pub fn log_until(&mut self, words: &str) -> String {
        let mut log = String::new();
        while !log.contains(words) {
            let before = log.len();
            self.err.read_line(&mut log).unwrap();
            assert!(log.len() > before, "the log ended before \"{words}\": {log}");
        }
        log
    }

    /// What is in its log yet, to its end.
    pub fn rest_of_log(&mut self) -> &mut impl BufRead {
        &mut self.err
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end and answers its exit code.
    pub fn end(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, or left behind by a test that failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A daemon that listens.
pub struct Daemon {
    pub running: Running,
    pub address: String,
}

impl Daemon {
    pub fn start(command: Command) -> Self {
        let mut running = Running::start(command);
        let line = running.line();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_else(|| panic!("it does not listen: {line} {}", running.log_until("\n")));
        let address = address.to_owned();
        Self { running, address }
    }

    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// SIGTERM; answers the exit code.
    pub fn stop(&mut self) -> i32 {
        self.running.signal("-TERM");
        self.running.end()
    }

    /// The answer to a request, head and body.
    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        use std::io::Read;
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        let (length, host) = (body.len(), &self.address);
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The answer to a GET, head and body.
    pub fn get(&self, path: &str) -> String {
        use std::io::Read;
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A script that makes so many entries with one leaf each.
pub fn script_of(entries: u32) -> String {
    let lines: Vec<_> =
        (0..entries).map(|n| format!("set /item{{{n}}}/text some text\n")).collect();
    lines.concat()
}

/// The names in a directory.
pub fn names(dir: &Path) -> Vec<String> {
    use pumice::vfs::Vfs;
    OsVfs.list(dir).unwrap()
}
