//! `lockstep faults`: shows that the gates see. Each planted fault must be caught by the gate meant for it, and nothing be found without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lockstep_backend_api::Execution;
use rayon::prelude::*;

use super::Done;
use super::progress::Progress;
use crate::backends::{Backends, Column};
use crate::bench::gates::CorpusGates;
use crate::bench::implementation::Implementation;
use crate::corpus::CorpusError;
use crate::fault::gates::{self, GATES, Gate, Verdict};
use crate::fault::matrix::Plan;
use crate::fault::rates::{self, Recorded};
use crate::fault::results::{Cell, FaultsResults};
use crate::fault::{self, Fault};
use crate::worker::{Limits, Pool};

/// Plant known faults and see that the gates catch them.
///
/// Each gate is a command that CI runs. It runs once without a fault, and must find nothing; then with each fault that it is meant to catch (with
/// --matrix: with every fault, unless it measures time or takes long), and must find it. A gate sees a backend with its usual name and cannot tell that a fault is in it, nor which.
/// Blind faults, whose author had not seen the gates, have a score of their own that decides nothing. docs/faults.md lists all of them.
///
///   lockstep faults --list                     the registry
///   lockstep faults shift-mask lost-slot       two faults
///   lockstep faults --gate kit                 the faults that one gate is meant to catch
///   lockstep faults --matrix --results FILE    every fault against every gate
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Options {
    /// Only these faults
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Not the blind ones, whose score decides nothing
    #[arg(long, conflicts_with = "names")]
    known: bool,
    /// The backend they are planted in; the build's first that makes native code, if none is named
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// Only this gate; may be repeated
    #[arg(long = "gate", value_name = "GATE")]
    gates: Vec<String>,
    /// Every fault against every gate but those that measure time or take long, not each against the gate meant for it alone
    #[arg(long)]
    matrix: bool,
    /// Commands at a time; as many as the machine has processors if not said
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// List the faults and plant none
    #[arg(long)]
    list: bool,
    /// Count on how many inputs of so many random functions and programs each fault shows, instead; fails unless ten are rare
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "2000")]
    rates: Option<u64>,
    /// With --rates: seed of functions and programs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With --rates: keep the counts in the source tree
    #[arg(long, requires = "rates", conflicts_with = "names")]
    bless: bool,
}

pub(super) fn run(options: &Options) -> Done {
    let faults = faults(options)?;
    if options.list {
        for fault in faults {
            println!("{:<24} {:<16} {:<14} {}", fault.id, fault.layer.name(), fault.gate, fault.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let column = column(options)?;
    if let Some(count) = options.rates {
        return rates(options, &faults, &column, count);
    }
    let gates = chosen_gates(options)?;
    let scratch = std::env::temp_dir().join(format!("lockstep-faults-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|e| format!("cannot make {}: {e}", scratch.display()))?;
    let (faults, impossible): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.is_possible());
    let concerns = |fault: &&'static Fault| options.matrix || gates.iter().any(|gate| gate.id == fault.gate);
    let not_planted: Vec<&str> = impossible.into_iter().filter(concerns).map(|fault| fault.id).collect();
    if !not_planted.is_empty() {
        println!(
            "not planted, as they take a build with the features `plant` and `oracle`: {}",
            not_planted.join(", ")
        );
    }
    let plan = Plan {
        program: std::env::current_exe()?,
        rivals: rivals(&column.backend, &super::default_corpus())?,
        column,
        faults: faults.into_iter().filter(concerns).collect(),
        not_planted,
        gates,
        matrix: options.matrix,
        jobs: options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into)),
        scratch: &scratch,
    };
    let bar = Progress::new(0, "commands");
    let results = plan.run(&|cell, done, total| {
        bar.set_length(total);
        bar.at(done, format!("{} {}", cell.gate, cell.fault.as_deref().unwrap_or("no fault")));
    });
    bar.finish();
    // What commands wrote; nothing is lost if it stays.
    let _ = std::fs::remove_dir_all(&scratch);
    if let Some(file) = &options.results {
        write(file, &serde_json::to_string_pretty(&results)?)?;
    }
    show(&results);
    Ok(if results.score.is_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(file: &PathBuf, text: &str) -> Result<(), String> {
    std::fs::write(file, format!("{text}\n")).map_err(|e| format!("cannot write {}: {e}", file.display()))
}

fn faults(options: &Options) -> Result<Vec<&'static Fault>, fault::UnknownFault> {
    if options.known {
        return Ok(fault::known().collect());
    }
    if options.names.is_empty() {
        return Ok(fault::all().collect());
    }
    options.names.iter().map(|name| fault::find(name)).collect()
}

fn chosen_gates(options: &Options) -> Result<Vec<&'static Gate>, String> {
    if options.gates.is_empty() {
        return Ok(GATES.iter().filter(|gate| gate.is_possible()).collect());
    }
    let known = || GATES.iter().map(|g| g.id).collect::<Vec<_>>().join(", ");
    options
        .gates
        .iter()
        .map(|id| gates::find(id).ok_or_else(|| format!("no gate `{id}`; there are {}", known())))
        .collect()
}

fn column(options: &Options) -> Result<Column, Box<dyn std::error::Error + Send + Sync>> {
    let mut backends = Backends::new();
    let native = backends.iter().find(|b| b.capabilities().execution == Execution::Native).map(|b| b.id().to_owned());
    let backend = options.backend.clone().or(native).ok_or("this build has no backend that makes native code")?;
    let level = backends.resolve(&backend)?.capabilities().default_level;
    Ok(Column { backend, level })
}

/// Backends whose compile time the corpus holds that of `backend` against, as far as this build has them.
fn rivals(backend: &str, corpus: &Path) -> Result<Vec<String>, CorpusError> {
    let backends = Backends::new();
    let mut rivals: Vec<String> = Vec::new();
    for pair in CorpusGates::load(corpus)?.gates.into_iter().filter_map(|gate| gate.compile) {
        if let (Implementation::Native(of), Implementation::Native(over)) = (pair.of, pair.over)
            && of.backend == backend
            && over.backend != backend
            && backends.iter().any(|b| b.id() == over.backend)
            && !rivals.contains(&over.backend)
        {
            rivals.push(over.backend);
        }
    }
    Ok(rivals)
}

/// A cell in the matrix: one letter.
const fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Passed => '·',
        Verdict::Caught => 'x',
        Verdict::TimedOut => 't',
        Verdict::Error => '!',
    }
}

fn show(results: &FaultsResults) {
    let find =
        |fault: Option<&str>, gate: &str| results.cells.iter().find(|c| c.fault.as_deref() == fault && c.gate == gate);
    if results.matrix {
        for (n, gate) in results.gates.iter().enumerate() {
            println!("{:26}{}{}", "", "|".repeat(n), gate.id);
        }
        let rows = std::iter::once(None).chain(results.faults.iter().map(|f| Some(f.id.as_str())));
        for fault in rows {
            let letters: String =
                results.gates.iter().map(|gate| find(fault, &gate.id).map_or(' ', |c| letter(c.verdict))).collect();
            println!("{:<26}{letters}", fault.unwrap_or("(no fault)"));
        }
        println!("x caught, · passed, t not done in time, ! could not be run\n");
    }
    let line = |cell: &Cell| {
        let said = match cell.verdict {
            Verdict::Passed => "passed",
            Verdict::Caught => "caught",
            Verdict::TimedOut => "TIMED OUT",
            Verdict::Error => "ERROR",
        };
        let what: String = cell.what.as_deref().unwrap_or_default().chars().take(80).collect();
        let name = cell.fault.as_deref().unwrap_or("(no fault)");
        println!("{name:<24} {:<14} {said:<10} {:>6.1} s  {what}", cell.gate, cell.seconds);
    };
    results.cells.iter().filter(|c| c.fault.is_none()).for_each(line);
    for fault in &results.faults {
        match find(Some(&fault.id), &fault.gate) {
            Some(cell) => line(cell),
            None => println!("{:<24} {:<14} not run", fault.id, fault.gate),
        }
    }
    let score = &results.score;
    if score.blind.of > 0 {
        println!(
            "blind faults: {} by the gate their author guessed, {} by any that ran",
            score.blind, score.blind_by_any
        );
    }
    println!(
        "faults: {}: {} caught by the gate meant for each; {} gates pass without a fault; {:.1} s",
        if score.is_met() { "ok" } else { "FAILED" },
        score.known,
        score.clean,
        results.seconds
    );
}

fn rates(options: &Options, faults: &[&'static Fault], column: &Column, count: u64) -> Done {
    let pool = Pool::new(Limits { silence: Duration::from_secs(20), ..Limits::default() });
    let measured: Result<Vec<_>, String> = faults
        .par_iter()
        .map(|fault| Ok((fault.id.to_owned(), rates::measure(fault, column, options.seed, count, &pool)?)))
        .collect();
    let rates: BTreeMap<_, _> = measured?.into_iter().filter_map(|(id, rate)| Some((id, rate?))).collect();
    for (id, rate) in &rates {
        let rare = if rate.is_rare() { "rare" } else { "" };
        println!("{id:<24} {:>8} of {:>8} inputs  {:>8.4} %  {rare}", rate.wrong, rate.inputs, 100.0 * rate.share());
    }
    let rare = rates.values().filter(|r| r.is_rare()).count();
    // A selection of faults has nothing to say about their number.
    let ok = rare >= rates::RARE_AT_LEAST || !options.names.is_empty();
    println!(
        "faults: {}: {} counted, {rare} show on less than {} % of inputs, {} must",
        if ok { "ok" } else { "FAILED" },
        rates.len(),
        100.0 * rates::RARE,
        rates::RARE_AT_LEAST
    );
    let recorded = Recorded { lockstep_fault_rates: rates::VERSION, column: column.clone(), seed: options.seed, rates };
    let text = serde_json::to_string_pretty(&recorded)?;
    if options.bless {
        write(&PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/fault/rates.json")), &text)?;
    }
    if let Some(file) = &options.results {
        write(file, &text)?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
