//! A bar on a terminal while something long goes on; nothing elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::global::Global;
use crate::service;

/// A bar, or nothing.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar, when standard error is a terminal and nobody asked for quiet.
    pub fn new(global: &Global) -> Self {
        let wanted = io::stderr().is_terminal() && !global.quiet && !global.json;
        Self { bar: wanted.then(ProgressBar::hidden) }
    }

    /// Moves it.
    pub fn tell(&mut self, told: &service::Progress) {
        let Some(bar) = &mut self.bar else { return };
        if bar.is_hidden() {
            *bar = ProgressBar::new(100);
            if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {percent} %") {
                bar.set_style(style.progress_chars("=> "));
            }
        }
        bar.set_message(told.file.clone());
        bar.set_position(told.percent.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
