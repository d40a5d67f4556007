//! What a component has of the database: validation at commit, and being told.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use super::leaf::Subtree;
use super::section::{Problem, Section};
use super::settings::key_hints;
use crate::cdb::{
    Cdb, CdbOptions, Datastore, Diff, Error, Object, Path, ReadView, Selector, SubscriptionHandle,
    SubscriptionPoint,
};

/// What owns a subtree of the configuration.
pub trait Component: Send + Sync + 'static {
    /// Its configuration, read.
    type Config;

    /// What may stand where.
    fn subtree(&self) -> &'static Subtree;

    /// Reads the configuration. What the table says was checked; what is wrong besides is told with [`Section::problem`].
    fn read(&self, top: &Section<'_>) -> Self::Config;
}

/// A configuration, and what is wrong in what is stored.
#[derive(Clone, Debug)]
pub struct Read<C> {
    /// The configuration, without what is wrong.
    pub config: C,
    /// The mistakes.
    pub problems: Vec<Problem>,
}

/// Reads the configuration of a component in a state.
pub fn read<C: Component>(component: &C, view: &ReadView) -> Result<Read<C::Config>, Error> {
    let subtree = component.subtree();
    let path: Path = subtree.root.parse()?;
    let problems: RefCell<Vec<Problem>> = RefCell::default();
    let object = view.get_object(&path)?;
    let fields: &[(String, Object)] = match &object {
        Some(Object::Container(container)) => &container.fields,
        Some(_) => {
            let reason = "it is not a container".to_owned();
            problems.borrow_mut().push(Problem { path: path.clone(), reason });
            &[]
        }
        None => &[],
    };
    let top = Section { subtree, place: String::new(), path, fields, problems: &problems };
    top.check();
    let config = component.read(&top);
    Ok(Read { config, problems: problems.into_inner() })
}

/// Options whose database refuses what the component does not take, from its first transaction on; and whose init files know its
/// lists.
#[must_use]
pub fn guard<C: Component>(mut options: CdbOptions, component: &Arc<C>) -> CdbOptions {
    let subtree = component.subtree();
    options.init_keys.extend(key_hints(subtree));
    let component = component.clone();
    let validate = move |view: &ReadView, diff: &Diff| validate(&*component, view, diff);
    options.validator_below(Datastore::Config, &root(subtree), validate)
}

/// The same for a database that is open.
pub fn guard_open<C: Component>(cdb: &Cdb, component: &Arc<C>) {
    let (root, component) = (root(component.subtree()), component.clone());
    let validate = move |view: &ReadView, diff: &Diff| validate(&*component, view, diff);
    cdb.add_validator_below(Datastore::Config, &root, validate);
}

/// Hands the configuration over now, and after every commit that changes it: on the committer's thread, one at a time, the newest last.
/// Ends when the handle is dropped.
pub fn follow<C: Component>(
    cdb: &Cdb,
    component: &Arc<C>,
    changed: impl Fn(Read<C::Config>) + Send + Sync + 'static,
) -> Result<SubscriptionHandle, Error> {
    let root = component.subtree().root;
    let one_at_a_time = Mutex::new((component.clone(), changed));
    let hand_over = Arc::new(move |view: &dyn Fn() -> ReadView| {
        let guard = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let (component, changed) = &*guard;
        read(&**component, &view()).map(changed)
    });
    let (told, point) = (hand_over.clone(), SubscriptionPoint::new(root)?.named(root));
    let handle = cdb.subscribe_callback(Datastore::Config, point, move |notification| {
        if let Err(error) = told(&|| notification.after.clone()) {
            tracing::error!(component = root, %error, "the configuration cannot be read; the old one stays in force");
        }
    });
    // What was committed before somebody listened.
    hand_over(&|| cdb.begin_read(Datastore::Config))?;
    Ok(handle)
}

fn root(subtree: &Subtree) -> Path {
    let name = subtree.root.trim_start_matches('/');
    name.split('/').fold(Path::root(), |path, name| path.child(name))
}

/// Refuses a state for the first mistake in what was changed. A mistake that stood there before, in an entry that is left alone, is
/// no reason to refuse.
fn validate<C: Component>(component: &C, view: &ReadView, diff: &Diff) -> Result<(), String> {
    refuse_second(component.subtree(), view)?;
    let read = read(component, view).map_err(|error| error.to_string())?;
    let touched = |problem: &&Problem| !diff.below(&unit(&problem.path)).is_empty();
    read.problems.iter().find(touched).map_or(Ok(()), |problem| Err(problem.to_string()))
}

/// Refuses a subtree of this name in a second namespace: only one of them would be read.
fn refuse_second(subtree: &Subtree, view: &ReadView) -> Result<(), String> {
    let root = root(subtree);
    let Some(name) = root.steps().first().map(crate::cdb::Step::local) else {
        return Ok(());
    };
    let children = view.children("/").map_err(|error| error.to_string())?;
    let is_called = |step: &crate::cdb::Step| step.local() == name;
    let called: Vec<String> = children
        .iter()
        .filter(|child| child.path.steps().last().is_some_and(is_called))
        .map(|child| child.path.to_string())
        .collect();
    match called.as_slice() {
        [] | [_] => Ok(()),
        several => {
            let several = several.join(" and ");
            Err(format!(
                "/{name}: {several} are two subtrees in two namespaces, and one is read: remove one"
            ))
        }
    }
}

/// The entry that a node is in, or else the node.
fn unit(path: &Path) -> Path {
    let mut unit = Path::root();
    for step in path.steps() {
        unit = unit.child(&step.name);
        if let Some(Selector::Keys(keys)) = &step.selector {
            let text = |key: &crate::cdb::KeyText| match key {
                crate::cdb::KeyText::Text(text) => text.clone(),
                crate::cdb::KeyText::Any => "*".to_owned(),
            };
            return unit.with_keys(keys.iter().map(text));
        }
    }
    unit
}
