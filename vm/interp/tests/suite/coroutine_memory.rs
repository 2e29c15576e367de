//! What many suspended coroutines take: 10,000 of them, each three calls deep with ten live variables in each call, under 40 MB over an idle VM.
//!
//! Peak memory is that of a process, so each measurement is a process of its own: this very test, told by a variable how many coroutines to make.

use std::process::Command;
use std::sync::Arc;

use lockstep_runtime::{Limits, Value};

/// The number of coroutines, for a process that is to be measured.
const COUNT: &str = "LOCKSTEP_TEST_COROUTINES";

/// How many, and how many bytes at most.
const COROUTINES: i64 = 10_000;
const MOST: u64 = 40_000_000;

/// `main(n)` makes `n` coroutines, has each suspended in its third call, then lets all of them end, and adds up what they return.
fn source() -> String {
    let registers = |body: &str| (0..10).map(|k| body.replace('K', &k.to_string())).collect::<String>();
    let function = |name: &str, below: &str| {
        let (declared, set, added) =
            (registers("aK: any, "), registers(" addi.any aK, seed, K\n"), registers(" add.any f, f, aK\n"));
        format!(
            "func {name}(seed: any) -> ... {{\n reg {declared}f: any, x: any\n{set}{below}{added} ret.any f, 1\n}}\n"
        )
    };
    let calls = |name: &str| format!(" closure.any f, {name}()\n move.any x, seed\n call.any f, 1, 1\n");
    let main = "
func main(n: i64) -> i64 {
    reg all: any, f: any, co: any, x: any, sum: any, i: any, limit: any, step: any, var: any, result: i64
    table.any all, 0, 0
    closure.any f, outer()
    const.any i, 1
    move.any limit, n
    const.any step, 1
    for_prep.any i, made
make:
    coroutine.any co, f
    set.any all, var, co
    move.any x, var
    resume.any co, 1, 0
    for_loop.any i, make
made:
    const.any sum, 0
    const.any i, 1
    move.any limit, n
    const.any step, 1
    for_prep.any i, done
end:
    get.any co, all, var
    resume.any co, 0, 2
    add.any sum, sum, x
    for_loop.any i, end
done:
    unbox.i64 result, sum
    ret result
}
";
    let yields = " yield.any r0, 0, 0\n const.any f, 0\n";
    [main, &function("outer", &calls("middle")), &function("middle", &calls("inner")), &function("inner", yields)]
        .concat()
}

/// The peak of this process's resident memory so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has this line");
    line.trim().strip_suffix(" kB").and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number of kB") * 1024
}

fn measured(count: i64) -> u64 {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    let test = "coroutine_memory::ten_thousand_suspended_coroutines_take_under_40_megabytes";
    let output =
        command.args(["--exact", test, "--nocapture"]).env(COUNT, count.to_string()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let peak = text.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|peak| peak.parse().ok());
    peak.unwrap_or_else(|| panic!("no peak in {text}"))
}

#[test]
fn ten_thousand_suspended_coroutines_take_under_40_megabytes() {
    if let Some(count) = std::env::var_os(COUNT) {
        let n: i64 = count.to_string_lossy().parse().expect("a number");
        let module = lockstep_bytecode::assemble("coroutines.lks", &source()).unwrap_or_else(|e| panic!("{e}"));
        let mut vm = lockstep_interp::new_vm(Arc::new(module), Limits::default());
        let main = vm.module().find("main").expect("it is there");
        // Each returns three times its number times ten, and thrice the sum from 0 to 9.
        let expected = Value::I64(15 * n * (n + 1) + 135 * n);
        assert_eq!(lockstep_interp::run(&mut vm, main, &[Value::I64(n)]).ok(), Some(Some(expected)));
        println!("\npeak {}", peak());
        return;
    }
    let (idle, full) = (measured(0), measured(COROUTINES));
    let over = full.saturating_sub(idle);
    println!("an idle VM {idle} bytes, {COROUTINES} coroutines {over} bytes more");
    assert!(over > 1_000_000, "they take some: {over}");
    assert!(over < MOST, "{over} bytes");
}
