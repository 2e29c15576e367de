//! `lockstep doctor`: the machine, explained.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::doctor::{Diagnosis, State};

/// Look at this machine: what is found, what is missing and how to get it, and how noisy it is.
///
/// Status 0 unless something is broken that nothing works without. What is merely lacking makes figures wider, or leaves a peer out.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    corpus: Corpus,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Done {
    let diagnosis = Diagnosis::make(&options.corpus.corpus);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&diagnosis)?);
    } else {
        let machine = &diagnosis.machine;
        println!("{} on {}\n", machine.cpu, machine.system);
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        for finding in &diagnosis.findings {
            let (mark, colour) = match finding.state {
                State::Good => ("ok    ", "32"),
                State::Lacking => ("lacks ", "33"),
                State::Broken => ("BROKEN", "31"),
            };
            let mark = if colours { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() };
            println!("{mark} {:16} {}", finding.name, finding.seen);
            if let Some(remedy) = &finding.remedy {
                println!("       {:16} {}: {remedy}", "", finding.matters);
            }
        }
        let lacking = diagnosis.findings.iter().filter(|f| f.state == State::Lacking).count();
        let broken = diagnosis.findings.iter().filter(|f| f.state == State::Broken).count();
        println!("\n{lacking} could be better, {broken} broken");
    }
    Ok(if diagnosis.healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
