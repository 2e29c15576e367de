//! `lockstep run` as the program `lua`: what comes before the script and in which order, `arg`, standard input, exit codes, and the prompt. What is expected is what Debian's
//! `lua5.4` does, but for its name.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The directory with `script.lua`, which is written once: tests run at the same time.
static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lua_command");
    std::fs::create_dir_all(&directory).expect("a directory for scripts");
    std::fs::write(directory.join("script.lua"), "#!/usr/bin/lua\nprint(#arg, arg[0], ...)\nprint(arg[-1], x)\n")
        .expect("the script is written");
    directory
});

/// Standard output, standard error without tracebacks, and the exit code.
fn run(args: &[&str], input: &str) -> (String, String, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .arg("run")
        .args(args)
        .current_dir(&*DIRECTORY)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("the input is taken");
    let output = child.wait_with_output().expect("the command ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let error = text(output.stderr);
    let error = error.split("\nstack traceback:").next().unwrap_or_default().trim_end().to_owned();
    (text(output.stdout), error, output.status.code())
}

#[test]
fn statements_and_libraries_run_in_their_order() {
    let (out, error, code) = run(&["-e", "print(1)", "-l", "nope", "-e", "print(2)"], "");
    assert_eq!((out.as_str(), code), ("1\n", Some(1)));
    assert!(error.starts_with("lua: module 'nope' not found:"), "{error}");
    let (out, ..) =
        run(&["-e", "package.preload.m = function() return 7 end", "-l", "m", "-l", "g=m", "-e", "print(m, g)"], "");
    assert_eq!(out, "7\t7\n");
}

#[test]
fn the_script_has_its_arguments_and_what_stood_before() {
    let (out, error, code) = run(&["-e", "x = 5", "script.lua", "a", "-b"], "");
    assert_eq!((out.as_str(), error.as_str(), code), ("2\tscript.lua\ta\t-b\nx = 5\t5\n", "", Some(0)));
}

#[test]
fn standard_input_is_a_script() {
    let (out, _, code) = run(&["-", "one"], "print(arg[0], ...) error('no')");
    assert_eq!((out.as_str(), code), ("-\tone\n", Some(1)));
    assert_eq!(run(&["-"], "x = ").1, "lua: stdin:1: unexpected symbol near <eof>");
}

#[test]
fn messages_and_exit_codes() {
    for (statement, message, code) in [
        ("error('m', 0)", "lua: m", 1),
        ("error({})", "lua: (error object is a table value)", 1),
        ("error(setmetatable({}, {__tostring = function() return 'T' end}))", "lua: T", 1),
        ("error()", "lua: (error object is a nil value)", 1),
        ("os.exit(3)", "", 3),
        ("os.exit(true)", "", 0),
        ("os.exit(false)", "", 1),
        ("x =", "lua: (command line):1: unexpected symbol near <eof>", 1),
    ] {
        let (_, error, ended) = run(&["-e", statement], "");
        assert_eq!((error.as_str(), ended), (message, Some(code)), "{statement}");
    }
    let (_, error, code) = run(&["nofile.lua"], "");
    assert_eq!((error.as_str(), code), ("lua: cannot open nofile.lua: No such file or directory", Some(1)));
}

#[test]
fn the_prompt_prints_values_goes_on_after_errors_and_takes_statements_over_lines() {
    let entered = "1 + 1, nil\nerror('no')\nfor i = 1, 2 do\nprint(i)\nend\n=x\n";
    let (out, error, code) = run(&["-e", "x = 'set'", "-i"], entered);
    let shown = out.split_once('\n').map_or("", |(_, rest)| rest);
    assert_eq!(shown, "> 2\tnil\n> > >> >> 1\n2\n> set\n> \n");
    assert_eq!((error.as_str(), code), ("stdin:1: no", Some(0)));
}

#[test]
fn a_reader_of_the_host_that_never_ends_meets_the_limit_of_memory() {
    let (_, error, code) = run(&["--memory", "4", "-e", "load(os.time)"], "");
    assert_eq!((error.as_str(), code), ("lua: not enough memory", Some(1)));
}
