//! `pumice man`

use std::path::PathBuf;

use clap::{Args, Command};

use super::context::Context;
use super::stop::Stop;
use super::text::count;
use crate::vfs;

/// Print the manual page, or write one page for each command into a directory
#[derive(Debug, Args)]
pub struct Man {
    /// The directory
    dir: Option<PathBuf>,
}

impl Man {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let mut command = (context.grammar)().disable_help_subcommand(true);
        command.build();
        let Some(dir) = self.dir else {
            let (_, page) = page(&command)?;
            return context.output.text(&String::from_utf8_lossy(&page));
        };
        vfs::create_dirs(&*context.vfs, &dir)?;
        let mut pages = Vec::new();
        collect(&command, &mut pages)?;
        for (name, text) in &pages {
            vfs::write_file(&*context.vfs, &dir.join(name), text)?;
        }
        let pages = count(pages.len() as u64, "page");
        context.output.note(format_args!("{pages} in {}", dir.display()))
    }
}

type Page = (String, Vec<u8>);

fn page(command: &Command) -> Result<Page, Stop> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok((page.get_filename(), text))
}

/// The pages of a command and those below it: `pumice.1`, `pumice-compaction-info.1`.
fn collect(command: &Command, pages: &mut Vec<Page>) -> Result<(), Stop> {
    pages.push(page(command)?);
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    below.into_iter().try_for_each(|command| collect(command, pages))
}
