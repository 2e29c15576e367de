//! Machine instructions of a warm call, counted by valgrind's callgrind: what speed is made of, without noise. Compiling, loading and starting up are not in it.
//!
//! The worker runs under valgrind; the count is that of one function of it ([`super::measure::counted`]), which makes one call of the kernel when everything hot is compiled. The processor that
//! valgrind shows has fewer features than the real one, so code may differ from what was timed.
//!
//! Memory that the C library hands out again has to be zeroed, fresh memory has not, and which it is was not the same in every process: kernels with arrays took some thousand instructions more or less (`matmul` 702,842 or
//! 696,205 in the same column). So every larger piece is a mapping of its own here, fresh from the host.

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
        "#!/bin/sh\nexport MALLOC_MMAP_THRESHOLD_=512 MALLOC_ARENA_MAX=1\nexec {VALGRIND} -q --tool=callgrind --callgrind-out-file={} '--toggle-collect={COUNTED}' {} \"$@\"\n",
        quoted(counts),
        quoted(&std::env::current_exe()?)
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// The total of a file of callgrind's.
fn parse(text: &str) -> Result<u64, String> {
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals:"));
    let total = total.and_then(|rest| rest.trim().parse().ok()).ok_or("callgrind wrote no total")?;
    if total == 0 {
        Err("callgrind counted nothing: it does not know the function by its name".to_owned())
    } else {
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_nothing_is_no_count() {
        assert_eq!(parse("version: 1\nevents: Ir\n\ntotals: 8006\n"), Ok(8006));
        assert!(parse("totals: 0\n").is_err() && parse("").is_err() && parse("totals: many").is_err());
    }

    #[test]
    fn the_function_that_is_counted_is_called_so() {
        let name = std::any::type_name_of_val(&crate::bench::measure::counted);
        assert!(name.contains(COUNTED.trim_matches('*')), "{name}");
    }
}
