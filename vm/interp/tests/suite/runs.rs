//! Whole runs: calls, arrays, output, limits, errors with tracebacks. No native code.

use std::time::Duration;

use crate::common::{call, fib, function, module, r, sum, vm};
use lockstep_bytecode::{ErrorKind, FuncId, Function, Instr, JumpTable, Kind, Pc, TableId};
use lockstep_interp::{check_arguments, new_vm_with_stack, run};
use lockstep_runtime::{Limits, StackSizes, Thresholds, Value};

const I: Kind = Kind::I64;

/// `down(n)`: n if n < 1, otherwise 1 + down(n - 1); the call is at pc 2.
fn down() -> Function {
    let code = vec![
        Instr::JumpLtImmI64 { a: r(0), imm: 1, target: Pc(5) },
        Instr::SubImmI64 { dst: r(1), a: r(0), imm: 1 },
        Instr::Call { dst: r(1), args: r(1), func: FuncId(0) },
        Instr::AddImmI64 { dst: r(1), a: r(1), imm: 1 },
        Instr::Ret { value: r(1) },
        Instr::Ret { value: r(0) },
    ];
    function("down", 1, Some(I), &[I; 2], code)
}

/// Two functions that tail-call each other `n` times; the second has a much larger frame. Results in a third parameter.
fn ping_pong() -> Vec<Function> {
    let ping = vec![
        Instr::JumpLtImmI64 { a: r(0), imm: 1, target: Pc(5) },
        Instr::SubImmI64 { dst: r(2), a: r(0), imm: 1 },
        Instr::AddImmI64 { dst: r(3), a: r(1), imm: 3 },
        Instr::TailCall { args: r(2), func: FuncId(1) },
        Instr::Ret { value: r(1) },
        Instr::Ret { value: r(1) },
    ];
    let pong = vec![
        // The arguments lie one above the parameters: they overlap.
        Instr::MoveI64 { dst: r(2), a: r(1) },
        Instr::MoveI64 { dst: r(1), a: r(0) },
        Instr::TailCall { args: r(1), func: FuncId(0) },
    ];
    vec![function("ping", 2, Some(I), &[I; 4], ping), function("pong", 2, Some(I), &[I; 200], pong)]
}

#[test]
fn calls_return_to_their_callers() {
    assert_eq!(call(vec![fib()], &[Value::I64(20)]), Ok(Some(Value::I64(6765))));
    assert_eq!(call(vec![sum()], &[Value::I64(1000)]), Ok(Some(Value::I64(500_500))));
    assert_eq!(call(vec![down()], &[Value::I64(199_999)]), Ok(Some(Value::I64(199_999))));
}

#[test]
fn functions_without_results() {
    let main = vec![
        Instr::CallVoid { args: r(0), func: FuncId(1) },
        Instr::CallVoid { args: r(1), func: FuncId(1) },
        Instr::RetVoid {},
    ];
    let show = vec![Instr::PrintI64 { value: r(0) }, Instr::RetVoid {}];
    let functions = vec![function("main", 2, None, &[I, I], main), function("show", 1, None, &[I], show)];
    let mut vm = vm(functions, Limits::default());
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(-7), Value::I64(8)]), Ok(None));
    assert_eq!(vm.take_output(), b"-7\n8\n");
    assert_eq!(vm.output(), b"");
}

#[test]
fn printing_every_kind() {
    let kinds = [Kind::I32, Kind::I64, Kind::U32, Kind::U64, Kind::F64, Kind::Bool];
    let code = vec![
        Instr::PrintI32 { value: r(0) },
        Instr::PrintI64 { value: r(1) },
        Instr::PrintU32 { value: r(2) },
        Instr::PrintU64 { value: r(3) },
        Instr::PrintF64 { value: r(4) },
        Instr::PrintBool { value: r(5) },
        Instr::RetVoid {},
    ];
    let mut vm = vm(vec![function("f", 6, None, &kinds, code)], Limits::default());
    let args = [
        Value::I32(-1),
        Value::I64(i64::MIN),
        Value::U32(u32::MAX),
        Value::U64(u64::MAX),
        Value::F64(0.1),
        Value::Bool(true),
    ];
    run(&mut vm, FuncId(0), &args).unwrap();
    assert_eq!(
        String::from_utf8_lossy(vm.output()),
        "-1\n-9223372036854775808\n4294967295\n18446744073709551615\n0.1\ntrue\n"
    );
}

#[test]
fn recursion_ends_at_the_depth_limit_with_both_ends_of_the_stack() {
    let error = call(vec![down()], &[Value::I64(200_000)]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::StackOverflow);
    assert_eq!((error.position.func, error.position.pc, error.position.line), (FuncId(0), Pc(2), 12));
    assert_eq!(error.traceback.depth(), 200_000);
    assert!(error.traceback.outermost.iter().all(|position| position.pc == Pc(2)));

    let mut vm = vm(vec![down()], Limits { depth: 3, ..Limits::default() });
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(2)]), Ok(Some(Value::I64(2))), "three frames fit");
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(3)]).unwrap_err().traceback.depth(), 3);
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(2)]), Ok(Some(Value::I64(2))), "the VM goes on");
}

#[test]
fn tail_calls_keep_the_depth() {
    let mut vm = vm(ping_pong(), Limits { depth: 1, ..Limits::default() });
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(1_000_000), Value::I64(0)]), Ok(Some(Value::I64(3_000_000))));
}

#[test]
fn small_segments_chain_and_unchain() {
    let tiny = StackSizes { first: 0, chained: 0 };
    let mut deep = new_vm_with_stack(module(vec![down()]), Limits::default(), tiny);
    assert_eq!(run(&mut deep, FuncId(0), &[Value::I64(5000)]), Ok(Some(Value::I64(5000))));
    assert_eq!(deep.stack().segments(), 1);

    // fib crosses a segment's end again and again.
    let pad = Function { registers: vec![fib().registers[0].clone(); 240], ..fib() };
    let mut wide = new_vm_with_stack(module(vec![pad]), Limits::default(), tiny);
    assert_eq!(run(&mut wide, FuncId(0), &[Value::I64(15)]), Ok(Some(Value::I64(610))));
    assert_eq!(wide.stack().segments(), 1);

    // A frame that grows by a tail call moves to a segment of its own, below an ordinary caller.
    let mut functions = ping_pong();
    let code = vec![Instr::Call { dst: r(100), args: r(0), func: FuncId(0) }, Instr::Ret { value: r(100) }];
    functions.push(function("main", 2, Some(I), &[I; 120], code));
    let mut moving = new_vm_with_stack(module(functions), Limits::default(), tiny);
    for n in [1, 2, 1000] {
        let args = [Value::I64(n), Value::I64(0)];
        assert_eq!(run(&mut moving, FuncId(2), &args), Ok(Some(Value::I64(n * 3))));
        assert_eq!(moving.stack().segments(), 1);
    }
}

#[test]
fn errors_in_chained_segments_release_them() {
    let tiny = StackSizes { first: 0, chained: 0 };
    let mut vm = new_vm_with_stack(module(vec![down()]), Limits { depth: 5000, ..Limits::default() }, tiny);
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(9000)]).unwrap_err().kind, ErrorKind::StackOverflow);
    assert_eq!(vm.stack().segments(), 1);
}

#[test]
fn the_budget_counts_back_edges_and_calls() {
    // sum(n) takes n back edges; fib(n) as many calls as it has activations beyond the first.
    for (function, n, events) in [(sum(), 10, 10), (fib(), 5, 14), (down(), 9, 9)] {
        let with = |budget| {
            let mut vm = vm(vec![function.clone()], Limits { budget: Some(budget), ..Limits::default() });
            run(&mut vm, FuncId(0), &[Value::I64(n)])
        };
        assert!(with(events).is_ok(), "{}", function.name);
        let error = with(events - 1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BudgetExhausted, "{}", function.name);
    }
    let mut vm = vm(vec![sum()], Limits { budget: Some(3), ..Limits::default() });
    let error = run(&mut vm, FuncId(0), &[Value::I64(10)]).unwrap_err();
    assert_eq!((error.position.pc, error.position.line), (Pc(3), 13), "at the branch itself");
    vm.force_exit(Some(2));
    assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(3)]), Ok(Some(Value::I64(6))), "a forced exit costs no budget");
    assert!(run(&mut vm, FuncId(0), &[Value::I64(4)]).is_err());
}

#[test]
fn an_interrupt_ends_an_endless_loop() {
    let looping = function("f", 0, None, &[], vec![Instr::Jump { target: Pc(0) }]);
    let calling = function("f", 0, None, &[], vec![Instr::TailCall { args: r(0), func: FuncId(0) }]);
    for endless in [looping, calling] {
        let mut vm = vm(vec![endless, sum()], Limits::default());
        let handle = vm.interrupt_handle();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.interrupt();
        });
        assert_eq!(run(&mut vm, FuncId(0), &[]).unwrap_err().kind, ErrorKind::Interrupted);
        killer.join().unwrap();
        assert_eq!(run(&mut vm, FuncId(1), &[Value::I64(3)]), Ok(Some(Value::I64(6))), "the interrupt is spent");
    }
}

#[test]
fn tracebacks_name_every_caller() {
    let main = vec![Instr::Call { dst: r(2), args: r(0), func: FuncId(1) }, Instr::Ret { value: r(2) }];
    let divide = vec![
        Instr::MoveI64 { dst: r(2), a: r(0) },
        Instr::DivI64 { dst: r(2), a: r(0), b: r(1) },
        Instr::Ret { value: r(2) },
    ];
    let functions = vec![function("main", 2, Some(I), &[I; 3], main), function("divide", 2, Some(I), &[I; 3], divide)];
    let mut vm = vm(functions, Limits::default());
    let mut divide = |a, b| run(&mut vm, FuncId(0), &[Value::I64(a), Value::I64(b)]);
    let error = divide(1, 0).unwrap_err();
    let places: Vec<_> = error.traceback.innermost.iter().map(|p| (p.func.0, p.pc.0, p.line)).collect();
    assert_eq!(error.kind, ErrorKind::DivideByZero);
    assert_eq!(places, [(1, 1, 11), (0, 0, 10)]);
    assert_eq!(error.to_string(), "attempt to divide by zero (in f1 at @1, line 11)");
    assert_eq!(divide(i64::MIN, -1).unwrap_err().kind, ErrorKind::IntegerOverflow);
    assert_eq!(divide(-7, 2), Ok(Some(Value::I64(-3))));
}

/// `f(length, index, value)`: makes an array, stores and loads an element, returns the array's length plus the element.
fn array_program() -> Function {
    let code = vec![
        Instr::ArrayNewI32 { dst: r(3), length: r(0) },
        Instr::ArraySetI32 { array: r(3), index: r(1), value: r(2) },
        Instr::ArrayGetI32 { dst: r(4), array: r(3), index: r(1) },
        Instr::Ret { value: r(3) },
    ];
    function("f", 3, Some(Kind::ArrI32), &[I, I, Kind::I32, Kind::ArrI32, Kind::I32], code)
}

#[test]
fn arrays_are_zeroed_and_bounds_checked() {
    let program =
        |length, index, value| call(vec![array_program()], &[Value::I64(length), Value::I64(index), Value::I32(value)]);
    assert_eq!(program(3, 1, -9), Ok(Some(Value::ArrI32(vec![0, -9, 0]))));
    for index in [3, -1, i64::MAX, i64::MIN] {
        let error = program(3, index, 1).unwrap_err();
        assert_eq!((error.kind, error.position.pc), (ErrorKind::IndexOutOfBounds, Pc(1)));
    }
    for (length, kind) in [
        (-1, ErrorKind::NegativeLength),
        (i64::MIN, ErrorKind::NegativeLength),
        (i64::MAX, ErrorKind::MemoryLimit),
        (1 << 61, ErrorKind::MemoryLimit),
        (1 << 40, ErrorKind::MemoryLimit),
    ] {
        let error = program(length, 0, 1).unwrap_err();
        assert_eq!((error.kind, error.position.pc), (kind, Pc(0)), "{length}");
    }
}

#[test]
fn arrays_of_every_kind_go_in_and_out() {
    use Instr::*;
    let whole = |length, get, set| {
        vec![
            length,
            SubImmI64 { dst: r(2), a: r(2), imm: 1 },
            get,
            ConstI64 { dst: r(2), value: 0 },
            set,
            Ret { value: r(0) },
        ]
    };
    // The last element replaces the first.
    let (dst, array, index) = (r(1), r(0), r(2));
    let cases = [
        (
            Kind::I32,
            whole(
                ArrayLenI32 { dst: index, array },
                ArrayGetI32 { dst, array, index },
                ArraySetI32 { array, index, value: dst },
            ),
            Value::ArrI32(vec![1, i32::MIN]),
            Value::ArrI32(vec![i32::MIN; 2]),
        ),
        (
            Kind::I64,
            whole(
                ArrayLenI64 { dst: index, array },
                ArrayGetI64 { dst, array, index },
                ArraySetI64 { array, index, value: dst },
            ),
            Value::ArrI64(vec![1, i64::MIN]),
            Value::ArrI64(vec![i64::MIN; 2]),
        ),
        (
            Kind::U32,
            whole(
                ArrayLenU32 { dst: index, array },
                ArrayGetU32 { dst, array, index },
                ArraySetU32 { array, index, value: dst },
            ),
            Value::ArrU32(vec![1, u32::MAX]),
            Value::ArrU32(vec![u32::MAX; 2]),
        ),
        (
            Kind::U64,
            whole(
                ArrayLenU64 { dst: index, array },
                ArrayGetU64 { dst, array, index },
                ArraySetU64 { array, index, value: dst },
            ),
            Value::ArrU64(vec![1, u64::MAX]),
            Value::ArrU64(vec![u64::MAX; 2]),
        ),
        (
            Kind::F64,
            whole(
                ArrayLenF64 { dst: index, array },
                ArrayGetF64 { dst, array, index },
                ArraySetF64 { array, index, value: dst },
            ),
            Value::ArrF64(vec![1.0, f64::NAN]),
            Value::ArrF64(vec![f64::NAN; 2]),
        ),
        (
            Kind::Bool,
            whole(
                ArrayLenBool { dst: index, array },
                ArrayGetBool { dst, array, index },
                ArraySetBool { array, index, value: dst },
            ),
            Value::ArrBool(vec![false, true]),
            Value::ArrBool(vec![true; 2]),
        ),
    ];
    for (kind, code, arg, want) in cases {
        let array = kind.array().unwrap();
        let f = function("f", 1, Some(array), &[array, kind, I], code);
        assert_eq!(call(vec![f], &[arg]), Ok(Some(want)));
    }
}

#[test]
fn memory_is_limited_for_arrays_output_and_arguments() {
    let limits = Limits { memory: 100, ..Limits::default() };
    let mut arrays = vm(vec![array_program()], limits);
    let args = |length| [Value::I64(length), Value::I64(0), Value::I32(1)];
    assert_eq!(run(&mut arrays, FuncId(0), &args(18)).unwrap_err().kind, ErrorKind::MemoryLimit);
    assert!(run(&mut arrays, FuncId(0), &args(17)).is_ok());
    assert!(run(&mut arrays, FuncId(0), &args(17)).is_ok(), "the first is garbage by now, and makes room");

    let code = vec![Instr::PrintI64 { value: r(0) }, Instr::Jump { target: Pc(0) }];
    let mut printing = vm(vec![function("f", 1, None, &[I], code)], limits);
    let error = run(&mut printing, FuncId(0), &[Value::I64(123_456_789)]).unwrap_err();
    assert_eq!((error.kind, error.position.pc), (ErrorKind::MemoryLimit, Pc(0)));
    assert_eq!(printing.output().len(), 100, "ten lines of ten bytes");

    let mut taking = vm(vec![function("f", 1, None, &[Kind::ArrI64], vec![Instr::RetVoid {}])], limits);
    let error = run(&mut taking, FuncId(0), &[Value::ArrI64(vec![0; 20])]).unwrap_err();
    assert_eq!((error.kind, error.position.pc), (ErrorKind::MemoryLimit, Pc(0)));
}

#[test]
fn switches_take_their_entry_or_the_default() {
    let code = |switch| {
        let mut code = vec![switch];
        for value in [10, 11, 12] {
            code.extend([Instr::ConstI64 { dst: r(1), value }, Instr::Ret { value: r(1) }]);
        }
        code
    };
    let tables = vec![JumpTable { targets: vec![Pc(1), Pc(3)], default: Pc(5) }];
    let table = TableId(0);
    for (kind, switch, inputs) in [
        (
            Kind::I32,
            Instr::SwitchI32 { a: r(0), table },
            vec![(Value::I32(0), 10), (Value::I32(1), 11), (Value::I32(-1), 12)],
        ),
        (
            I,
            Instr::SwitchI64 { a: r(0), table },
            vec![(Value::I64(1), 11), (Value::I64(i64::MIN), 12), (Value::I64(2), 12)],
        ),
        (Kind::U32, Instr::SwitchU32 { a: r(0), table }, vec![(Value::U32(0), 10), (Value::U32(u32::MAX), 12)]),
        (
            Kind::U64,
            Instr::SwitchU64 { a: r(0), table },
            vec![(Value::U64(1), 11), (Value::U64(1 << 32), 12), (Value::U64(u64::MAX), 12)],
        ),
    ] {
        let f = Function { tables: tables.clone(), ..function("f", 1, Some(I), &[kind, I], code(switch)) };
        for (input, want) in inputs {
            assert_eq!(call(vec![f.clone()], &[input]), Ok(Some(Value::I64(want))));
        }
    }
}

#[test]
fn counted_loops_at_the_limits_of_their_kinds() {
    // f(i, limit): how often the loop's body runs, and i afterwards, as count * 2^32 + (i as u32).
    let f = |instr| {
        let code = vec![
            Instr::ConstI64 { dst: r(2), value: 0 },
            Instr::AddImmI64 { dst: r(2), a: r(2), imm: 1 },
            instr,
            Instr::ShlImmI64 { dst: r(2), a: r(2), imm: 32 },
            Instr::WrapI32ToU32 { dst: r(3), a: r(0) },
            Instr::WrapU32ToI64 { dst: r(4), a: r(3) },
            Instr::OrI64 { dst: r(2), a: r(2), b: r(4) },
            Instr::Ret { value: r(2) },
        ];
        function("f", 2, Some(I), &[Kind::I32, Kind::I32, I, Kind::U32, I], code)
    };
    let (i, limit, target) = (r(0), r(1), Pc(1));
    for (instr, start, end, bodies, after) in [
        (Instr::LoopLtI32 { i, limit, target }, 0, 3, 3, 3),
        (Instr::LoopLtI32 { i, limit, target }, 5, 3, 1, 6),
        (Instr::LoopLtI32 { i, limit, target }, i32::MAX - 2, i32::MAX, 2, i32::MAX),
        (Instr::LoopLeI32 { i, limit, target }, i32::MAX - 2, i32::MAX, 3, i32::MAX),
        (Instr::LoopLeI32 { i, limit, target }, 5, 3, 1, 5),
        (Instr::LoopGtI32 { i, limit, target }, 3, 0, 3, 0),
        (Instr::LoopGtI32 { i, limit, target }, i32::MIN + 1, i32::MIN, 1, i32::MIN),
        (Instr::LoopGeI32 { i, limit, target }, i32::MIN + 1, i32::MIN, 2, i32::MIN),
    ] {
        let want = (bodies << 32) | i64::from(after as u32);
        assert_eq!(
            call(vec![f(instr)], &[Value::I32(start), Value::I32(end)]),
            Ok(Some(Value::I64(want))),
            "{instr:?}"
        );
    }
}

#[test]
fn executions_are_counted_per_instruction() {
    let mut vm = vm(vec![sum()], Limits::default());
    vm.count_executions(true);
    run(&mut vm, FuncId(0), &[Value::I64(4)]).unwrap();
    assert_eq!(vm.executions(FuncId(0)), [1, 1, 5, 5, 1]);
    run(&mut vm, FuncId(0), &[Value::I64(0)]).unwrap();
    assert_eq!(vm.executions(FuncId(0)), [2, 2, 6, 6, 2], "runs add up");
    vm.count_executions(false);
    assert!(vm.executions(FuncId(0)).is_empty());

    let mut vm = crate::common::vm(vec![fib()], Limits { budget: Some(100), ..Limits::default() });
    vm.count_executions(true);
    run(&mut vm, FuncId(0), &[Value::I64(5)]).unwrap();
    assert_eq!(vm.executions(FuncId(0)), [15, 7, 7, 7, 7, 7, 7, 8]);
}

#[test]
fn all_loops_give_the_same_result() {
    for (tiered, budget, counting) in [(false, None, true), (false, Some(1 << 40), false), (true, None, false)] {
        let mut vm = vm(vec![fib()], Limits { budget, ..Limits::default() });
        vm.count_executions(counting);
        if tiered {
            vm.set_tiering(Box::new(Nothing), Thresholds { calls: 3, loops: 3 });
        }
        assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(15)]), Ok(Some(Value::I64(610))));
    }
}

/// An engine that never has native code.
struct Nothing;

impl lockstep_runtime::Tiering for Nothing {
    fn hot_function(&mut self, _: &mut lockstep_runtime::Vm, _: FuncId) {}
    fn hot_loop(&mut self, _: &mut lockstep_runtime::Vm, _: FuncId, _: Pc) -> Option<lockstep_runtime::NativeEntry> {
        None
    }
    fn left_native(&mut self, _: &mut lockstep_runtime::Vm, _: lockstep_runtime::NativeEntry, _: u32) {
        unreachable!("nothing native was entered");
    }
}

#[test]
fn arguments_are_checked() {
    let f = sum();
    assert!(check_arguments(&f, &[Value::I64(1)]).is_ok());
    assert_eq!(check_arguments(&f, &[]).unwrap_err(), "`sum` takes 1 arguments, but 0 are given");
    assert_eq!(check_arguments(&f, &[Value::I32(1)]).unwrap_err(), "argument 0 of `sum` must be of kind i64, but is 1");
}
