//! Where requests do what may block.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task;

use super::problem::Problem;

/// A bounded number of places for work.
#[derive(Debug)]
pub struct Work {
    places: Semaphore,
    places_max: usize,
}

impl Work {
    /// With so many places.
    pub fn new(places_max: usize) -> Self {
        Self { places: Semaphore::new(places_max), places_max }
    }

    /// Does what may block, once there is a place. With nothing else under way it is done on this thread, which gives its other
    /// tasks away: nobody has to be woken, neither for the work nor for its answer. Beside others it goes to a thread of its own:
    /// done here as well, the slowest of 32 readers waited three times as long.
    ///
    /// # Errors
    /// A problem of the server's own when the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place =
            self.places.acquire().await.map_err(|_| Problem::internal("the server is ending"))?;
        match self.is_alone() {
            true => task::block_in_place(|| catch_unwind(AssertUnwindSafe(work))).map_err(panicked),
            false => aside(work).await,
        }
    }

    /// The same, always on a thread of its own: the task that asks is polled meanwhile, and can be dropped.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place =
            self.places.acquire().await.map_err(|_| Problem::internal("the server is ending"))?;
        aside(work).await
    }

    /// Whether the place that is taken is the only one, and the thread one whose tasks another can take. Never true for two at
    /// once: so a runtime of two threads goes on even when it can make no more.
    fn is_alone(&self) -> bool {
        self.places.available_permits() + 1 == self.places_max
            && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = task::spawn_blocking(|| catch_unwind(AssertUnwindSafe(work))).await;
    done.unwrap_or_else(|error| Err(Box::new(error))).map_err(panicked)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Problem {
    tracing::error!("a request could not be answered: its work panicked");
    Problem::internal("the request could not be answered")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime(threads: usize) -> Runtime {
        Builder::new_multi_thread().worker_threads(threads).max_blocking_threads(2).build().unwrap()
    }

    fn run_on(runtime: &Runtime, work: &Arc<Work>, what: fn() -> String) -> String {
        let work = work.clone();
        let task = runtime.spawn(async move { work.run(what).await });
        runtime.block_on(task).unwrap().unwrap_or_else(|problem| problem.reason.into_owned())
    }

    fn here() -> String {
        format!("{:?}", thread::current().id())
    }

    /// Work that waits, and what tells that it has begun and lets it end.
    struct Gate {
        has_begun: mpsc::Receiver<()>,
        end: mpsc::Sender<()>,
    }

    fn gate() -> (impl FnOnce() + Send + 'static, Gate) {
        let (begun, has_begun) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let waits = move || {
            begun.send(()).unwrap();
            ended.recv().unwrap();
        };
        (waits, Gate { has_begun, end })
    }

    #[test]
    fn work_that_is_alone_is_done_by_the_thread_that_asks_for_it() {
        let (runtime, work) = (runtime(1), Arc::new(Work::new(8)));
        let for_task = work.clone();
        let asked = runtime.spawn(async move { (here(), for_task.run(here).await.unwrap()) });
        let (asker, worker) = runtime.block_on(asked).unwrap();
        assert_eq!(asker, worker);
        assert_eq!(work.places.available_permits(), 8);
    }

    #[test]
    fn work_beside_other_work_leaves_the_thread_to_tasks() {
        let (runtime, work) = (runtime(1), Arc::new(Work::new(8)));
        let (waits, gate) = gate();
        let first = runtime.spawn({
            let work = work.clone();
            async move { work.run(waits).await.is_ok() }
        });
        gate.has_begun.recv().unwrap();
        // The first holds the only thread of the runtime, and yet there is one for this.
        let second = runtime.spawn(async move { (here(), work.run(here).await.unwrap()) });
        let (asker, worker) = runtime.block_on(second).unwrap();
        assert_ne!(asker, worker);
        gate.end.send(()).unwrap();
        assert!(runtime.block_on(first).unwrap());
    }

    #[test]
    fn a_runtime_that_can_make_no_more_threads_goes_on_beside_work_that_waits() {
        let (runtime, work) = (runtime(2), Arc::new(Work::new(8)));
        let ((one, first), (two, second), (waits, third)) = (gate(), gate(), gate());
        let others = [runtime.spawn_blocking(one), runtime.spawn_blocking(two)];
        let alone = runtime.spawn(async move { work.run(waits).await.is_ok() });
        let gates = [first, second, third];
        gates.iter().for_each(|gate| gate.has_begun.recv().unwrap());
        for number in 0..10 {
            assert_eq!(runtime.block_on(runtime.spawn(async move { number })).unwrap(), number);
        }
        gates.iter().for_each(|gate| gate.end.send(()).unwrap());
        others.into_iter().for_each(|other| runtime.block_on(other).unwrap());
        assert!(runtime.block_on(alone).unwrap());
    }

    #[test]
    fn a_panic_is_a_problem_and_frees_its_place() {
        let (runtime, work) = (runtime(2), Arc::new(Work::new(1)));
        let panicking = || std::panic::panic_any(0_u8);
        for _ in 0..3 {
            assert_eq!(run_on(&runtime, &work, panicking), "the request could not be answered");
        }
        assert_eq!(run_on(&runtime, &work, || "well".to_owned()), "well");
    }

    #[test]
    fn a_runtime_of_one_thread_works_elsewhere() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let work = Work::new(8);
        let worker = runtime.block_on(work.run(here)).unwrap();
        assert_ne!(worker, here());
    }
}
