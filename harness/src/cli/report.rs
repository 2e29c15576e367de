//! `lockstep report`: results of other commands as a page, as Markdown and as one file of data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::Done;
use crate::report::answers::answers;
use crate::report::{Sources, environment, gather, markdown, page};

/// Write what parity, coverage and benchmarks found: report.html, RESULTS.md, results.json.
///
/// Each part is read from what its command wrote with `--results`; a part that is not given is shown as missing. Nothing is measured here, and the
/// exit status says only whether the report could be written: verdicts are those of the commands.
#[derive(Args)]
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
    /// Directory to write to; made if need be
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    let sources = Sources {
        parity: options.parity.clone(),
        coverage: options.coverage.clone(),
        bench: options.bench.clone(),
        ..Sources::default()
    };
    let report = gather(&sources, environment::here())?;
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot make {}: {e}", options.out.display()))?;
    write(&options.out, "results.json", &(serde_json::to_string_pretty(&report)? + "\n"))?;
    write(&options.out, "RESULTS.md", &markdown::write(&report))?;
    write(&options.out, "report.html", &page::write(&report))?;
    for answer in answers(&report) {
        println!("{} {}", answer.question, answer.line());
    }
    println!("report: {}", options.out.join("report.html").display());
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
