//! The coverage-guided fuzzers of `fuzz/`: built with LLVM's coverage instrumentation by the stable compiler, given the corpus to begin with, and run.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

use crate::{Done, target_dir};

/// Options of the command.
#[derive(Args, Debug)]
pub struct Options {
    /// What is fuzzed
    target: Target,
    /// How many inputs are run
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// Seed of libFuzzer; the same seed does the same as long as nothing else changes
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Plant a panic, which must be found: the command then fails unless it is
    #[arg(long)]
    plant: bool,
    /// Further options of libFuzzer
    #[arg(last = true)]
    more: Vec<String>,
}

/// What is fuzzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Lua source: parsed, compiled and run
    LuaSource,
    /// Encoded modules: decoded, verified and run
    Module,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Target::LuaSource => "lua_source",
            Target::Module => "module",
        }
    }
}

/// What rustc is told: libFuzzer sees the edges taken. It does not see the operands of comparisons, which made an execution take six times as long; inputs are changed by their structure instead.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table";

/// The status with which libFuzzer ends at a panic or a crash; it has others for inputs that take too long or too much memory.
const CRASHED: i32 = 77;

/// The mistake that `--plant` plants.
const PLANTED: &str = "panic-in-loop";

/// Builds and runs a fuzzer. Statistics and crashes lie in `target/lockstep/fuzz-cover`.
pub fn run(sh: &Shell, options: &Options) -> Done {
    let target = target_dir(sh);
    let (build, out, name) = (target.join("fuzz"), target.join("lockstep/fuzz-cover"), options.target.name());
    // Named, so that build scripts are not instrumented.
    let host = cmd!(sh, "rustc --print host-tuple").read()?;
    let plant: &[&str] = if options.plant { &["--features", "plant"] } else { &[] };
    cmd!(
        sh,
        "cargo build --release --manifest-path fuzz/Cargo.toml --target-dir {build} --target {host} --bins {plant...}"
    )
    .env("RUSTFLAGS", FLAGS)
    .run()?;
    let built = build.join(&host).join("release");
    let (binary, make_seeds) = (built.join(name), built.join("seeds"));
    let (seeds, found) = (out.join(name), out.join(format!("{name}-found")));
    cmd!(sh, "{make_seeds} corpus {out}").run()?;
    // What was found before is not begun with: a seed means the same every time.
    sh.remove_path(&found)?;
    sh.create_dir(&found)?;
    let stats = out.join(format!("{name}.txt"));
    let (runs, seed) = (options.runs.to_string(), options.seed.to_string());
    let artifacts = format!("-artifact_prefix={}/", out.display());
    let more = &options.more;
    let mut command = cmd!(
        sh,
        "{binary} -runs={runs} -seed={seed} -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 {artifacts} {more...} {found} {seeds}"
    )
    .env("LOCKSTEP_FUZZ_STATS", &stats)
    .ignore_status();
    if options.plant {
        command = command.env("LOCKSTEP_FUZZ_PLANT", PLANTED);
    }
    let ended = command.to_command().status()?;
    if let Ok(text) = sh.read_file(&stats) {
        print!("{name}: {text}");
    }
    let as_expected = if options.plant { ended.code() == Some(CRASHED) } else { ended.success() };
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
