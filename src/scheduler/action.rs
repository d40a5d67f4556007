//! What tasks can do: actions by name.
//!
//! A component brings its own: a type that is an [`Action`], put into the [`Actions`] that a scheduler is given, under the name that tasks
//! will call it by. Parameters are checked when a task is committed, and read again when it runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::cancel::Cancel;
use super::params::{ParamError, Params};
use crate::cdb::Cdb;

/// What an action ends with: a line for the history, or an error whose text stands there.
pub type Outcome = Result<String, Box<dyn Error + Send + Sync>>;

/// Something that tasks can do.
pub trait Action: Send + Sync {
    /// Whether it takes these parameters. Held against every task that is committed.
    fn check(&self, params: &Params) -> Result<(), ParamError>;

    /// Does it, on a thread of its own. It ends early, with an error, when the call is cancelled.
    fn run(&self, call: &Call<'_>) -> Outcome;
}

/// One run of an action.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The database.
    pub cdb: &'a Cdb,
    /// The task that it is for.
    pub task: &'a str,
    /// The time that it is for, microseconds since the Unix epoch.
    pub when_micros: u64,
    /// The task's parameters.
    pub params: &'a Params,
    /// The task's `action-node`.
    pub node: Option<&'a str>,
    /// Set when it is to end: out of time, or the program ends.
    pub cancel: &'a Cancel,
}

/// Actions by name.
///
/// ```
/// use pumice::scheduler::Actions;
///
/// let mut actions = Actions::builtin();
/// actions.register("greet", |call| Ok(format!("hello, {}", call.params.get("whom").unwrap_or("you"))));
/// assert!(actions.names().any(|name| name == "greet"));
/// assert!(actions.names().any(|name| name == "compact"));
/// ```
#[derive(Clone, Default)]
pub struct Actions {
    by_name: BTreeMap<String, Arc<dyn Action>>,
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Actions {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or replaces the one of that name.
    pub fn add(&mut self, name: &str, action: impl Action + 'static) {
        self.by_name.insert(name.to_owned(), Arc::new(action));
    }

    /// Adds a closure. It takes any parameters.
    pub fn register(
        &mut self,
        name: &str,
        run: impl Fn(&Call<'_>) -> Outcome + Send + Sync + 'static,
    ) {
        self.add(name, Closure(run));
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Action>> {
        self.by_name.get(name)
    }

    /// What is wrong with a name that no action has.
    pub(super) fn unknown(&self, name: &str) -> String {
        const ALIKE: f64 = 0.8;
        let alike = |known: &&str| strsim::jaro_winkler(name, known);
        let near = self.names().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let near = near.filter(|near| alike(near) > ALIKE);
        let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        let names: Vec<_> = self.names().collect();
        format!("there is no action \"{name}\": {hint}there are {}", names.join(", "))
    }
}

struct Closure<F>(F);

impl<F: Fn(&Call<'_>) -> Outcome + Send + Sync> Action for Closure<F> {
    fn check(&self, _params: &Params) -> Result<(), ParamError> {
        Ok(())
    }

    fn run(&self, call: &Call<'_>) -> Outcome {
        (self.0)(call)
    }
}
