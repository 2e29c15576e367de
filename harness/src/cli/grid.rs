//! `lockstep grid`: is every required cell of the instruction grid in the corpus, as the outside judge has it?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::grid;

/// Check that the corpus holds every required cell of the instruction grid, or write the grid's files.
///
/// Cells are instruction × operand × edge value, instruction × error, and the ways control can go, all from the instruction table.
/// What must come out of each is the word of an outside judge, a Python script that shares no code with the VM; `lockstep parity
/// bytecode/grid` holds the interpreter and the backends against it. Fails if a cell is missing or a file is not what it must be.
#[derive(Args)]
pub(super) struct Options {
    /// Write the files
    #[arg(long)]
    bless: bool,
    #[command(flatten)]
    corpus: Corpus,
    /// The judge
    #[arg(long, value_name = "FILE", default_value_os_t = default_judge())]
    judge: PathBuf,
}

fn default_judge() -> PathBuf {
    let here = PathBuf::from("harness/judge/bytecode.py");
    if here.is_file() { here } else { PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/judge/bytecode.py")) }
}

/// How many names of a list are shown.
const SHOWN: usize = 10;

pub(super) fn run(options: &Options) -> Done {
    let corpus = &options.corpus.corpus;
    let wanted = grid::files(&options.judge)?;
    if options.bless {
        grid::write(corpus, &wanted)?;
    }
    let missing: Vec<String> = grid::missing(corpus)?.iter().map(ToString::to_string).collect();
    let stale = grid::stale(corpus, &wanted)?;
    let unknown = grid::unknown(corpus)?;
    let mut bad = false;
    for (what, list) in [("missing cells", &missing), ("stale files", &stale), ("no cells of the grid", &unknown)] {
        if !list.is_empty() {
            bad = true;
            let more = if list.len() > SHOWN { ", …" } else { "" };
            println!("{} {what}: {}{more}", list.len(), list[..list.len().min(SHOWN)].join(", "));
        }
    }
    if bad {
        println!("`{}` writes the files anew", grid::BLESS);
    }
    let (runs, cells) = grid::size();
    let verdict = if bad { "FAILED" } else { "ok" };
    println!("grid: {verdict}: {cells} cells of {} instructions in {runs} runs", wanted.len());
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
