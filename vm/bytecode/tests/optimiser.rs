//! What each pass of the optimiser makes of small functions, what it leaves alone, and how it stops when its fuel is used up.

use lockstep_bytecode::optimise::{self, PassConfig, PassId, PassInfo};
use lockstep_bytecode::passes::PassSet;
use lockstep_bytecode::{FuncId, Instr, Op, Pc, Reg, Value, Verified, assemble, instr_text};

fn module(source: &str) -> Verified {
    assemble("test.lks", source).unwrap_or_else(|error| panic!("{error}"))
}

/// The instructions of the first function after a pass alone.
fn after(pass: PassId, source: &str) -> Vec<String> {
    texts(&optimise::run(&module(source), &PassConfig::only(&[pass])).module)
}

fn texts(module: &Verified) -> Vec<String> {
    let function = &module.functions[0];
    (0..function.code.len() as u32).map(|pc| instr_text(module, function, Pc(pc))).collect()
}

/// A function of which a pass changes nothing.
fn unchanged(pass: PassId, source: &str) {
    assert_eq!(after(pass, source), texts(&module(source)));
}

#[test]
fn passes_have_names() {
    assert_eq!(PassId::ALL.len(), optimise::passes().len());
    for PassInfo { id, name, doc } in optimise::passes() {
        assert_eq!((PassId::from_name(name), id.name()), (Some(*id), *name));
        assert!(doc.ends_with('.') && optimise::PIPELINE.contains(id));
    }
}

#[test]
fn jumps_are_threaded() {
    let source = "
func main(a: bool) -> i64 {
    reg x: i64
    jtrue a, one
    jump two
one:
    const.i64 x, 1
    jump there
two:
    const.i64 x, 2
there:
    jump end
    print.i64 x
end:
    ret x
}
";
    let expected = ["jfalse a, @3", "const.i64 x, 1", "ret x", "const.i64 x, 2", "ret x", "print.i64 x", "ret x"]
        .map(str::to_owned);
    assert_eq!(after(PassId::JumpThreading, source), expected);
}

#[test]
fn threading_keeps_back_edges() {
    // From the end there are two back edges through `tail`, by the short way one; from the loop there is one by either.
    let expected =
        ["jump @5", "subi.i64 n, n, 1", "jgti.i64 n, 5, @1", "ret n", "jump @1", "jgti.i64 n, 0, @4", "ret n"];
    let found = after(
        PassId::JumpThreading,
        "
func main(n: i64) -> i64 {
    jump enter
head:
    subi.i64 n, n, 1
    jgti.i64 n, 5, tail
    ret n
tail:
    jump head
enter:
    jgti.i64 n, 0, tail
    ret n
}
",
    );
    assert_eq!(found, expected.map(str::to_owned));
    // A comparison that a metamethod may decide counts no back edge then: the jump's is not given to it.
    unchanged(
        PassId::JumpThreading,
        "
func f(a: any, b: any) -> ... {
head:
    print.any a
    jlt.any a, b, end
    jump head
end:
    ret.any a, 1
}
",
    );
    // One of integers counts each.
    let expected = ["print.i64 a", "jgei.i64 a, 7, @0", "ret a"].map(str::to_owned);
    let source = "func f(a: i64) -> i64 {\nhead:\n print.i64 a\n jlti.i64 a, 7, end\n jump head\nend:\n ret a\n}\n";
    assert_eq!(after(PassId::JumpThreading, source), expected);
    // A float is not `ge` where it is not `lt`.
    unchanged(
        PassId::JumpThreading,
        "func f(a: f64) -> f64 {\nhead:\n print.f64 a\n jlti.f64 a, 7, end\n jump head\nend:\n ret a\n}\n",
    );
}

#[test]
fn constants_are_folded() {
    let source = "
func main(n: i64) -> i64 {
    reg a: i64, b: i64, c: i64, d: f64, e: any, t: bool
    const.i64 a, 6
    const.i64 b, 7
    mul.i64 c, a, b
    float.i64_to_f64 d, c
    add.any e, c, d
    lt.i64 t, a, b
    jtrue t, on
    ret n
on:
    add.i64 n, n, c
    sub.i64 b, n, b
    addi.i64 b, b, 0
    jlt.i64 a, n, on
    ret b
}
";
    let expected = [
        "const.i64 a, 6",
        "const.i64 b, 7",
        "const.i64 c, 42",
        "pool.f64 d, 42",
        "pool_float.any e, 84",
        "const.bool t, true",
        "jump @8",
        "ret n",
        "addi.i64 n, n, 42",
        "sub.i64 b, n, b",
        "move.i64 b, b",
        "jgti.i64 n, 6, @8",
        "ret b",
    ];
    let found: Vec<String> = after(PassId::ConstantFolding, source).iter().map(|text| text.replace(".0", "")).collect();
    assert_eq!(found, expected.map(str::to_owned));
}

#[test]
fn what_may_raise_is_not_folded() {
    for line in [
        // Raises, or is a NaN, or may call a metamethod or meet a numeral.
        "div.i64 n, n, zero",
        "add_checked.i64 n, big, big",
        "sub.f64 x, inf, inf",
        "idiv.any e, one, zero",
        "add.any e, one, text",
        "lt.any e, one, text",
        "unbox.i64 n, text",
        "neg.any e, text",
    ] {
        let source = format!(
            "func main(n: i64, x: f64) {{
    reg zero: i64, big: i64, inf: f64, one: any, text: any, e: any
    const.i64 zero, 0
    pool.i64 big, 9223372036854775807
    pool.f64 inf, inf
    int.any one, 1
    string.any text, \"2\"
    {line}
    ret_void
}}
"
        );
        let stem = line.split(' ').next().unwrap_or_default();
        let found = after(PassId::ConstantFolding, &source);
        // An operand may have become an immediate one, and nothing else.
        let folded = stem.replace('.', "i.");
        assert!(found[5].starts_with(stem) || found[5].starts_with(&folded), "{line} became {}", found[5]);
    }
}

#[test]
fn captured_variables_are_nobodys_constants() {
    let source = "
func main() -> ... {
    reg x: any, f: any, y: any
    int.any x, 1
    closure.any f, inner(x)
    call.any f, 0, 0
    move.any y, x
    addi.any y, y, 1
    ret.any y, 1
}
func inner() -> ... {
    .upvalue \"x\"
    reg v: any
    int.any v, 5
    upvalue_set.any \"x\", v
    ret.any v, 0
}
";
    for pass in [PassId::ConstantFolding, PassId::MoveSimplification, PassId::DeadCode] {
        unchanged(pass, source);
    }
}

#[test]
fn moves_are_simplified() {
    let source = "
func main(n: i64, m: i64) -> i64 {
    reg a: i64, b: i64
    move.i64 a, n
    add.i64 a, a, m
    mul.i64 b, a, a
    move.i64 n, b
    ret n
}
";
    let expected = ["move.i64 a, n", "add.i64 a, n, m", "mul.i64 n, a, a", "ret n"].map(str::to_owned);
    assert_eq!(after(PassId::MoveSimplification, source), expected);
    // The value is needed where it is, too.
    unchanged(
        PassId::MoveSimplification,
        "func f(n: i64) -> i64 {\n reg a: i64\n addi.i64 a, n, 1\n move.i64 n, a\n xor.i64 n, a, a\n ret n\n}\n",
    );
    // Around a loop.
    let source = "func f(n: i64) -> i64 {\n reg b: i64\nhead:\n addi.i64 b, n, 1\n move.i64 n, b\n jlti.i64 n, 9, head\n ret n\n}\n";
    let expected = ["addi.i64 n, n, 1", "jlti.i64 n, 9, @0", "ret n"].map(str::to_owned);
    assert_eq!(after(PassId::MoveSimplification, source), expected);
    // Operands of what may raise stay two registers: messages tell them apart.
    unchanged(
        PassId::MoveSimplification,
        "func f(a: any) -> ... {\n reg b: any, c: any\n move.any b, a\n add.any c, b, a\n print.any c\n ret.any c, 1\n}\n",
    );
}

#[test]
fn dead_code_goes_and_what_may_raise_stays() {
    let source = "
func main(n: i64) -> i64 {
    reg a: i64, b: i64, t: any, c: i64, e: any
    nil.any e
    addi.i64 a, n, 1
    addi.i64 b, a, 1
    div.i64 c, n, n
    table.any t, 0, 0
    get_name.any t, e, \"x\"
    len.any t, e
    not.any t, e
    ret n
    print.i64 n
    ret n
}
";
    let expected =
        ["nil.any e", "div.i64 c, n, n", "table.any t, 0, 0", "get_name.any t, e, \"x\"", "len.any t, e", "ret n"]
            .map(str::to_owned);
    assert_eq!(after(PassId::DeadCode, source), expected);
}

#[test]
fn registers_are_shared_within_a_kind() {
    let source = "
func main(n: i64) -> i64 {
    reg a: i64, x: f64, b: i64, unused: i64, c: i64
    addi.i64 a, n, 1
    addi.i64 b, a, 1
    float.i64_to_f64 x, b
    truncate.f64_to_i64 c, x
    add.i64 c, c, b
    ret c
}
";
    let optimised = optimise::run(&module(source), &PassConfig::only(&[PassId::RegisterReuse])).module;
    // `a` takes the parameter's place, `b` does too; `c` needs another, as `b` is live; the float is of another kind.
    assert_eq!(optimised.functions[0].registers.len(), 3);
    let uses =
        |pc: u32| optimised.functions[0].instr(Pc(pc)).operands().iter().filter_map(|v| v.reg()).collect::<Vec<_>>();
    assert_eq!(uses(0), [Reg(0), Reg(0)]);
    assert_eq!(uses(1), [Reg(0), Reg(0)]);
    assert_eq!(uses(4)[2], Reg(0));
}

#[test]
fn groups_captures_and_ends_of_variables_keep_their_order() {
    let source = "
func main() -> ... {
    reg a: any, gone: any, f: any, x: any, y: any, v: any, g: any
    int.any a, 1
    print.any a
    import.any f, \"print\"
    int.any x, 2
    int.any y, 3
    call.any f, 2, 0
    int.any v, 4
    closure.any g, inner(v)
    close.any 5
    print.any g
    ret.any a, 0
}
func inner() -> ... {
    .upvalue \"v\"
    reg none: any
    ret.any none, 0
}
";
    let written = module(source);
    let optimised = optimise::run(&written, &PassConfig::only(&[PassId::RegisterReuse])).module;
    let function = &optimised.functions[0];
    let find = |op: Op| function.code.iter().copied().find(|instr| instr.op() == op).expect("it is kept");
    let Instr::CallAny { base, .. } = find(Op::CallAny) else { panic!("a call") };
    let loads: Vec<Value> =
        function.code.iter().filter(|instr| instr.op() == Op::IntAny).map(|instr| instr.operands()[0]).collect();
    // The arguments follow the function called.
    assert_eq!(loads[1..3], [Value::Reg(Reg(base.0 + 1)), Value::Reg(Reg(base.0 + 2))]);
    // The variable that is ended is the one that is captured.
    let captured = function.templates[0].captured().next().expect("one is");
    assert_eq!(find(Op::CloseAny).operands()[0], Value::Imm(i64::from(captured.0)));
    assert_eq!(loads[3], Value::Reg(captured));
    assert!(function.registers.len() < written.functions[0].registers.len());
}

#[test]
fn origins_lead_to_the_program_as_written() {
    let source = "
func main(n: i64) -> i64 {
    reg a: i64
    const.i64 a, 3
    jump on
on:
    addi.i64 n, n, 1
    div.i64 n, n, a
    ret n
}
";
    let written = module(source);
    let once = optimise::run(&written, &PassConfig::default()).module;
    let twice = optimise::run(&once, &PassConfig::default()).module;
    for optimised in [&once, &twice] {
        let division =
            optimised.functions[0].code.iter().position(|instr| instr.op() == Op::DivI64).expect("it may raise");
        assert!(division < 3);
        assert_eq!(optimised.place(FuncId(0), Pc(division as u32)), (Pc(3), 8));
        assert_eq!(optimised.origin.as_ref().map(|origin| &*origin.module), Some(&*written));
    }
    assert_eq!(written.place(FuncId(0), Pc(3)), (Pc(3), 8));
}

#[test]
fn passes_stop_when_their_fuel_is_used_up() {
    let source = "
func main(n: i64) -> i64 {
    reg a: i64, b: i64, c: i64
    const.i64 a, 1
    const.i64 b, 2
    add.i64 c, a, b
    move.i64 a, c
    jump on
on:
    add.i64 n, n, a
    ret n
    ret a
}
";
    let written = module(source);
    let all = optimise::run(&written, &PassConfig::default());
    let changes: u64 = all.changes.iter().map(|(_, changes)| changes).sum();
    assert!(changes >= 6, "{:?}", all.changes);
    for fuel in 0..=changes + 1 {
        let mut config = PassConfig::default().with_total(Some(fuel));
        (config.dump, config.verify) = (true, true);
        let some = optimise::run(&written, &config);
        assert_eq!(some.changes.iter().map(|(_, changes)| changes).sum::<u64>(), fuel.min(changes));
        assert_eq!(some.dumps.len(), optimise::PIPELINE.len());
        if fuel == 0 {
            assert_eq!(texts(&some.module), texts(&written));
        }
    }
    for pass in PassId::ALL {
        assert_eq!(optimise::run(&written, &PassConfig::default().without(*pass)).changes_of(*pass), 0);
    }
}
