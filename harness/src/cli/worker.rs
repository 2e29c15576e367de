//! `lockstep worker`: the isolated process. Started by other commands, never by hand.

use std::process::ExitCode;

use clap::Args;

use super::Done;
use crate::worker::{Limits, serve};

#[derive(Args)]
pub(super) struct Options {
    /// Address space in bytes
    #[arg(long)]
    memory: u64,
    /// Stack in bytes
    #[arg(long)]
    stack: usize,
    /// Bytes that may be printed
    #[arg(long)]
    output: u64,
}

pub(super) fn run(options: &Options) -> Done {
    let limits = Limits { memory: options.memory, stack: options.stack, output: options.output, ..Limits::default() };
    serve(&limits)?;
    Ok(ExitCode::SUCCESS)
}
