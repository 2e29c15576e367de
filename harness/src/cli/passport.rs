//! `lockstep passport`: a certificate of what was run, and its verification.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Args, Subcommand, ValueEnum};

use super::{Corpus, Done};
use crate::passport::model::{Tested, VERSION};
use crate::passport::verify::{Outcome, Verification, verify};
use crate::passport::{Passport, Sources, digest, html, issue};
use crate::subject::process::Scratch;

/// Write a certificate of what was run, on what, with which results: passport.json and passport.html.
///
/// From the results of other commands, or with --run from a run of its own. It says what was not run, too. `lockstep passport verify` holds it against
/// new results. Its digest shows that it is as it was written; it is no signature.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    issue: Issue,
}

const EXAMPLES: &str = "\
Examples:
  lockstep passport --run --quick --out passport             run everything, small sizes, and certify it
  lockstep passport --parity parity.json --bench bench.json  certify what was run before
  lockstep passport --run --subject vm/subject.yaml          certify a whole VM from outside
  lockstep passport verify passport/passport.json            run it again: what matches, what differs

Exit status: 0 issued, or verified; 1 something differs; 2 could not do it.";

#[derive(Subcommand)]
enum Action {
    /// Hold a passport against new results
    Verify(Verify),
}

/// Files that other commands wrote with `--results`.
#[derive(Args, Clone, Debug, Default)]
struct Files {
    /// Results of `lockstep parity`
    #[arg(long, value_name = "FILE")]
    parity: Option<PathBuf>,
    /// Results of `lockstep coverage`
    #[arg(long, value_name = "FILE")]
    coverage: Option<PathBuf>,
    /// Results of `lockstep bench`
    #[arg(long, value_name = "FILE")]
    bench: Option<PathBuf>,
}

#[derive(Args)]
struct Issue {
    #[command(flatten)]
    files: Files,
    /// Run what is not given, and certify that
    #[arg(long)]
    run: bool,
    /// With --run: small sizes and few rounds
    #[arg(long, requires = "run")]
    quick: bool,
    /// With --run: only this part; may be repeated
    #[arg(long, value_name = "PART", requires = "run")]
    only: Vec<Part>,
    /// Certify a whole VM from outside (docs/subjects.md)
    #[arg(long, value_name = "FILE", conflicts_with = "coverage")]
    subject: Option<PathBuf>,
    #[command(flatten)]
    corpus: Corpus,
    /// Directory to write to; made if need be
    #[arg(long, value_name = "DIR", default_value = "passport")]
    out: PathBuf,
}

/// Hold a passport against new results, which are made now unless they are given.
#[derive(Args)]
struct Verify {
    /// The passport
    file: PathBuf,
    #[command(flatten)]
    files: Files,
    /// Only the digest
    #[arg(long, conflicts_with_all = ["parity", "coverage", "bench"])]
    integrity: bool,
    /// Where the subject is described now, if not where the passport says
    #[arg(long, value_name = "FILE")]
    subject: Option<PathBuf>,
    #[command(flatten)]
    corpus: Corpus,
    /// Show also what matches
    #[arg(long)]
    all: bool,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Parity,
    Coverage,
    Bench,
}

impl Part {
    const ALL: [Part; 3] = [Part::Parity, Part::Coverage, Part::Bench];

    /// The command that runs it.
    const fn name(self) -> &'static str {
        match self {
            Part::Parity => "parity",
            Part::Coverage => "coverage",
            Part::Bench => "bench",
        }
    }
}

impl Files {
    fn of(&mut self, part: Part) -> &mut Option<PathBuf> {
        match part {
            Part::Parity => &mut self.parity,
            Part::Coverage => &mut self.coverage,
            Part::Bench => &mut self.bench,
        }
    }

    fn sources(self, corpus: &Corpus, subject: Option<PathBuf>) -> Sources {
        let Self { parity, coverage, bench } = self;
        Sources { parity, coverage, bench, corpus: corpus.corpus.clone(), subject }
    }
}

pub(super) fn run(options: &Options) -> Done {
    match &options.action {
        Some(Action::Verify(options)) => check(options),
        None => write(&options.issue),
    }
}

fn write(options: &Issue) -> Done {
    let scratch = Scratch::new()?;
    let mut files = options.files.clone();
    if options.run {
        let about = About { corpus: &options.corpus, subject: options.subject.as_deref() };
        for part in Part::ALL {
            let wanted = options.only.is_empty() || options.only.contains(&part);
            let possible = options.subject.is_none() || part != Part::Coverage;
            if wanted && possible && files.of(part).is_none() {
                let quick: &[&str] = if options.quick && part != Part::Parity { &["--quick"] } else { &[] };
                *files.of(part) = Some(run_part(part, &about, quick, &scratch)?);
            }
        }
    } else if files.parity.is_none() && files.coverage.is_none() && files.bench.is_none() {
        return Err("nothing to certify: give results, or say --run".into());
    }
    let passport = issue::issue(&files.sources(&options.corpus, options.subject.clone()))?;
    let (passport, text) = digest::seal(passport);
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot make {}: {e}", options.out.display()))?;
    for (name, content) in [("passport.json", text), ("passport.html", html::write(&passport))] {
        let path = options.out.join(name);
        std::fs::write(&path, content).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    for (_, sentence) in html::summary(&passport) {
        println!("{sentence}");
    }
    for missing in &passport.not_run {
        println!("not run: {}: {}", missing.what, missing.why);
    }
    println!("passport: {} {}", options.out.join("passport.json").display(), passport.digest);
    Ok(ExitCode::SUCCESS)
}

/// What a run is about.
struct About<'a> {
    corpus: &'a Corpus,
    subject: Option<&'a Path>,
}

/// Runs a command of this program and answers where its results are. A verdict that fails is a result like any other.
fn run_part(part: Part, about: &About<'_>, args: &[&str], scratch: &Scratch) -> Result<PathBuf, String> {
    let file = scratch.file(&format!("{}.json", part.name()));
    let program = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let mut command = Command::new(program);
    command.arg(part.name()).args(args).arg("--results").arg(&file).stdin(Stdio::null());
    match about.subject {
        Some(subject) => command.arg("--subject").arg(subject),
        None => command.arg("--corpus").arg(&about.corpus.corpus),
    };
    if part == Part::Parity {
        command.arg("--quiet");
    }
    // What it prints is not this command's own answer.
    command.stdout(std::io::stderr());
    let status = command.status().map_err(|e| format!("cannot run `lockstep {}`: {e}", part.name()))?;
    match status.code() {
        Some(0 | 1) if file.is_file() => Ok(file),
        _ => Err(format!("`lockstep {}` could not do its work: {status}", part.name())),
    }
}

fn check(options: &Verify) -> Done {
    let shown = options.file.display();
    let text = std::fs::read_to_string(&options.file).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{shown} is no passport: {e}"))?;
    let version = value.get("lockstep_passport").and_then(serde_json::Value::as_u64);
    if version != Some(VERSION.into()) {
        let found = version.map_or_else(|| "none".to_owned(), |v| v.to_string());
        return Err(format!("{shown}: version {found} of the format, this build reads {VERSION}").into());
    }
    let claimed = value.get("digest").and_then(serde_json::Value::as_str).unwrap_or_default();
    if let Err(found) = digest::check(&text, claimed) {
        println!("digest: DIFFERS: the passport says {claimed}, its content has {found}");
        println!("passport: FAILED: {shown} was changed after it was issued");
        return Ok(ExitCode::FAILURE);
    }
    println!("digest: matches: {claimed} (integrity, not a signature)");
    if options.integrity {
        return Ok(ExitCode::SUCCESS);
    }
    let old: Passport = serde_json::from_str(&text).map_err(|e| format!("{shown} is no passport: {e}"))?;
    let subject = match &old.tested {
        Tested::Corpus { .. } => None,
        Tested::Subject { file, .. } => Some(options.subject.clone().unwrap_or_else(|| file.into())),
    };
    let scratch = Scratch::new()?;
    let mut files = options.files.clone();
    if files.parity.is_none() && files.coverage.is_none() && files.bench.is_none() {
        let about = About { corpus: &options.corpus, subject: subject.as_deref() };
        again(&old, &about, &scratch, &mut files)?;
    }
    let new = issue::issue(&files.sources(&options.corpus, subject))?;
    let verification = verify(&old, &new);
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(&verification)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    show(&verification, options.all);
    Ok(if verification.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs everything that a passport certifies again, as it was run.
fn again(old: &Passport, about: &About<'_>, scratch: &Scratch, files: &mut Files) -> Result<(), String> {
    if old.parity.is_some() {
        files.parity = Some(run_part(Part::Parity, about, &[], scratch)?);
    }
    if let Some(coverage) = &old.coverage {
        let quick: &[&str] = if coverage.quick { &["--quick"] } else { &[] };
        files.coverage = Some(run_part(Part::Coverage, about, quick, scratch)?);
    }
    if let Some(bench) = &old.bench {
        let conditions = &bench.conditions;
        let (rounds, seed) = (conditions.rounds.to_string(), conditions.seed.to_string());
        let mut args = vec!["--rounds", &rounds, "--seed", &seed];
        if conditions.quick {
            args.push("--quick");
        }
        let settle = conditions.settle.map(|rounds| rounds.to_string());
        if let Some(settle) = &settle {
            args.extend(["--settle", settle]);
        }
        files.bench = Some(run_part(Part::Bench, about, &args, scratch)?);
    }
    Ok(())
}

fn show(verification: &Verification, all: bool) {
    for check in verification.checks.iter().filter(|c| all || c.outcome != Outcome::Matches) {
        if check.outcome == Outcome::Matches {
            println!("{}: matches: {}", check.what, check.found);
        } else {
            println!("{}: {}: {}, now {}", check.what, check.outcome, check.expected, check.found);
        }
    }
    let count = |outcome: Outcome| verification.checks.iter().filter(|c| c.outcome == outcome).count();
    println!(
        "passport: {}: {} match, {} differ, {} not compared, {} stated",
        if verification.holds { "verified" } else { "FAILED" },
        count(Outcome::Matches),
        count(Outcome::Differs),
        count(Outcome::NotCompared),
        count(Outcome::Stated)
    );
}
