//! `lockstep bisect --subject`: what is behind a divergence of a VM from outside.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Done;
use crate::subject::bisect::{Found, Step, bisect};
use crate::subject::trial::Trials;

/// What `bisect` was asked for.
pub(in crate::cli) struct Request<'o> {
    /// The subject.
    pub file: &'o Path,
    /// The program's name.
    pub program: &'o str,
    /// The configuration's name.
    pub configuration: &'o str,
    /// Where the answer goes as JSON.
    pub results: Option<&'o Path>,
}

pub(in crate::cli) fn run(request: &Request<'_>) -> Done {
    let (subject, version) = super::load(request.file)?;
    let programs: Vec<&str> = subject.programs.iter().map(|p| p.name.as_str()).collect();
    let program = programs
        .iter()
        .position(|name| *name == request.program)
        .ok_or_else(|| format!("no program `{}`; there are {}", request.program, programs.join(", ")))?;
    let others: Vec<&str> = subject.configurations.iter().skip(1).map(|c| c.name.as_str()).collect();
    let configuration = subject
        .configuration(request.configuration)
        .filter(|c| !c.reference)
        .cloned()
        .ok_or_else(|| format!("no configuration `{}`; there are {}", request.configuration, others.join(", ")))?;
    let trials = Trials::new(subject);
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("{spinner} {pos} runs, {elapsed}: {msg}").expect("the template is valid"),
    );
    let found = bisect(&trials, version, program, &configuration, &mut |step, runs| {
        bar.set_position(runs);
        bar.set_message(step.to_owned());
    })?;
    bar.finish_and_clear();
    if let Some(file) = request.results {
        std::fs::write(file, serde_json::to_string_pretty(&found)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    show(&found);
    // The divergence stands, whatever was found out about it.
    Ok(ExitCode::FAILURE)
}

fn show(found: &Found) {
    println!("{}/{}/{}: {}", found.subject, found.program, found.configuration, found.divergence.what);
    match &found.functions {
        Step::Found(functions) => {
            let (few, all) = (functions.minimal.len(), functions.compiled.len());
            println!("functions: {few} of {all} compiled: {}", functions.minimal.join(", "));
        }
        Step::NotPossible(why) => println!("functions: not told: {why}"),
    }
    match &found.change {
        Step::Found(change) => {
            println!("change: {} is the first wrong one; with {} it agrees", change.first_wrong, change.first_wrong - 1)
        }
        Step::NotPossible(why) => println!("change: not told: {why}"),
    }
    if found.reduced != found.divergence {
        println!("reduced, it shows as: {}", found.reduced.what);
    }
    println!("it shows by:    {}", found.line);
    println!("the reference:  {}", found.reference_line);
    println!("bisect: {} runs", found.runs);
}
