//! `pumice load`

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::change;
use super::context::{Context, unexpected};
use super::global::{Author, Ds};
use super::script;
use super::stop::Stop;
use super::text::{count, from_to, took};
use crate::service::{self, Committed, Failure, Reply, Request, Source};

/// Load a file of XML or JSON as one transaction
///
/// Lists and leaf-lists that nobody declared keep the order of the file, and `move` works on them.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options of a command do not depend on each other"
)]
pub struct Load {
    /// The file; - is standard input
    file: PathBuf,
    /// Its format [default: by the name's ending]
    #[arg(short = 'F', long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Keep what the file does not name (this is the default)
    #[arg(long, conflicts_with = "replace")]
    merge: bool,
    /// Remove what the file does not name
    #[arg(long)]
    replace: bool,
    /// The keys of a list: PATH=NAME,..; may be given more than once
    #[arg(long = "key", value_name = "PATH=NAME,..")]
    keys: Vec<String>,
    /// What is at PATH is one container, and no entry of a list; may be given more than once
    #[arg(long = "container", value_name = "PATH")]
    containers: Vec<String>,
    /// What is at PATH is one leaf, and no entry of a leaf-list; may be given more than once
    #[arg(long = "leaf", value_name = "PATH")]
    leaves: Vec<String>,
    /// What is at PATH is a leaf-list; may be given more than once
    #[arg(long = "leaf-list", value_name = "PATH")]
    leaf_lists: Vec<String>,
    /// Take what the file has once as containers and leaves, unless it is known to be a list
    #[arg(long)]
    single: bool,
    /// Sort new lists and leaf-lists by key [default: keep the order of the file]
    #[arg(long)]
    sort: bool,
    /// What to do about an entry that is in the file twice
    #[arg(long, value_enum, value_name = "WHAT", default_value = "error")]
    on_duplicate: OnDuplicate,
    /// Commit every so many nodes: for files too large for one transaction's memory. Not all or nothing:
    /// what was committed before a failure stays
    #[arg(long, value_name = "NODES", conflicts_with_all = ["replace", "dry_run"])]
    step: Option<NonZeroU64>,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ds: Ds,
    #[command(flatten)]
    author: Author,
}

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// XML
    Xml,
    /// JSON
    Json,
}

impl From<Format> for service::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Xml => Self::Xml,
            Format::Json => Self::Json,
        }
    }
}

/// What to do about an entry that is in a file twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnDuplicate {
    /// Refuse the file
    Error,
    /// Fold the entries, in order
    Merge,
}

impl Load {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let is_stdin = self.file == Path::new("-");
        let (name, source) = if is_stdin {
            if self.format.is_none() {
                let failure = Failure::usage("standard input has no name that tells its format");
                return Err(failure.hint("say -F xml or -F json").into());
            }
            ("standard input".to_owned(), Source::Text(script::read(&*context.vfs, None)?))
        } else {
            // The daemon has another working directory.
            let absolute = std::path::absolute(&self.file)?;
            let path =
                absolute.to_str().ok_or_else(|| Failure::usage("the file's name is not UTF-8"))?;
            let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let typed = self.file.display().to_string();
            (name, Source::File { path: path.to_owned(), name: typed })
        };
        let mut words = self.author.words();
        words.comment.get_or_insert_with(|| format!("load {name}"));
        let request = Request::Load(service::Load {
            datastore: self.ds.datastore,
            source,
            format: self.format.map(Into::into),
            replace: self.replace,
            keys: self.keys,
            containers: self.containers,
            leaves: self.leaves,
            leaf_lists: self.leaf_lists,
            single: self.single,
            sort: self.sort,
            nodes_per_step: self.step,
            merge_duplicates: self.on_duplicate == OnDuplicate::Merge,
            words,
            dry_run: self.dry_run,
        });
        let Reply::Committed(committed) = context.request(&request)? else {
            return Err(unexpected());
        };
        if committed.diff.is_some() || context.output.is_json() {
            return change::print_committed(&mut context.output, &committed);
        }
        context.output.note(told(&name, &committed))
    }
}

/// `loaded devices.xml (3,002 nodes) in tx 1   A.cdb 0 B -> 118.2 KB   41 ms`
fn told(name: &str, committed: &Committed) -> String {
    let nodes = count(committed.loaded_nodes.unwrap_or(committed.nodes), "node");
    let took = took(committed.duration_micros);
    let folded = remarks(committed);
    if !committed.changed {
        return format!(
            "loaded {name} ({nodes}): nothing changed (tx {})   {took}{folded}",
            committed.tx
        );
    }
    let sizes = from_to(committed.size_before_bytes, committed.size_after_bytes);
    let (tx, file) = (committed.tx, &committed.file);
    format!("loaded {name} ({nodes}) in tx {tx}   {file} {sizes}   {took}{folded}")
}

/// More lines: what was there again, and what stayed though the file replaced the rest.
fn remarks(committed: &Committed) -> String {
    let stayed: Vec<_> = committed.preserved.iter().map(|name| format!("/{name}")).collect();
    let folded = folded(committed);
    if stayed.is_empty() {
        return folded;
    }
    format!("{folded}\nkept {}, which the file does not name", stayed.join(", "))
}

fn folded(committed: &Committed) -> String {
    if committed.folded == 0 {
        return String::new();
    }
    let known = committed.first_folded.len() as u64;
    let more = if committed.folded > known && known > 0 { ", ..." } else { "" };
    let first = committed.first_folded.join(", ");
    let colon = if first.is_empty() { "" } else { ": " };
    format!("\nfolded {} that came again{colon}{first}{more}", count(committed.folded, "node"))
}
