//! `lockstep grid`: is every required cell of the instruction grid in the corpus, as the outside judge has it?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Corpus, Done};
use crate::grid;

/// Check that the corpus holds every required cell of the instruction grid, or write the grid's files.
///
/// Cells are instruction × operand × edge value, instruction × error, and the ways control can go, all from the instruction table; of the dynamic half
/// instruction × kinds of operands × metamethods, edges, counts and errors. What must come out of each is the word of an outside judge that shares no
/// code with the VM: a Python script for the typed half, PUC Lua 5.4 for the dynamic one (where it is not installed, the outcomes that the corpus holds
/// stand, and that is said). `lockstep parity bytecode/grid` holds the interpreter and the backends against it. Fails if a cell is missing or a file is not
/// what it must be.
#[derive(Args)]
pub(super) struct Options {
    /// Write the files
    #[arg(long)]
    bless: bool,
    #[command(flatten)]
    corpus: Corpus,
    /// The judge of the typed half
    #[arg(long, value_name = "FILE", default_value_os_t = default_judge("bytecode.py"))]
    judge: PathBuf,
    /// What asks the judge of the dynamic half
    #[arg(long, value_name = "FILE", default_value_os_t = default_judge("dynamic/grid.py"))]
    dynamic_judge: PathBuf,
}

fn default_judge(name: &str) -> PathBuf {
    let here = PathBuf::from("harness/judge").join(name);
    if here.is_file() { here } else { PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/judge")).join(name) }
}

/// How many names of a list are shown.
const SHOWN: usize = 10;

pub(super) fn run(options: &Options) -> Done {
    let corpus = &options.corpus.corpus;
    let mut wanted = grid::files(&options.judge)?;
    let instructions = wanted.len();
    let dynamic = grid::dynamic_files(&options.dynamic_judge, corpus)?;
    let cases = dynamic.files.len();
    wanted.extend(dynamic.files);
    if options.bless {
        grid::write(corpus, &wanted)?;
    }
    let missing = grid::missing(corpus)?;
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
    let (runs, cells, dynamic_cells) = grid::size();
    let verdict = if bad { "FAILED" } else { "ok" };
    println!("grid: {verdict}: {cells} cells of {instructions} typed instructions in {runs} runs");
    let judged = if dynamic.is_judged { "judged by lua5.4" } else { "not judged anew: lua5.4 is not installed" };
    println!("grid: {verdict}: {dynamic_cells} cells of the dynamic half in {cases} cases, {judged}");
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
