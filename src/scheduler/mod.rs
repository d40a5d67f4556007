//! The scheduler: tasks that run by a timetable, configured in the database itself below `/scheduler`.
//!
//! From the clock to the run: `field` reads the five fields of crontab(5), `crontab` hands them to the crate `cron`, `zone` knows
//! the clocks on the wall, [`Schedule`] puts them together. `task` is the configuration (a [`crate::component`]), `job` the state machine
//! that says when a task is to begin, [`Scheduler`] looks at the clock and runs [`Actions`], `record` keeps what must outlive the
//! process: up to when times are dealt with, what runs, and the history.
//!
//! What is promised about each time: it is run at most once, whatever happens to the process between its coming, the beginning and the end
//! of the action. A time that passes while nothing can run is made up for by one run, or not at all, as the task says; however
//! many have passed.
//!
//! Names and shapes are those of NSO's scheduler; the differences stand in docs/operations.md.

mod action;
mod builtin;
mod cancel;
mod crontab;
mod error;
mod event;
mod field;
mod job;
mod params;
mod record;
mod running;
mod schedule;
#[expect(clippy::module_inception, reason = "the room is called after what it holds")]
mod scheduler;
mod shared;
mod take_over;
mod task;
mod zone;

#[cfg(test)]
mod tests;

pub use self::scheduler::Scheduler;
pub use action::{Action, Actions, Call, Outcome};
pub use cancel::Cancel;
pub use crontab::Crontab;
pub use error::SchedulerError;
pub use event::SchedulerEvent;
pub use field::CronError;
pub use params::{ParamError, Params};
pub use record::{Past, Purge, Trigger};
pub use schedule::Schedule;
pub use task::{Config, MissedRuns, Overlap, SUBTREE, Task};
pub use zone::{UnknownZone, Zone, parse_time, utc_text};
