//! The pipelines: which stages they are made of, and their run.

use std::fs;
use std::path::Path;
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
    /// How many of them at a time.
    at_once: usize,
}

/// The stage that needs a browser.
const TESTS: &str = "tests";

/// All checks, cheapest first.
pub const CI: &[Row] = &[
    Row {
        name: "format",
        shows: "the source is formatted",
        commands: |sh, _| vec![cmd!(sh, "cargo fmt --all --check").to_command()],
        at_once: 1,
    },
    Row {
        name: "clippy",
        shows: "no warnings",
        commands: |sh, features| {
            let workspace = features.workspace();
            // Where the environment's flags replace the project's, the interpreter is compiled in another way (vm/interp/build.rs).
            let target = target_dir(sh).join("lockstep/other-flags");
            let mut other =
                cmd!(sh, "cargo clippy -p lockstep-interp --target-dir {target} -- -D warnings").to_command();
            other.env("RUSTFLAGS", "-Cdebuginfo=0");
            vec![cmd!(sh, "cargo clippy {workspace...} --all-targets -- -D warnings").to_command(), other]
        },
        at_once: 1,
    },
    Row {
        name: TESTS,
        shows: "unit and property tests, generated docs, architecture",
        commands: |sh, features| {
            let workspace = features.workspace();
            // Cargo runs one test program after the other, and most of them do not keep two cores busy.
            let kinds = [&["--lib", "--bins"][..], &["--test", "*"], &["--doc"]];
            let workspace = &workspace;
            kinds.map(|kind| cmd!(sh, "cargo test {workspace...} --no-fail-fast {kind...}").to_command()).into()
        },
        at_once: 2,
    },
    Row {
        name: "docs",
        shows: "the documentation of the source builds without warnings",
        commands: |sh, features| {
            let workspace = features.workspace();
            let mut doc = cmd!(sh, "cargo doc {workspace...} --no-deps --document-private-items").to_command();
            // What is read with private items shown may link to them.
            doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
            vec![doc]
        },
        at_once: 1,
    },
    BUILD,
    Row {
        name: "outside",
        shows: "a backend from outside the workspace, one just scaffolded; exported cases, run by others",
        commands: |sh, _| outside(sh).into_iter().chain(exports(sh)).collect(),
        at_once: 1,
    },
    Row {
        name: "parity",
        shows: "every case on every backend, level and configuration; each pass of the bytecode optimiser changes some",
        commands: |sh, _| {
            vec![
                lockstep(sh, "parity --quiet --results TARGET/lockstep/ci/parity-results.json"),
                lockstep(sh, "passes"),
            ]
        },
        at_once: 1,
    },
    Row {
        name: "judges",
        shows: "the reference against judges that share no code with it",
        commands: |sh, _| vec![lockstep(sh, "judge"), lockstep(sh, "grid"), lockstep(sh, "twins")],
        at_once: 1,
    },
    Row {
        name: "fuzz",
        shows: "random functions and programs, a seeded slice",
        commands: |sh, _| {
            vec![
                lockstep(sh, "fuzz ir --count 1500 --level default"),
                lockstep(sh, "fuzz bytecode --count 200 --level default"),
                // Random Lua programs and dynamic ones are run by the gates without a fault, in the stage of faults.
            ]
        },
        at_once: 1,
    },
    Row {
        name: "coverage",
        shows: "how much runs natively, with gates",
        commands: |sh, _| {
            vec![lockstep(
                sh,
                "coverage --quick --parity TARGET/lockstep/ci/parity-results.json --results TARGET/lockstep/ci/coverage-results.json",
            )]
        },
        at_once: 1,
    },
    Row {
        name: "bench",
        shows: "quick benchmarks with gates, each backend at its default level; the other levels are for the main job",
        commands: |sh, _| {
            // The one gate about another level, on compile time, is run by the gates without a fault, in the stage of faults.
            vec![lockstep(
                sh,
                "bench --quick --level default --settle 5 --results TARGET/lockstep/ci/bench-results.json",
            )]
        },
        at_once: 1,
    },
    Row { name: "subjects", shows: "whole VMs from outside, as processes", commands: |sh, _| subjects(sh), at_once: 1 },
    Row {
        name: "regression",
        shows: "whether this build is worse than this machine's baseline, where there is one",
        commands: |sh, _| {
            vec![lockstep(sh, "baseline check --if-known --results TARGET/lockstep/ci/regression-results.json")]
        },
        at_once: 1,
    },
    Row {
        name: "faults",
        shows: "planted faults, and a small slow-down against a baseline: the gates must see theirs, and nothing without them",
        commands: |sh, _| {
            let one = "--only xorshift --backend dynasm --file TARGET/lockstep/ci/planted-baseline.json";
            vec![
                lockstep(sh, "faults --known --backend dynasm --results TARGET/lockstep/ci/faults-results.json"),
                lockstep(sh, &format!("baseline save --runs 3 {one}")),
                must_fail(sh, &format!("baseline check {one} --plant dynasm/speed=1.3")),
            ]
        },
        at_once: 1,
    },
    Row {
        name: "planted",
        shows: "planted violations: every gate must see its own",
        commands: |sh, _| PLANTED.iter().map(|args| must_fail(sh, args)).collect(),
        // What is planted in times is a multiple of what two processes do to each other.
        at_once: 2,
    },
    Row {
        name: "passport",
        shows: "a certificate of this run, held against the same results",
        commands: |sh, _| {
            let out = target_dir(sh).join("lockstep/ci/passport");
            let mut verify = results_of(sh, "ci", &["passport", "verify"]);
            verify.arg(out.join("passport.json"));
            vec![passport(sh, "ci", &out), verify]
        },
        at_once: 1,
    },
    Row {
        name: "report",
        shows: "the report of this run",
        commands: |sh, _| vec![report(sh, "ci", &target_dir(sh).join("lockstep/report"))],
        at_once: 1,
    },
];

/// The main job.
pub const ASSESS: &[Row] = &[
    BUILD,
    Row {
        name: "parity",
        shows: "every case on every backend, level and configuration",
        commands: |sh, _| vec![lockstep(sh, "parity --quiet --results TARGET/lockstep/assess/parity-results.json")],
        at_once: 1,
    },
    Row {
        name: "coverage",
        shows: "how much of each benchmark runs natively",
        commands: |sh, _| {
            vec![lockstep(
                sh,
                "coverage --parity TARGET/lockstep/assess/parity-results.json --results TARGET/lockstep/assess/coverage-results.json",
            )]
        },
        at_once: 1,
    },
    Row {
        name: "bench",
        shows: "how fast, with intervals and gates; by far the longest stage",
        commands: |sh, _| vec![full_bench(sh), lockstep(sh, "history add TARGET/lockstep/assess/bench-results.json")],
        at_once: 1,
    },
    Row {
        name: "regression",
        shows: "whether this build is worse than this machine's baseline, where there is one",
        commands: |sh, _| {
            vec![lockstep(sh, "baseline check --if-known --results TARGET/lockstep/assess/regression-results.json")]
        },
        at_once: 1,
    },
    Row {
        name: "faults",
        shows: "planted faults against the gates, in a build that can hold all of them: which gate sees which",
        commands: |sh, features| {
            vec![
                lockstep::build_planted(sh, features),
                lockstep(sh, "faults --matrix --backend dynasm --results TARGET/lockstep/assess/faults-results.json"),
                // The report is written by the build that measured.
                lockstep::build(sh, features),
            ]
        },
        at_once: 1,
    },
    Row {
        name: "report",
        shows: "reports/report.html, RESULTS.md, results.json, junit.xml, summary.md; passport.json, passport.html",
        commands: |sh, _| {
            vec![report(sh, "assess", Path::new("reports")), passport(sh, "assess", Path::new("reports"))]
        },
        at_once: 1,
    },
];

const BUILD: Row = Row {
    name: "build",
    shows: "the command, in release",
    commands: |sh, features| vec![lockstep::build(sh, features)],
    at_once: 1,
};

/// Commands that plant a violation and must therefore end with status 1: a verdict, not an error.
const PLANTED: &[&str] = &[
    // A slow-down, against the uplift gate.
    "bench xorshift --quick --no-peers --backend dynasm --level default --plant time:dynasm/speed=4",
    // Another result, against the checksum.
    "bench xorshift --quick --no-peers --backend dynasm --level default --plant checksum:dynasm/speed",
    // A slower compiler, against the compile time gate.
    "bench xorshift --quick --no-peers --rounds 6 --backend dynasm --backend cranelift --plant compile:dynasm/speed=4",
    // One process that makes other code than the others, against the comparison of exact values.
    "bench xorshift --quick --no-peers --backend dynasm --level default --plant exact:dynasm/speed",
    // Results of parity in which one instruction was executed natively, against the demand that all of them were.
    "coverage --quick xorshift --backend dynasm --parity harness/tests/planted/parity-of-one-instruction.json",
    // A twin that is faster than native code may be slower than, against the gate on the ratio to C: the uplift is as it was.
    "bench xorshift --quick --rounds 3 --backend dynasm --level default --plant time:gcc=0.3",
    // An interpreter of a quarter of its speed, against the gate that holds it to PUC Lua: every uplift is four times what it was.
    "bench bench/kernels/fib --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=4",
    // The same on generic instructions, against the gate on those.
    "bench bench/generic/fib --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=4",
    // And on coroutines.
    "bench bench/coroutines --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=10",
    // And on whole Lua programs, against the gates on those of numbers, on each and on all.
    "bench lua/bench-numeric/sieve --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=40",
    // And on those of the other groups, which have gates of their own.
    "bench lua/bench-allocation/churn --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=40",
    "bench lua/bench-objects/shapes --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=40",
    "bench lua/bench-collections/hashing --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=40",
    "bench lua/bench-calls/recursion --quick --rounds 3 --backend dynasm --level default --plant time:interpreter=40",
    // A coverage gate that no tiered run can keep.
    "coverage --quick --backend dynasm --corpus harness/tests/planted/coverage",
    // A program case that states a wrong result, a wrong error position, a wrong output.
    "parity bytecode --corpus harness/tests/planted/cases",
    // A pass of the bytecode optimiser that changes no case.
    "passes --without-pass dead-code",
    // A VM from outside whose compiler is wrong.
    "parity --exact --subject harness/tests/subjects/broken/subject.yaml broken/square/jit",
    // A slow-down in measurements of another tool.
    "compare harness/tests/planted/compare/before.csv harness/tests/planted/compare/after.csv",
];

/// The command with these arguments; paths are relative to the workspace, `TARGET` stands for where cargo builds.
fn lockstep(sh: &Shell, args: &str) -> Command {
    let target = target_dir(sh).display().to_string();
    let words: Vec<String> = args.split(' ').map(|word| word.replace("TARGET", &target)).collect();
    lockstep::command(sh, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Tests of the example and of a new scaffold, which are workspaces of their own; they share what is built already.
fn outside(sh: &Shell) -> Vec<Command> {
    let target = target_dir(sh);
    let (example, scaffold) = (crate::root().join("examples/baseline-x64"), target.join("lockstep/scaffold"));
    // The same versions of everything, so that nothing is built twice.
    let lock = cmd!(sh, "cp Cargo.lock {example}").to_command();
    let clean = cmd!(sh, "rm -rf {scaffold}").to_command();
    let new = cmd!(sh, "cargo xtask new-backend scaffold --path {scaffold}").to_command();
    let mut commands = vec![lock, clean, new];
    for dir in [example, scaffold] {
        let manifest = dir.join("Cargo.toml");
        commands.push(cmd!(sh, "cargo fmt --check --manifest-path {manifest}").to_command());
        commands.push(cmd!(sh, "cargo test --release --manifest-path {manifest} --target-dir {target}").to_command());
    }
    commands
}

/// Every IR case that WebAssembly or CLIF can express, run by parsers and interpreters of other projects.
fn exports(sh: &Shell) -> Vec<Command> {
    let target = target_dir(sh);
    let (example, out) = (crate::root().join("examples/run-exports"), target.join("lockstep/exports"));
    let (manifest, wast, clif) = (example.join("Cargo.toml"), out.join("wast"), out.join("clif"));
    vec![
        // The Cranelift that is under test, and no other version of it.
        cmd!(sh, "cp Cargo.lock {example}").to_command(),
        cmd!(sh, "cargo fmt --check --manifest-path {manifest}").to_command(),
        cmd!(sh, "cargo test --manifest-path {manifest} --target-dir {target}").to_command(),
        // What an earlier run exported is not what this build exports.
        cmd!(sh, "rm -rf {out}").to_command(),
        lockstep(sh, "export --as wast --out TARGET/lockstep/exports/wast"),
        lockstep(sh, "export --as clif --out TARGET/lockstep/exports/clif"),
        cmd!(sh, "cargo run --manifest-path {manifest} --target-dir {target} -- {wast} {clif}").to_command(),
    ]
}

/// The benchmarks at full sizes; with counts of machine instructions, where valgrind is there.
fn full_bench(sh: &Shell) -> Command {
    let mut bench = lockstep(sh, "bench --rounds 3 --settle 9 --results TARGET/lockstep/assess/bench-results.json");
    if setup::on_path(sh, "valgrind") {
        bench.arg("--instructions");
    } else {
        println!("{:12} valgrind is absent: instructions are not counted", "");
    }
    bench
}

/// A command that must end with status 1.
fn must_fail(sh: &Shell, args: &str) -> Command {
    let command = lockstep(sh, args);
    let binary = command.get_program();
    let args: Vec<_> = command.get_args().collect();
    // `$0` and `$@` keep the words as they are; the prefix keeps failures that must be from being counted as failures.
    let script = r#""$0" "$@" | sed "s|^|planted: |"; test ${PIPESTATUS[0]} -eq 1"#;
    cmd!(sh, "bash -c {script} {binary} {args...}").to_command()
}

/// A command that reads the results that a pipeline left.
fn results_of(sh: &Shell, pipeline: &str, args: &[&str]) -> Command {
    let dir = target_dir(sh).join("lockstep").join(pipeline);
    let mut command = lockstep::command(sh, args);
    for what in ["parity", "coverage", "bench"] {
        command.arg(format!("--{what}")).arg(dir.join(format!("{what}-results.json")));
    }
    command
}

/// The certificate of the results that a pipeline left.
fn passport(sh: &Shell, pipeline: &str, out: &Path) -> Command {
    let mut command = results_of(sh, pipeline, &["passport"]);
    command.arg("--out").arg(out);
    command
}

/// The subjects in `examples/`, those that are on this machine.
fn subjects(sh: &Shell) -> Vec<Command> {
    let parity = |name: &str| lockstep(sh, &format!("parity --quiet --subject examples/subjects/{name}/subject.yaml"));
    let mut commands = vec![parity("lockstep")];
    if setup::on_path(sh, "luajit") {
        commands.push(parity("luajit"));
    } else {
        println!("{:12} luajit is absent: examples/subjects/luajit is not run", "");
    }
    commands
}

/// The report on the results that a pipeline left.
fn report(sh: &Shell, pipeline: &str, out: &Path) -> Command {
    let mut command = results_of(sh, pipeline, &["report"]);
    // What only some pipelines have, and a baseline only some machines.
    for (option, name) in [("--faults", "faults-results.json"), ("--compare", "regression-results.json")] {
        let file = target_dir(sh).join("lockstep").join(pipeline).join(name);
        if file.exists() {
            command.arg(option).arg(file);
        }
    }
    command.args(["--history", "reports/history.jsonl"]).arg("--out").arg(out);
    command
}

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
    if rows.iter().any(|row| row.name == TESTS) {
        setup::browser(sh);
    }
    println!("{:12} {:>7.1} s", "set-up", started.elapsed().as_secs_f64());
    for row in &rows {
        println!("{:12} …           {}", row.name, row.shows);
        let stage = Stage { name: row.name, commands: (row.commands)(sh, features), at_once: row.at_once };
        let result = stage.run(&dir)?;
        let verdict = if result.failed == 0 { "ok" } else { "FAILED" };
        println!(
            "{:12} {:>7.1} s   {verdict}: {} passed, {} failed",
            row.name, result.seconds, result.passed, result.failed
        );
        for note in &result.notes {
            println!("{:12}             {note}", "");
        }
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
