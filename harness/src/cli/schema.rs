//! `lockstep schema`: JSON schemas of the files that people write, and of a report's data.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::Done;
use crate::corpus::schema::SCHEMAS;

/// Print the JSON schemas of corpus files and of a report's data.
///
/// With those of corpus files an editor completes fields and shows mistakes while a case is written. Most read the schema from a file's first line:
///
///   # yaml-language-server: $schema=https://…/docs/schema/ir.schema.json
#[derive(Args)]
pub(super) struct Options {
    /// Which; all are listed if none is named
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(SCHEMAS.map(|row| row.name)))]
    name: Option<String>,
    /// Write all of them into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    write: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    if let Some(directory) = &options.write {
        std::fs::create_dir_all(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        for row in &SCHEMAS {
            let path = directory.join(row.file_name());
            std::fs::write(&path, row.text()).map_err(|e| format!("{}: {e}", path.display()))?;
            println!("{}", path.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(name) = &options.name else {
        for row in &SCHEMAS {
            println!("{:8} {} ({})", row.name, row.about, row.files.join(", "));
        }
        return Ok(ExitCode::SUCCESS);
    };
    SCHEMAS.iter().filter(|row| row.name == *name).for_each(|row| print!("{}", row.text()));
    Ok(ExitCode::SUCCESS)
}
