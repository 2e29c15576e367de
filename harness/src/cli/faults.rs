//! `lockstep faults`: shows that the gates see. Each planted fault must be found by the gate meant for it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use super::Done;
use crate::backends::{Backends, Column};
use crate::fault::{self, Mutation};
use crate::fuzz::campaign::{self, Plan};
use crate::worker::{Answer, Limits, Pool, Task};

/// Plant each known fault in a backend and see that the gates find it.
///
/// For each fault: its edge case in the kit must fail, and so must the fuzzer within --count functions. The gates are the ones that
/// judge every backend; all they get to know is a backend's id. Fails if a fault goes unnoticed, or if the backend fails without one.
#[derive(Args)]
pub(super) struct Options {
    /// Only these faults
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The backend they are planted in; the build's first, if none is named
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// Random functions within which each must be found
    #[arg(long, default_value_t = 5000)]
    count: u64,
    /// Seed of the random functions
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// List the faults and plant none
    #[arg(long)]
    list: bool,
}

pub(super) fn run(options: &Options) -> Done {
    if let Some(unknown) = options.names.iter().find(|name| Mutation::from_name(name).is_none()) {
        let known: Vec<&str> = Mutation::ALL.iter().map(|m| m.name).collect();
        return Err(format!("no fault `{unknown}`; there are {}", known.join(", ")).into());
    }
    if options.list {
        for mutation in Mutation::ALL {
            println!("{:<18} {}", mutation.name, mutation.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let mut backends = Backends::new();
    let first = backends.iter().next().map(|b| b.id().to_owned());
    let inner = options.backend.clone().or(first).ok_or("this build has no backend")?;
    let level = backends.resolve(&inner)?.capabilities().default_level;
    let pool = Pool::new(Limits { silence: Duration::from_secs(20), ..Limits::default() });
    let gates = Gates { options, pool };
    let mut missed = 0;
    let chosen = Mutation::ALL.iter().filter(|m| options.names.is_empty() || options.names.iter().any(|n| n == m.name));
    for mutation in chosen {
        let sound = Column { backend: inner.clone(), level };
        let faulty = Column { backend: fault::id(mutation.name, &inner), level };
        let verdicts = [
            (
                "kit",
                !gates.kit_fails(mutation.found_by, &sound)? && gates.kit_fails(mutation.found_by, &faulty)?,
                mutation.found_by.to_owned(),
            ),
            match gates.fuzzer_finds(&faulty)? {
                Some(function) => ("fuzz", true, format!("function {function}")),
                None => ("fuzz", false, format!("{} functions", options.count)),
            },
        ];
        for (gate, found, place) in verdicts {
            missed += usize::from(!found);
            println!("{:<18} {gate:<5} {:<7} {place}", mutation.name, if found { "found" } else { "MISSED" });
        }
    }
    println!(
        "faults: {}: {missed} missed; {:.1} s",
        if missed == 0 { "ok" } else { "FAILED" },
        start.elapsed().as_secs_f64()
    );
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Gates<'o> {
    options: &'o Options,
    pool: Pool,
}

impl Gates<'_> {
    /// Whether a case of the kit fails on a column.
    fn kit_fails(&self, case: &str, column: &Column) -> Result<bool, String> {
        // The kit needs no corpus.
        let task = Task::IrCase { case: case.to_owned(), column: column.clone(), corpus: "corpus".into() };
        match self.pool.run(&task) {
            Ok(Answer::Case(report)) => Ok(report.verdict.is_failure()),
            Ok(other) => Err(format!("{case} on {column} was not tried: {other:?}")),
            Err(_) => Ok(true),
        }
    }

    /// The first random function that diverges.
    fn fuzzer_finds(&self, column: &Column) -> Result<Option<u64>, String> {
        let plan = Plan {
            seed: self.options.seed,
            first: 0,
            count: self.options.count,
            time: None,
            columns: vec![column.clone()],
            jobs: std::thread::available_parallelism().map_or(1, Into::into),
            stop_after: 1,
        };
        let report = campaign::run(&plan, &self.pool, &|_, _| {})?;
        Ok(report.divergences.first().map(|d| d.index))
    }
}
