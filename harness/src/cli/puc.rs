//! `lockstep puc`: PUC Lua as a process, for `lockstep oracle` and the trials of Lua cases. Hidden: whoever wants to run Lua has `lockstep run`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use super::Done;

/// Run a Lua program on PUC Lua.
#[derive(Args)]
pub(super) struct Options {
    /// The program
    file: OsString,
    /// Its arguments
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    args: Vec<OsString>,
}

pub(super) fn run(options: &Options) -> Done {
    Ok(ExitCode::from(lockstep_oracle::run(&options.file, &options.args)?))
}
