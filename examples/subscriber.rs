//! Being told of changes: a queue on a thread of its own, and a subscriber that may veto.
//!
//! `cargo run --example subscriber`

use std::error::Error;
use std::io::Write;
use std::sync::mpsc::channel;
use std::thread;

use pumice::cdb::{Notification, SubscriptionPoint, TwoPhase};
use pumice::{Cdb, Datastore, Value};

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout().lock())
}

/// The whole of it; a test runs it, too.
pub fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let cdb = Cdb::in_memory()?;

    // The commit is answered only after the queue's reader has acknowledged, so what it did is done by then.
    let ports = SubscriptionPoint::new("/device{*}/port")?.named("ports");
    let changes = cdb.subscribe(Datastore::Config, ports);
    let (say, said) = channel();
    let reader = thread::spawn(move || {
        while let Some(delivery) = changes.next() {
            let paths: Vec<_> =
                delivery.diff.iter().map(|change| change.path.to_string()).collect();
            if say.send(paths.join(", ")).is_err() {
                break;
            }
            delivery.acknowledge();
        }
    });

    // Asked before the commit. It lives as long as its handle.
    let guard = SubscriptionPoint::new("/device")?.priority(-10).named("guard");
    let _guard = cdb.subscribe_two_phase(Datastore::Config, guard, NoLowPorts);

    set_port(&cdb, "ce0", 8300)?;
    set_port(&cdb, "ce1", 8301)?;
    if let Err(error) = set_port(&cdb, "ce2", 22) {
        writeln!(out, "veto: {error}")?;
    }
    cdb.write(Datastore::Config, |tx| tx.set_text("/device{ce0}/address", "10.0.0.1"))?;

    // Ends the subscription, and with it the thread.
    cdb.close()?;
    reader.join().map_err(|_| "the reader panicked")?;
    for line in said {
        writeln!(out, "told: {line}")?;
    }
    let devices = cdb.begin_read(Datastore::Config).num_instances("/device")?;
    writeln!(out, "{devices} devices")?;
    Ok(())
}

fn set_port(cdb: &Cdb, device: &str, port: u16) -> Result<(), pumice::CommitError> {
    let path = format!("/device{{{device}}}/port");
    cdb.write(Datastore::Config, |tx| tx.set(path.as_str(), Value::Uint16(port))).map(|_| ())
}

/// Wants every port to be above those that need privileges.
struct NoLowPorts;

impl TwoPhase for NoLowPorts {
    fn prepare(&self, notification: &Notification) -> Result<(), String> {
        for change in &notification.diff {
            let value = notification.after.get(change.path.clone()).ok().flatten();
            if let Some(Value::Uint16(port @ ..1024)) = value {
                return Err(format!("{} is {port}, and needs privileges", change.path));
            }
        }
        Ok(())
    }

    fn commit(&self, _: &Notification) {
        // What was made ready in `prepare` is put to use here.
    }

    fn abort(&self, _: &Notification) {
        // What was made ready in `prepare` is undone here: somebody else said no, or the commit failed.
    }
}
