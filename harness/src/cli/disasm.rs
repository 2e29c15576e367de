//! `lockstep disasm`: a program's bytecode, its IR after each pass, and the machine code a backend makes of it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use lockstep_backend_api::{Code, Level, Options as BackendOptions, Target};
use lockstep_bytecode::FuncId;
use lockstep_bytecode::passes::PassSet;
use lockstep_compiler::Request;

use super::Done;
use super::optimiser::Optimise;
use super::run::read_module;
use crate::backends::Backends;

/// Show a program's bytecode, IR and machine code.
///
/// Without --ir or --backend, the bytecode alone. Backends take typed functions, which Lua's are not.
#[derive(Args)]
pub(super) struct Options {
    /// Only this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Show the IR handed to backends; with --passes, after each pass
    #[arg(long)]
    ir: bool,
    /// Show the IR after each pass and, with --optimise, the bytecode
    #[arg(long)]
    passes: bool,
    #[command(flatten)]
    optimise: Optimise,
    /// Show the machine code that this backend makes
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// The backend's level (its default if not given): none, speed, best
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// The program: assembly (.lks), Lua's source, or a chunk that `string.dump` made
    file: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    if options.passes && !options.ir && !options.optimise.optimise {
        return Err("--passes shows what passes leave: of IR (--ir), or of bytecode (--optimise)".into());
    }
    let mut module = match options.file.extension() {
        Some(extension) if extension == "lks" => read_module(&options.file)?,
        _ => Arc::new(lockstep_lua::file_module(options.file.to_str().ok_or("the name of the program is not text")?)?),
    };
    let mut out = io::stdout().lock();
    if let Some(mut config) = options.optimise.config()? {
        config.dump = options.passes;
        let optimised = lockstep_bytecode::optimise::run(&module, &config);
        for dump in &optimised.dumps {
            writeln!(out, "; bytecode after {}\n{}", dump.after.name(), dump.text)?;
        }
        module = Arc::new(optimised.module);
    }
    if let Some(name) = &options.function {
        module.find(name).ok_or_else(|| format!("{} has no function `{name}`", options.file.display()))?;
    }
    write!(out, "{}", lockstep_bytecode::disassemble(&module))?;
    if !options.ir && options.backend.is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut backends = Backends::new();
    let backend = options.backend.as_deref().map(|id| backends.share(id)).transpose()?;
    for func in (0..module.functions.len() as u32).map(FuncId) {
        let name = &module.function(func).name;
        if options.function.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let mut compiler = lockstep_compiler::Options::default();
        compiler.passes.dump = options.passes;
        let compiled = lockstep_compiler::compile(&Request { module: &module, func, options: &compiler })
            .map_err(|refusal| format!("`{name}`: {refusal}"))?;
        for dump in &compiled.dumps {
            writeln!(out, "\n; IR of `{name}` after {}\n{}", dump.after, dump.text)?;
        }
        if options.ir && !options.passes {
            writeln!(out, "\n; IR of `{name}`\n{}", lockstep_ir::text::print(&compiled.unit))?;
        }
        let Some(backend) = &backend else { continue };
        let level = match &options.level {
            None => backend.capabilities().default_level,
            Some(name) => {
                Level::from_name(name).ok_or_else(|| format!("no level `{name}`; there are none, speed, best"))?
            }
        };
        let target = Target::host().ok_or("no backend can make code for this machine")?;
        let artifact = backend
            .compile(&compiled.unit, &target, &BackendOptions::at(level))
            .map_err(|e| format!("`{name}`: {e}"))?;
        writeln!(out, "\n; machine code of `{name}` by {}/{level}: {} bytes", backend.id(), artifact.code_bytes())?;
        if let Code::Native { bytes, .. } = &artifact.code {
            crate::machine_code::write(&mut out, bytes, &compiled.unit, &artifact)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
