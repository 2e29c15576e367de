//! The command as its users meet it: nothing is called good that did not happen, lines that are printed work as printed, mistakes are told once, where they stand and in words.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const LOCKSTEP: &str = env!("CARGO_BIN_EXE_lockstep");
const PLANTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted/cases");

/// The exit status, and everything printed.
fn lockstep(args: &[&str]) -> (Option<i32>, String) {
    said(Command::new(LOCKSTEP).args(args))
}

fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// A directory of a test's own, empty.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command").join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

#[test]
fn a_corpus_that_is_not_there_is_an_error_everywhere() {
    let empty = directory("empty");
    let empty = empty.to_str().expect("text");
    for command in [
        &["parity", "--list"][..],
        &["coverage", "--quick"],
        &["bench", "--plan"],
        &["twins"],
        &["grid"],
        &["passes"],
        &["export", "--as", "c", "--out", "nowhere"],
        &["bisect", "bytecode/calls/fib", "--backend", "eval"],
        &["doctor"],
    ] {
        for (corpus, why) in [("/nonexistent", "there is no such directory"), (empty, "one of the directories ir, ")] {
            let (status, text) = lockstep(&[command, &["--corpus", corpus]].concat());
            assert_eq!(status, Some(2), "{command:?}: {text}");
            assert!(text.contains(corpus) && text.contains(why), "{command:?}: {text}");
        }
    }
}

#[test]
fn nothing_matched_is_no_success() {
    for args in [&["coverage", "--quick", "xorshfit"][..], &["coverage", "nosuch"], &["bench", "--plan", "nosuch"]] {
        let (status, text) = lockstep(args);
        assert_eq!(status, Some(2), "{args:?}: {text}");
        assert!(text.contains("no benchmark has such a name"), "{args:?}: {text}");
    }
    // What the interpreter alone runs is not covered by anything.
    let (status, text) = lockstep(&["coverage", "--quick", "bench/coroutines"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("is interpreted: "), "{text}");
    let (status, text) = lockstep(&["twins", "--corpus", PLANTED]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("has a twin"), "{text}");
    for what in ["ir", "bytecode"] {
        let (status, text) = lockstep(&["fuzz", what, "--count", "0"]);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(&format!("fuzz {what}: FAILED: 0 ")), "{text}");
    }
}

#[test]
fn the_line_that_runs_a_trial_again_does() {
    let here = directory("again");
    let (name, results) = ("bytecode/planted/wrong_result/interpreter", here.join("results.json"));
    let corpus = here.join("my corpus");
    std::fs::create_dir_all(corpus.join("bytecode")).expect("a directory");
    std::fs::copy(Path::new(PLANTED).join("bytecode/planted.yaml"), corpus.join("bytecode/planted.yaml"))
        .expect("a copy");
    let mut first = Command::new(LOCKSTEP);
    first.args(["parity", "--exact", name, "--memory", "3000", "--timeout", "30", "--corpus"]).arg(&corpus);
    let (status, text) = said(first.arg("--results").arg(&results));
    assert_eq!(status, Some(1), "{text}");
    let line =
        text.lines().find_map(|line| line.trim().strip_prefix("run it again: ")).unwrap_or_else(|| panic!("{text}"));
    let options = format!(" --corpus '{}' --timeout 30 --memory 3000 --exact {name}", corpus.display());
    assert_eq!(line, format!("lockstep parity{options}"));
    let path = format!(
        "{}:{}",
        Path::new(LOCKSTEP).parent().expect("a directory").display(),
        std::env::var("PATH").expect("a path")
    );
    let (status, again) = said(Command::new("sh").args(["-c", line]).env("PATH", path));
    assert_eq!(status, Some(1), "{again}");
    assert!(again.contains("0 passed, 1 failed") && again.contains("result"), "{again}");
    // Whoever reads the results can say it, too: reports do.
    let (status, text) =
        said(Command::new(LOCKSTEP).arg("report").arg("--parity").arg(&results).arg("--out").arg(&here));
    assert_eq!(status, Some(0), "{text}");
    let junit = std::fs::read_to_string(here.join("junit.xml")).expect("it was written");
    assert!(junit.contains(" --timeout 30 --memory 3000 --exact "), "{junit}");
}

/// What `parity` says of a corpus with this file of programs.
fn complaint(name: &str, yaml: &str) -> String {
    let corpus = directory(name);
    std::fs::create_dir_all(corpus.join("bytecode")).expect("a directory");
    std::fs::write(corpus.join("bytecode/bad.yaml"), yaml).expect("a file");
    let (status, text) = lockstep(&["parity", "--corpus", corpus.to_str().expect("text"), "bytecode/bad/"]);
    assert_eq!(status, Some(2), "{text}");
    text
}

#[test]
fn a_mistake_in_a_case_is_told_once_and_where_it_stands() {
    let good = "about: A\ncases:\n  - name: one\n    about: B\n    program: |\n      func main(a: i64) -> i64 {\n          ret a\n      }\n    runs:\n      - args: [1]\n        result: 1\n";
    let check = |name: &str, yaml: &str, place: &str| {
        let text = complaint(name, yaml);
        assert_eq!(text.matches("bad.yaml:").count(), 1, "told once: {text}");
        assert!(text.contains(&format!("bad.yaml:{place}")), "{place}: {text}");
        assert!(text.ends_with("error: a case has a mistake; nothing was run\n"), "{text}");
    };
    check("block", &good.replace("ret a", "rett a"), "7:11: error: there is no instruction `rett`");
    let scalar = |text: &str| {
        good.replace("|\n      func main(a: i64) -> i64 {\n          ret a\n      }\n", &format!("{text}\n"))
    };
    check("quoted", &scalar("\"func main(a: i46) -> i64 {\""), "5:28: error: found `i46`");
    check("number", &scalar("5"), "5:14: error: ");
    check(
        "escaped",
        &scalar("\"func main(a: i64) {\\n rett\\n}\""),
        "5:14: error: there is no instruction `rett` (in line 2 of this text, column 2)",
    );
    check(
        "argument",
        &good.replace("[1]", "[one]"),
        "10:16: error: argument 1 of `main`: \"one\" is no i64; expected an integer from ",
    );
    check("surplus", &good.replace("[1]", "[1, 2]"), "10:19: error: `main` takes 1 argument (i64), but 2 are given");
    check("result", &good.replace("result: 1", "result: yes"), "11:17: error: the result of `main`: ");
    check("entry", &format!("{good}        entry: other\n"), "12:16: error: the program has no function `other`");
}

#[test]
fn programs_in_lua_are_disassembled_source_or_binary() {
    let directory = directory("disasm");
    let path = |name: &str| directory.join(name).to_str().expect("text").to_owned();
    let (source, binary, wrong) = (path("source.lua"), path("binary.luac"), path("wrong.lua"));
    std::fs::write(&source, "#!/usr/bin/lua\nlocal function double(a) return a + a end\nreturn double(21)\n")
        .expect("written");
    let dump = "local name, out = ...; io.open(out, 'wb'):write(string.dump(loadfile(name))):close()";
    let script = path("dump.lua");
    std::fs::write(&script, dump).expect("written");
    assert_eq!(lockstep(&["run", &script, &source, &binary]).0, Some(0));
    for file in [&source, &binary] {
        let (status, text) = lockstep(&["disasm", file]);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("double") && text.contains("add.any"), "{text}");
    }
    std::fs::write(&wrong, "local x = = 1\n").expect("written");
    let (status, text) = lockstep(&["disasm", &wrong]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("wrong.lua:1: unexpected symbol near '='"), "{text}");
}

#[test]
fn an_argument_that_does_not_fit_is_told_in_words() {
    let file = directory("malformed_argument").join("t.lks");
    std::fs::write(&file, "func main(a: i64) -> i64 {\n ret a\n}\n").expect("a file");
    let run = |args: &[&str]| said(Command::new(LOCKSTEP).arg("run").arg(&file).args(args));
    let (status, text) = run(&["foo"]);
    assert_eq!(
        (status, text.starts_with("error: argument 1 of `main`: \"foo\" is no i64; expected an integer")),
        (Some(2), true),
        "{text}"
    );
    let (status, text) = run(&["1", "2"]);
    assert_eq!((status, text.as_str()), (Some(2), "error: `main` takes 1 argument (i64), but 2 are given\n"));
    assert_eq!(run(&["7"]), (Some(0), "7\n".to_owned()));
}

#[test]
fn what_nobody_reads_ends_quietly() {
    for args in [&["parity", "--list"][..], &["bench", "--plan", "--quick"], &["schema", "program"], &["backends"]] {
        let mut child =
            Command::new(LOCKSTEP).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        // As `head` does, which may be gone before the first line.
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&stderr), "", "{args:?}");
        assert_eq!(status.code(), Some(128 + 13), "{args:?}");
    }
}

#[test]
fn every_published_schema_is_listed_and_printed() {
    let (status, list) = lockstep(&["schema"]);
    let (_, help) = lockstep(&["schema", "--help"]);
    assert_eq!(status, Some(0), "{list}");
    let published = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema")).expect("schemas");
    let mut count = 0;
    for file in published.map(|entry| entry.expect("a file").path()) {
        let name = file.file_name().expect("a name").to_string_lossy().replace(".schema.json", "");
        assert!(list.lines().any(|line| line.split(' ').next() == Some(&name)), "{name}: {list}");
        assert!(help.contains(&name), "{name}: {help}");
        let (status, text) = lockstep(&["schema", &name]);
        assert_eq!(status, Some(0), "{text}");
        assert!(text == std::fs::read_to_string(&file).expect("text"), "{name}");
        count += 1;
    }
    assert!(count >= 7);
    let (status, text) = lockstep(&["schema", "nosuch"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("nosuch") && text.contains("lua") && text.contains("results"), "{text}");
}
