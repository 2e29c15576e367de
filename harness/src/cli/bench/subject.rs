//! `lockstep bench --subject`: the configurations of a VM from outside.

use std::path::Path;

use super::{Options, again, conclude, show_plan};
use crate::bench::journal::{Header, Journal};
use crate::bench::plan::Plan;
use crate::bench::runner::{self, Setting};
use crate::bench::{Implementation, Kernel, build};
use crate::cli::progress::Progress;
use crate::cli::{Done, subject};
use crate::passport::digest;
use crate::subject::bench::SubjectRunner;

pub(super) fn run(options: &Options, file: &Path) -> Done {
    let (subject, version) = subject::load(file)?;
    let participants = subject.participants(&version);
    let chosen = |kernel: &Kernel| {
        options.filters.is_empty() || options.filters.iter().any(|f| kernel.case.contains(f.as_str()))
    };
    let kernels: Vec<Kernel> = subject.kernels().into_iter().filter(chosen).collect();
    if kernels.is_empty() {
        return Err(format!("{} has no benchmark of such a name", subject.manifest.subject).into());
    }
    // Unless it is said, the first that is not the reference takes part twice.
    let second = match &options.again {
        None => participants.iter().find(|p| p.implementation.has_uplift()).map(|p| &p.implementation),
        Some(_) => None,
    };
    let again = match second {
        Some(who) => Some(Implementation::Again(Box::new(who.clone()))),
        None => again(options, &participants)?,
    };
    let plan = Plan {
        kernels,
        compilers: Vec::new(),
        warmers: Vec::new(),
        counted: Vec::new(),
        implementations: participants.iter().map(|p| p.implementation.clone()).chain(again.clone()).collect(),
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 7 }),
        settle: None,
        quick: options.quick,
        seed: options.seed,
        shard: options.shard,
        corpus: digest::files(&subject.directory, &subject.files())?,
    };
    if options.plan {
        show_plan(&plan);
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let mut journal = match &options.resume {
        None => None,
        Some(file) => Some(Journal::open(file, &Header::new(build::this(), plan.fingerprint(), plan.shard))?),
    };
    let setting = Setting {
        participants,
        filtered: !options.filters.is_empty(),
        again: again.map(|a| a.runs().clone()),
        journal: journal.as_mut(),
        unsettled: None,
    };
    let mut runner = SubjectRunner::new(subject, version);
    let bar = Progress::new(plan.jobs().len(), "processes");
    let measured = runner::measure(&plan, setting, &mut runner, &mut |at| {
        bar.at(at.done, format!("{} {}", at.kernel.map_or("", |k| &k.name), at.implementation));
    });
    bar.finish();
    let mut results = measured?;
    results.subject = Some(runner.into_notes());
    conclude(options, &plan.kernels, results)
}
