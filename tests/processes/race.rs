//! Processes that open one directory at the same moment: one has it, the others are told who.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pumice::journal::{Durability, OpenError, Store, StoreOptions, WriteBatch};

const RACERS: usize = 3;

fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open_file(path, StoreOptions::default())
}

/// Waits for a line, opens, says what came of it, and keeps what it has until the next line.
pub fn child(path: &Path) {
    let mut lines = std::io::stdin().lock().lines();
    while let Some(Ok(_go)) = lines.next() {
        let opened = open(path);
        match &opened {
            Ok(store) => {
                let pid = std::process::id();
                let mut batch = WriteBatch::new();
                batch.put(format!("{}", store.stats().sequence).as_bytes(), b"won").unwrap();
                store.write(batch, Durability::Sync).unwrap();
                println!("won {pid}");
            }
            Err(OpenError::Locked { holder, .. }) => println!("locked {holder:?}"),
            Err(error) => println!("error {error}"),
        }
        let _release = lines.next();
        drop(opened);
        println!("released");
    }
}

struct Racer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Racer {
    fn start(path: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--child", "race", "--path"]).arg(path);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    fn say(&mut self) {
        self.to.write_all(b"\n").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// Every race has one winner, and what each winner committed is there in the end.
pub fn races(dir: &Path, count: usize) {
    // In every fifth race the directory is new as well.
    let (mut stores, mut named) = (Vec::new(), 0);
    for race in (0..count).step_by(5) {
        let path = dir.join(format!("{race}")).join("store");
        let mut racers: Vec<_> = (0..RACERS).map(|_| Racer::start(&path)).collect();
        let races = 5.min(count - race);
        for _ in 0..races {
            racers.iter_mut().for_each(Racer::say);
            let said: Vec<_> = racers.iter_mut().map(Racer::line).collect();
            let won: Vec<_> = said.iter().filter_map(|line| line.strip_prefix("won ")).collect();
            assert_eq!(won.len(), 1, "race {race}: {said:?}");
            let locked = said.iter().filter(|line| line.starts_with("locked ")).count();
            assert_eq!(locked, RACERS - 1, "race {race}: {said:?}");
            named += said.iter().filter(|line| line.contains(&format!("pid {}", won[0]))).count();
            racers.iter_mut().for_each(Racer::say);
            racers.iter_mut().for_each(|racer| assert_eq!(racer.line(), "released"));
        }
        for Racer { mut child, to, .. } in racers {
            drop(to);
            assert!(child.wait().unwrap().success());
        }
        stores.push((path, races));
    }
    for (path, races) in &stores {
        assert_eq!(open(path).unwrap().stats().sequence.get(), *races as u64);
    }
    let losers = count * (RACERS - 1);
    println!(
        "{count} races of {RACERS} processes: one winner each; {named} of {losers} losers named it"
    );
}
