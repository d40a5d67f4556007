//! `write-cost`: what keeping a file small costs over a long run of random updates, with everybody's own thresholds.

use crate::args::Args;
use crate::child::Job;
use crate::report::{Form, number, table};
use crate::results::Results;
use crate::run::remove;
use crate::store::{CONTESTANTS, Outcome, is_built};

/// Who is compared unless told otherwise: those that compact by themselves.
const COMPACTERS: &[&str] = &["pumice", "redis", "rocksdb", "fjall"];

/// `--contestants --entries N --times T --rounds R`
pub fn run(args: &Args) -> Outcome<()> {
    let mut results = Results::default();
    let asked = args.list("contestants", COMPACTERS);
    for _ in 0..args.get("rounds", 1)? {
        for contestant in asked.iter().filter(|name| is_built(name)) {
            let dir = args.dir().join(contestant);
            let job = Job::new("write-cost").with("contestant", contestant);
            let job = job.with("dir", dir.display());
            let job = job.with("entries", args.get("entries", 500_000)?);
            let measured = job.with("times", args.get("times", 20)?).run();
            remove(&dir);
            match measured {
                Ok(measured) => results.add(contestant, measured),
                Err(error) => eprintln!("{contestant}: {error}"),
            }
        }
    }
    let metrics =
        ["written_per_put", "written_per_live", "largest_per_live", "last_per_live", "puts_per_s"];
    let line = |name: &&str| {
        let value = |metric: &&str| results.median("cost", name, metric).map(number);
        let values = metrics.iter().map(|metric| value(metric).unwrap_or_default());
        [(*name).to_owned()].into_iter().chain(values).collect::<Vec<_>>()
    };
    let measured = results.contestants("cost", "written_per_put");
    let lines: Vec<_> =
        CONTESTANTS.iter().filter(|name| measured.contains(name)).map(line).collect();
    let head = [
        "contestant",
        "written, of bytes put",
        "written, of live bytes",
        "largest on disk, of live",
        "at the end, of live",
        "puts/s",
    ];
    print!("{}", table(&head, &lines, Form::Markdown));
    Ok(())
}
