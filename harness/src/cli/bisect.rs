//! `lockstep bisect`: from a divergence to what is behind it.

use std::path::PathBuf;

use clap::Args;

use super::Done;

/// From a divergence to what is behind it: which compiled functions, and which change of the optimiser.
///
/// PROGRAM is a program of the subject that diverges from the reference in the configuration: `lockstep parity --subject FILE` finds it. The set of
/// compiled functions is reduced to one of which none can be left out (if the subject takes a list of what may be compiled), then the first wrong
/// change of its optimiser is searched for (if it takes a limit on changes). What the subject does not offer is said.
///
///   lockstep bisect --subject vm/subject.yaml sieve --configuration jit
#[derive(Args)]
pub(super) struct Options {
    /// The program
    #[arg(value_name = "PROGRAM")]
    case: String,
    /// The whole VM from outside that diverges (docs/subjects.md)
    #[arg(long, value_name = "FILE")]
    subject: PathBuf,
    /// The configuration in which it diverges
    #[arg(long, value_name = "NAME")]
    configuration: String,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    super::subject::bisect::run(&super::subject::bisect::Request {
        file: &options.subject,
        program: &options.case,
        configuration: &options.configuration,
        results: options.results.as_deref(),
    })
}
