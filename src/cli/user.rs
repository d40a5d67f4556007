//! `pumice user`

use std::io::{BufRead as _, stdin};

use clap::Subcommand;

use super::change;
use super::context::{Context, unexpected};
use super::global::Author;
use super::stop::Stop;
use super::text::quoted;
use crate::auth::{ITERATIONS_DEFAULT, PasswordHash};
use crate::cdb::{Datastore, KeyText, Path, Selector};
use crate::clock::{Clock as _, SystemClock};
use crate::service::{
    Action, Change, ChildRow, Class, Failure, Node, Operation, Reply, Request, admin_path,
    check_admin_name,
};

/// Server admins: who may make and remove databases, and change settings over HTTP
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add an admin, or give one another password
    Add {
        /// Make a server admin (users of databases are documents of _users)
        #[arg(long, required = true)]
        admin: bool,
        /// The name
        name: String,
        /// Read the password from the first line of the standard input
        #[arg(long, required = true)]
        password_stdin: bool,
        #[command(flatten)]
        author: Author,
    },
    /// List the admins
    Ls,
    /// Remove an admin; the last one too, after which HTTP only serves this machine
    Rm {
        /// The name
        name: String,
        #[command(flatten)]
        author: Author,
    },
}

impl User {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match self {
            Self::Add { name, author, .. } => add(context, &name, author),
            Self::Ls => list(context),
            Self::Rm { name, author } => remove(context, &name, author),
        }
    }
}

fn add(context: &mut Context, name: &str, author: Author) -> Result<(), Stop> {
    check_admin_name(name)
        .map_err(|reason| Failure::usage(format!("{}: {reason}", quoted(name))))?;
    let password = password()?;
    let salt = format!("{:032x}", SystemClock::new().unique_id());
    let line = PasswordHash::derive(&password, salt, ITERATIONS_DEFAULT).line();
    let path = admin_path(name).to_string();
    let action = Action::Set { path, value: line, value_type: Some("string".to_owned()) };
    submit(context, action, author, &format!("{} is a server admin", quoted(name)))
}

/// The first line of the standard input.
fn password() -> Result<String, Stop> {
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("the password cannot be read: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Failure::usage(
            "there is no password: the first line of the standard input is empty",
        )
        .into());
    }
    Ok(password)
}

fn remove(context: &mut Context, name: &str, author: Author) -> Result<(), Stop> {
    if !names(context)?.iter().any(|known| known == name) {
        let reason = format!("there is no admin {}", quoted(name));
        return Err(Failure::new(Class::NotFound, "not_found", reason).into());
    }
    let path = admin_path(name).parent().unwrap_or_else(Path::root).to_string();
    let action = Action::Delete { path };
    submit(context, action, author, &format!("{} is no server admin any more", quoted(name)))
}

fn submit(context: &mut Context, action: Action, author: Author, done: &str) -> Result<(), Stop> {
    let change = Change {
        datastore: Datastore::Config,
        operations: vec![Operation { line: None, action }],
        words: author.words(),
        dry_run: false,
    };
    match context.request(&Request::Change(change))? {
        Reply::Committed(committed) if context.output.is_json() => {
            change::print_committed(&mut context.output, &committed)
        }
        Reply::Committed(_) => context.output.note(done.to_owned()),
        _ => Err(unexpected()),
    }
}

fn names(context: &Context) -> Result<Vec<String>, Stop> {
    let list = admin_path("").parent().and_then(|entry| entry.parent()).unwrap_or_else(Path::root);
    let node = Node { datastore: Datastore::Config, path: list.to_string() };
    match context.request(&Request::List(node)) {
        Ok(Reply::Children(rows)) => Ok(rows.iter().filter_map(name).collect()),
        Ok(_) => Err(unexpected()),
        // Nobody was ever added.
        Err(Stop::Failure(failure)) if failure.error == "not_found" => Ok(Vec::new()),
        Err(stop) => Err(stop),
    }
}

fn name(row: &ChildRow) -> Option<String> {
    let path = row.path.parse::<Path>().ok()?;
    match path.steps().last()?.selector.as_ref()? {
        Selector::Keys(keys) => keys.iter().find_map(|key| match key {
            KeyText::Text(text) => Some(text.clone()),
            KeyText::Any => None,
        }),
        Selector::Position(_) => None,
    }
}

fn list(context: &mut Context) -> Result<(), Stop> {
    let names = names(context)?;
    context.output.answers(&names, |output| names.iter().try_for_each(|name| output.line(name)))
}
