//! `lockstep oracle`: a Lua program on our own VM and on PUC Lua, compared.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::lua::side::{Program, Seen, Side, Way, show};
use crate::lua::{case, manual};
use crate::subject::manifest::Limits;

/// Compare what a Lua program does here with what it does on PUC Lua 5.4.
///
/// Standard output, message and exit status must be the same, in every way that our VM can run it: bytecode optimised or as written, with the collector under
/// stress. Addresses of objects are not compared. Programs must not depend on time, on random seeds, or on the order of `pairs`.
#[derive(Args)]
#[command(after_help = "\
Exit status: 0 the same, 1 it differs, 2 it could not be run.

Examples:
  lockstep oracle program.lua a b   a program of your own, with arguments
  lockstep oracle --cases           what of the language the corpus shows, as docs/lua-cases.md has it")]
pub(super) struct Options {
    /// The program
    #[arg(required_unless_present = "cases")]
    file: Option<PathBuf>,
    /// Its arguments
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    args: Vec<String>,
    /// Print what of the language the corpus shows
    #[arg(long, conflicts_with_all = ["file", "args"])]
    cases: bool,
    #[command(flatten)]
    corpus: Corpus,
    /// Seconds that each run may take
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    timeout: f64,
}

pub(super) fn run(options: &Options) -> Done {
    let Some(file) = &options.file else {
        std::io::stdout().write_all(manual::table(&case::cases(&options.corpus.corpus)?).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    if !file.is_file() {
        return Err(format!("cannot read {}", file.display()).into());
    }
    let directory = std::env::current_dir()?;
    let file = file.to_str().ok_or("the file's name is not text")?;
    let program = Program { directory: &directory, file, args: &options.args, input: "" };
    let limits = Limits { seconds: options.timeout, ..Limits::default() };
    let expected = Side::Oracle.run(&program, &limits)?;
    println!("PUC Lua: {} lines of output, {}{}", count(&expected), show(&expected.ended), said(&expected));
    let mut differs = false;
    for way in Way::ALL {
        let seen = Side::Ours(way).run(&program, &limits)?;
        match seen.differs(&expected) {
            None => println!("{way}: the same"),
            Some(what) => {
                println!("{way}: DIFFERS: {what}");
                differs = true;
            }
        }
    }
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn count(seen: &Seen) -> usize {
    seen.output.split_inclusive(|b| *b == b'\n').count()
}

fn said(seen: &Seen) -> String {
    if seen.message.is_empty() { String::new() } else { format!(": {}", seen.message) }
}
