//! `lockstep export`: IR cases for others' runners.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::progress::Progress;
use super::{Corpus, Done};
use crate::case::Case;
use crate::export::{Language, export};

/// Write IR cases, with the bits that must come out, for others' runners, and the list of those that cannot be expressed, with reasons (docs/export.md).
#[derive(Args)]
#[command(after_help = "\
Examples:
  lockstep export --as c --out cases && gcc -O2 -fwrapv -ffp-contract=off -o check cases/all.c -lm && ./check
  lockstep export --as clif --out cases ir/edge && clif-util test cases/*.clif
  lockstep export --as wast --out cases ir/edge/iadd && wasmtime wast cases/*.wast")]
pub(super) struct Options {
    /// Only cases whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// The language
    #[arg(long = "as", value_name = "LANGUAGE")]
    language: Language,
    /// The directory for the files and the list, index.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    corpus: Corpus,
}

pub(super) fn run(options: &Options) -> Done {
    let selects =
        |name: &String| options.filters.is_empty() || options.filters.iter().any(|f| name.contains(f.as_str()));
    let names: Vec<String> = Case::names(&options.corpus.corpus)?.into_iter().filter(selects).collect();
    if names.is_empty() {
        return Err("no IR case has such a name; `lockstep parity --list ir/` shows all".into());
    }
    let bar = Progress::new(names.len(), "cases");
    let mut begun = 0;
    let index = export(options.language, &names, &options.corpus.corpus, &options.out, &mut |name| {
        bar.at(begun, name.to_owned());
        begun += 1;
    })?;
    bar.finish();
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for skipped in &index.skipped {
        reasons.entry(&skipped.detail).or_default().push(&skipped.case);
    }
    for (detail, cases) in &reasons {
        println!("not exported, {detail}: {}", cases.join(", "));
    }
    let left_out: usize = index.cases.iter().flat_map(|case| &case.left_out).map(|l| l.tuples).sum();
    let checks: usize = index.cases.iter().map(|case| case.checks).sum();
    println!(
        "export: {} cases with {checks} checks as {}, {} cases and {left_out} checks not expressible; see {}",
        index.cases.len(),
        options.language.name(),
        index.skipped.len(),
        options.out.join("index.json").display()
    );
    Ok(ExitCode::SUCCESS)
}
