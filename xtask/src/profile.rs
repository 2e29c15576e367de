//! The profile that the interpreter's crates are compiled by: an instrumented build runs the training programs, and what it counted is kept
//! in the source tree. `vm/interp/profile/README.md` says why and how.

use std::process::ExitCode;

use xshell::{Shell, cmd};

use crate::{Done, target_dir};

/// Kernels of the corpus that are run besides the training programs, with sizes that give each about the same weight.
const KERNELS: &[(&str, u32)] = &[
    ("collatz", 5_000),
    ("fannkuch", 20_000),
    ("fib", 27),
    ("gcd", 10_000),
    ("heat", 15),
    ("lcg", 300_000),
    ("mandelbrot", 80),
    ("matmul", 60),
    ("nbody", 8_000),
    ("primes", 5_000),
    ("sieve", 10),
    ("spectralnorm", 60),
    ("sums", 300_000),
    ("xorshift", 300_000),
];

/// How often the Lua programs run: they decide what is hot.
const TIMES: usize = 12;

/// Tools that merge counts, as systems name them; one must be of the compiler's LLVM.
const MERGERS: &[&str] = &["llvm-profdata-22", "llvm-profdata"];

/// Makes the profile anew.
pub fn run(sh: &Shell) -> Done {
    let merger = MERGERS.iter().find(|tool| cmd!(sh, "{tool} --version").read().is_ok());
    let merger =
        merger.ok_or("no llvm-profdata: Debian's package llvm-22 has it, and so has rustup's component llvm-tools")?;
    let build = target_dir(sh).join("profile");
    let counts = build.join("counts");
    sh.remove_path(&counts)?;
    sh.create_dir(&counts)?;
    let instrumented = cmd!(sh, "cargo build --release -p lockstep --target-dir {build}");
    // Its progress is shown, as it takes minutes.
    if !instrumented.env("LOCKSTEP_PROFILE_GENERATE", &counts).to_command().status()?.success() {
        return Err("the instrumented build has failed".into());
    }

    let lockstep = build.join("release/lockstep");
    let home = sh.current_dir().join("vm/interp/profile");
    let train = home.join("train");
    let programs: Vec<_> =
        sh.read_dir(&train)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "lua")).collect();
    let quiet = |command: xshell::Cmd| command.read();
    eprintln!("training");
    for program in &programs {
        for _ in 0..TIMES {
            quiet(cmd!(sh, "{lockstep} run {program}"))?;
        }
        // The loop that looks for native code to enter is another one.
        quiet(cmd!(sh, "{lockstep} run --backend dynasm {program}"))?;
    }
    let typed = train.join("typed.lks");
    quiet(cmd!(sh, "{lockstep} run {typed} 500000"))?;
    quiet(cmd!(sh, "{lockstep} run --backend dynasm {typed} 30000"))?;
    for &(name, size) in KERNELS {
        for kernel in [format!("corpus/bench/{name}.lks"), format!("corpus/bench/generic/{name}.lks")] {
            let size = size.to_string();
            quiet(cmd!(sh, "{lockstep} run {kernel} {size} 7"))?;
        }
    }
    // The loop that counts.
    quiet(cmd!(sh, "{lockstep} coverage --quick --backend dynasm --level default"))?;

    let raw: Vec<_> =
        sh.read_dir(&counts)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "profraw")).collect();
    let profile = home.join("vm.profdata");
    cmd!(sh, "{merger} merge --sparse -o {profile} {raw...}").run()?;
    println!("{}: {} bytes", profile.display(), sh.read_binary_file(&profile)?.len());
    Ok(ExitCode::SUCCESS)
}
