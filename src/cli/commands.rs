//! The table of commands.

use clap::{Parser, Subcommand};

use super::context::Context;
use super::global::Global;
use super::stop::Stop;
use super::{
    backup, check, compact, compaction, completions, config, del, diff, dump, exists, get, init,
    load, log, ls, man, rollback, salvage, save, schedule, set, snapshot, start, tx, user, version,
    watch,
};

/// A configuration database on a self-compacting journal.
#[derive(Debug, Parser)]
#[command(name = "pumice", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Line {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::Init),
    Start(start::Start),
    Get(get::Get),
    Set(set::Set),
    Del(del::Del),
    Ls(ls::Ls),
    Exists(exists::Exists),
    Tx(tx::Tx),
    Load(load::Load),
    Save(save::Save),
    Log(log::Log),
    Diff(diff::Diff),
    Rollback(rollback::Rollback),
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    Watch(watch::Watch),
    Compact(compact::Compact),
    #[command(subcommand)]
    Compaction(compaction::Compaction),
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    Backup(backup::Backup),
    Check(check::Check),
    Dump(dump::Dump),
    Salvage(salvage::Salvage),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    #[command(subcommand)]
    User(user::User),
    Version(version::Version),
}

impl Command {
    /// Does it.
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match self {
            Self::Init(command) => command.run(context),
            Self::Start(command) => command.run(context),
            Self::Get(command) => command.run(context),
            Self::Set(command) => command.run(context),
            Self::Del(command) => command.run(context),
            Self::Ls(command) => command.run(context),
            Self::Exists(command) => command.run(context),
            Self::Tx(command) => command.run(context),
            Self::Load(command) => command.run(context),
            Self::Save(command) => command.run(context),
            Self::Log(command) => command.run(context),
            Self::Diff(command) => command.run(context),
            Self::Rollback(command) => command.run(context),
            Self::Snapshot(command) => command.run(context),
            Self::Watch(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Compaction(command) => command.run(context),
            Self::Schedule(command) => command.run(context),
            Self::Backup(command) => command.run(context),
            Self::Check(command) => command.run(context),
            Self::Dump(command) => command.run(context),
            Self::Salvage(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Completions(command) => command.run(context),
            Self::Man(command) => command.run(context),
            Self::User(command) => command.run(context),
            Self::Version(_) => version::Version::run(context),
        }
    }
}
