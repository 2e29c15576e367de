//! `lockstep bench`: interleaved processes, ratios with intervals, gates.

mod show;
mod subject;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lockstep_backend_api::Execution;

use super::progress::Progress;
use super::{Corpus, Done, Selection};
use crate::backends::{Backends, Column};
use crate::bench::analysis::Analysis;
use crate::bench::gates::{self, CorpusGates};
use crate::bench::journal::{Header, Journal};
use crate::bench::peer::PEERS;
use crate::bench::plan::{Job, Plan, Shard, Work};
use crate::bench::plant::Plant;
use crate::bench::process::Processes;
use crate::bench::results::{Participant, VERSION};
use crate::bench::runner::{self, Setting};
use crate::bench::{BenchReport, BenchResults, Implementation, Kernel, build, instructions, merge};
use crate::corpus::CorpusError;
use crate::stats::Bootstrap;

/// Measure how fast each backend runs each benchmark, and check the gates.
///
/// Every sample is a process of its own; processes of all implementations alternate at random. Ratios are taken within rounds and carry 95 % intervals, whose
/// unit is the process. An implementation whose parity fails in this build has no timing, and neither has one whose checksum differs. Gates stand in the
/// corpus: a gate fails if the whole interval breaks its bound, and is inconclusive if the interval lies on both sides.
///
/// With `--settle N`, kernels with a gate that does not pass in the planned rounds, their own or that of a mean over them, get more of them, up to N, once: two looks at a gate make a wrong pass at most twice as likely as one, and a wrong failure less likely.
///
/// A fixed piece of work before and after each process tells when the machine was disturbed: samples of which either is more than 15 % off the run's median are marked, and left out where
/// at least half of a figure's samples, and three, remain. One implementation takes part twice, under two names: how often it differs from itself is the rate of false alarms.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Options {
    /// Only benchmarks whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    corpus: Corpus,
    /// Measure a whole VM from outside, as this file describes it (docs/subjects.md)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["backends", "levels", "corpus", "no_peers", "peers", "instructions", "merge"])]
    subject: Option<PathBuf>,
    /// Small sizes and few rounds; warming up in one of them; of the programs from outside, those that gates read
    #[arg(long)]
    quick: bool,
    /// Processes for each implementation and benchmark
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Rounds in all of the kernels with a gate that does not pass in the first ones
    #[arg(long, value_name = "N", conflicts_with_all = ["subject", "merge"])]
    settle: Option<usize>,
    /// Seed of the order of processes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave out programs from outside (gcc, go, luajit, lua5.4)
    #[arg(long)]
    no_peers: bool,
    /// Where the twins of the benchmarks are
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    peers: PathBuf,
    /// Print the order of processes and run none
    #[arg(long)]
    plan: bool,
    /// Who takes part twice, to see how often equal things differ: a name, or `none`; the first backend at its default level if not said
    #[arg(long, value_name = "NAME")]
    again: Option<String>,
    /// Count the machine instructions of a short call on each backend too, under valgrind
    #[arg(long)]
    instructions: bool,
    /// Run only a part of the plan, such as 1/4: every fourth kernel, from the first
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Note down each process in this file, and go on from what it holds already
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Measure nothing: put the results of all shards of a plan together, and judge them
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["plan", "shard", "resume", "instructions", "again"])]
    merge: Vec<PathBuf>,
    /// An inconclusive gate fails too
    #[arg(long)]
    strict: bool,
    /// Doctor the samples, to see that the gates find it: time:NAME=FACTOR, compile:NAME=FACTOR, checksum:NAME, exact:NAME
    #[arg(long, value_name = "WHAT")]
    plant: Option<Plant>,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lockstep bench --quick                              a look at everything, in a few minutes
  lockstep bench fib sieve --level default            two kernels, each backend at its own level
  lockstep bench --rounds 3 --settle 9                more rounds for what three leave open
  lockstep bench --plan --quick                       what would be run, in which order
  lockstep bench --resume run.journal --results r.json   again after an interruption: goes on where it was
  lockstep bench --shard 1/2 --results 1.json         half of the kernels; the other half elsewhere, and then
  lockstep bench --merge 1.json 2.json --results r.json  one run of the two

Exit status: 0 if nothing failed, 1 if a gate failed, a series is void or processes disagree on what is deterministic, 2 if it could not be done.";

pub(super) fn run(options: &Options) -> Done {
    if let Some(file) = &options.subject {
        return subject::run(options, file);
    }
    let kernels = kernels(options)?;
    if !options.merge.is_empty() {
        return merged(options, &kernels);
    }
    let mut backends = Backends::new();
    let participants = participants(options, &mut backends)?;
    let present: Vec<Implementation> =
        participants.iter().filter(|p| p.absent.is_none()).map(|p| p.implementation.clone()).collect();
    let again = again(options, &participants)?;
    let natives = || present.iter().filter(|i| i.column().is_some()).cloned();
    let plan = Plan {
        kernels,
        compilers: natives().chain(again.iter().filter(|a| a.runs().column().is_some()).cloned()).collect(),
        // A quick look sees the backends at their default levels warm up.
        warmers: participants
            .iter()
            .filter(|p| p.absent.is_none() && if options.quick { p.default } else { p.implementation.peer().is_none() })
            .map(|p| p.implementation.clone())
            .collect(),
        counted: if options.instructions { natives().collect() } else { Vec::new() },
        implementations: present.iter().cloned().chain(again.clone()).collect(),
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 7 }),
        settle: options.settle,
        quick: options.quick,
        seed: options.seed,
        shard: options.shard,
        corpus: build::of_directory(&options.corpus.corpus)
            .map_err(|e| format!("{}: {e}", options.corpus.corpus.display()))?,
    };
    if options.plan {
        show_plan(&plan);
        return Ok(ExitCode::SUCCESS);
    }
    if options.instructions && instructions::version().is_none() {
        return Err("instructions are counted by valgrind, which is not installed: apt-get install valgrind".into());
    }
    let mut journal = match &options.resume {
        None => None,
        Some(file) => {
            let header = Header::new(build::this(), plan.fingerprint(), plan.shard);
            Some(Journal::open(file, &header)?)
        }
    };
    let gates = corpus_gates(options)?;
    let unsettled = |results: &BenchResults| {
        let open = gates::unsettled(results, &plan.kernels, &gates, &Bootstrap::default());
        plan.chosen().into_iter().filter(|&kernel| open.contains(&plan.kernels[kernel].name)).collect()
    };
    let setting = Setting {
        participants,
        filtered: !options.filters.is_empty()
            || !options.selection.backends.is_empty()
            || !options.selection.levels.is_empty(),
        again: again.map(|a| a.runs().clone()),
        journal: journal.as_mut(),
        unsettled: Some(&unsettled),
    };
    let scratch = std::env::temp_dir().join(format!("lockstep-bench-{}", std::process::id()));
    let (calls, series) = if options.quick { (5, 60) } else { (3, 200) };
    let mut processes =
        Processes::new(options.corpus.corpus.clone(), options.peers.clone(), scratch.clone(), calls, series);
    let bar = Progress::new(plan.jobs().len(), "processes");
    let measured = runner::measure(&plan, setting, &mut processes, &mut |at| {
        bar.of(at.all);
        bar.at(at.done, format!("{} {}", at.kernel.map_or("compile", |k| &k.name), at.implementation));
    });
    bar.finish();
    // Compiled twins and counts; nothing is lost if they stay.
    let _ = std::fs::remove_dir_all(scratch);
    conclude(options, &plan.kernels, measured?)
}

/// Judges results of shards.
fn merged(options: &Options, kernels: &[Kernel]) -> Done {
    let read = |file: &PathBuf| -> Result<BenchResults, String> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).map_err(|e| format!("{shown}: {e}"))?;
        let report: BenchReport = serde_json::from_str(&text).map_err(|e| {
            format!("{shown}:{}:{}: not what `lockstep bench --results` writes: {e}", e.line(), e.column())
        })?;
        let version = report.results.lockstep_bench;
        if version == VERSION {
            Ok(report.results)
        } else {
            Err(format!("{shown} has version {version} of the format, this build reads {VERSION}"))
        }
    };
    let parts: Result<Vec<BenchResults>, String> = options.merge.iter().map(read).collect();
    conclude(options, kernels, merge::merge(parts?)?)
}

/// What follows from the samples: figures, verdicts, the exit status.
fn conclude(options: &Options, kernels: &[Kernel], mut results: BenchResults) -> Done {
    if let Some(plant) = &options.plant {
        plant.apply(&mut results);
    }
    let bootstrap = Bootstrap::default();
    let analysis = Analysis::of(&results, &bootstrap);
    let gates = gates::judge(&results, kernels, &corpus_gates(options)?, &bootstrap);
    let report = BenchReport { results, analysis, gates };
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    Ok(show::report(&report, options.strict))
}

/// The gates over all kernels. A subject has no corpus, and none of them.
fn corpus_gates(options: &Options) -> Result<CorpusGates, CorpusError> {
    match &options.subject {
        Some(_) => Ok(CorpusGates::default()),
        None => CorpusGates::load(&options.corpus.corpus),
    }
}

/// The second name of the one who takes part twice.
fn again(options: &Options, participants: &[Participant]) -> Result<Option<Implementation>, String> {
    let mut present = participants.iter().filter(|p| p.absent.is_none());
    let who = match options.again.as_deref() {
        Some("none") => return Ok(None),
        Some(name) => present.find(|p| p.implementation.to_string() == name).map(Some).ok_or_else(|| {
            let names: Vec<String> = participants.iter().map(|p| p.implementation.to_string()).collect();
            format!("`{name}` does not take part; there are {}", names.join(", "))
        })?,
        None => present.find(|p| p.default),
    };
    Ok(who.map(|p| Implementation::Again(Box::new(p.implementation.clone()))))
}

fn show_plan(plan: &Plan) {
    for Job { round, implementation, work } in plan.jobs() {
        match work {
            Work::Run(kernel, size) => println!("{round} {} {size} {implementation}", plan.kernels[kernel].name),
            Work::Compile => println!("{round} compile {implementation}"),
            Work::Count(kernel) => println!("{round} {} instructions {implementation}", plan.kernels[kernel].name),
        }
    }
}

fn kernels(options: &Options) -> Result<Vec<Kernel>, Box<dyn std::error::Error + Send + Sync>> {
    let cases = crate::corpus::program::cases(&options.corpus.corpus)?;
    let chosen = |name: &str| options.filters.is_empty() || options.filters.iter().any(|f| name.contains(f.as_str()));
    let mut kernels: Vec<Kernel> =
        cases.iter().filter(|c| chosen(&c.0)).filter_map(|(name, case)| Kernel::of(name, case)).collect();
    let programs = crate::lua::case::cases(&options.corpus.corpus)?;
    kernels.extend(programs.iter().filter(|p| chosen(&p.0)).filter_map(|(name, case, _)| Kernel::of_lua(name, case)));
    if kernels.is_empty() { Err("no benchmark has such a name".into()) } else { Ok(kernels) }
}

fn participants(
    options: &Options,
    backends: &mut Backends,
) -> Result<Vec<Participant>, Box<dyn std::error::Error + Send + Sync>> {
    let mut participants = vec![Participant {
        implementation: Implementation::Interpreter,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        about: "the reference interpreter".to_owned(),
        default: false,
        absent: None,
    }];
    let columns: Vec<Column> = backends.columns(&options.selection.backends, &options.selection.levels)?;
    for column in columns {
        let backend = backends.resolve(&column.backend)?;
        let capabilities = backend.capabilities();
        if capabilities.execution == Execution::Native {
            participants.push(Participant {
                version: backend.version(),
                about: backend.summary(),
                default: column.level == capabilities.default_level,
                absent: None,
                implementation: Implementation::Native(column),
            });
        }
    }
    if !options.no_peers {
        for peer in PEERS.iter().filter(|peer| !options.quick || peer.is_yardstick()) {
            let version = peer.version();
            participants.push(Participant {
                implementation: Implementation::Peer(peer.id.to_owned()),
                about: peer.about.to_owned(),
                default: false,
                absent: version.is_none().then(|| format!("`{}` is not installed", peer.program())),
                version: version.unwrap_or_default(),
            });
        }
    }
    Ok(participants)
}
