//! Diagnostics of the assembler and the verifier, and the examples.

use lockstep_bytecode::{Instr, Op, Pc, Reg, Value, assemble, disassemble};

fn message(source: &str) -> String {
    assemble("t.lks", source).expect_err("must be refused").to_string()
}

/// A function with an i64, an f64 and an array around `body`.
fn in_function(body: &str) -> String {
    format!("func f(n: i64, x: f64, a: [i64]) -> i64 {{\n{body}\n ret n\n}}\nfunc g() {{\n ret_void\n}}\n")
}

#[track_caller]
fn refused(body: &str, expected: &[&str]) {
    let text = message(&in_function(body));
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn spelling_mistakes_get_hints() {
    refused(" ad.i64 n, n, n", &["t.lks:2:2: error: there is no instruction `ad.i64`", "did you mean `add.i64`?"]);
    refused(" select n, n, n", &["there are `select.i32`, `select.i64`"]);
    refused(" gt.i64 n, n, n", &["write `lt.i64` with its operands swapped"]);
    refused(" reg count: i64\n move.i64 n, coutn", &["t.lks:3:14", "no register `coutn`", "did you mean `count`?"]);
    refused(" move.i64 n, r9", &["no register `r9`", "3 registers are declared so far"]);
    refused(" jump lop\nloop:", &["t.lks:2:7", "label `lop` stands nowhere", "did you mean `loop`?"]);
    refused(" call_void gg()", &["there is no function `gg`"]);
    refused(" reg y: i46", &["found `i46`; expected a kind: i32,", "did you mean `i64`?"]);
    refused(" reg r1: i64", &["`r1` cannot name a register"]);
    refused(" reg t: table", &["registers cannot be fixed to a dynamic kind"]);
    refused(" .lines 3", &["there is no directive `.lines`; expected `.line`"]);
}

#[test]
fn operands_are_checked_where_they_stand() {
    refused(" add.i64 n, n", &["t.lks:2:14", "found end of line; expected `,` and operand `b` of `add.i64`"]);
    refused(" add.i64 n, n, n, n", &["found `,`; expected the end of the line"]);
    refused(" addi.i64 n, n, 0x80000000", &["`0x80000000` is out of range; expected a number from -2147483648"]);
    refused(" jlti.i64 n, 1000, e\ne:", &["expected a number from -128 to 127", "put it in a register with `const`"]);
    refused(" const.i64 n, 1.5", &["found `1.5`; expected an integer of kind i64"]);
    refused(" const.f64 x, wide", &["expected a float: decimal"]);
    refused(" reg b: bool\n const.bool b, 2", &["expected `true` or `false`"]);
    refused(" switch.i64 n, [e, e\ne:", &["expected `,` or `]`"]);
    refused(" call n, f(n, a, x)", &["`a` does not stand after the argument before it"]);
    refused(" call n, f(n)", &["t.lks:2:10", "`f` takes 3 arguments, but 1 are given"]);
    refused("e:\ne:\n", &["label `e` stands in this function twice"]);
    assert!(message("func f() {\n ret_void\n}\nfunc f() {\n ret_void\n}").contains("`f` is defined twice"));
    assert!(message("func f() {\n ret_void").contains("found end of file; expected an instruction"));
    assert!(message("fun f() {").contains("expected `func` or `.source`"));
}

#[test]
fn the_verifier_speaks_of_the_same_places() {
    refused(" add.i64 n, n, x", &["t.lks:2:2", "`b` is of kind f64, but the instruction is of kind i64"]);
    refused(" ret x", &["`value` is of kind f64, but the function's result is of kind i64"]);
    refused(" ret_void", &["the function has a result of kind i64; use `ret`"]);
    refused(" call n, g()", &["the function called has no result; use `call_void`"]);
    refused(" call_void f(n, x, a)", &["the function called has a result of kind i64; use `call`"]);
    refused(" tail_call g()", &["the function has a result of kind i64, but the one it ends in has no result"]);
    refused(
        " reg y: i64\n jlei.i64 n, 0, e\n const.i64 y, 1\ne:\n move.i64 n, y",
        &["t.lks:6:2", "`y` is read, but not assigned on every path to here"],
    );
    assert!(
        message("func f(n: i64) {\n add.i64 n, n, 1\n}").contains("2:2: error: the function can run past its last")
    );
    assert!(message("func f() {\n jump e\ne:\n}").contains("outside the code of 1 instructions"));
    let skips_back =
        "func f(i: any, limit: any, step: any) -> ... {\n reg v: any\nb:\n for_prep.any i, b\n ret.any r0, 0\n}";
    assert!(message(skips_back).contains("4:2: error: a loop is skipped forward, but target @0 is not ahead"));
    assert!(message("func f() {\n}").contains("1:6: error: the function has no instructions"));
}

#[test]
fn a_loop_assigns_before_it_reads() {
    // `y` is assigned before the loop is entered again, but not at its first entry.
    let source =
        "func f(n: i64) -> i64 {\n reg y: i64\nhead:\n move.i64 n, y\n const.i64 y, 1\n jlei.i64 n, 9, head\n ret n\n}";
    assert!(message(source).contains("`y` is read"));
    // Code that is never reached may read what it likes, as long as the kinds are right.
    assemble("t.lks", "func f() -> i64 {\n reg y: i64\n const.i64 y, 1\n ret y\n move.i64 y, y\n ret y\n}")
        .expect("fine");
}

#[test]
fn numbers_choose_the_form() {
    let source = "func f(n: u64, x: f64) -> u64 {\n add.u64 n, n, 4294967295\n const.u64 n, 0x1_0000_0000\n const.f64 x, inf\n \
                  jeq.f64 x, -1, e\n const.i64 r2, -1\ne:\n ret n\n}";
    let module = assemble("t.lks", &source.replace(") ->", ", i: i64) ->")).expect("assembles");
    let code = &module.functions[0].code;
    assert_eq!(code[0], Instr::AddImmU64 { dst: Reg(0), a: Reg(0), imm: u32::MAX });
    assert_eq!(code[1].op(), Op::PoolU64);
    assert_eq!(code[2].op(), Op::PoolF64);
    assert_eq!(code[3], Instr::JumpEqImmF64 { a: Reg(1), imm: -1, target: Pc(5) });
    assert_eq!(code[4].operands()[1], Value::Imm(-1));
    assert_eq!(module.functions[0].pool, [0x1_0000_0000, f64::INFINITY.to_bits()]);
}

#[test]
fn lines_come_from_the_text_or_from_directives() {
    let source = ".source \"a.lua\"\nfunc f() {\n jump e\ne:\n .line 70\n jump x\nx:\n ret_void\n}\n";
    let module = assemble("t.lks", source).expect("assembles");
    let lines: Vec<_> = (0..3).map(|pc| module.functions[0].lines.line(Pc(pc))).collect();
    assert_eq!((module.source.as_str(), lines), ("a.lua", vec![3, 70, 70]));
}

#[test]
fn odd_names_survive() {
    let source = "func \"a \\\"b\\\"\\x01é\"(i64) {\n ret_void\n}\nfunc g(n: i64) {\n call_void \"a \\\"b\\\"\\x01é\"(n)\n ret_void\n}";
    let module = assemble("dir/ü \"x\".lks", source).expect("assembles");
    assert_eq!(module.functions[0].name, "a \"b\"\u{1}é");
    assert_eq!(assemble("other", &disassemble(&module)).expect("assembles"), module);
}

#[test]
fn the_examples_round_trip() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/bytecode/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).expect("the examples exist") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let module = assemble(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
        let printed = disassemble(&module);
        assert_eq!(assemble("again", &printed).unwrap_or_else(|error| panic!("{error}")), module, "{printed}");
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn a_callee_with_broken_declarations_is_refused() {
    let source = "func f() {\n call_void g()\n ret_void\n}\nfunc g() {\n ret_void\n}";
    let mut module = assemble("t.lks", source).expect("assembles").into_inner();
    module.functions[1].param_count = 9;
    let error = lockstep_bytecode::verify(&module).expect_err("must be refused").to_string();
    assert!(error.contains("t.lks:6: function `g`: 9 parameters but 0 registers"), "{error}");
}
