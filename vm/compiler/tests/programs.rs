//! Whole functions through the compiler and the IR evaluator: results, calls, exits, entries at loop headers, counters.

mod world;

use lockstep_bytecode::{FuncId, Kind, Pc, Verified};
use lockstep_compiler::{DataWord, ExitReason, ExitSite, Options, PassConfig, PassId, Request, compile};
use lockstep_layout::{HelperId, callee_offset, ctx_offset, frame_size};
use world::{End, STACK, World, assembled};

const I64: u64 = Kind::I64 as u64;

fn fib() -> Verified {
    assembled(include_str!("../../../corpus/bytecode/examples/fib.lks"))
}

/// The sum of an array, in a counted loop whose header is at 4.
fn sum() -> Verified {
    assembled(
        "func sum(array: [i64]) -> i64 {
            reg i: i64, sum: i64, length: i64, element: i64
            const.i64 i, 0
            const.i64 sum, 0
            array_len.i64 length, array
            jeq.i64 length, 0, done
        next:
            array_get.i64 element, array, i
            add.i64 sum, sum, element
            loop_lt.i64 i, length, next
        done:
            ret sum
        }",
    )
}

/// Every combination of switches that changes the code.
fn all_options() -> Vec<Options> {
    let mut all = Vec::new();
    for countdown in [false, true] {
        for coverage in [false, true] {
            let passes = [PassConfig::none(), PassConfig::default()]
                .into_iter()
                .chain(PassId::ALL.iter().map(|&pass| PassConfig::only(&[pass])))
                .chain(PassId::ALL.iter().map(|&pass| PassConfig::default().without(pass)));
            all.extend(passes.map(|passes| Options { countdown, coverage, passes, ..Options::default() }));
        }
    }
    all
}

fn site(pc: u32, reason: ExitReason) -> ExitSite {
    ExitSite { func: FuncId(0), pc: Pc(pc), reason }
}

#[test]
fn fib_runs_under_all_options() {
    for options in all_options() {
        let mut world = World::new(&fib(), &options);
        assert_eq!(world.run(0, &[10]), End::Ok(55, I64), "{options:?}");
        assert_eq!(world.called, []);
        if options.countdown {
            assert_eq!(world.ctx(ctx_offset::COUNTDOWN, 8), i64::MAX as u64 - 176);
        }
        if options.coverage {
            let count = |pc| world.data(0, DataWord::CounterInline(Pc(pc)));
            assert_eq!([0, 2, 4, 6, 7].map(count), [177, 88, 88, 88, 89].map(Some));
        }
    }
}

#[test]
fn arrays_are_summed_under_all_options_from_every_entry() {
    for options in all_options() {
        let mut world = World::new(&sum(), &options);
        let array = world.array(Kind::ArrI64, &[3, 4, 5, 6]);
        assert_eq!(world.run(0, &[array]), End::Ok(18, I64), "{options:?}");
        if options.countdown {
            assert_eq!(world.ctx(ctx_offset::COUNTDOWN, 8), i64::MAX as u64 - 3);
        }
        // In the loop: index 2, sum 100.
        assert_eq!(world.run_osr(0, 4, &[(0, array), (1, 2), (2, 100), (3, 4)]), End::Ok(111, I64));
        // A length that lies: out of bounds at the read, with the state of that moment.
        let end = world.run_osr(0, 4, &[(0, array), (1, 2), (2, 100), (3, 9)]);
        assert_eq!(end, End::Exit(site(4, ExitReason::IndexOutOfBounds)));
        assert_eq!((world.pc(), world.slot(1), world.slot(2)), (4, (4, I64), (111, I64)));
        assert_eq!(world.slot(4).1, I64, "tags of dead registers are written");
    }
}

#[test]
fn limits_exit_before_any_effect() {
    let mut world = World::new(&fib(), &Options { countdown: true, ..Options::default() });
    world.set_ctx(ctx_offset::DEPTH_LIMIT, 4, 1);
    assert_eq!(world.run(0, &[5]), End::Exit(site(2, ExitReason::DepthLimit)));
    assert_eq!((world.pc(), world.slot(0), world.slot(1)), (2, (5, I64), (4, I64)));
    world.set_ctx(ctx_offset::DEPTH_LIMIT, 4, 1000);
    world.set_ctx(ctx_offset::COUNTDOWN, 8, 0);
    assert_eq!(world.run(0, &[5]), End::Exit(site(2, ExitReason::Countdown)));
    assert_eq!(world.ctx(ctx_offset::COUNTDOWN, 8), 0);
    world.set_ctx(ctx_offset::SEGMENT_END, 8, 0);
    assert_eq!(world.run(0, &[5]), End::Exit(site(2, ExitReason::SegmentFull)));
    world.set_ctx(ctx_offset::STACK_LIMIT, 8, u64::MAX);
    assert_eq!(world.run(0, &[5]), End::Exit(site(0, ExitReason::StackLimit)));
    assert_eq!((world.pc(), world.slot(0)), (0, (5, I64)));
}

#[test]
fn limits_are_checked_behind_another_call_only_for_a_larger_frame() {
    let module = assembled(
        "func main(n: i64) -> i64 {
            reg m: i64
            move.i64 m, n
            call m, small(m)
            call m, small(m)
            jgti.i64 m, 9, wide
            call m, small(m)
            ret m
        wide:
            call m, wide(m)
            call m, small(m)
            ret m
        }
        func small(n: i64) -> i64 {
            ret n
        }
        func wide(n: i64) -> i64 {
            reg a: i64, b: i64, c: i64
            ret n
        }",
    );
    let request = Request { module: &module, func: FuncId(0), options: &Options::default() };
    let compiled = compile(&request).unwrap_or_else(|refusal| panic!("{refusal}"));
    let checked = |reason| -> Vec<u32> {
        let mut pcs: Vec<u32> = compiled.exits.iter().filter(|e| e.reason == reason).map(|e| e.pc.0).collect();
        pcs.sort_unstable();
        pcs
    };
    assert_eq!(checked(ExitReason::SegmentFull), [1, 6]);
    assert_eq!(checked(ExitReason::DepthLimit), [1, 6]);

    let mut world = World::new(&module, &Options::default());
    assert_eq!(world.run(0, &[20]), End::Ok(20, I64));
    let [main, small] = [0, 1].map(|f| module.function(FuncId(f)).frame_slots());
    world.set_ctx(ctx_offset::SEGMENT_END, 8, STACK + u64::from(callee_offset(main) + frame_size(small)));
    assert_eq!(world.run(0, &[5]), End::Ok(5, I64));
    assert_eq!(world.run(0, &[20]), End::Exit(site(6, ExitReason::SegmentFull)));
    assert_eq!((world.pc(), world.slot(1)), (6, (20, I64)));
}

#[test]
fn polls_exit_at_the_target_and_countdowns_at_the_branch() {
    let mut world = World::new(&sum(), &Options { countdown: true, ..Options::default() });
    let array = world.array(Kind::ArrI64, &[3, 4, 5, 6]);
    world.set_ctx(ctx_offset::POLL, 4, 1);
    assert_eq!(world.run(0, &[array]), End::Exit(site(4, ExitReason::Poll)));
    assert_eq!((world.pc(), world.slot(1), world.slot(2)), (4, (1, I64), (3, I64)));
    world.set_ctx(ctx_offset::COUNTDOWN, 8, 2);
    world.set_ctx(ctx_offset::POLL, 4, 0);
    assert_eq!(world.run(0, &[array]), End::Exit(site(6, ExitReason::Countdown)));
    assert_eq!((world.pc(), world.slot(1), world.slot(2)), (6, (2, I64), (12, I64)));
}

#[test]
fn calls_of_other_functions_go_through_their_records_or_the_interpreter() {
    let module = assembled(
        "func main(n: i64, values: [i32]) -> i64 {
            reg one: i64, got: i32, wide: i64
            const.i64 one, 1
            call got, pick(values, one)
            wrap.i32_to_i64 wide, got
            add.i64 n, n, wide
            ret n
        }
        func pick(values: [i32], index: i64) -> i32 {
            reg value: i32
            array_get.i32 value, values, index
            ret value
        }"
        // Arguments stand in consecutive registers.
        .replace("reg one: i64, got: i32", "reg copy: [i32], one: i64, got: i32")
        .replace("call got, pick(values, one)", "move.array_i32 copy, values\ncall got, pick(copy, one)")
        .as_str(),
    );
    for options in all_options() {
        let mut world = World::new(&module, &options);
        let array = world.array(Kind::ArrI32, &[7, 0xffff_fffb]);
        assert_eq!(world.run(0, &[100, array]), End::Ok(95, I64), "{options:?}");
        assert_eq!(world.called, []);
        world.unlink(1);
        assert_eq!(world.run(0, &[100, array]), End::Ok(95, I64));
        assert_eq!(world.called, [HelperId::InterpretCall]);
        // The callee exits: nobody here can finish it, so its caller hands the error on.
        let short = world.array(Kind::ArrI32, &[7]);
        let mut world = World::new(&module, &options);
        assert_eq!(world.run(0, &[100, short]), End::Status(1));
        assert_eq!(world.called, [HelperId::Finish]);
    }
}

#[test]
fn a_leaf_prefix_answers_instead_of_the_callee() {
    let module = assembled(
        "func main(n: i64) -> i64 {
            call n, clamped(n)
            ret n
        }
        func clamped(n: i64) -> i64 {
            jlti.i64 n, 100, small
            const.i64 n, 200
            sub.i64 n, n, 100
            ret n
        small:
            ret n
        }",
    );
    for options in all_options() {
        let mut world = World::new(&module, &options);
        world.unlink(1);
        assert_eq!(world.run(0, &[7]), End::Ok(7, I64), "{options:?}");
        let counts = options.countdown || options.coverage;
        assert_eq!(world.called.len(), usize::from(counts), "{options:?}");
        world.called.clear();
        assert_eq!(world.run(0, &[107]), End::Ok(100, I64));
        assert_eq!(world.called, [HelperId::InterpretCall]);
    }
}

#[test]
fn tail_calls_loop_or_are_handed_over() {
    let module = assembled(
        "func count(n: i64, total: i64) -> i64 {
            reg a: i64, b: i64
            jeq.i64 n, 0, done
            sub.i64 a, n, 1
            add.i64 b, total, n
            tail_call count(a, b)
        done:
            ret total
        }
        func main(n: i64) -> i64 {
            reg zero: i64
            const.i64 zero, 0
            tail_call count(n, zero)
        }
        func outer(n: i64) -> i64 {
            call n, main(n)
            ret n
        }",
    );
    for options in all_options() {
        let mut world = World::new(&module, &options);
        assert_eq!(world.run(0, &[100, 0]), End::Ok(5050, I64), "{options:?}");
        if options.countdown {
            assert_eq!(world.ctx(ctx_offset::COUNTDOWN, 8), i64::MAX as u64 - 100);
        }
        assert_eq!(world.run(2, &[100]), End::Ok(5050, I64));
        assert_eq!(world.called, [HelperId::InterpretCall]);
        world.set_ctx(ctx_offset::POLL, 4, 1);
        assert_eq!(world.run(0, &[100, 0]), End::Exit(site(0, ExitReason::Poll)));
        assert_eq!((world.slot(0), world.slot(1)), ((99, I64), (100, I64)));
    }
}

#[test]
fn an_entry_in_a_nest_of_loops_peels_the_turns_it_interrupts() {
    let module = assembled(
        "func nest(n: i64) -> i64 {
            reg i: i64, j: i64, k: i64, sum: i64
            const.i64 sum, 0
            const.i64 i, 0
        outer:
            const.i64 j, 0
        middle:
            const.i64 k, 0
        inner:
            add.i64 sum, sum, k
            add.i64 sum, sum, j
            loop_lt.i64 k, n, inner
            loop_lt.i64 j, n, middle
            add.i64 sum, sum, 1000
            loop_lt.i64 i, n, outer
            ret sum
        }",
    );
    for options in all_options() {
        let mut world = World::new(&module, &options);
        assert_eq!(world.run(0, &[3]), End::Ok(3 * (18 + 1000), I64));
        // The state in the middle of it: i = 1, j = 1, k = 1, after one outer turn, one middle turn (k sums 3) and one inner.
        let slots = [(0, 3), (1, 1), (2, 1), (3, 1), (4, 1018 + 3 + 1)];
        assert_eq!(world.run_osr(0, 4, &slots), End::Ok(3 * (18 + 1000), I64), "{options:?}");
        assert_eq!(world.run_osr(0, 3, &[(0, 3), (1, 1), (2, 1), (4, 1018 + 3)]), End::Ok(3 * 1018, I64));
        assert_eq!(world.run_osr(0, 2, &[(0, 3), (1, 2), (4, 2036)]), End::Ok(3 * 1018, I64));
    }
}

#[test]
fn helpers_allocate_print_and_compute() {
    let module = assembled(
        "func main(n: i64, x: f64) -> f64 {
            reg flags: [bool], zero: i64, yes: bool, two: f64
            array_new.bool flags, n
            const.i64 zero, 0
            const.bool yes, true
            array_set.bool flags, zero, yes
            array_get.bool yes, flags, zero
            print.bool yes
            print.f64 x
            const.f64 two, 2.0
            rem_floor.f64 x, x, two
            ret x
        }",
    );
    for options in all_options() {
        let mut world = World::new(&module, &options);
        let (x, end) = ((-1.5f64).to_bits(), 0.5f64.to_bits());
        assert_eq!(world.run(0, &[3, x]), End::Ok(end, Kind::F64.tag()), "{options:?}");
        assert_eq!(world.printed, [(Kind::Bool.tag(), 1), (Kind::F64.tag(), x)]);
        if options.coverage {
            assert_eq!(world.data(0, DataWord::CounterHelper(Pc(0))), Some(1));
            assert_eq!(world.data(0, DataWord::CounterInline(Pc(3))), Some(1));
        }
        assert_eq!(world.run(0, &[-3i64 as u64, x]), End::Exit(site(0, ExitReason::NegativeLength)));
        assert_eq!(world.run(0, &[1 << 40, x]), End::Exit(site(0, ExitReason::Allocation)));
        assert_eq!(world.run(0, &[0, x]), End::Exit(site(3, ExitReason::IndexOutOfBounds)));
        assert_eq!(world.slot(1), (x, Kind::F64.tag()));
    }
}
