//! `lockstep report`: results of other commands as a page, as text, as data, and in the forms that CI reads.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::report::{Sources, environment, gather, github, junit, markdown, page, summary, terminal};

/// Write what the other commands found: a page, Markdown, data, JUnit, and a summary here.
///
/// Each part is read from what its command wrote with `--results`; a part that is not given is shown as missing. Nothing is measured here, and the
/// exit status says only whether the report could be written: verdicts are those of the commands.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Results of `lockstep parity`
    #[arg(long, value_name = "FILE")]
    parity: Option<PathBuf>,
    /// Results of `lockstep coverage`
    #[arg(long, value_name = "FILE")]
    coverage: Option<PathBuf>,
    /// Results of `lockstep bench`
    #[arg(long, value_name = "FILE")]
    bench: Option<PathBuf>,
    /// Results of `lockstep faults`
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Results of `lockstep baseline check` or `lockstep compare`
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// The history that `lockstep history add` keeps
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Directory to write to; made if need be
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Print annotations for GitHub, and append summary.md to the job's summary ($GITHUB_STEP_SUMMARY)
    #[arg(long)]
    github: bool,
    #[command(flatten)]
    corpus: Corpus,
}

const AFTER_HELP: &str = "\
Written to --out:
  report.html    everything, for people: one file, offline
  RESULTS.md     the same as Markdown, with what the figures mean
  results.json   the same as data; `lockstep schema results` prints its schema
  summary.md     in brief, for a pull request
  junit.xml      every verdict as a test case, for CI

Examples:
  lockstep parity --quiet --results parity.json
  lockstep bench --quick --results bench.json
  lockstep report --parity parity.json --bench bench.json --out reports";

pub(super) fn run(options: &Options) -> Done {
    let sources = Sources {
        parity: options.parity.clone(),
        coverage: options.coverage.clone(),
        bench: options.bench.clone(),
        faults: options.faults.clone(),
        compare: options.compare.clone(),
        history: options.history.clone(),
        ..Sources::default()
    };
    let report = gather(&sources, environment::here())?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot make {}: {e}", options.out.display()))?;
    write(&options.out, "results.json", &(serde_json::to_string_pretty(&report)? + "\n"))?;
    write(&options.out, "RESULTS.md", &markdown::write(&report))?;
    write(&options.out, "report.html", &page::write(&report))?;
    write(&options.out, "junit.xml", &junit::write(&report)?)?;
    let summary = summary::write(&report);
    write(&options.out, "summary.md", &summary)?;
    anstream::print!("{}", terminal::write(&report));
    println!("\nreport: {}", options.out.join("report.html").display());
    if options.github {
        print!("{}", github::annotations(&report, &options.corpus.corpus));
        if let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY") {
            let file = Path::new(&file);
            github::append_summary(file, &summary).map_err(|e| format!("cannot append to {}: {e}", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
