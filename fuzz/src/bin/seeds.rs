//! Writes what the fuzzers begin with: the programs of the corpus as Lua source, and as encoded modules. `seeds CORPUS OUT` makes `OUT/lua_source` and `OUT/module`.

// It is built with the fuzzers and their instrumentation, whose symbols lie in libFuzzer.
use libfuzzer_sys as _;

use std::error::Error;
use std::path::{Path, PathBuf};

use lockstep_bytecode::{assemble, encode};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    program: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(corpus), Some(out)) = (args.next(), args.next()) else { return Err("seeds CORPUS OUT".into()) };
    let (lua, module) = (out.join("lua_source"), out.join("module"));
    std::fs::create_dir_all(&lua)?;
    std::fs::create_dir_all(&module)?;
    let (mut sources, mut modules) = (0, 0);
    for path in files(&corpus)? {
        let name = path.strip_prefix(&corpus)?.display().to_string().replace('/', "-");
        let text = std::fs::read_to_string(&path)?;
        let programs: Vec<(String, String)> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("lua" | "lks") => vec![(name, text)],
            Some("yaml") => {
                // Files of other schemas hold no programs.
                let Ok(file) = serde_yaml::from_str::<File>(&text) else { continue };
                let programs = file.cases.into_iter().filter_map(|case| case.program).enumerate();
                programs.map(|(number, program)| (format!("{name}-{number}"), program)).collect()
            }
            _ => continue,
        };
        for (name, program) in programs {
            if let Ok(assembled) = assemble("seed", &program) {
                std::fs::write(module.join(&name), encode(&assembled))?;
                modules += 1;
            } else if let Ok(compiled) = lockstep_lua::compile(program.as_bytes(), b"=seed") {
                std::fs::write(lua.join(&name), &program)?;
                std::fs::write(module.join(&name), encode(&compiled))?;
                sources += 1;
            }
        }
    }
    println!("{sources} Lua programs, {modules} programs of bytecode in {}", out.display());
    Ok(())
}

/// All files below a directory.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { all.extend(files(&path)?) } else { all.push(path) }
    }
    all.sort();
    Ok(all)
}
