//! `pumice completions`

use clap::Args;
use clap_complete::Shell;

use super::context::Context;
use super::stop::Stop;

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (context.grammar)(), "pumice", &mut script);
        context.output.text(&String::from_utf8_lossy(&script))
    }
}
