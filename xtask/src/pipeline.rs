//! The pipelines: which stages they are made of, and their run.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;
use xshell::{Shell, cmd};

use crate::setup::{self, Features};
use crate::stage::{self, Stage};
use crate::{Done, lockstep, target_dir};

/// Options of a pipeline.
#[derive(Args, Debug)]
pub struct Run {
    /// Only these stages; may be repeated
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// List the stages and end
    #[arg(long)]
    list: bool,
}

/// A row of a pipeline.
pub struct Row {
    name: &'static str,
    shows: &'static str,
    commands: fn(&Shell, Features) -> Vec<Command>,
}

/// All checks, cheapest first.
pub const CI: &[Row] = &[
    Row {
        name: "format",
        shows: "the source is formatted",
        commands: |sh, _| vec![cmd!(sh, "cargo fmt --all --check").to_command()],
    },
    Row {
        name: "clippy",
        shows: "no warnings",
        commands: |sh, features| {
            let workspace = features.workspace();
            vec![cmd!(sh, "cargo clippy {workspace...} --all-targets -- -D warnings").to_command()]
        },
    },
    Row {
        name: "tests",
        shows: "unit and property tests, generated docs, architecture",
        commands: |sh, features| {
            let workspace = features.workspace();
            vec![cmd!(sh, "cargo test {workspace...} --no-fail-fast").to_command()]
        },
    },
    Row {
        name: "docs",
        shows: "the documentation of the source builds without warnings",
        commands: |sh, features| {
            let workspace = features.workspace();
            let mut doc = cmd!(sh, "cargo doc {workspace...} --no-deps --document-private-items").to_command();
            doc.env("RUSTDOCFLAGS", "-D warnings");
            vec![doc]
        },
    },
    BUILD,
];

/// The main job.
pub const ASSESS: &[Row] = &[BUILD];

const BUILD: Row = Row {
    name: "build",
    shows: "the command, in release",
    commands: |sh, features| vec![lockstep::build(sh, features)],
};

/// Runs a pipeline. The last line is the sum of its stages' result files.
pub fn run(sh: &mut Shell, without_llvm: bool, pipeline: &str, rows: &[Row], options: &Run) -> Done {
    if let Some(unknown) = options.only.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
        return Err(format!("no stage `{unknown}`; `cargo xtask {pipeline} --list` shows them").into());
    }
    let rows: Vec<&Row> =
        rows.iter().filter(|row| options.only.is_empty() || options.only.iter().any(|name| name == row.name)).collect();
    if options.list {
        for row in rows {
            println!("{:12} {}", row.name, row.shows);
        }
        return Ok(ExitCode::SUCCESS);
    }

    let dir = target_dir(sh).join("lockstep").join(pipeline);
    // Results of an earlier run must not stand in for a stage that leaves none.
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;

    let started = Instant::now();
    let features = setup::backends(sh, without_llvm)?;
    setup::peers(sh);
    println!("{:12} {:>7.1} s", "set-up", started.elapsed().as_secs_f64());
    for row in &rows {
        println!("{:12} …           {}", row.name, row.shows);
        let stage = Stage { name: row.name, commands: (row.commands)(sh, features) };
        let result = stage.run(&dir)?;
        let verdict = if result.failed == 0 { "ok" } else { "FAILED" };
        println!(
            "{:12} {:>7.1} s   {verdict}: {} passed, {} failed",
            row.name, result.seconds, result.passed, result.failed
        );
    }

    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let sum = stage::sum(&dir, &names);
    for name in &sum.missing {
        println!("{name}: no result");
    }
    println!("all stages   {:>7.1} s, logs and results in {}", started.elapsed().as_secs_f64(), dir.display());
    println!("{sum}");
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
