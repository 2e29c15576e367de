//! `lockstep twins`: cases with a twin in Lua, against PUC Lua.

use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::twin;

/// Run the Lua twins of cases, and compare what they write with what the cases state.
///
/// The judge is PUC Lua 5.4, which shares no code with the VM. Where it is not installed nothing is compared, and that is said.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    corpus: Corpus,
}

pub(super) fn run(options: &Options) -> Done {
    let twins = twin::check(&options.corpus.corpus)?;
    if twins.count == 0 {
        return Err(format!("no case in {} has a twin", options.corpus.corpus.display()).into());
    }
    for difference in &twins.differences {
        println!("{difference}");
    }
    let failed = !twins.differences.is_empty();
    let verdict = if failed { "FAILED" } else { "ok" };
    match twins.is_judged {
        true => println!("twins: {verdict}: {} cases, {} differ", twins.count, twins.differences.len()),
        false => println!("twins: {} cases, not judged: lua5.4 is not installed", twins.count),
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
