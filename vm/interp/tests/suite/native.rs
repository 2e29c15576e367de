//! The protocol between the interpreter and native code, with Rust functions of the universal signature as native code.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use lockstep_bytecode::{ErrorKind, FuncId, Function, Instr, Kind, Pc};
use lockstep_interp::run;
use lockstep_layout::{Ctx, Frame, HelperId, Slot, Status, Tag, frame_size, payload_offset};
use lockstep_runtime::{Limits, NativeEntry, StackSizes, Thresholds, Tiering, Value, Vm};

use crate::common::{fib, function, module, r, sum, vm};

const I: Kind = Kind::I64;

type Entry = extern "C" fn(*mut Ctx, *mut Frame, *mut u64) -> i32;

fn native(entry: Entry) -> NativeEntry {
    NativeEntry { entry: entry as usize as u64, data: 0 }
}

/// A frame as generated code sees it.
#[derive(Clone, Copy)]
struct View(*mut Frame);

impl View {
    fn slot(self, index: u32) -> *mut Slot {
        // SAFETY: tests name slots of the frame.
        unsafe { self.0.byte_add(payload_offset(index) as usize).cast() }
    }

    fn get(self, index: u32) -> i64 {
        // SAFETY: as above.
        unsafe { (*self.slot(index)).payload as i64 }
    }

    fn set(self, index: u32, value: i64) {
        // SAFETY: as above.
        unsafe { *self.slot(index) = Slot { payload: value as u64, tag: Tag::I64.0 } }
    }

    fn set_pc(self, pc: u32) {
        // SAFETY: the frame is live.
        unsafe { (*self.0).pc = pc }
    }

    /// Makes the frame of a call of `func` behind this frame of `slots` slots, with one argument.
    fn callee(self, slots: u32, func: u32, argument: i64) -> View {
        // SAFETY: tests run on a stack with ample room.
        unsafe {
            let callee = self.0.byte_add(frame_size(slots) as usize);
            let depth = (*self.0).depth + 1;
            *callee = Frame { func, pc: 0, caller: self.0 as u64, depth, flags: 0, callee: 0 };
            View(callee).set(0, argument);
            View(callee)
        }
    }
}

/// Calls one of the helpers that take a frame, as generated code does.
fn helper(ctx: *mut Ctx, helper: HelperId, frame: View) -> i32 {
    // SAFETY: the table holds a function of this signature there.
    unsafe {
        let address = *(*ctx).helpers.add(helper as usize);
        let code = std::mem::transmute::<usize, extern "C" fn(*mut Ctx, *mut Frame, i32) -> i32>(address);
        // `interpret_call` does not look at the third.
        code(ctx, frame.0, Status::EXIT)
    }
}

/// `main(n)` calls function 1 with n + 1 and returns what it gives, plus 100. The call is at pc 1.
fn main_calling(callee: Function) -> Vec<Function> {
    let code = vec![
        Instr::AddImmI64 { dst: r(1), a: r(0), imm: 1 },
        Instr::Call { dst: r(0), args: r(1), func: FuncId(1) },
        Instr::AddImmI64 { dst: r(0), a: r(0), imm: 100 },
        Instr::Ret { value: r(0) },
    ];
    vec![function("main", 1, Some(I), &[I; 2], code), callee]
}

fn linked(entry: Entry) -> Vm {
    let mut vm = vm(main_calling(sum()), Limits::default());
    vm.link(FuncId(1), native(entry), 0);
    vm
}

fn main_of(vm: &mut Vm, n: i64) -> Result<Option<Value>, lockstep_runtime::Error> {
    run(vm, FuncId(0), &[Value::I64(n)])
}

extern "C" fn triple(_: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    View(frame).set(0, View(frame).get(0) * 3);
    Status::OK
}

#[test]
fn linked_functions_are_entered_and_unlinked_ones_are_not() {
    let mut vm = linked(triple);
    assert_eq!(main_of(&mut vm, 4), Ok(Some(Value::I64(115))));
    assert_eq!(run(&mut vm, FuncId(1), &[Value::I64(5)]), Ok(Some(Value::I64(15))), "from the host, too");
    vm.unlink(FuncId(1));
    assert_eq!(main_of(&mut vm, 4), Ok(Some(Value::I64(115))), "1 + … + 5 + 100");
    let trampoline = vm.trampoline();
    assert_eq!(vm.function_entry(FuncId(1)).entry, trampoline);
}

/// `sum`, which leaves in front of pc 2 with 1000 added to the sum.
extern "C" fn exiting(_: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    View(frame).set(1, 0);
    View(frame).set(2, 1000);
    View(frame).set_pc(2);
    Status::Exit(7).encode()
}

#[test]
fn exits_continue_at_their_pc() {
    let mut vm = linked(exiting);
    assert_eq!(main_of(&mut vm, 2), Ok(Some(Value::I64(1106))));
    assert_eq!(run(&mut vm, FuncId(1), &[Value::I64(3)]), Ok(Some(Value::I64(1006))));
}

/// Turns the call into one of `fib`, function 2, with the argument plus one.
extern "C" fn to_fib(_: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let argument = View(frame).get(0);
    // SAFETY: the frame is live.
    unsafe { (*frame).func = 2 };
    View(frame).set_pc(0);
    View(frame).set(0, argument + 1);
    Status::TAIL_CALL
}

#[test]
fn tail_calls_are_dispatched_again() {
    for native_fib in [false, true] {
        let mut functions = main_calling(sum());
        functions.push(Function { code: retargeted_fib(2), ..fib() });
        let mut vm = vm(functions, Limits::default());
        vm.link(FuncId(1), native(to_fib), 0);
        if native_fib {
            vm.link(FuncId(2), native(triple), 0);
        }
        let want = if native_fib { 30 } else { 55 };
        assert_eq!(main_of(&mut vm, 8), Ok(Some(Value::I64(100 + want))));
        assert_eq!(run(&mut vm, FuncId(1), &[Value::I64(9)]), Ok(Some(Value::I64(want))));
    }
}

/// The code of `fib`, as function `index` of its module.
fn retargeted_fib(index: u32) -> Vec<Instr> {
    let retarget = |instr| match instr {
        Instr::Call { dst, args, .. } => Instr::Call { dst, args, func: FuncId(index) },
        other => other,
    };
    fib().code.into_iter().map(retarget).collect()
}

/// Native `down`: a frame of two slots that calls itself through `interpret_call` while the argument is positive.
extern "C" fn native_down(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    // SAFETY: the context is live.
    let (limit, depth_limit, depth) = unsafe { ((*ctx).stack_limit, (*ctx).depth_limit, (*frame).depth) };
    let argument = here.get(0);
    if (&raw const argument as u64) < limit {
        here.set_pc(0);
        return Status::EXIT;
    }
    if argument < 1 {
        return Status::OK;
    }
    if depth + 1 > depth_limit {
        here.set(1, argument - 1);
        here.set_pc(2);
        return Status::EXIT;
    }
    here.set_pc(2);
    let callee = here.callee(2, 0, argument - 1);
    let status = helper(ctx, HelperId::InterpretCall, callee);
    if status != Status::OK {
        return status;
    }
    here.set(0, callee.get(0) + 1);
    Status::OK
}

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

#[test]
fn deep_native_recursion_runs_on_in_the_interpreter_and_ends_at_the_depth_limit() {
    // A thread's stack holds far fewer native activations than this.
    let check = || {
        let mut vm = vm(vec![down()], Limits::default());
        vm.link(FuncId(0), native(native_down), 0);
        let deepest = i64::from(vm.limits().depth) - 1;
        assert_eq!(run(&mut vm, FuncId(0), &[Value::I64(deepest)]), Ok(Some(Value::I64(deepest))));
        let error = run(&mut vm, FuncId(0), &[Value::I64(deepest + 1)]).unwrap_err();
        assert_eq!((error.kind, error.position.pc), (ErrorKind::StackOverflow, Pc(2)));
        assert_eq!(error.traceback.depth(), 200_000);
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();

    let mut shallow = vm(vec![down()], Limits { depth: 20, ..Limits::default() });
    shallow.link(FuncId(0), native(native_down), 0);
    assert_eq!(run(&mut shallow, FuncId(0), &[Value::I64(19)]), Ok(Some(Value::I64(19))));
    let error = run(&mut shallow, FuncId(0), &[Value::I64(20)]).unwrap_err();
    assert_eq!((error.kind, error.traceback.depth()), (ErrorKind::StackOverflow, 20));
    assert!(error.traceback.innermost.iter().all(|position| position.pc == Pc(2)));
}

/// Native code between two interpreted functions: its callee exits at once, is finished, and fails if the argument is 0.
extern "C" fn between(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    here.set_pc(3);
    let callee = here.callee(5, 2, here.get(0));
    callee.set_pc(1);
    let status = helper(ctx, HelperId::Finish, callee);
    if status == Status::OK {
        here.set(0, callee.get(0) + 1);
    }
    status
}

#[test]
fn activations_nest_and_errors_pass_through_native_frames() {
    let divide = vec![
        Instr::ConstI64 { dst: r(0), value: 0 },
        Instr::ConstI64 { dst: r(1), value: 60 },
        Instr::DivI64 { dst: r(0), a: r(1), b: r(0) },
        Instr::Ret { value: r(0) },
    ];
    let mut functions = main_calling(sum());
    functions.push(function("divide", 1, Some(I), &[I; 2], divide));
    let mut vm = vm(functions, Limits::default());
    vm.link(FuncId(1), native(between), 0);
    assert_eq!(main_of(&mut vm, 5), Ok(Some(Value::I64(111))), "the division was resumed behind pc 0");
    let error = main_of(&mut vm, -1).unwrap_err();
    let places: Vec<_> = error.traceback.innermost.iter().map(|p| (p.func.0, p.pc.0)).collect();
    assert_eq!((error.kind, places), (ErrorKind::DivideByZero, vec![(2, 2), (1, 3), (0, 1)]));
    assert_eq!(main_of(&mut vm, 5), Ok(Some(Value::I64(111))), "the VM goes on");
}

/// Native `main` with its call inlined: leaves inside the callee, having written both frames.
extern "C" fn inlined(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    here.set_pc(1);
    let callee = here.callee(2, 1, 4);
    callee.set(1, 3);
    callee.set(2, 50);
    callee.set_pc(2);
    // SAFETY: the context is live.
    unsafe { (*ctx).exit_frame = callee.0 as u64 };
    Status::EXIT
}

#[test]
fn exits_from_inlined_calls_continue_in_the_innermost_frame() {
    let mut vm = vm(main_calling(sum()), Limits::default());
    vm.link(FuncId(0), native(inlined), 0);
    assert_eq!(main_of(&mut vm, 0), Ok(Some(Value::I64(157))), "50 + 3 + 4 in the callee, 100 in the caller");
}

/// What an engine of a test was asked, and what it answers.
#[derive(Default)]
struct Script {
    asked: Vec<(FuncId, Option<Pc>)>,
    left: Vec<u32>,
    on_function: Option<Entry>,
    on_loop: Option<Entry>,
    panics: bool,
}

struct Engine(Rc<RefCell<Script>>);

impl Tiering for Engine {
    fn hot_function(&mut self, vm: &mut Vm, func: FuncId) {
        let mut script = self.0.borrow_mut();
        script.asked.push((func, None));
        if let Some(entry) = script.on_function {
            vm.link(func, native(entry), 0);
        }
    }

    fn hot_loop(&mut self, _: &mut Vm, func: FuncId, header: Pc) -> Option<NativeEntry> {
        let mut script = self.0.borrow_mut();
        script.asked.push((func, Some(header)));
        assert!(!script.panics, "a planted panic");
        script.on_loop.map(native)
    }

    fn left_native(&mut self, _: &mut Vm, _: NativeEntry, site: u32) {
        self.0.borrow_mut().left.push(site);
    }
}

fn tiered(functions: Vec<Function>, calls: u32, loops: u32, script: Script) -> (Vm, Rc<RefCell<Script>>) {
    let script = Rc::new(RefCell::new(script));
    let mut vm = vm(functions, Limits::default());
    vm.set_tiering(Box::new(Engine(script.clone())), Thresholds { calls, loops });
    (vm, script)
}

#[test]
fn the_nth_call_is_hot() {
    let (mut vm, script) = tiered(vec![down()], 4, 0, Script::default());
    run(&mut vm, FuncId(0), &[Value::I64(2)]).unwrap();
    assert!(script.borrow().asked.is_empty());
    run(&mut vm, FuncId(0), &[Value::I64(8)]).unwrap();
    assert_eq!(script.borrow().asked, [(FuncId(0), None); 3], "12 calls");

    let (mut vm, script) = tiered(vec![down()], 5, 0, Script { on_function: Some(triple), ..Script::default() });
    assert_eq!(
        run(&mut vm, FuncId(0), &[Value::I64(20)]),
        Ok(Some(Value::I64(4 + 16 * 3))),
        "the fifth call is native"
    );
    assert_eq!(script.borrow().asked.len(), 1);
}

/// Finishes `sum` from its loop header.
extern "C" fn sum_from_header(_: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    let rest: i64 = (here.get(1)..=here.get(0)).sum();
    here.set(0, here.get(2) + rest);
    Status::OK
}

/// Runs one iteration of `sum`'s loop and leaves at the header, or behind the loop at its end.
extern "C" fn one_iteration(_: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    here.set(2, here.get(2) + here.get(1));
    if here.get(1) < here.get(0) {
        here.set(1, here.get(1) + 1);
        here.set_pc(2);
        Status::Exit(1).encode()
    } else {
        here.set_pc(4);
        Status::Exit(2).encode()
    }
}

#[test]
fn hot_loops_are_entered_at_their_header() {
    for threshold in [1, 7, 99, 100] {
        let on_loop = Some(sum_from_header as Entry);
        let (mut vm, script) = tiered(main_calling(sum()), 0, threshold, Script { on_loop, ..Script::default() });
        assert_eq!(main_of(&mut vm, 99), Ok(Some(Value::I64(5150))));
        assert_eq!(script.borrow().asked, [(FuncId(1), Some(Pc(2)))]);
        assert_eq!(run(&mut vm, FuncId(1), &[Value::I64(1000)]), Ok(Some(Value::I64(500_500))), "an entry in the home");
    }
    let (mut vm, script) = tiered(main_calling(sum()), 0, 101, Script::default());
    main_of(&mut vm, 99).unwrap();
    assert!(script.borrow().asked.is_empty(), "a hundred back edges");
}

#[test]
fn loops_that_leave_are_entered_again() {
    let on_loop = Some(one_iteration as Entry);
    let (mut vm, script) = tiered(main_calling(sum()), 0, 1, Script { on_loop, ..Script::default() });
    assert_eq!(main_of(&mut vm, 9), Ok(Some(Value::I64(155))));
    let script = script.borrow();
    assert!(script.asked.len() >= 5, "{}", script.asked.len());
    assert_eq!(script.left.len(), script.asked.len(), "every exit is reported");
}

/// Counts down as generated code does, and leaves in front of the instruction that finds the countdown at zero.
extern "C" fn counting_sum(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
    let here = View(frame);
    here.set(1, 0);
    here.set(2, 0);
    loop {
        here.set(2, here.get(2) + here.get(1));
        if here.get(1) >= here.get(0) {
            here.set(0, here.get(2));
            return Status::OK;
        }
        // SAFETY: the context is live.
        let countdown = unsafe { &mut (*ctx).countdown };
        if *countdown == 0 {
            here.set_pc(3);
            return Status::EXIT;
        }
        *countdown -= 1;
        here.set(1, here.get(1) + 1);
    }
}

#[test]
fn exits_forced_at_every_event_change_nothing() {
    for (k, budget) in (1..14).flat_map(|k| [(k, None), (k, Some(11)), (k, Some(10))]) {
        let mut vm = vm(main_calling(sum()), Limits { budget, ..Limits::default() });
        vm.link(FuncId(1), native(counting_sum), 0);
        vm.force_exit(Some(k));
        let outcome = main_of(&mut vm, 9);
        if budget == Some(10) {
            // One call and ten back edges.
            let error = outcome.unwrap_err();
            assert_eq!((error.kind, error.position.pc), (ErrorKind::BudgetExhausted, Pc(3)), "exit at {k}");
        } else {
            assert_eq!(outcome, Ok(Some(Value::I64(155))), "exit at {k}, budget {budget:?}");
        }
    }
}

#[test]
fn results_of_moved_tail_calls_reach_the_native_caller() {
    // The callee tail-calls a function whose frame no longer fits the segment: it moves, its result does not.
    let grow = vec![Instr::TailCall { args: r(0), func: FuncId(3) }];
    let large = vec![Instr::AddImmI64 { dst: r(250), a: r(0), imm: 5 }, Instr::Ret { value: r(250) }];
    let mut functions = main_calling(sum());
    functions.push(function("grow", 1, Some(I), &[I; 2], grow));
    functions.push(function("large", 1, Some(I), &[I; 251], large));
    let sizes = StackSizes { first: 0, chained: 0 };
    let mut vm = lockstep_interp::new_vm_with_stack(module(functions), Limits::default(), sizes);
    extern "C" fn calling(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
        let here = View(frame);
        here.set_pc(3);
        let callee = here.callee(3, 2, here.get(0));
        let status = helper(ctx, HelperId::InterpretCall, callee);
        here.set(0, callee.get(0));
        status
    }
    vm.link(FuncId(1), native(calling), 0);
    assert_eq!(main_of(&mut vm, 1), Ok(Some(Value::I64(107))));
    assert_eq!(vm.stack().segments(), 1);
}

#[test]
fn panics_reach_the_host_and_not_the_native_frames() {
    extern "C" fn calls_sum(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
        let here = View(frame);
        here.set_pc(1);
        let callee = here.callee(2, 1, 10);
        let status = helper(ctx, HelperId::InterpretCall, callee);
        assert_eq!(status, Status::ERROR);
        status
    }
    let (mut vm, _) = tiered(main_calling(sum()), 0, 1, Script { panics: true, ..Script::default() });
    vm.link(FuncId(0), native(calls_sum), 0);
    let panic = catch_unwind(AssertUnwindSafe(|| main_of(&mut vm, 1))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a planted panic"));
}

#[test]
fn helpers_allocate_print_and_compute_remainders() {
    extern "C" fn working(ctx: *mut Ctx, frame: *mut Frame, _: *mut u64) -> i32 {
        // SAFETY: the table holds functions of these signatures.
        unsafe {
            let address = |helper: HelperId| *(*ctx).helpers.add(helper as usize);
            let array_new: extern "C" fn(*mut Ctx, i64, i64) -> u64 = std::mem::transmute(address(HelperId::ArrayNew));
            let print: extern "C" fn(*mut Ctx, i64, i64) -> i32 = std::mem::transmute(address(HelperId::Print));
            let rem_t: extern "C" fn(f64, f64) -> f64 = std::mem::transmute(address(HelperId::F64RemT));
            let rem_f: extern "C" fn(f64, f64) -> f64 = std::mem::transmute(address(HelperId::F64RemF));
            assert_eq!((rem_t(-7.0, 2.0), rem_f(-7.0, 2.0)), (-1.0, 1.0));
            assert_eq!(array_new(ctx, Tag::ARR_I64.0 as i64, -1), 0);
            assert_eq!(array_new(ctx, Tag::ARR_I64.0 as i64, i64::MAX), 0);
            assert_ne!(array_new(ctx, Tag::ARR_I64.0 as i64, 3), 0);
            assert_eq!(print(ctx, Tag::I32.0 as i64, 0xffff_ffff), 1);
        }
        triple(ctx, frame, std::ptr::null_mut())
    }
    let mut vm = linked(working);
    let before = vm.heap().used();
    assert_eq!(main_of(&mut vm, 4), Ok(Some(Value::I64(115))));
    assert_eq!(vm.output(), b"-1\n");
    assert_eq!(vm.heap().used() - before, 56);
}
