//! Functions of the host, and hosts that call programs, written as they are outside of the VM: without `unsafe`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use lockstep_bytecode::{ErrorKind, assemble};
use lockstep_interp::new_vm;
use lockstep_runtime::{
    Function, HostCode, HostError, HostResult, HostValue, Limits, Local, Metamethod, Scope, Str, Table, Vm, raw, typed,
};

fn vm(program: &str) -> Vm {
    let module = assemble("t.lks", program).unwrap_or_else(|error| panic!("{error}"));
    new_vm(Arc::new(module), Limits::default())
}

/// A program whose generic function `main` calls the import `name` with its arguments and answers what that answers.
fn forwarding(name: &str) -> String {
    format!(
        "func main(...) -> ... {{\n reg f: any, x: any\n import.any f, \"{name}\"\n vararg.any r0, open\n \
         call.any f, open 0, open\n ret.any r0, open 0\n }}"
    )
}

/// What a call answers, written out: results separated by blanks, or the error.
fn shown(vm: &mut Vm, callee: &HostValue, args: &[HostValue]) -> String {
    match vm.call(callee, args) {
        Ok(results) => results.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "),
        Err(raised) => format!("{}: {raised}", raised.kind.name()),
    }
}

fn answers(code: HostCode, cases: &[(&[HostValue], &str)]) {
    let mut vm = vm(&forwarding("f"));
    vm.register("f", code).unwrap();
    let main = vm.function_value("main").unwrap();
    for (args, expected) in cases {
        assert_eq!(shown(&mut vm, &main, args), *expected, "{args:?}");
        // The next call finds nothing of this one.
        assert_eq!(vm.heap().kept(), 0);
    }
}

fn int(value: i64) -> HostValue {
    HostValue::Int(value)
}

fn text(value: &str) -> HostValue {
    HostValue::Str(value.as_bytes().to_vec())
}

#[test]
fn plain_closures_have_their_arguments_checked_and_converted() {
    let code = typed(|n: i64, x: f64, text: &[u8]| n as f64 + x + text.len() as f64);
    answers(
        code,
        &[
            (&[int(1), HostValue::Float(0.5), text("abc")], "Float(4.5)"),
            (&[text("0x10"), text(" 2 "), int(-17)], "Float(21.0)"),
            (&[HostValue::Float(3.0), int(1), text("")], "Float(4.0)"),
            (&[], "host_error: t.lks:5: bad argument #1 to 'f' (number expected, got no value)"),
            (
                &[HostValue::Float(0.5)],
                "host_error: t.lks:5: bad argument #1 to 'f' (number has no integer representation)",
            ),
            (
                &[int(1), HostValue::Bool(true)],
                "host_error: t.lks:5: bad argument #2 to 'f' (number expected, got boolean)",
            ),
            (
                &[int(1), int(1), HostValue::Nil],
                "host_error: t.lks:5: bad argument #3 to 'f' (string expected, got nil)",
            ),
        ],
    );
}

#[test]
fn results_are_converted_and_results_can_be_errors() {
    let code = typed(|n: Option<i64>, flag: bool| match n {
        None => Err("no number".to_owned()),
        Some(n) => Ok((n, flag, "text", vec![1u8, 2], None::<f64>)),
    });
    answers(
        code,
        &[
            (&[int(7), int(0)], "Int(7) Bool(true) Str([116, 101, 120, 116]) Str([1, 2]) Nil"),
            (&[HostValue::Nil], "host_error: t.lks:5: no number"),
        ],
    );
}

#[test]
fn programs_names_are_those_of_messages() {
    let program = "
        func main(object: any) -> ... {
            reg any, any, any
            method.any r1, object, \"m\"
            const.any r3, 1
            call.any r1, 2, 0
            ret.any r0, 0
        }
        func field(object: any) -> ... {
            reg any
            get_name.any r1, object, \"m\"
            call.any r1, 0, 0
            ret.any r0, 0
        }";
    let mut vm = vm(program);
    let id = vm.add_host_function(
        "lib.own",
        raw(|scope| {
            let _: Table<'_> = scope.arg(0)?;
            let _: Table<'_> = scope.arg(1)?;
            Ok(())
        }),
    );
    let object = vm.enter(move |scope| {
        let table = scope.table(0, 1).unwrap();
        let function = scope.function(id, &[]).unwrap();
        scope.raw_set(table, "m", function).unwrap();
        scope.own(table.local())
    });
    let (main, field) = (vm.function_value("main").unwrap(), vm.function_value("field").unwrap());
    let object = std::slice::from_ref(&object);
    let number = "bad argument #1 to 'm' (table expected, got number)";
    assert_eq!(shown(&mut vm, &main, object), format!("host_error: t.lks:6: {number}"), "itself is not counted");
    let none = "bad argument #1 to 'm' (table expected, got no value)";
    assert_eq!(shown(&mut vm, &field, object), format!("host_error: t.lks:12: {none}"));
    let function = vm.enter(move |scope| {
        let function = scope.function(id, &[]).unwrap();
        scope.own(function.local())
    });
    let own = "bad argument #1 to 'lib.own' (table expected, got no value)";
    assert_eq!(shown(&mut vm, &function, &[]), format!("host_error: {own}"), "the program has no name for it");
}

/// `insert(table, [position,] value)`, as a library would have it.
fn insert(scope: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = scope.arg(0)?;
    let end = table.raw_len() + 1;
    let at = match scope.count() {
        2 => end,
        3 => {
            let at: i64 = scope.arg(1)?;
            if !(1..=end).contains(&at) {
                return Err(scope.bad_argument(1, "position out of bounds"));
            }
            for index in (at..end).rev() {
                scope.scope(|scope| {
                    let moved = scope.raw_get_int(table, index);
                    scope.raw_set_int(table, index + 1, moved)
                })?;
            }
            at
        }
        _ => return Err("wrong number of arguments to 'insert'".into()),
    };
    scope.raw_set_int(table, at, scope.value(scope.count() - 1))
}

#[test]
fn tables_can_be_worked_on() {
    let mut vm = vm(&forwarding("insert"));
    vm.register("insert", raw(insert)).unwrap();
    let main = vm.function_value("main").unwrap();
    let table = vm.enter(|scope| {
        let table = scope.table(0, 0).unwrap();
        scope.own(table.local())
    });
    for (args, expected) in [
        (vec![table.clone(), text("a")], ""),
        (vec![table.clone(), int(1), text("b")], ""),
        (vec![table.clone(), int(2), text("c")], ""),
        (
            vec![table.clone(), int(9), text("d")],
            "host_error: t.lks:5: bad argument #2 to 'f' (position out of bounds)",
        ),
        (vec![table.clone()], "host_error: t.lks:5: wrong number of arguments to 'insert'"),
    ] {
        assert_eq!(shown(&mut vm, &main, &args), expected);
    }
    let order = vm.enter(move |scope| {
        let table = scope.value_of(&table).unwrap();
        let table = table.as_table().unwrap();
        let items: Vec<_> =
            (1..=table.raw_len()).map(|i| scope.raw_get_int(table, i).as_str().unwrap().bytes().to_vec()).collect();
        items.concat()
    });
    assert_eq!(order, b"bca");
}

/// Runs a test on a thread with room for some hundred activations of an interpreter compiled without optimisation.
fn deep(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn calls_nest_and_errors_pass_through() {
    deep(nested_calls);
}

fn nested_calls() {
    // VM -> host -> VM -> host -> VM.
    let program = "
        func main(n: any) -> ... {
            reg f: any, g: any, x: any, ok: any
            import.any f, \"down\"
            closure.any g, main()
            move.any x, n
            pcall.any f, 2, 2
            ret.any f, 2
        }";
    let mut vm = vm(program);
    vm.register(
        "down",
        raw(|scope| {
            let (function, n): (Function<'_>, i64) = (scope.arg(0)?, scope.arg(1)?);
            if n == 0 {
                let value = scope.table(0, 0)?;
                return Err(scope.error(value));
            }
            let results = scope.call(function, &[Local::int(n - 1)])?;
            // The innermost level answers `false` and a table, the others wrap what is below.
            let ok = results[0].truth();
            scope.answer((if ok { "ok" } else { "failed" }, results[1]))
        }),
    )
    .unwrap();
    let main = vm.function_value("main").unwrap();
    let shown_0 = shown(&mut vm, &main, &[int(0)]);
    assert!(shown_0.starts_with("Bool(false) Object("), "{shown_0}");
    let failed = format!("{:?}", text("failed"));
    assert_eq!(shown(&mut vm, &main, &[int(1)]), format!("Bool(true) {failed}"));
    let ok = format!("{:?}", text("ok"));
    for depth in [40, 199] {
        assert_eq!(shown(&mut vm, &main, &[int(depth)]), format!("Bool(true) {ok}"));
    }
}

#[test]
fn calls_nest_up_to_a_limit() {
    let program = "
        func main(...) -> ... {
            reg f: any, g: any
            import.any f, \"again\"
            closure.any g, main()
            call.any f, 1, 0
            ret.any r0, 0
        }";
    let calls = |stack: usize| {
        let test = move || {
            let mut vm = vm(program);
            let count = Rc::new(Cell::new(0));
            let counter = count.clone();
            let again = raw(move |scope| {
                counter.set(counter.get() + 1);
                let function: Function<'_> = scope.arg(0)?;
                scope.call(function, &[]).map(drop)
            });
            vm.register("again", again).unwrap();
            let main = vm.function_value("main").unwrap();
            for _ in 0..2 {
                let raised = vm.call(&main, &[]).unwrap_err();
                assert_eq!((raised.kind, raised.to_string().as_str()), (ErrorKind::StackOverflow, "C stack overflow"));
            }
            count.get() / 2
        };
        std::thread::Builder::new().stack_size(stack).spawn(test).unwrap().join().unwrap()
    };
    assert_eq!(calls(256 << 20), 200);
    let few: i32 = calls(1 << 20);
    assert!((1..=200).contains(&few), "a small stack has room for {few}");
}

#[test]
fn what_a_host_function_catches_reaches_no_handler() {
    let program = "
        func main(...) -> ... {
            reg handler: any, f: any, g: any
            closure.any handler, handle()
            import.any f, \"protect\"
            closure.any g, fail()
            xpcall.any f, 1, 2, handler
            ret.any f, 2
        }
        func fail(...) -> ... {
            reg s: any
            string.any s, \"oops\"
            throw.any s
        }
        func handle(e: any) -> ... {
            print.any e
            ret.any e, 1
        }";
    let mut vm = vm(program);
    vm.register(
        "protect",
        raw(|scope| {
            let function: Function<'_> = scope.arg(0)?;
            let caught = scope.call_protected(function, &[])?.expect_err("it raises");
            // Another call afterwards is not taken for the failed one.
            let again = scope.call_protected(Local::NIL, &[])?.expect_err("nil cannot be called");
            let (caught, again) = (scope.text(caught)?, scope.text(again)?);
            let both = [caught.bytes(), b"; ", again.bytes()].concat();
            scope.push(both)
        }),
    )
    .unwrap();
    let main = vm.function_value("main").unwrap();
    let expected = format!("Bool(true) {:?}", text("oops; attempt to call a nil value"));
    assert_eq!(shown(&mut vm, &main, &[]), expected);
    assert_eq!(vm.output(), b"", "the handler was not asked");
}

#[test]
fn fields_lengths_and_order_are_those_of_the_program() {
    let program = "
        func index(t: any, k: any) -> ... {
            ret.any k, 1
        }
        func newindex(t: any, k: any, v: any) -> ... {
            print.any v
            ret.any r0, 0
        }
        func less(a: any, b: any) -> ... {
            reg t: any
            const.any t, true
            ret.any t, 1
        }
        func length(t: any) -> ... {
            reg n: any
            const.any n, 42
            ret.any n, 1
        }";
    let mut vm = vm(program);
    vm.enter(|scope| {
        let (object, meta) = (scope.table(0, 0).unwrap(), scope.table(0, 4).unwrap());
        for (event, function) in [
            (Metamethod::Index, "index"),
            (Metamethod::NewIndex, "newindex"),
            (Metamethod::Lt, "less"),
            (Metamethod::Len, "length"),
        ] {
            let function = scope.closure(function, &[]).unwrap().unwrap();
            scope.raw_set(meta, event.name(), function).unwrap();
        }
        scope.raw_set(meta, "__name", "Thing").unwrap();
        scope.set_metatable(object, Some(meta));
        let other = scope.table(0, 0).unwrap();
        let field = scope.get(object, "absent").unwrap();
        assert_eq!(field.as_str().map(Str::bytes), Some(&b"absent"[..]));
        scope.set(object, "x", 1.5).unwrap();
        assert!(scope.raw_get(object, "x").unwrap().is_nil());
        assert_eq!(scope.len(object).unwrap().as_int(), Some(42));
        assert!(scope.less(other.local(), object.local()).unwrap(), "the second operand's metamethod decides");
        assert!(!scope.equals(other.local(), object.local()).unwrap());
        assert!(scope.less(Local::int(1), Local::float(1.5)).unwrap());
        let problem = scope.less_equal(Local::int(1), object.local()).unwrap_err();
        assert_eq!(scope.raised(problem).to_string(), "attempt to compare number with Thing");
        let problem = scope.get(Local::NIL, 1i64).unwrap_err();
        assert_eq!(scope.raised(problem).to_string(), "attempt to index a nil value");
        let spelled = scope.text(object.local()).unwrap();
        assert!(spelled.bytes().starts_with(b"Thing: 0x"), "{spelled:?}");
        assert_eq!(scope.next(meta, Local::NIL).unwrap().map(|(key, _)| key.type_name()), Some("string"));
    });
    assert_eq!(vm.output(), b"1.5\n");
}

#[test]
fn functions_keep_values_of_their_own() {
    let mut vm = vm(&forwarding("counter"));
    let step = vm.add_host_function(
        "step",
        raw(|scope| {
            let count = scope.capture(0).as_int().unwrap_or(0) + 1;
            scope.set_capture(0, count)?;
            let name = scope.capture(1);
            scope.answer((name, count))
        }),
    );
    vm.register(
        "counter",
        raw(move |scope| {
            let function = scope.function(step, &[Local::int(0), scope.value(0)])?;
            scope.push(function)
        }),
    )
    .unwrap();
    let main = vm.function_value("main").unwrap();
    let mut counters = |name: &str| vm.call(&main, &[text(name)]).unwrap().remove(0);
    let (a, b) = (counters("a"), counters("b"));
    // What only the functions hold survives.
    vm.enter(|scope| scope.collect());
    let called: Vec<String> = [&a, &a, &b].map(|counter| shown(&mut vm, counter, &[])).into();
    assert_eq!(called, ["Str([97]) Int(1)", "Str([97]) Int(2)", "Str([98]) Int(1)"]);
}

/// A value of the host that tells when it is dropped.
struct File {
    lines: Vec<String>,
    dropped: Rc<Cell<u32>>,
}

impl Drop for File {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
    }
}

#[test]
fn userdata_own_values_of_the_host() {
    let program = "
        func main(file: any) -> ... {
            reg f: any, self: any, x: any
            method.any f, file, \"write\"
            string.any x, \"line\"
            call.any f, 2, 1
            ret.any f, 1
        }";
    let mut vm = vm(program);
    let write = vm.add_host_function(
        "write",
        raw(|scope| {
            let line: &[u8] = scope.arg(1)?;
            let mut file = scope.arg_mut::<File>(0, "FILE*")?;
            file.lines.push(String::from_utf8_lossy(line).into_owned());
            scope.push(file.lines.len() as i64)
        }),
    );
    let dropped = Rc::new(Cell::new(0));
    let shared = dropped.clone();
    let file = vm.enter(move |scope| {
        let meta = scope.table(0, 1).unwrap();
        let function = scope.function(write, &[]).unwrap();
        scope.raw_set(meta, "write", function).unwrap();
        scope.raw_set(meta, "__index", meta).unwrap();
        let file = scope.userdata(File { lines: Vec::new(), dropped: shared }, 1000).unwrap();
        scope.set_userdata_metatable(file, Some(meta));
        assert!(file.borrow::<String>().is_none());
        scope.own(file.local())
    });
    let main = vm.function_value("main").unwrap();
    let arguments = std::slice::from_ref(&file);
    assert_eq!([(); 3].map(|()| shown(&mut vm, &main, arguments)), ["Int(1)", "Int(2)", "Int(3)"]);
    let write = vm.enter(move |scope| {
        let function = scope.function(write, &[]).unwrap();
        scope.own(function.local())
    });
    let wrong = "host_error: bad argument #1 to 'write' (FILE* expected, got number)";
    assert_eq!(shown(&mut vm, &write, &[int(1), text("x")]), wrong);
    drop(file);
    vm.enter(|scope| scope.collect());
    assert_eq!(dropped.get(), 1, "nothing holds it any more");
}

#[test]
fn scopes_let_go_what_they_keep() {
    let mut vm = vm("func f() {\nret_void\n}");
    vm.enter(|scope| {
        let table = scope.table(0, 0).unwrap();
        for i in 0..1000 {
            scope.scope(|scope| {
                let string =
                    scope.string(format!("a string of some length, number {i}, not interned").as_bytes()).unwrap();
                scope.raw_set(table, 1i64, string).unwrap();
            });
        }
        let last = scope.scope_value(|scope| Ok(scope.raw_get_int(table, 1))).unwrap();
        scope.raw_set(table, 1i64, Local::NIL).unwrap();
        let before = scope.memory();
        scope.collect();
        assert!(scope.memory() + 50_000 < before, "what the loop has made is gone");
        assert!(last.as_str().unwrap().bytes().ends_with(b"number 999, not interned"), "what was taken out is not");
    });
}

#[test]
fn errors_say_where_the_program_was() {
    let program = "
        func main(f: any) -> ... {
            reg g: any, x: any
            closure.any g, inner()
            move.any x, f
            call.any g, 1, 0
            ret.any r0, 0
        }
        func inner(f: any) -> ... {
            reg g: any
            move.any g, f
            call.any g, 0, 0
            ret.any r0, 0
        }";
    let mut vm = vm(program);
    let places = raw(|scope| {
        let places: Vec<String> = (0..4).map(|level| scope.location(level).unwrap_or_default()).collect();
        let error = scope.error(places.join("|"));
        Err(error)
    });
    let id = vm.add_host_function("places", places);
    let function = vm.enter(move |scope| {
        let function = scope.function(id, &[]).unwrap();
        scope.own(function.local())
    });
    let main = vm.function_value("main").unwrap();
    let raised = vm.call(&main, std::slice::from_ref(&function)).unwrap_err();
    assert_eq!((raised.kind, raised.to_string().as_str()), (ErrorKind::Raised, "|t.lks:12:|t.lks:6:|"));
    assert_eq!(raised.traceback.depth(), 2);
    let raised = vm.call(&HostValue::Int(1), &[]).unwrap_err();
    assert_eq!((raised.kind, raised.to_string().as_str()), (ErrorKind::TypeError, "attempt to call a number value"));
}

#[test]
fn limits_hold_for_hosts() {
    let program = "
        func main(n: any) -> ... {
        again:
            jump again
        }
        func deep(f: any) -> ... {
            reg g: any, x: any
            import.any g, \"deeper\"
            move.any x, f
            call.any g, 1, 0
            ret.any r0, 0
        }";
    let module = Arc::new(assemble("t.lks", program).unwrap_or_else(|error| panic!("{error}")));
    let mut vm = new_vm(module, Limits { budget: Some(1000), depth: 50, ..Limits::default() });
    vm.register(
        "deeper",
        raw(|scope| {
            let function: Function<'_> = scope.arg(0)?;
            match scope.call_protected(function, &[function.local()])? {
                Ok(_) => Ok(()),
                Err(error) => Err(scope.error(error)),
            }
        }),
    )
    .unwrap();
    vm.register(
        "catch",
        raw(|scope| {
            let function: Function<'_> = scope.arg(0)?;
            scope.call_protected(function, &[]).map(drop)
        }),
    )
    .unwrap();
    let (main, deep) = (vm.function_value("main").unwrap(), vm.function_value("deep").unwrap());
    let raised = vm.call(&deep, std::slice::from_ref(&deep)).unwrap_err();
    assert!(raised.message.ends_with("stack overflow"), "{raised}");
    let catch = vm.enter(|scope| {
        let catch = scope.imported("catch");
        scope.own(catch)
    });
    let raised = vm.call(&catch, std::slice::from_ref(&main)).unwrap_err();
    assert_eq!(raised.kind, ErrorKind::BudgetExhausted, "nobody can catch that");
    let problem = vm.enter(|scope| {
        let size = 1 << 31;
        matches!(scope.string_with(size, |_| unreachable!()), Err(HostError::OutOfMemory))
    });
    assert!(problem);
}

#[test]
fn waits_for_safepoints_are_noted_where_they_end() {
    let program = "
        func main(...) -> ... {
            reg f: any
            import.any f, \"slow\"
            call.any f, 0, 0
            closure.any f, after()
            call.any f, 0, 0
            ret.any r0, 0
        }
        func after() -> ... {
        again:
            jump again
        }";
    let mut vm = vm(program);
    let handle = vm.interrupt_handle();
    let slow = raw(move |_| {
        handle.interrupt();
        std::thread::sleep(std::time::Duration::from_millis(20));
        Ok(())
    });
    vm.register("slow", slow).unwrap();
    let main = vm.function_value("main").unwrap();
    let raised = vm.call(&main, &[]).unwrap_err();
    assert_eq!((raised.kind, raised.traceback.depth()), (ErrorKind::Interrupted, 1), "the next call is the safepoint");
    let safepoints = vm.safepoints();
    let total = safepoints.total();
    assert_eq!((total.count, total.missed), (1, 1));
    assert!(total.longest >= std::time::Duration::from_millis(20), "{total:?}");
    let hosts: Vec<_> = safepoints.hosts().map(|(name, waits)| (name, waits.count, waits.missed)).collect();
    assert_eq!(hosts, [("slow", 1, 1)]);
    let functions: Vec<_> = safepoints.functions().map(|(func, waits)| (func.index(), waits.count)).collect();
    assert_eq!(functions, [(0, 1)]);
}

#[test]
fn output_counts_towards_the_limit_and_garbage_makes_room_for_it() {
    let program = "
        func main() -> i64 {
            reg n: i64, i: i64, a: [i64], length: i64
            const.i64 i, 0
            const.i64 n, 100
            const.i64 length, 10000
        again:
            array_new.i64 a, length
            print.i64 i
            loop_lt.i64 i, n, again
            ret i
        }";
    let module = Arc::new(assemble("t.lks", program).unwrap_or_else(|error| panic!("{error}")));
    let main = module.find("main").unwrap();
    // A hundred arrays of 80 kB, one of which is alive at a time.
    let mut vm = new_vm(module, Limits { memory: 200_000, ..Limits::default() });
    lockstep_interp::run(&mut vm, main, &[]).unwrap_or_else(|error| panic!("{error}"));
    let left = vm.heap().available();
    let output = vm.take_output().len() as u64;
    assert!(output > 100);
    assert_eq!(vm.heap().available(), left + output, "what is handed over counts no longer");
}
