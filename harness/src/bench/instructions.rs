//! Machine instructions of a warm call, counted by valgrind's callgrind: what speed is made of, without noise. Compiling, loading and starting up are not in it.
//!
//! The worker runs under valgrind; the count is that of one function of it ([`super::measure::counted`]), which makes one call of the kernel when everything hot is compiled. The processor that
//! valgrind shows has fewer features than the real one, so code may differ from what was timed.
//!
//! What the C library executes is left out: how its allocator finds memory, and whether it has to be zeroed, depends on what the process did before, which differs by a few thousand instructions from process to process
//! (`matmul` 702,842 or 696,205 in the same column). Its mathematics is a library of its own, and counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::worker::{Answer, Limits, Task, Worker};

/// The program.
const VALGRIND: &str = "valgrind";

/// The name of the function whose instructions count, as callgrind matches it.
const COUNTED: &str = "*bench::measure::counted*";

/// How long a process may take: it runs about fifty times slower.
const PATIENCE: Duration = Duration::from_secs(600);

/// valgrind maps more address space than the program asks for.
const MEMORY: u64 = 64 << 30;

/// valgrind's version, if it is installed.
pub fn version() -> Option<String> {
    let output = Command::new(VALGRIND).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Has a task done under valgrind, and counts the instructions of its counted call.
///
/// # Errors
/// valgrind or the worker failed, or nothing was counted.
pub fn count(task: &Task, dir: &Path) -> Result<u64, String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let counts = dir.join("callgrind.out");
    // Counts of an earlier process must not stand in for this one's.
    let _ = fs::remove_file(&counts);
    let program = wrapper(dir, &counts).map_err(|e| format!("{}: {e}", dir.display()))?;
    let limits = Limits { memory: MEMORY, silence: PATIENCE, ..Limits::default() };
    let mut worker = Worker::start(Some(&program), &limits).map_err(|e| format!("{VALGRIND}: {e}"))?;
    match worker.run(task) {
        Ok(Answer::Bench(_)) => {}
        Ok(Answer::Refused { why }) => return Err(why),
        Ok(_) => return Err("the worker answered another task".to_owned()),
        Err(death) => return Err(death.to_string()),
    }
    worker.finish().map_err(|how| how.to_string())?;
    let text = fs::read_to_string(&counts).map_err(|e| format!("{}: {e}", counts.display()))?;
    parse(&text)
}

/// A program that runs this one under valgrind: a worker is started by the path of a program.
fn wrapper(dir: &Path, counts: &Path) -> std::io::Result<PathBuf> {
    let path = dir.join("under-valgrind");
    let quoted = |path: &Path| crate::cli::shell_word(&path.display().to_string());
    let script = format!(
        "#!/bin/sh\nexec {VALGRIND} -q --tool=callgrind --callgrind-out-file={} '--toggle-collect={COUNTED}' {} \"$@\"\n",
        quoted(counts),
        quoted(&std::env::current_exe()?)
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// The instructions in a file of callgrind's, without those of the C library. The format is described in Valgrind's manual, "Callgrind Format Specification".
fn parse(text: &str) -> Result<u64, String> {
    let mut objects = BTreeMap::new();
    let (mut all, mut counted, mut in_libc, mut of_callee) = (0u64, 0u64, false, false);
    let mut total = None;
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=").or(line.strip_prefix("cob=")) {
            // An object is named once, and then called by its number.
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if !name.is_empty() {
                objects.insert(number, is_libc(name));
            }
            if line.starts_with("ob=") {
                in_libc = objects.get(number).copied().ok_or_else(|| format!("callgrind names no object {number}"))?;
            }
        } else if line.starts_with("calls=") {
            of_callee = true;
        } else if let Some(rest) = line.strip_prefix("totals:") {
            total = rest.trim().parse::<u64>().ok();
        } else if line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*'))
            && !std::mem::take(&mut of_callee)
        {
            let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
            let cost = cost.ok_or_else(|| format!("callgrind's line `{line}` has no cost"))?;
            all += cost;
            counted += if in_libc { 0 } else { cost };
        }
    }
    match total.ok_or("callgrind wrote no total")? {
        0 => Err("callgrind counted nothing: it does not know the function by its name".to_owned()),
        total if total != all => Err(format!("callgrind's total is {total}, but its lines add up to {all}")),
        _ => Ok(counted),
    }
}

/// Whether an object file is the C library: `libc.so.6`, `libc-2.31.so`, `ld-musl-x86_64.so.1`.
fn is_libc(object: &str) -> bool {
    let file = object.rsplit('/').next().unwrap_or(object);
    ["libc.so", "libc-", "libc.musl", "ld-musl"].iter().any(|start| file.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that calls the C library: 10 instructions of its own, 6 of its mathematics, 100 of the library.
    const COUNTED_CALL: &str = "version: 1\nevents: Ir\n\nob=(1) /bin/program\nfn=(1) run\n153 6\n+1 1\ncob=(2) /lib/libc.so.6\ncfn=(2) malloc\ncalls=2 10 \n* 100\n-3 3\n\n\
                                ob=(2)\nfn=(2)\n10 40\n* 60\n\nob=(3) /lib/libm.so.6\nfn=(3) sin\n0 6\n\ntotals: 116\n";

    #[test]
    fn the_c_library_is_left_out_and_nothing_is_no_count() {
        assert_eq!(parse(COUNTED_CALL), Ok(16));
        // Lines that do not add up are not understood.
        assert!(parse(&COUNTED_CALL.replace("totals: 116", "totals: 117")).is_err());
        assert!(parse(&COUNTED_CALL.replace("ob=(3) /lib/libm.so.6", "ob=(4)")).is_err());
        assert!(parse("totals: 0\n").is_err() && parse("").is_err() && parse("totals: many").is_err());
        assert!(
            is_libc("/lib/libc-2.31.so") && is_libc("/lib/ld-musl-x86_64.so.1") && !is_libc("/usr/lib/libcairo.so")
        );
    }

    #[test]
    fn the_function_that_is_counted_is_called_so() {
        let name = std::any::type_name_of_val(&crate::bench::measure::counted);
        assert!(name.contains(COUNTED.trim_matches('*')), "{name}");
    }
}
