//! Makes what the executable has in place of LLVM's library until that is loaded (`src/library.rs`): for every function of LLVM's C interface a jump through a table,
//! and the functions' names in the order of the table.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// An LLVM this crate can be built for.
struct Version {
    feature: &'static str,
    major: &'static str,
    /// Names the installation, as for llvm-sys.
    prefix: &'static str,
}

const VERSIONS: [Version; 2] = [
    Version { feature: "CARGO_FEATURE_LLVM22", major: "22", prefix: "LLVM_SYS_221_PREFIX" },
    Version { feature: "CARGO_FEATURE_LLVM19", major: "19", prefix: "LLVM_SYS_191_PREFIX" },
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Without a feature the crate itself says what is wrong.
    let Some(version) = VERSIONS.iter().find(|version| env::var_os(version.feature).is_some()) else { return };
    println!("cargo:rerun-if-env-changed={}", version.prefix);
    let library = library(version);
    println!("cargo:rerun-if-changed={}", library.display());
    let bytes = fs::read(&library).unwrap_or_else(|e| panic!("cannot read {}: {e}", library.display()));
    let names = functions(&bytes).unwrap_or_else(|e| panic!("{} is no library: {e}", library.display()));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo states it"));
    fs::write(out.join("functions.rs"), source(&library, &names)).expect("cargo's directory takes files");
}

/// LLVM's shared library.
fn library(version: &Version) -> PathBuf {
    let Version { major, prefix, .. } = version;
    let config = match env::var_os(prefix) {
        Some(prefix) => PathBuf::from(prefix).join("bin/llvm-config"),
        None => ["llvm-config", &format!("llvm-config-{major}")]
            .into_iter()
            .map(PathBuf::from)
            .find(|config| answer(config, &["--version"]).is_some_and(|v| v.starts_with(&format!("{major}."))))
            .unwrap_or_else(|| {
                panic!("no llvm-config of LLVM {major} on the path; {prefix} may name the installation")
            }),
    };
    let files = answer(&config, &["--link-shared", "--libfiles"])
        .unwrap_or_else(|| panic!("{} knows no shared library of LLVM", config.display()));
    // Under the name that says which version it is, and not the one that linkers look for.
    fs::canonicalize(&files).unwrap_or_else(|e| panic!("LLVM's library {files}: {e}"))
}

fn answer(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The functions of the C interface, in order.
fn functions(library: &[u8]) -> object::Result<Vec<String>> {
    let file = object::File::parse(library)?;
    let mut names: Vec<String> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .filter(|name| name.starts_with("LLVM") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn source(library: &Path, names: &[String]) -> String {
    let list: String = names.iter().map(|name| format!("    c\"{name}\",\n")).collect();
    let jumps: String = (names.iter().enumerate())
        .map(|(i, name)| {
            format!(".globl {name}\n.hidden {name}\n.type {name}, @function\n{name}: jmp *lockstep_llvm_functions+{}(%rip)\n", 8 * i)
        })
        .collect();
    let count = names.len();
    format!(
        "const LIBRARY: &str = {library:?};\n\
         const COUNT: usize = {count};\n\
         static NAMES: [&std::ffi::CStr; COUNT] = [\n{list}];\n\
         std::arch::global_asm!(r#\"\n.text\n{jumps}\
         .data\n.p2align 3\n.globl lockstep_llvm_functions\n.hidden lockstep_llvm_functions\nlockstep_llvm_functions:\n\
         .rept {count}\n.quad lockstep_llvm_is_not_loaded\n.endr\n.text\n\"#, options(att_syntax));\n"
    )
}
