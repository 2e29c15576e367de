//! `lockstep completions`: scripts that let a shell complete the command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Done};

/// Print a script that lets a shell complete commands and options.
///
/// ```sh
/// lockstep completions bash > ~/.local/share/bash-completion/completions/lockstep
/// lockstep completions zsh > "${fpath[1]}/_lockstep"
/// lockstep completions fish > ~/.config/fish/completions/lockstep.fish
/// ```
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn run(options: &Options) -> Done {
    clap_complete::generate(options.shell, &mut Cli::command(), "lockstep", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
