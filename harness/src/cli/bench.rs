//! `lockstep bench`: interleaved processes, ratios with intervals, gates.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_backend_api::Execution;

use super::{Corpus, Done, Selection};
use crate::backends::{Backends, Column};
use crate::bench::analysis::{Analysis, Figure};
use crate::bench::gates::{self, CorpusGates, GateResult};
use crate::bench::peer::PEERS;
use crate::bench::plan::{Plan, Work};
use crate::bench::plant::Plant;
use crate::bench::process::Processes;
use crate::bench::results::Participant;
use crate::bench::{Implementation, Kernel, runner};
use crate::stats::{Bootstrap, Verdict};

/// Measure how fast each backend runs each benchmark, and check the gates.
///
/// Every sample is a process of its own; processes of all implementations alternate at random. Ratios are taken within rounds and carry 95 % intervals, whose
/// unit is the process. An implementation whose parity fails in this build has no timing, and neither has one whose checksum differs. Gates stand in the
/// corpus: a gate fails if the whole interval breaks its bound, and is inconclusive if the interval lies on both sides.
#[derive(Args)]
pub(super) struct Options {
    /// Only benchmarks whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    corpus: Corpus,
    /// Small sizes and few rounds
    #[arg(long)]
    quick: bool,
    /// Processes for each implementation and benchmark
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
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
    /// An inconclusive gate fails too
    #[arg(long)]
    strict: bool,
    /// Doctor the samples, to see that the gates find it: time:NAME=FACTOR, compile:NAME=FACTOR, checksum:NAME
    #[arg(long, value_name = "WHAT")]
    plant: Option<Plant>,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let kernels = kernels(options)?;
    let mut backends = Backends::new();
    let participants = participants(options, &mut backends)?;
    let present: Vec<Implementation> =
        participants.iter().filter(|p| p.absent.is_none()).map(|p| p.implementation.clone()).collect();
    let plan = Plan {
        kernels,
        compilers: present.iter().filter(|i| i.column().is_some()).cloned().collect(),
        implementations: present,
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 7 }),
        quick: options.quick,
        seed: options.seed,
    };
    if options.plan {
        for job in plan.jobs() {
            match job.work {
                Work::Run(kernel, size) => {
                    println!("{} {} {size} {}", job.round, plan.kernels[kernel].name, job.implementation)
                }
                Work::Compile => println!("{} compile {}", job.round, job.implementation),
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let filtered =
        !options.filters.is_empty() || !options.selection.backends.is_empty() || !options.selection.levels.is_empty();
    let build = std::env::temp_dir().join(format!("lockstep-peers-{}", std::process::id()));
    let mut processes = Processes::new(
        options.corpus.corpus.clone(),
        options.peers.clone(),
        build.clone(),
        if options.quick { 5 } else { 3 },
    );
    let bar = progress_bar(plan.jobs().len());
    let start = Instant::now();
    let mut results = runner::measure(&plan, participants, filtered, &mut processes, &mut |at| {
        bar.set_position(at.done as u64);
        bar.set_message(format!("{} {}", at.kernel.map_or("compile", |k| &k.name), at.implementation));
    });
    bar.finish_and_clear();
    // Compiled twins; nothing is lost if they stay.
    let _ = std::fs::remove_dir_all(build);
    if let Some(plant) = &options.plant {
        plant.apply(&mut results);
    }
    let bootstrap = Bootstrap::default();
    let analysis = Analysis::of(&results, &bootstrap);
    let verdicts = gates::judge(&results, &plan.kernels, &CorpusGates::load(&options.corpus.corpus)?, &bootstrap);
    if let Some(file) = &options.results {
        let all =
            crate::bench::BenchReport { results: results.clone(), analysis: analysis.clone(), gates: verdicts.clone() };
        std::fs::write(file, serde_json::to_string_pretty(&all)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    show(&analysis, &verdicts);
    let mut failed = verdicts
        .iter()
        .filter(|g| g.verdict == Verdict::Fail || options.strict && g.verdict == Verdict::Inconclusive)
        .count();
    for workload in &results.workloads {
        for series in &workload.series {
            if let Some(why) = &series.void {
                failed += 1;
                println!("void: {} {} {}: {why}", workload.kernel, workload.size, series.implementation);
            }
        }
    }
    for series in &results.compile {
        if let Some(why) = &series.void {
            failed += 1;
            println!("void: compiling the corpus with {}: {why}", series.implementation);
        }
    }
    let unclear = verdicts.iter().filter(|g| g.verdict == Verdict::Inconclusive).count();
    println!(
        "bench: {}: {} gates passed, {failed} failures, {unclear} inconclusive; {:.1} s",
        if failed == 0 { "ok" } else { "FAILED" },
        verdicts.iter().filter(|g| g.verdict == Verdict::Pass).count(),
        start.elapsed().as_secs_f64()
    );
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn kernels(options: &Options) -> Result<Vec<Kernel>, Box<dyn std::error::Error + Send + Sync>> {
    let cases = crate::corpus::program::cases(&options.corpus.corpus)?;
    let chosen = |name: &str| options.filters.is_empty() || options.filters.iter().any(|f| name.contains(f.as_str()));
    let kernels: Vec<Kernel> =
        cases.iter().filter(|c| chosen(&c.0)).filter_map(|(name, case)| Kernel::of(name, case)).collect();
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
        for peer in &PEERS {
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

pub(super) fn progress_bar(jobs: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} processes, {eta} left  {msg}")
        .expect("the template is valid");
    ProgressBar::new(jobs as u64).with_style(style)
}

fn show(analysis: &Analysis, verdicts: &[GateResult]) {
    let rows = |title: &str, figures: &[Figure], subject: fn(&Figure) -> &Implementation| {
        if figures.is_empty() {
            return;
        }
        println!("{title}");
        for figure in figures {
            let kernel = figure.kernel.as_deref().unwrap_or("geometric mean");
            let ratio = &figure.ratio;
            println!(
                "  {kernel:<16} {:<20} {:>8.3}  [{:.3}, {:.3}]",
                subject(figure).to_string(),
                ratio.estimate,
                ratio.low,
                ratio.high
            );
        }
    };
    rows("uplift over the interpreter", &analysis.uplift, |f| &f.over);
    rows("time relative to the C twin", &analysis.native_ratio, |f| &f.of);
    rows("the interpreter's time relative to PUC Lua", &analysis.interpreter_ratio, |f| &f.of);
    println!("compile time of a unit of the corpus, median, without set-up");
    for figure in &analysis.compile {
        let (who, time) = (figure.implementation.to_string(), &figure.median);
        println!("  {who:<20} {:>9.1} µs  [{:.1}, {:.1}]", time.estimate * 1e6, time.low * 1e6, time.high * 1e6);
    }
    println!("gates");
    for gate in verdicts {
        let measured = gate.measured.as_ref().map_or_else(
            || gate.why.clone().unwrap_or_else(|| "not measured".to_owned()),
            |m| format!("{:.3} [{:.3}, {:.3}]", m.estimate, m.low, m.high),
        );
        let kernel = gate.kernel.as_deref().unwrap_or("all kernels");
        println!(
            "  {:<12} {:<20} {kernel:<12} {} over {}: {measured}, must be {}",
            gate.verdict.to_string(),
            gate.gate,
            gate.of,
            gate.over,
            gate.bound
        );
    }
}
