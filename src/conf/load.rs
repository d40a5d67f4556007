//! The file and its fragments to a configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::expand;
use super::origin::Origin;
use super::problem::{Problem, ProblemKind, Problems, Warning};
use super::raw;
use super::read::{Given, Reading};
use super::rules;
use super::settings::{Setting, setting, settings};
use super::source::Source;
use super::types::Conf;
use crate::units::{ParseError, grouped};
use crate::vfs::{self, Vfs};

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A configuration with where its values came from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The values.
    pub conf: Conf,
    /// What works and deserves a look.
    pub warnings: Vec<Warning>,
    /// The files that were read: the file itself, then its fragments.
    pub files: Vec<PathBuf>,
    origins: BTreeMap<&'static str, Origin>,
}

/// A setting with its value.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The setting.
    pub setting: &'static Setting,
    /// The value in canonical form: one text per element, none when unset.
    pub values: Vec<String>,
    /// Where it came from.
    pub origin: Origin,
}

impl Conf {
    /// Reads `path` and, in order of their names, the files `*.conf` of the directory `path` + `.d` beside it
    /// (`ncs.conf.d/` for `ncs.conf`). `lookup` gives the value of an environment variable.
    ///
    /// Fails with every problem of all files; nothing of them is then used. A missing file is a problem:
    /// whoever has none takes [`Conf::default`].
    pub fn load(
        vfs: &dyn Vfs,
        path: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Loaded, Problems> {
        let mut files = vec![path.to_path_buf()];
        let mut reading = Reading::default();
        match fragments(vfs, path) {
            Ok(fragments) => files.extend(fragments),
            Err(error) => reading.problems.push(Problem::unreadable(error.to_string())),
        }
        for (index, file) in files.iter().enumerate() {
            match text(vfs, file) {
                Ok(text) => read_text(&mut reading, file, text, index > 0),
                Err(problem) => reading.problems.push(problem),
            }
        }
        let mut loaded = Loaded { files, ..Loaded::default() };
        loaded.take(&mut reading, lookup);
        // A rule between settings says nothing of use while one of them is wrong.
        if reading.problems.is_empty() {
            rules::apply(&mut loaded.conf, &mut reading);
        }
        if !reading.problems.is_empty() {
            return Err(Problems::new(in_order(reading.problems, &loaded.files)));
        }
        loaded.warnings = reading.warnings;
        Ok(loaded)
    }
}

impl Loaded {
    /// What the program runs with: each setting with its value and where that came from.
    pub fn show(&self) -> Vec<Shown> {
        let shown = |setting: &'static Setting| Shown {
            setting,
            values: setting.show(&self.conf),
            origin: self.origins.get(setting.path).cloned().unwrap_or(Origin::Default),
        };
        settings().iter().map(shown).collect()
    }

    /// Sets a setting from an option of the command line, over what the files say. Other settings stay as they
    /// are, also those whose defaults follow it.
    ///
    /// Fails, and changes nothing, when the path is no setting's or the text is not of its type.
    pub fn set(&mut self, path: &str, text: &str, option: &str) -> Result<(), ParseError> {
        let setting = setting(path).ok_or_else(|| ParseError::new(path, "a setting"))?;
        setting.put(&mut self.conf, text)?;
        rules::zero_turns_off(&mut self.conf.compaction);
        let origin = Origin::CommandLine { option: option.to_owned() };
        self.origins.insert(setting.path, origin);
        Ok(())
    }

    /// The settings whose values another configuration has differently, for a reload.
    pub fn changed(&self, other: &Self) -> Vec<&'static Setting> {
        let differs = |setting: &&Setting| setting.show(&self.conf) != setting.show(&other.conf);
        settings().iter().filter(differs).collect()
    }

    fn take(&mut self, reading: &mut Reading, lookup: &dyn Fn(&str) -> Option<String>) {
        for setting in settings() {
            for given in reading.given.get(setting.path).into_iter().flatten() {
                match self.take_one(setting, given, lookup) {
                    Ok(origin) => drop(self.origins.insert(setting.path, origin)),
                    Err(problem) => reading.problems.push(problem),
                }
            }
        }
    }

    fn take_one(
        &mut self,
        setting: &'static Setting,
        given: &Given,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Origin, Problem> {
        let problem = |kind, message: &str, help| {
            let message = format!("{}: {message}", setting.full_path());
            Problem::new(kind, message, &given.place).expected(setting.expectation()).help(help)
        };
        let expanded = expand::expand(&given.text, lookup)
            .map_err(|fault| problem(ProblemKind::Variable, &fault.message, Some(fault.help)))?;
        setting
            .put(&mut self.conf, &expanded.text)
            .map_err(|error| problem(ProblemKind::WrongValue, &error.to_string(), error.help))?;
        let (path, line) = (given.place.path().to_path_buf(), given.place.line());
        if expanded.variables.is_empty() {
            return Ok(Origin::File { path, line });
        }
        Ok(Origin::Environment { variables: expanded.variables.join(", "), path, line })
    }
}

/// The value of an environment variable of this process, as [`Conf::load`] takes it; one that is not UTF-8
/// counts as not defined.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn fragments(vfs: &dyn Vfs, path: &Path) -> vfs::Result<Vec<PathBuf>> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".d");
    let dir = path.with_file_name(name);
    let names = match vfs.list(&dir) {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        names => names?,
    };
    let paths = names.iter().map(|name| dir.join(name));
    Ok(paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "conf")).collect())
}

fn text(vfs: &dyn Vfs, path: &Path) -> Result<String, Problem> {
    let bytes = vfs::read_file(vfs, path, FILE_BYTES_MAX)
        .map_err(|error| Problem::unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to() as u64;
        let (path, offset) = (path.display(), grouped(offset));
        Problem::unreadable(format!("{path}: the text is not UTF-8 at byte {offset}"))
    })
}

fn read_text(reading: &mut Reading, path: &Path, text: String, is_fragment: bool) {
    let (root, problems) = raw::parse(&Source::new(path, text));
    reading.problems.extend(problems);
    if let Some(root) = root {
        reading.file(&root, is_fragment);
    }
}

/// By file in reading order, then by line.
fn in_order(mut problems: Vec<Problem>, files: &[PathBuf]) -> Vec<Problem> {
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map(|place| {
            let file = files.iter().position(|file| file == place.path());
            (file, place.line(), place.column())
        })
    });
    problems
}
