//! Each measurement is made by a process of its own: this program again, told what to do by its arguments. So
//! memory is that of one store at one work, and an opening is the opening of what another process left.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::store::Outcome;

/// How long a process that is to be killed goes on after it said that it is ready.
const UNTIL_KILLED: Duration = Duration::from_millis(300);

/// What a child measured: row, metric, value.
pub type Measured = Vec<(String, String, f64)>;

/// A job and its options.
pub struct Job(Vec<String>);

impl Job {
    pub fn new(job: &str) -> Self {
        Self(vec!["job".to_owned(), "--job".to_owned(), job.to_owned()])
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.extend([format!("--{name}"), value.to_string()]);
        self
    }

    /// The command line of the child.
    pub fn command(&self) -> Outcome<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&self.0);
        Ok(command)
    }

    /// Runs it to its end.
    pub fn run(&self) -> Outcome<Measured> {
        let mut child = self.start()?;
        let mut measured = Vec::new();
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        for line in lines {
            measured.extend(parse(&line?));
        }
        let status = child.wait()?;
        if status.success() {
            Ok(measured)
        } else {
            Err(format!("{}: {status}", self.name()).into())
        }
    }

    /// Runs it until it says that it is ready, and kills it in the middle of its work a little later.
    pub fn run_and_kill(&self) -> Outcome<()> {
        let mut child = self.start()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut ready = false;
        while !ready && let Some(line) = lines.next() {
            ready = line?.starts_with("ready");
        }
        // The rest of its output is read, so that it never waits for us.
        let reading = std::thread::spawn(move || lines.for_each(drop));
        std::thread::sleep(UNTIL_KILLED);
        child.kill()?;
        child.wait()?;
        reading.join().map_err(|_| "reading failed")?;
        if ready { Ok(()) } else { Err(format!("{} ended by itself", self.name()).into()) }
    }

    fn start(&self) -> Outcome<Child> {
        Ok(self.command()?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)
    }

    fn name(&self) -> String {
        self.0.join(" ")
    }
}

fn parse(line: &str) -> Option<(String, String, f64)> {
    let mut words = line.split(' ').rev();
    let value = words.next()?.parse().ok()?;
    let metric = words.next()?.to_owned();
    Some((words.next()?.to_owned(), metric, value))
}
