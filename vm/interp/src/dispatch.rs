//! The dispatch loop: a `match` over the instructions, one arm per row of the instruction table.
//!
//! An arm's body is chosen by `execute!` on the row's meaning, so that a row without one does not compile. The loop's state
//! is one [`Registers`], which `lent!` hands to slow paths. In machine registers its parts have to be merged at the dispatch jump, and LLVM then keeps a single
//! jump for all instructions instead of one per arm, which costs far more than it gains, unless it is told to duplicate jumps of any size (`.cargo/config.toml`). So there the state is kept
//! in machine registers (`cfg(threaded)`, set by build.rs), and in builds without those flags it lies in memory on purpose (docs/interpreter.md has the numbers).
//!
//! Why the raw accesses are sound: the module is verified, so registers, constants, tables and targets named by an
//! instruction exist, registers hold payloads of the kind the instruction expects, and array registers are assigned before
//! use; frames lie in segments with room for all their slots.

use lockstep_bytecode::semantics::{self, Binary, Convert, Relation, Unary};
use lockstep_bytecode::{AnyOp, AnyUnOp, ErrorKind, FuncId, Instr, JumpTable, Seen, Test, for_each_instruction};
use lockstep_layout::{
    ARRAY_ELEMENTS, ArrayHeader, ClosureHeader, Ctx, Frame, FrameFlags, FunctionTraits, Slot, Tag, frame_size,
};
use lockstep_runtime::{
    FunctionInfo, Metamethod, NativeEntry, StringRef, TableRef, for_each_fusion, fused as fused_number,
};

use crate::activation::{
    Flow, Fresh, Registers, attend, chain_segment, count_down, counts_of, enter_native, entry_of, hot_function,
    hot_loop, interrupted, is_asked, move_to_segment, native_fits, returned, slot, trampoline_address, vm,
};
use crate::dynamic::numbers::{self, Arith};
use crate::dynamic::{Go, Here, Verdict, near, see, string_word, word};
use crate::fused;
use crate::kinds::{self, Element};
use crate::slots::{Payload, copy_slots, payload, read, slot_at};

/// Interprets, and nothing else: no counting, no native code.
pub const PLAIN: u8 = 0;
/// Counts calls and back edges for an engine, and enters native code.
pub const TIERED: u8 = 1;
/// Tiered, and also counts down the budget and counts executions.
pub const FULL: u8 = 2;

/// Reads a register as a kind.
macro_rules! get {
    ($s:ident, $K:ident, $reg:expr) => {
        <kinds::$K as Payload>::load(payload($s.frame, $reg))
    };
}

/// Writes a register as a kind.
macro_rules! set {
    ($s:ident, $K:ident, $reg:expr, $value:expr) => {
        <kinds::$K as Payload>::store($value, payload($s.frame, $reg))
    };
}

/// Goes on with the next instruction.
macro_rules! next {
    ($s:ident, $ip:ident) => {{
        $s.ip = $ip.add(1);
        continue;
    }};
}

/// Hands the registers to a slow path, which may change them: a copy, as the loop's own have no address, so that they can stay in machine registers.
#[cfg(threaded)]
macro_rules! lent {
    ($s:ident, |$registers:ident| $call:expr) => {{
        let mut $registers = $s;
        let outcome = {
            let $registers = &mut $registers;
            $call
        };
        $s = $registers;
        outcome
    }};
}

/// Hands the registers to a slow path, which may change them.
#[cfg(not(threaded))]
macro_rules! lent {
    ($s:ident, |$registers:ident| $call:expr) => {{
        let $registers = &mut $s;
        $call
    }};
}

/// The value of an operation that may raise.
macro_rules! answer {
    ($answer:expr, $run:lifetime) => {
        match $answer {
            Ok(value) => value,
            Err(kind) => break $run kind,
        }
    };
}

/// Takes a slow path, which may change the registers.
macro_rules! slow {
    ($flow:expr) => {
        match $flow {
            Flow::Continue => continue,
            Flow::Leave(status) => return status,
        }
    };
}

/// Whether the VM asks for attention; an interrupt is answered at once.
macro_rules! asked {
    ($s:ident, $ctx:ident, $run:lifetime) => {{
        let asked = is_asked($ctx);
        if asked && interrupted($ctx, $s.frame) {
            break $run ErrorKind::Interrupted;
        }
        asked
    }};
}

/// Attends to what the VM asks for; the frame goes on at `resume`.
macro_rules! attend {
    ($s:ident, $ctx:ident, $home:ident, $resume:expr) => {{
        let resume = $resume;
        if lent!($s, |registers| attend($ctx, registers, $home, resume)) {
            continue;
        }
    }};
}

/// Counts a call: interrupts, and in the full loop the countdown, unless that counts instructions. Finalizers run before the call.
macro_rules! event {
    ($s:ident, $ctx:ident, $home:ident, $run:lifetime) => {{
        if asked!($s, $ctx, $run) {
            attend!($s, $ctx, $home, $s.ip);
        }
        if MODE == FULL && !vm($ctx).steps() {
            count_down!($s, $ctx, $run);
        }
    }};
}

/// Takes one from the countdown.
macro_rules! count_down {
    ($s:ident, $ctx:ident, $run:lifetime) => {
        if !count_down($ctx, || $s) {
            break $run ErrorKind::BudgetExhausted;
        }
    };
}

/// Goes on at `target`, all other effects of the instruction being done.
macro_rules! jump {
    ($s:ident, $ip:ident, $ctx:ident, $home:ident, $run:lifetime, $target:expr) => {{
        let target = $target;
        let to = $s.code.add(target.index());
        if to <= $ip {
            let asked = asked!($s, $ctx, $run);
            if MODE == FULL && !vm($ctx).steps() {
                count_down!($s, $ctx, $run);
            }
            if asked {
                attend!($s, $ctx, $home, to);
            }
            if MODE != PLAIN {
                let loops = (*entry_of($ctx, (*$s.frame).func)).loops as *mut u32;
                if !loops.is_null() {
                    let counter = loops.add(target.index());
                    let left = (*counter).wrapping_sub(1);
                    *counter = left;
                    if left == 0 {
                        slow!(lent!($s, |registers| hot_loop($ctx, registers, $home, target, counter)));
                    }
                }
            }
        }
        $s.ip = to;
        continue;
    }};
}

/// Jumps to `target` if the condition holds.
macro_rules! branch {
    ($s:ident, $ip:ident, $ctx:ident, $home:ident, $run:lifetime, $condition:expr, $target:expr) => {{
        if $condition {
            jump!($s, $ip, $ctx, $home, $run, $target);
        }
        next!($s, $ip);
    }};
}

/// Starts the function whose fresh frame is `frame` (header and arguments written), natively or here.
macro_rules! start {
    ($s:ident, $ctx:ident, $home:ident, $native:ident, $run:lifetime, $func:expr, $entry:ident, $frame:ident, $top:ident,
     $fresh:ident) => {{
        if MODE != PLAIN {
            let left = (*$entry).calls.wrapping_sub(1);
            (*$entry).calls = left;
            if left == 0 {
                hot_function($ctx, $entry, $func);
            }
            if (*$entry).entry != trampoline_address() && $native {
                let native = NativeEntry { entry: (*$entry).entry, data: (*$entry).data };
                slow!(lent!($s, |registers| enter_native($ctx, registers, $home, $frame, native)));
            }
        }
        $fresh.rest();
        $s.frame = $frame;
        $s.top = $top;
        $s.code = (*$entry).code as *const Instr;
        $s.ip = $s.code;
        if MODE == FULL {
            $s.counts = counts_of($entry);
        }
        continue;
    }};
}

macro_rules! call {
    ($s:ident, $ctx:ident, $home:ident, $native:ident, $run:lifetime, $args:expr, $func:expr) => {{
        event!($s, $ctx, $home, $run);
        let caller = $s.frame;
        let depth = (*caller).depth;
        if depth >= (*$ctx).depth_limit {
            break $run ErrorKind::StackOverflow;
        }
        let entry = entry_of($ctx, $func.0);
        let size = frame_size(u32::from((*entry).frame_slots)) as usize;
        let mut frame = $s.top;
        let mut top = frame.byte_add(size);
        let mut flags = 0u64;
        if top as u64 > (*$ctx).segment_end {
            match chain_segment($ctx, size) {
                Some(chained) => frame = chained,
                None => break $run ErrorKind::MemoryLimit,
            }
            top = frame.byte_add(size);
            flags = u64::from(FrameFlags::SEGMENT);
        }
        (*caller).pc = $s.pc().0;
        // One store each for function and pc, depth and flags.
        frame.cast::<u64>().write(u64::from($func.0));
        (*frame).caller = caller as u64;
        (&raw mut (*frame).depth).cast::<u64>().write(u64::from(depth + 1) | flags << 32);
        (*frame).callee = 0;
        let fresh = Fresh::params(frame, entry, payload(caller, $args).cast::<Slot>());
        start!($s, $ctx, $home, $native, $run, $func.0, entry, frame, top, fresh);
    }};
}

macro_rules! tail_call {
    ($s:ident, $ctx:ident, $home:ident, $native:ident, $run:lifetime, $args:expr, $func:expr) => {{
        event!($s, $ctx, $home, $run);
        let entry = entry_of($ctx, $func.0);
        let size = frame_size(u32::from((*entry).frame_slots)) as usize;
        let args = payload($s.frame, $args).cast::<Slot>();
        let mut frame = $s.frame;
        if frame.byte_add(size) as u64 > (*$ctx).segment_end {
            match move_to_segment($ctx, frame) {
                Some(moved) => frame = moved,
                None => break $run ErrorKind::MemoryLimit,
            }
        }
        let fresh = Fresh::params(frame, entry, args);
        frame.cast::<u64>().write(u64::from($func.0));
        let top = frame.byte_add(size);
        start!($s, $ctx, $home, $native, $run, $func.0, entry, frame, top, fresh);
    }};
}

macro_rules! give_back {
    ($s:ident, $ctx:ident, $home:ident, $run:lifetime, |$call:ident| $deliver:expr, $slot:expr) => {{
        let Frame { flags, caller, .. } = *$s.frame;
        if flags != 0 {
            let value = $slot;
            let frame = $s.frame;
            slow!(lent!($s, |registers| returned($ctx, registers, $home, frame, value)));
        }
        // The caller is a frame of this activation, right below in the same segment.
        $s.top = $s.frame;
        $s.frame = caller as *mut Frame;
        let entry = entry_of($ctx, (*$s.frame).func);
        $s.code = (*entry).code as *const Instr;
        let $call = $s.code.add((*$s.frame).pc as usize);
        if MODE == FULL {
            $s.counts = counts_of(entry);
        }
        $deliver;
        $s.ip = $call.add(1);
        continue;
    }};
}

/// The body of an instruction, by its meaning.
macro_rules! execute {
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Const) ($K:ident) ($dst:ident, $value:ident)) => {{
        set!($s, $K, $dst, kinds::immediate!($K, $value));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Pool) ($K:ident) ($dst:ident, $value:ident)) => {{
        let constant = $s.code.cast::<u64>().sub(1 + $value.index()).read();
        payload($s.frame, $dst).write(constant);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Move) ($K:ident) ($dst:ident, $a:ident)) => {{
        payload($s.frame, $dst).write(payload($s.frame, $a).read());
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Select) ($K:ident)
     ($dst:ident, $cond:ident, $a:ident, $b:ident)) => {{
        let (a, b) = (payload($s.frame, $a).read(), payload($s.frame, $b).read());
        payload($s.frame, $dst).write(if get!($s, Bool, $cond) { a } else { b });
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Binary($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $b:ident)) => {{
        let answer = <semantics::$Op as Binary<kinds::$K>>::apply(get!($s, $K, $a), get!($s, $K, $b));
        set!($s, $K, $dst, answer!(answer, $run));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (BinaryImm($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $imm:ident)) => {{
        let answer = <semantics::$Op as Binary<kinds::$K>>::apply(get!($s, $K, $a), $imm as kinds::$K);
        set!($s, $K, $dst, answer!(answer, $run));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Unary($Op:ident)) ($K:ident) ($dst:ident, $a:ident)) => {{
        let answer = <semantics::$Op as Unary<kinds::$K>>::apply(get!($s, $K, $a));
        set!($s, $K, $dst, answer!(answer, $run));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Compare($Cc:ident)) ($K:ident)
     ($dst:ident, $a:ident, $b:ident)) => {{
        let holds = <semantics::$Cc as Relation<kinds::$K>>::holds(get!($s, $K, $a), get!($s, $K, $b));
        set!($s, Bool, $dst, holds);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Convert($Mode:ident)) ($K:ident $J:ident)
     ($dst:ident, $a:ident)) => {{
        let answer = <semantics::$Mode as Convert<kinds::$J, kinds::$K>>::apply(get!($s, $J, $a));
        set!($s, $K, $dst, answer!(answer, $run));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Jump) () ($target:ident)) => {
        jump!($s, $ip, $c, $h, $run, $target)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (BranchBool($when:literal)) () ($a:ident, $target:ident)) => {
        branch!($s, $ip, $c, $h, $run, get!($s, Bool, $a) == $when, $target)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Branch($Cc:ident)) ($K:ident)
     ($a:ident, $b:ident, $target:ident)) => {{
        let holds = <semantics::$Cc as Relation<kinds::$K>>::holds(get!($s, $K, $a), get!($s, $K, $b));
        branch!($s, $ip, $c, $h, $run, holds, $target)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (BranchImm($Cc:ident)) ($K:ident)
     ($a:ident, $imm:ident, $target:ident)) => {{
        let holds = <semantics::$Cc as Relation<kinds::$K>>::holds(get!($s, $K, $a), $imm as kinds::$K);
        branch!($s, $ip, $c, $h, $run, holds, $target)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Switch) ($K:ident) ($a:ident, $table:ident)) => {{
        let info = (*entry_of($c, (*$s.frame).func)).info as *const FunctionInfo;
        let table: &JumpTable = &(&(*info).tables)[$table.index()];
        let entry = usize::try_from(get!($s, $K, $a)).ok().and_then(|index| table.targets.get(index));
        jump!($s, $ip, $c, $h, $run, *entry.unwrap_or(&table.default))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Loop($Cc:ident)) ($K:ident)
     ($i:ident, $limit:ident, $target:ident)) => {{
        let (i, limit) = (get!($s, $K, $i), get!($s, $K, $limit));
        let (next, holds) = kinds::step!($Cc, i, limit);
        if let Some(next) = next {
            set!($s, $K, $i, next);
        }
        branch!($s, $ip, $c, $h, $run, holds, $target)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Call) () ($dst:ident, $args:ident, $func:ident)) => {
        call!($s, $c, $h, $n, $run, $args, $func)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CallVoid) () ($args:ident, $func:ident)) => {
        call!($s, $c, $h, $n, $run, $args, $func)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (TailCall) () ($args:ident, $func:ident)) => {
        tail_call!($s, $c, $h, $n, $run, $args, $func)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Ret) () ($value:ident)) => {{
        let result = payload($s.frame, $value).read();
        give_back!(
            $s,
            $c,
            $h,
            $run,
            |call| {
                // A function with a result is entered by `Call` alone.
                let Instr::Call { dst, .. } = *call else { std::hint::unreachable_unchecked() };
                payload($s.frame, dst).write(result)
            },
            slot($s.frame, $value)
        )
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (RetVoid) () ()) => {
        give_back!($s, $c, $h, $run, |call| (), Slot { payload: 0, tag: Tag::NIL.0 })
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArrayNew) ($K:ident $J:ident) ($dst:ident, $length:ident)) => {{
        let answer = new_array($c, &{ $s }, kinds::tag!($J), get!($s, I64, $length));
        payload($s.frame, $dst).write(answer!(answer, $run));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArrayLen) ($K:ident $J:ident) ($dst:ident, $array:ident)) => {{
        let array = payload($s.frame, $array).read() as *const ArrayHeader;
        set!($s, I64, $dst, (*array).len as i64);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArrayGet) ($K:ident $J:ident)
     ($dst:ident, $array:ident, $index:ident)) => {{
        let element = element!($s, $K, $array, $index, $run);
        set!($s, $K, $dst, Element::from_stored(element.read()));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArraySet) ($K:ident $J:ident)
     ($array:ident, $index:ident, $value:ident)) => {{
        let element = element!($s, $K, $array, $index, $run);
        element.write(Element::to_stored(get!($s, $K, $value)));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Print) ($K:ident) ($value:ident)) => {{
        answer!(print($c, &{ $s }, kinds::tag!($K), payload($s.frame, $value).read()), $run);
        next!($s, $ip);
    }};
    ($state:tt $sem:tt $kinds:tt $operands:tt) => {
        execute_dynamic!($state $sem $kinds $operands)
    };
}

/// The address of an array's element, bounds checked.
macro_rules! element {
    ($s:ident, $K:ident, $array:expr, $index:expr, $run:lifetime) => {{
        let array = payload($s.frame, $array).read() as *mut ArrayHeader;
        // A negative index is a large one.
        let index = payload($s.frame, $index).read();
        if index >= (*array).len {
            break $run ErrorKind::IndexOutOfBounds;
        }
        array.byte_add(ARRAY_ELEMENTS as usize).cast::<<kinds::$K as Element>::Stored>().add(index as usize)
    }};
}

/// The `match`, from the rows of the table.
macro_rules! dispatch {
    ($state:tt $($rows:tt)*) => {
        for_each_fusion! { dispatch_all $state $($rows)* }
    };
}

/// The same, with the fusions.
macro_rules! dispatch_all {
    ([[$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] $({
        name: $Name:ident, mnemonic: $mnemonic:tt, doc: $doc:tt, family: $family:ident, kinds: $kinds:tt,
        operands: ($($operand:ident: $role:ident $(($kind:ident))?),*), sem: [$($sem:tt)*],
        effects: $effects:tt, errors: $errors:tt, helper: $helper:ident
    })*] $({$Fusion:ident $First:ident($($first:tt)*) $Second:ident($($second:tt)*) $Takes:ident})*) => {
        match $ip.cast::<u16>().read() {
            $(
                #[allow(unused_variables, reason = "a call's result register matters when it returns")]
                number::$Name => {
                    // The number says so.
                    let Instr::$Name { $($operand),* } = *$ip else { std::hint::unreachable_unchecked() };
                    execute!([$s $ip $c $h $n $run] ($($sem)*) $kinds ($($operand),*))
                }
            )*
            $(
                fused_number::$Fusion => {
                    // Only the plain loop runs code with fusions.
                    assert!(MODE == PLAIN);
                    execute_fused!([$s $ip $c $h $run] ($($first)*) ($($second)*) $Takes)
                }
            )*
            // There are no other numbers.
            _ => std::hint::unreachable_unchecked(),
        }
    };
}

/// The numbers of instructions as constants.
macro_rules! numbers {
    ([] $({ name: $Name:ident, $($rest:tt)* })*) => {
        #[allow(non_upper_case_globals, reason = "they are called as the instructions are")]
        mod number {
            $(pub const $Name: u16 = lockstep_bytecode::Op::$Name as u16;)*
        }
    };
}

for_each_instruction!(numbers);

/// Runs the activation of `home` from the given registers until `home` has returned or an error is raised; returns `Ok` or
/// `Error`.
///
/// # Safety
/// A run has begun on the VM, its module is verified, and nothing else uses it meanwhile. `home` is a live frame marked as
/// boundary, and the registers are those of the innermost of its frames.
pub unsafe fn run<const MODE: u8>(ctx: *mut Ctx, home: *mut Frame, start: Registers) -> i32 {
    let mut s = start;
    // SAFETY: as the module's documentation says; the caller answers for the registers and the VM.
    unsafe {
        let native = MODE != PLAIN && native_fits(ctx);
        let steps = MODE == FULL && vm(ctx).steps();
        loop {
            let raised = 'run: loop {
                if steps {
                    count_down!(s, ctx, 'run);
                }
                if MODE == FULL && !s.counts.is_null() {
                    *s.counts.add(s.pc().index()) += 1;
                }
                let ip = s.ip;
                for_each_instruction!(dispatch, s ip ctx home native 'run);
            };
            match lent!(s, |registers| Here { ctx, s: registers, home }.raise(raised)) {
                Go::Next => s.ip = s.ip.add(1),
                Go::Continue => {}
                Go::Leave(status) => return status,
            }
        }
    }
}

/// Allocates an array, or says why not.
///
/// # Safety
/// The VM is not otherwise in use; the registers are those of its running activation.
#[inline(never)]
unsafe fn new_array(ctx: *mut Ctx, registers: &Registers, tag: Tag, len: i64) -> Result<u64, ErrorKind> {
    let len = u64::try_from(len).map_err(|_| ErrorKind::NegativeLength)?;
    // SAFETY: the caller says so.
    unsafe {
        (*registers.frame).pc = registers.pc().0;
        vm(ctx).dynamic.frame = registers.frame;
        let array = vm(ctx).heap_mut().new_array(tag, len).map_err(|_| ErrorKind::MemoryLimit)?;
        Ok(array.payload())
    }
}

/// Prints a scalar, or says why not.
///
/// # Safety
/// As for [`new_array`].
#[inline(never)]
unsafe fn print(ctx: *mut Ctx, registers: &Registers, tag: Tag, payload: u64) -> Result<(), ErrorKind> {
    // SAFETY: the caller says so.
    unsafe {
        (*registers.frame).pc = registers.pc().0;
        vm(ctx).dynamic.frame = registers.frame;
        vm(ctx).print(tag, payload).map_err(|_| ErrorKind::MemoryLimit)
    }
}
