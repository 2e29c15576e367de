//! The `lockstep` command: built in release with the backends found, then run with the arguments given.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use xshell::{Shell, cmd};

use crate::setup::Features;
use crate::{Done, target_dir};

/// The command that builds it. Flags of the environment replace those of `.cargo/config.toml`, which costs speed: that is said.
pub fn build(sh: &Shell, features: Features) -> Command {
    if ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
    {
        eprintln!(
            "note: RUSTFLAGS replaces the flags of .cargo/config.toml: the interpreter is built slower (docs/interpreter.md)"
        );
    }
    let features = features.arguments();
    cmd!(sh, "cargo build --release --package lockstep --bin lockstep {features...}").to_command()
}

/// The command that builds it with the mistakes that can be planted in runtime and interpreter.
pub fn build_planted(sh: &Shell, features: Features) -> Command {
    let mut build = build(sh, features);
    build.args(["--features", "plant"]);
    build
}

/// The command itself.
pub fn command(sh: &Shell, args: &[&str]) -> Command {
    let binary = target_dir(sh).join("release").join(format!("lockstep{}", std::env::consts::EXE_SUFFIX));
    cmd!(sh, "{binary} {args...}").to_command()
}

/// Builds it, without noise if there is nothing to build, and runs it in the place of this program.
pub fn forward(sh: &Shell, features: Features, args: &[OsString]) -> Done {
    let built = build(sh, features).status()?;
    if !built.success() {
        return Ok(ExitCode::from(2));
    }
    // Where the user stands, not at the root: paths among the arguments are relative to there.
    let status = command(sh, &[]).args(args).current_dir(std::env::current_dir()?).status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
