//! `lockstep bisect`: from a divergence to what is behind it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_backend_api::{Execution, Level};

use super::{Corpus, Done};
use crate::backends::{Backends, Column};
use crate::bisect::lab::Lab;
use crate::bisect::verdict::Verdict;
use crate::bisect::{self, Found, Request, case, show};
use crate::corpus;
use crate::program::{Configuration, Program, fuzz};
use crate::worker::{Limits, Pool};

/// From a divergence to what is behind it: layer, function, pass and change, the first differing instruction, a reduced case.
///
/// With --backend, CASE is a case of the corpus, or a YAML file with cases of one's own, that fails there. What is found: which layer is
/// wrong (the interpreter, building the IR, one change of a pass, lowering, a loop entry, native code); the compiled functions without which it
/// does not show; the first instruction at which the runs part, with both frames side by side; a reduced program, as a case for the corpus; and
/// the line that shows it again. Crashes and hangs are reduced like wrong results.
///
/// With --subject, CASE is a program of a whole VM from outside that diverges in a configuration of its own (docs/subjects.md): which compiled
/// functions, and which change of its optimiser.
///
/// Exit status: 0 if nothing fails, 1 if something does and here is what, 2 if it could not be tried.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The case: a name, a YAML file, or `random:SEED:INDEX` for a program of `fuzz bytecode`; or the program of the subject
    #[arg(value_name = "CASE")]
    case: String,
    /// The backend on which it fails: an id from `lockstep backends`, `exec:CMD` or `fault:NAME:ID`
    #[arg(long, value_name = "ID", required_unless_present = "subject", conflicts_with = "subject")]
    backend: Option<String>,
    /// At which level (the backend's default if not given): none, speed, best
    #[arg(long, value_name = "LEVEL", requires = "backend")]
    level: Option<String>,
    /// Only this run of the case, from 0
    #[arg(long, value_name = "N", requires = "backend")]
    run: Option<usize>,
    /// Reduce for at most so many seconds; 0 leaves it out
    #[arg(long, value_name = "S", default_value_t = 60)]
    reduce: u64,
    /// Native code that runs for longer, in milliseconds, hangs
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    patience: u64,
    /// Where the reduced case is written, as a corpus of its own
    #[arg(long, value_name = "DIR", default_value = "target/lockstep/bisect")]
    out: PathBuf,
    /// The whole VM from outside that diverges
    #[arg(long, value_name = "FILE", requires = "configuration")]
    subject: Option<PathBuf>,
    /// Only in this configuration: eager, exits, osr, churn, tiered; with --subject, the subject's
    #[arg(long, value_name = "NAME")]
    configuration: Option<String>,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    #[command(flatten)]
    corpus: Corpus,
}

const EXAMPLES: &str = "\
Examples:
  lockstep bisect bytecode/calls/fib --backend exec:./mine
  lockstep bisect bench/sieve/sieve --backend mine --configuration osr --results found.json
  lockstep bisect target/lockstep/fuzz/program_17.yaml --backend mine
  lockstep bisect --subject vm/subject.yaml sieve --configuration jit";

pub(super) fn run(options: &Options) -> Done {
    if let Some(file) = &options.subject {
        return super::subject::bisect::run(&super::subject::bisect::Request {
            file,
            program: &options.case,
            configuration: options.configuration.as_deref().unwrap_or_default(),
            results: options.results.as_deref(),
        });
    }
    let request = request(options)?;
    if options.case.starts_with("ir/") {
        return ir_case(options, &request);
    }
    let program = match random(&options.case) {
        Some((seed, index)) => fuzz::case(seed, index)?,
        None => named(options)?,
    };
    let lab = Lab::new(request.patience * 2 + Duration::from_secs(3));
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed}, {pos} experiments: {msg}").expect("the template is valid"),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    let found = bisect::localise(&lab, &program, &request, &mut |step| {
        bar.set_position(lab.probes());
        bar.set_message(step.to_owned());
    })?;
    bar.finish_and_clear();
    let Found::Verdict(mut verdict) = found else {
        println!("bisect: {} does on {} what the interpreter does", options.case, request.column);
        return Ok(ExitCode::SUCCESS);
    };
    keep(options, &request, &mut verdict)?;
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(&verdict)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    print!("{}", show::text(&verdict, show::Style::new(colours())));
    println!("bisect: {}; {} experiments, {:.1} s", verdict.layer.name(), verdict.probes, verdict.seconds);
    Ok(ExitCode::FAILURE)
}

fn ir_case(options: &Options, request: &Request) -> Done {
    let pool = Pool::new(Limits { silence: request.patience * 2 + Duration::from_secs(3), ..Limits::default() });
    let (corpus, out) = (&options.corpus.corpus, &options.out);
    let found = bisect::ir::localise(&pool, &options.case, &request.column, &request.reference, corpus, out)?;
    let Some(mut verdict) = found else {
        println!("bisect: {} passes on {}", options.case, request.column);
        return Ok(ExitCode::SUCCESS);
    };
    if verdict.written.is_none() {
        verdict.line += &options.corpus.again();
    }
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(&verdict)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    print!("{}", bisect::ir::text_of(&verdict));
    println!("bisect: {} experiments, {:.1} s", verdict.probes, verdict.seconds);
    Ok(ExitCode::FAILURE)
}

/// Seed and index of `random:SEED:INDEX`.
fn random(case: &str) -> Option<(u64, u64)> {
    let (seed, index) = case.strip_prefix("random:")?.split_once(':')?;
    Some((seed.parse().ok()?, index.parse().ok()?))
}

/// A file's first case, or one of the corpus.
fn named(options: &Options) -> Result<Program, Box<dyn std::error::Error + Send + Sync>> {
    if Path::new(&options.case).is_file() {
        let text = std::fs::read_to_string(&options.case).map_err(|e| format!("cannot read {}: {e}", options.case))?;
        return Ok(case::read(&text)?);
    }
    let found = corpus::program::find(&options.case, &options.corpus.corpus)?;
    Ok(found.ok_or_else(|| format!("no program case `{}`; `lockstep parity --list` shows all", options.case))?)
}

/// Colours on a terminal, unless `NO_COLOR` (<https://no-color.org>) is set.
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn request(options: &Options) -> Result<Request, Box<dyn std::error::Error + Send + Sync>> {
    let mut backends = Backends::new();
    let id = options.backend.clone().ok_or("--backend is missing")?;
    let capabilities = backends.resolve(&id)?.capabilities();
    let level = match &options.level {
        None => capabilities.default_level,
        Some(name) => {
            Level::from_name(name).ok_or_else(|| format!("no level `{name}`; there are none, speed, best"))?
        }
    };
    let configuration = options.configuration.as_deref().map(|name| {
        Configuration::of_native_code().find(|c| c.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Configuration::of_native_code().map(Configuration::name).collect();
            format!("no configuration `{name}`; there are {}", known.join(", "))
        })
    });
    Ok(Request {
        case: options.case.clone(),
        run: options.run,
        column: Column { backend: id, level },
        configuration: configuration.transpose()?,
        reference: reference(&backends)?,
        reduce_for: Duration::from_secs(options.reduce),
        patience: Duration::from_millis(options.patience),
    })
}

/// The evaluator of this build.
pub(super) fn reference(backends: &Backends) -> Result<Column, String> {
    let evaluator = backends.iter().find(|b| b.capabilities().execution == Execution::Evaluated);
    let evaluator = evaluator.ok_or("this build has no evaluator")?;
    Ok(Column { backend: evaluator.id().to_owned(), level: evaluator.capabilities().default_level })
}

/// Writes the reduced case as a corpus of its own, so that any command can run it.
fn keep(options: &Options, request: &Request, verdict: &mut Verdict) -> Result<(), String> {
    let Some(reduced) = &verdict.reduced else {
        verdict.line += &options.corpus.again();
        return Ok(());
    };
    let directory = options.out.join("bytecode");
    let name = case::name(&verdict.case, verdict.run);
    let path = directory.join(format!("{name}.yaml"));
    std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&path, &reduced.yaml))
        .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    verdict.line = format!(
        "lockstep parity --corpus {} --backend {} --level {} bytecode/{name}/{name}",
        super::shell_word(&options.out.display().to_string()),
        super::shell_word(&request.column.backend),
        request.column.level
    );
    verdict.written = Some(path.display().to_string());
    Ok(())
}
